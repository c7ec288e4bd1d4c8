"""Delivery to XNAT's stand-in: what is stored, what is told of it, and what is never told to XNAT."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import CTImageStorage

from orthanc_plugins.archives import BasicCredentials
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.archives.xnat import Xnat
from orthanc_plugins.archives.xnat_http import XnatHttp
from orthanc_plugins.delivery import XnatDestination
from orthanc_plugins.errors import ArchiveRefused, NotFound, ReleaseRefused
from tests.contract.xnat.delivering import (
    CREDENTIALS,
    SCRIPT,
    SECRETS,
    destination,
    parcel,
    stored_uids,
    uids_of,
    xnat,
)
from tests.fakes.faulty_archive import faulty_proxy
from tests.unit.delivery.parcels import PATIENT, SESSION, build_parcel, without_structures

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.delivery import Parcel
    from tests.contract.xnat.site import Site
    from tests.unit.validation.studies import Study

__all__ = ["parcel", "xnat"]


def test_a_study_is_stored_once_as_subject_and_session_and_looked_at_again(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    delivery = destination(site, xnat).deliver(parcel)
    assert stored_uids(site) == uids_of(parcel)
    assert delivery.destination == f"xnat:{site.project}"
    assert delivery.labels == {"project": site.project, "subject": PATIENT, "session": SESSION}
    assert (delivery.instances, delivery.changes) == (5, {"0012,0064": 5})
    assert site.get(delivery.address.removeprefix(site.process.url)).status_code == 200
    assert site.prearchived() == []


def test_the_site_s_script_may_relabel_and_nothing_else(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    site.enable_script("site", enabled=True)
    changes = destination(site, xnat).deliver(parcel).changes
    assert changes == {"0008,1030": 5, "0010,0010": 5, "0010,0020": 5, "0012,0064": 5}


def test_a_project_is_made_private_manual_and_with_its_script_on(xnat: Xnat, site: Site) -> None:
    made = XnatDestination(xnat, f"{site.project}NEW", script=SCRIPT)
    script = made.prepare()
    path = f"/data/projects/{site.project}NEW"
    assert site.get(f"{path}/prearchive_code").text == "0"
    assert site.get(f"{path}/accessibility").text == "private"
    assert script.enabled
    assert made.prepare().number == script.number


def test_a_project_that_is_there_is_left_as_it_is(site: Site, xnat: Xnat) -> None:
    site.put(f"/data/projects/{site.project}/prearchive_code/4")
    assert not destination(site, xnat, script=None).prepare().enabled
    assert site.get(f"/data/projects/{site.project}/prearchive_code").text == "4"


def test_delivering_twice_adds_nothing(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    first = destination(site, xnat).deliver(parcel)
    site.process.fault("refuse", at="POST /data/services/import", status=500)
    assert destination(site, xnat).deliver(parcel) == first
    assert stored_uids(site) == uids_of(parcel)


def test_a_structure_set_that_comes_later_joins_its_session(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    destination(site, xnat).deliver(without_structures(parcel))
    assert len(stored_uids(site)) == 4
    assert destination(site, xnat).deliver(parcel).instances == 5
    assert stored_uids(site) == uids_of(parcel)
    uri = f"/data/projects/{site.project}/experiments/{SESSION}"
    assert site.get(uri, params={"format": "json"}).json()["items"][0]["meta"]["xsi:type"] == (
        "xnat:ctSessionData"
    )


def test_a_session_may_hold_what_came_before_when_only_the_rest_is_handed_in(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    first, *others = parcel.files
    assert first.sop_class_uid == CTImageStorage
    destination(site, xnat).deliver(replace(parcel, files=(first,)))
    second = replace(parcel, files=(others[0],), earlier=frozenset({first.sop_instance_uid}))
    assert destination(site, xnat).deliver(second).instances == 1
    assert len(stored_uids(site)) == 2


def test_structures_alone_are_refused_with_what_to_do_and_the_session_stays(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    images = without_structures(parcel)
    destination(site, xnat).deliver(images)
    alone = replace(parcel, files=tuple(one for one in parcel.files if one not in images.files))
    with pytest.raises(ArchiveRefused, match=r"Invalid modification of session modality.*together with"):
        destination(site, xnat).deliver(alone)
    assert stored_uids(site) == uids_of(images)
    assert destination(site, xnat).deliver(parcel).instances == 5


def test_a_newer_script_is_no_reason_to_refuse_what_was_stored_before(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    destination(site, xnat).deliver(without_structures(parcel))
    newer = destination(site, xnat, script=SCRIPT + "\n// one more line\n")
    assert newer.deliver(parcel).instances == 5


def test_a_label_of_another_study_is_refused_before_anything_is_sent(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    destination(site, xnat).deliver(parcel)
    with pytest.raises(ArchiveRefused, match="is another study: delete or rename it"):
        destination(site, xnat).deliver(replace(parcel, study_uid="2.25.1"))
    with pytest.raises(ArchiveRefused, match="is of another subject"):
        destination(site, xnat).deliver(replace(parcel, patient="RESEARCH-2"))
    assert site.prearchived() == []
    assert stored_uids(site) == uids_of(parcel)


def test_a_file_that_changed_after_its_release_is_not_sent(site: Site, xnat: Xnat, parcel: Parcel) -> None:
    path = parcel.files[0].path
    path.write_bytes(path.read_bytes() + b"\0\0")
    with pytest.raises(ReleaseRefused, match="is not the one that was released"):
        destination(site, xnat).deliver(parcel)
    assert site.prearchived() == []


def test_an_owner_of_the_project_with_an_alias_token_needs_no_rights_on_the_site(
    site: Site, parcel: Parcel
) -> None:
    owner = f"owner-{site.project}"
    site.post("/xapi/users", json={"username": owner, "password": "secret", "email": "u@localhost"})
    site.put(f"/data/projects/{site.project}/users/Owners/{owner}")
    site.enable_script("site", enabled=True)
    token = site.get(f"/data/services/tokens/issue/user/{owner}").json()
    with Xnat(XnatHttp(site.process.url, BasicCredentials(token["alias"], token["secret"]))) as client:
        read = client.projects.site_script()
        assert read is not None
        assert (read.enabled, read.number.isdigit()) == (True, True)  # so its trace is demanded
        assert destination(site, client).deliver(parcel).instances == 5


def test_a_site_s_script_that_nobody_tells_of_and_that_is_off_is_not_missed(
    site: Site, xnat: Xnat, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xnat.projects, "site_script", lambda: None)
    assert destination(site, xnat).deliver(parcel).instances == 5


def test_who_does_not_own_the_project_delivers_nothing(site: Site, parcel: Parcel) -> None:
    member = f"member-{site.project}"
    site.post("/xapi/users", json={"username": member, "password": "secret", "email": "u@localhost"})
    site.put(f"/data/projects/{site.project}/users/Members/{member}")
    with (
        Xnat(XnatHttp(site.process.url, BasicCredentials(member, "secret"))) as client,
        pytest.raises(ArchiveRefused, match="give the suite's user the rights"),
    ):
        destination(site, client).deliver(parcel)
    assert site.prearchived() == []


def test_large_studies_go_in_parts_into_one_session(
    site: Site, xnat: Xnat, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orthanc_plugins.delivery import packing, xnat_transports  # noqa: PLC0415 - only to cut it smaller

    monkeypatch.setattr(xnat_transports, "zips_of", lambda *some: packing.zips_of(*some, most=2))
    destination(site, xnat).deliver(parcel)
    assert stored_uids(site) == uids_of(parcel)


def test_certificates_are_stored_beside_the_session_and_replaced(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    there = destination(site, xnat)
    with pytest.raises(NotFound):
        there.attach(parcel, "certificate.json", b"{}")
    there.deliver(parcel)
    there.attach(parcel, "certificate.json", b"{}")
    there.attach(parcel, "certificate.json", b'{"again": 1}')
    there.attach(parcel, "certificate.pdf", b"%PDF")
    files = f"/data/projects/{site.project}/experiments/{SESSION}/resources/DEIDENTIFICATION/files"
    assert sorted(row["Name"] for row in site.rows(files)) == ["certificate.json", "certificate.pdf"]
    assert site.get(f"{files}/certificate.json").content == b'{"again": 1}'
    assert destination(site, xnat).deliver(parcel).instances == 5
    with pytest.raises(ArchiveRefused, match="letters, digits"):
        there.attach(parcel, "../certificate.json", b"{}")


def test_c_store_delivers_the_same_without_a_word_in_the_objects(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    receiver = DicomPeer("127.0.0.1", site.process.dicom_port, "XNAT", "SUITE")
    there = destination(site, xnat, transport="c-store", receiver=receiver)
    delivery = there.deliver(parcel)
    assert stored_uids(site) == uids_of(parcel)
    assert delivery.changes == {"0012,0064": 5}
    assert all(
        "PatientComments" not in one
        for one in site.downloaded(f"/data/projects/{site.project}/experiments/{SESSION}").values()
    )
    assert there.deliver(parcel).instances == 5


def test_what_c_store_brings_where_nobody_sees_it_is_sent_once_and_told(site: Site, parcel: Parcel) -> None:
    owner = f"sender-{site.project}"
    site.post("/xapi/users", json={"username": owner, "password": "secret", "email": "u@localhost"})
    site.put(f"/data/projects/{site.project}/users/Owners/{owner}")
    receiver = DicomPeer("127.0.0.1", site.process.dicom_port, "XNAT", "SUITE")
    with Xnat(XnatHttp(site.process.url, BasicCredentials(owner, "secret"))) as client:
        there = destination(site, client, transport="c-store", receiver=receiver)
        with pytest.raises(ArchiveRefused, match=r"took 5 objects of study .* and shows none of them"):
            there.deliver(parcel)
    (row,) = [
        one for one in site.rows("/data/prearchive/projects/Unassigned") if one["tag"] == parcel.study_uid
    ]
    site.delete(f"/data{row['url']}")


def test_nothing_of_the_originals_is_in_any_request(site: Site, parcel: Parcel) -> None:
    with faulty_proxy(site.process.url) as proxy, Xnat(XnatHttp(proxy.url, CREDENTIALS)) as client:
        there = destination(site, client)
        there.deliver(parcel)
        there.attach(parcel, "certificate.json", b"{}")
        lines = "\n".join(proxy.requests)
    assert "POST /data/services/import" in lines
    assert not [secret for secret in SECRETS if secret.lower() in lines.lower()]


def test_a_name_that_was_left_in_what_is_released_is_found_in_what_is_stored(
    site: Site, xnat: Xnat, tmp_path: Path
) -> None:
    def spoil(study: Study) -> None:
        study.released["rtstruct"].StructureSetName = "of Oberhuber"

    with pytest.raises(ReleaseRefused, match=r"\(3006,0004\).*a name of the originals") as refused:
        destination(site, xnat).deliver(build_parcel(tmp_path, spoil))
    assert "Quarantine the session there; it was not delivered" in str(refused.value)
    assert "Oberhuber" not in str(refused.value)


def test_objects_of_an_earlier_release_are_counted_and_foreign_ones_refused(
    site: Site, xnat: Xnat, parcel: Parcel
) -> None:
    there = destination(site, xnat)
    there.deliver(parcel)
    earlier = frozenset(uids_of(parcel))
    fewer = replace(parcel, files=parcel.files[1:], earlier=earlier)
    delivery = there.deliver(fewer)
    assert (delivery.instances, delivery.uncovered, delivery.sent) == (4, 1, 0)
    with pytest.raises(ReleaseRefused, match="has 1 object that the suite has not released"):
        there.deliver(replace(fewer, earlier=frozenset()))
