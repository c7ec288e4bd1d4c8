"""Whatever goes wrong at XNAT: a study is delivered whole and once, or nothing is said to be delivered."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.archives.resilience import RetryPolicy
from orthanc_plugins.archives.xnat import Xnat
from orthanc_plugins.archives.xnat_http import XnatHttp
from orthanc_plugins.delivery import Patience
from orthanc_plugins.delivery.packing import zips_of
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, ReleaseRefused
from tests.contract.xnat.delivering import (
    CREDENTIALS,
    destination,
    parcel,
    stored_uids,
    uids_of,
    xnat,
)
from tests.contract.xnat.site import build_study
from tests.stack import eventually
from tests.unit.delivery.parcels import PATIENT, SESSION, without_structures

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.delivery import Parcel
    from tests.contract.xnat.site import Site

__all__ = ["parcel", "xnat"]
_IMPORT = "POST /data/services/import"
_ARCHIVE = "POST /data/services/archive"
_ANY = "* /data/*"


def delivered_whole(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    """Deliver, and see that everything is there once and nothing waits."""
    assert destination(site, xnat).deliver(parcel).instances == 5
    assert stored_uids(site) == uids_of(parcel)
    assert site.prearchived() == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer_instead", "at": _IMPORT, "status": 504},
        {"kind": "answer_instead", "at": _ARCHIVE, "status": 504},
        {"kind": "answer_instead", "at": _ARCHIVE, "status": 500},
        {"kind": "fail_after_files", "at": "*", "count": 2},
        {"kind": "split", "count": 2},
        {"kind": "split", "count": 3},
        {"kind": "drop", "count": 1},
        {"kind": "drop", "count": 5},
        {"kind": "slow_archive", "delay_s": 1},
        {"kind": "delay", "at": _IMPORT, "delay_s": 1},
        {"kind": "refuse", "at": "GET /data/*", "status": 503},
        {"kind": "refuse", "at": "GET /data/*", "status": 401},
        {"kind": "refuse", "at": _IMPORT, "status": 401},
        {"kind": "refuse", "at": _ARCHIVE, "status": 503},
        {"kind": "refuse", "at": _ARCHIVE, "status": 423},
        {"kind": "refuse", "at": _ARCHIVE, "status": 507},
        {"kind": "refuse", "at": _ARCHIVE, "status": 403},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()).replace(" ", ""),
)
def test_what_passes_is_waited_for_and_the_study_is_there_once(
    site: Site, xnat: Xnat, parcel: Parcel, fault: dict[str, Any]
) -> None:
    site.process.fault(**fault)
    delivered_whole(site, xnat, parcel)
    assert requests.get(f"{site.process.url}/standin/faults", timeout=10).json() == []
    delivered_whole(site, xnat, parcel)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "cut", "at": _IMPORT, "size": 2000}, ArchiveUnavailable),
        ({"kind": "refuse", "at": _IMPORT, "status": 500}, ArchiveUnavailable),
        ({"kind": "refuse", "at": _IMPORT, "status": 503}, ArchiveUnavailable),
        ({"kind": "refuse", "at": _IMPORT, "status": 423}, ArchiveUnavailable),
        ({"kind": "refuse", "at": _IMPORT, "status": 507}, ArchiveUnavailable),
        ({"kind": "refuse", "at": _IMPORT, "status": 409}, ArchiveRefused),
        ({"kind": "refuse", "at": _IMPORT, "status": 403}, ArchiveRefused),
        ({"kind": "refuse", "at": _ARCHIVE, "status": 409}, ArchiveRefused),
        ({"kind": "refuse", "at": _ANY, "status": 403}, ArchiveRefused),
        ({"kind": "fail_after_files", "at": "*", "count": 2, "times": 2}, ArchiveUnavailable),
        ({"kind": "drop", "count": 1, "times": 9}, ArchiveUnavailable),
    ],
    ids=lambda value: (
        "-".join(str(one) for one in value.values()).replace(" ", "") if isinstance(value, dict) else ""
    ),
)
def test_what_does_not_pass_is_told_and_the_next_delivery_is_whole(
    site: Site, xnat: Xnat, parcel: Parcel, fault: dict[str, Any], kind: type[ArchiveError]
) -> None:
    site.process.fault(**fault)
    with pytest.raises(kind):
        destination(site, xnat).deliver(parcel)
    site.process.no_faults()
    delivered_whole(site, xnat, parcel)


def test_a_concurrent_import_of_the_same_is_no_refusal(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    message = "Concurrent file sends of the same data is not supported."
    site.process.fault("refuse", at=_IMPORT, status=400, message=message)
    with pytest.raises(ArchiveUnavailable, match="Concurrent file sends"):
        destination(site, xnat).deliver(parcel)
    delivered_whole(site, xnat, parcel)


def test_objects_that_xnat_changed_are_refused_again_and_again(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    site.process.fault("alter", count=5)
    for _ in range(2):
        with pytest.raises(ReleaseRefused, match=f"does not store session {SESSION} of project"):
            destination(site, xnat).deliver(parcel)
    assert stored_uids(site) == uids_of(parcel)


def test_a_pixel_that_xnat_changed_is_told_by_its_attribute(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    destination(site, xnat).deliver(parcel)
    uri = f"/data/projects/{site.project}/experiments/{SESSION}"
    changed = site.downloaded(uri)[parcel.files[0].sop_instance_uid]
    changed.PixelData = bytes(len(changed.PixelData))
    changed.SeriesDescription = "another"
    site.archive(
        site.send_to_prearchive([changed], SESSION, PATIENT), overwrite="append", overwrite_files="true"
    )
    with pytest.raises(ReleaseRefused, match=r"\(7FE0,0010\): it has another value, in 1 object"):
        destination(site, xnat).deliver(parcel)


def test_a_script_that_did_not_run_is_no_delivery(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    there = destination(site, xnat)
    there.prepare()
    site.enable_script(f"projects/{site.project}", enabled=False)
    destination(site, xnat, script=None).deliver(parcel)
    with pytest.raises(ReleaseRefused, match=r"\(0012,0064\): .*it did not run, in 5 objects"):
        there.deliver(parcel)


@pytest.mark.parametrize(
    ("script", "place"),
    [
        ('version "6.3"\n(0020,0010) := "X"\n', r"\(0020,0010\)"),
        ('version "6.3"\n-(0008,0060)\n', r"\(0008,0060\): it is gone"),
        ('version "6.3"\n(0010,0020) := "another"\n', r"\(0010,0020\): it has another value"),
    ],
    ids=["changes", "deletes", "relabels"],
)
def test_a_script_that_does_more_than_is_declared_is_no_delivery(
    site: Site, xnat: Xnat, parcel: Parcel, script: str, place: str
) -> None:
    with pytest.raises(ReleaseRefused, match=place):
        destination(site, xnat, script=script).deliver(parcel)


def test_a_script_that_fails_is_told_in_xnat_s_words_and_a_better_one_helps(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    with pytest.raises(ArchiveRefused, match="ERROR: Anonymization failed"):
        destination(site, xnat, script='version "6.3"\nnonsense[]\n').deliver(parcel)
    assert [row["status"] for row in site.prearchived()] == ["ERROR"]
    delivered_whole(site, xnat, parcel)


def test_a_site_that_drops_objects_is_told_so(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    site.set_script('version "6.6"\n(0008,0060) = "RTSTRUCT" ? reject[]\n', "site")
    try:
        with pytest.raises(ArchiveUnavailable, match="has 4 of 5 objects"):
            destination(site, xnat).deliver(parcel)
        assert site.get(f"/data/projects/{site.project}/experiments/{SESSION}").status_code == 404
    finally:
        site.set_script(site.get("/xapi/anonymize/default").text, "site")
        site.no_site_script()
    delivered_whole(site, xnat, parcel)


def requests_default(site: Site) -> str:
    return site.get("/xapi/anonymize/default").text


def test_a_site_that_drops_everything_is_told_so_and_sent_to_once(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    site.set_script('version "6.6"\nreject[]\n', "site")
    try:
        with pytest.raises(ArchiveRefused, match="shows none of them: see whether a script of the site"):
            destination(site, xnat).deliver(parcel)
    finally:
        site.set_script(site.get("/xapi/anonymize/default").text, "site")
        site.no_site_script()
    delivered_whole(site, xnat, parcel)


def test_logins_that_end_are_made_anew(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    destination(site, xnat).deliver(without_structures(parcel))
    site.process.expire_sessions()
    delivered_whole(site, xnat, parcel)


def test_an_import_that_was_cut_off_before_the_archive_is_gone_on_with(
    site: Site, xnat: Xnat, parcel: Parcel, tmp_path: Path
) -> None:
    destination(site, xnat).prepare()
    for zipped in zips_of(parcel.files, tmp_path):
        xnat.prearchive.import_zip(zipped, project=site.project, subject=PATIENT, session=SESSION)
    site.process.fault("refuse", at=_IMPORT, status=500)  # nothing is sent again
    delivered_whole(site, xnat, parcel)


def test_a_part_that_was_left_behind_is_deleted_and_all_is_sent(
    site: Site, xnat: Xnat, parcel: Parcel, tmp_path: Path
) -> None:
    destination(site, xnat).prepare()
    for zipped in zips_of(parcel.files[:2], tmp_path):
        xnat.prearchive.import_zip(zipped, project=site.project, subject=PATIENT, session=SESSION)
    delivered_whole(site, xnat, parcel)


@pytest.mark.parametrize("code", [4, 5])
def test_a_project_that_archives_by_itself_gets_a_study_whole_and_once(
    site: Site, xnat: Xnat, parcel: Parcel, code: int
) -> None:
    """XNAT's own default; it answers 303 to who archives there."""
    site.put(f"/data/projects/{site.project}/prearchive_code/{code}")
    destination(site, xnat).deliver(without_structures(parcel))
    delivered_whole(site, xnat, parcel)


