"""Options, restarts and failures, each with a stand-in of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests
from pydicom.uid import CTImageStorage

from tests.contract.standin.asked import (
    AS_STORED,
    c_store,
    failure_reasons,
    found,
    get,
    path_of,
    query,
    reject,
    retrieved,
    study_of,
    value,
)
from tests.stack import eventually
from tests.standin import running_standin
from tests.standin_objects import (
    build_object,
    build_series,
    stow,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_state_survives_a_restart_and_what_came_meanwhile_is_found(tmp_path: Path) -> None:
    with running_standin(tmp_path) as dcm4chee:
        datasets = build_series(2)
        stow(dcm4chee.url, *datasets)
        second = build_object(StudyInstanceUID=datasets[0].StudyInstanceUID, StudyDescription="Other")
        stow(dcm4chee.url, second)
        reject(dcm4chee, path_of(datasets[0]))
        before = found(dcm4chee, query(datasets[0], "&includefield=all"))
        dcm4chee.kill()
        dcm4chee.start()
        assert found(dcm4chee, query(datasets[0], "&includefield=all")) == before
        sent = {one.SOPInstanceUID: one for one in retrieved(dcm4chee, study_of(second))}
        assert sent[second.SOPInstanceUID].OriginalAttributesSequence
        assert datasets[0].SOPInstanceUID not in sent
        dcm4chee.shim.stop()
        late = build_object()
        c_store(dcm4chee, late)
        dcm4chee.shim.start()
        assert len(found(dcm4chee, query(late))) == 1


def test_more_than_the_cap_is_told_in_a_warning(tmp_path: Path) -> None:
    with running_standin(tmp_path, qido_max_number_of_results=2) as dcm4chee:
        stow(dcm4chee.url, *(build_object() for _ in range(5)))
        answer = get(dcm4chee, "/studies")
        assert len(answer.json()) == 2
        address = f"127.0.0.1:{dcm4chee.port}"
        told = f'299 {address} "There are 3 additional results that can be requested"'
        assert answer.headers["Warning"] == told
        assert "2 additional" in get(dcm4chee, "/studies?limit=3&offset=1").headers["Warning"]
        assert "Warning" not in get(dcm4chee, "/studies?limit=2").headers
        assert "Warning" not in get(dcm4chee, "/studies?offset=3").headers
        assert get(dcm4chee, "/studies?offset=5").status_code == 204


def test_clock_overwriting_and_patient_ids_are_options(tmp_path: Path) -> None:
    with running_standin(
        tmp_path, clock_skew_s=600, overwrite_policy="ALWAYS", accept_missing_patient_id="NO"
    ) as dcm4chee:
        dataset = build_object()
        stow(dcm4chee.url, dataset)
        (match,) = found(dcm4chee, query(dataset, "&includefield=77770010"))
        received = datetime.strptime(value(match, "77771020"), "%Y%m%d%H%M%S.%f%z")
        assert 590 < (received - datetime.now(UTC)).total_seconds() < 610
        dataset.InstanceNumber = "7"
        assert stow(dcm4chee.url, dataset).status_code == 200
        assert value(found(dcm4chee, query(dataset, level="instances"))[0], "00200013") == "7"
        answer = stow(dcm4chee.url, build_object(PatientID=""))
        assert (answer.status_code, failure_reasons(answer)) == (409, [0xA777])
        dcm4chee.configure(overwrite_policy="NEVER", clock_skew_s=0)
        dataset.InstanceNumber = "8"
        assert c_store(dcm4chee, dataset) == 0
        assert value(found(dcm4chee, query(dataset, level="instances"))[0], "00200013") == "7"


def test_a_full_disk_is_out_of_resources(tmp_path: Path) -> None:
    limits = {"MaximumStorageSize": 1, "MaximumStorageMode": "Reject"}
    with running_standin(tmp_path, orthanc=limits) as dcm4chee:
        large = build_object(Rows=1024, Columns=1024, PixelData=bytes(2 * 1024 * 1024))
        answer = stow(dcm4chee.url, build_object(), large)
        assert answer.status_code == 202
        assert failure_reasons(answer) == [0xA700]


def test_without_its_orthanc_it_is_stopped_and_retrievals_break_off(tmp_path: Path) -> None:
    with running_standin(tmp_path) as dcm4chee:
        dataset = build_object()
        stow(dcm4chee.url, dataset)
        dcm4chee.orthanc.kill()
        status = requests.get(f"{dcm4chee.root}/ctrl/status", timeout=10)
        assert status.json() == {"status": "STOPPED"}
        answer = requests.get(dcm4chee.url + study_of(dataset), headers=AS_STORED, timeout=10)
        assert answer.status_code == 500
        assert answer.headers["Content-Type"].startswith("text/plain")
        dcm4chee.orthanc.start()
        eventually(lambda: get(dcm4chee, query(dataset)).status_code == 200, "the archive answers again")
        assert CTImageStorage in {
            value(one, "00080016") for one in found(dcm4chee, query(dataset, level="instances"))
        }
