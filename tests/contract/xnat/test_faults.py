"""What goes wrong on demand, as it looks to a sender."""

from __future__ import annotations

import time

import pytest
import requests

from tests.contract.xnat.site import Site, build_study, message_of
from tests.stack import eventually

_IMPORT = "POST /data/services/import"
_ARCHIVE = "POST /data/services/archive"


def test_a_gateway_gives_up_while_the_work_goes_on(site: Site) -> None:
    uri = site.send_to_prearchive(build_study())
    site.process.fault("answer_instead", at=_ARCHIVE, status=504)
    assert site.archive(uri).status_code == 504
    assert site.prearchived() == []
    assert site.get(f"/data/projects/{site.project}/experiments/E1").status_code == 200


@pytest.mark.parametrize("status", [401, 423, 500, 503, 507], ids=str)
def test_a_refusal_does_nothing_and_is_over_after_its_times(site: Site, status: int) -> None:
    site.process.fault("refuse", at=_IMPORT, status=status, times=2, message="No more space.")
    for _ in range(2):
        answer = site.send(build_study(), dest=f"/prearchive/projects/{site.project}")
        assert (answer.status_code, message_of(answer)) == (status, "No more space.")
    assert site.prearchived() == []
    assert site.send(build_study(), dest=f"/prearchive/projects/{site.project}").status_code == 200


def test_a_connection_is_cut_in_the_middle_of_an_upload(site: Site) -> None:
    site.process.fault("cut", at=_IMPORT, size=100)
    with pytest.raises(requests.ConnectionError):
        site.send(build_study(), dest=f"/prearchive/projects/{site.project}")
    assert site.prearchived() == []
    assert site.send(build_study(), dest=f"/prearchive/projects/{site.project}").status_code == 200


def test_a_zip_that_fails_midway_leaves_a_row_that_is_built_as_if_it_were_whole(site: Site) -> None:
    site.process.fault("fail_after_files", at="*", count=1)
    answer = site.send(build_study(), dest=f"/prearchive/projects/{site.project}", session="E1", subject="S1")
    assert answer.status_code == 500
    (row,) = site.prearchived()
    assert row["status"] == "RECEIVING"
    eventually(lambda: site.prearchived()[0]["status"] == "READY", "the half session is built")
    (scan,) = site.rows(f"/data{row['url']}/scans")
    assert len(site.rows(f"/data{row['url']}/scans/{scan['ID']}/resources/DICOM/files")) == 1


def test_a_session_is_split_over_two_rows(site: Site) -> None:
    site.process.fault("split", count=2)
    datasets = build_study()
    answer = site.send(datasets, dest=f"/prearchive/projects/{site.project}", session="E1", subject="S1")
    assert len(answer.text.splitlines()) == 2
    assert [row["tag"] for row in site.prearchived()] == [datasets[0].StudyInstanceUID] * 2


def test_files_are_lost_in_silence(site: Site) -> None:
    site.process.fault("drop", count=1)
    datasets = build_study()
    assert len(site.downloaded(site.archived(datasets))) == len(datasets) - 1


def test_files_are_changed_in_silence(site: Site) -> None:
    site.process.fault("alter", count=1)
    datasets = build_study()
    stored = site.downloaded(site.archived(datasets))
    changed = [one for one in datasets[:2] if stored[one.SOPInstanceUID].PixelData != one.PixelData]
    assert len(changed) == 1


def test_while_a_session_is_archived_new_data_opens_a_second_row(site: Site) -> None:
    datasets = build_study()
    uri = site.send_to_prearchive(datasets, session="E2")
    site.process.fault("slow_archive", delay_s=6)
    before = time.monotonic()
    with pytest.raises(requests.Timeout):
        site.http.post(f"{site.process.url}/data/services/archive", data={"src": uri}, timeout=0.5)
    other = site.send_to_prearchive(datasets, session="E2")
    assert time.monotonic() - before < 6
    assert other != uri
    path = f"/data/projects/{site.project}/experiments/E2"
    eventually(lambda: site.get(path).status_code == 200, "it is archived though nobody waited")


def test_a_delay_holds_the_answer_and_nothing_else(site: Site) -> None:
    site.process.fault("delay", at="GET /data/projects/*", delay_s=3)
    before = time.monotonic()
    site.get("/data/auth")
    assert time.monotonic() - before < 3
    site.get(f"/data/projects/{site.project}")
    assert time.monotonic() - before >= 3


def test_what_is_no_fault_is_refused_and_what_is_pending_is_told(site: Site) -> None:
    url = f"{site.process.url}/standin/faults"
    assert requests.post(url, json={"kind": "rain"}, timeout=10).status_code == 400
    site.process.fault("refuse", at=_IMPORT, status=503)
    assert [one["kind"] for one in requests.get(url, timeout=10).json()] == ["refuse"]
    assert requests.delete(url, timeout=10).json() == []