@pytest.mark.parametrize("code", ["4", "5"])
def test_a_project_that_archives_by_itself_has_the_study_once(
    site: Site, xnat: Xnat, parcel: Parcel, code: str
) -> None:
    site.put(f"/data/projects/{site.project}/prearchive_code/{code}")
    delivered_whole(site, xnat, parcel)


def test_what_waits_of_other_studies_is_not_touched(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    site.send_to_prearchive(build_study(), session="OTHER")
    destination(site, xnat).deliver(parcel)
    assert [row["name"] for row in site.prearchived()] == ["OTHER"]


def test_an_archiving_that_goes_on_is_waited_for_by_the_next_delivery(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    site.process.fault("slow_archive", delay_s=2)
    hasty = Patience(deadline_s=0.3, quiet_s=0.3, appear_s=0.3)
    once = RetryPolicy(attempts=1)
    with Xnat(XnatHttp(site.process.url, CREDENTIALS, patience_s=0.5, policy=once)) as client:
        impatient = destination(site, client, patience=hasty)
        client.http._slow._timeouts_s = (0.5, 0.5)
        with pytest.raises(ArchiveUnavailable, match="still works on study"):
            impatient.deliver(parcel)
    delivered_whole(site, xnat, parcel)


def test_a_site_that_is_down_is_unavailable_and_its_return_is_enough(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    process = site.process
    process.fault("slow_archive", delay_s=1)
    failure: list[Exception] = []

    def deliver() -> None:
        with Xnat(XnatHttp(process.url, CREDENTIALS, policy=RetryPolicy(attempts=1))) as client:
            try:
                destination(site, client).deliver(parcel)
            except ArchiveUnavailable as error:
                failure.append(error)

    thread = threading.Thread(target=deliver)
    thread.start()
    eventually(lambda: [row["status"] for row in site.prearchived()] == ["ARCHIVING"], "it is being archived")
    process.kill()
    thread.join(30)
    process.start()
    assert failure
    delivered_whole(site, xnat, parcel)


def test_only_known_texts_of_xnat_are_told(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    site.process.fault("refuse", at=_IMPORT, status=409, message="Oberhuber^Anne is not wanted.")
    with pytest.raises(ArchiveRefused) as refused:
        destination(site, xnat).deliver(parcel)
    assert "Oberhuber" not in str(refused.value)
    assert refused.value.status == 409
