"""What arrives in Orthanc is sent on by the rules and asked back from the archive, whatever happens."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydicom.uid import UID, BasicTextSRStorage

from scripts.lib.sample import STORESCU
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.stack import Stack, eventually, running_stack
from tests.standin import StandIn, running_standin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.builders import Case
    from tests.system.conftest import Study

RULES: list[dict[str, Any]] = [
    {"Name": "Structures and their images", "Modalities": ["RTSTRUCT"], "Priority": 5},
    {"Name": "Not yet", "Modalities": ["MR"], "Enabled": False},
]


@dataclass
class Pair:
    """The suite, and what plays DCM4CHEE behind it."""

    stack: Stack
    archive: StandIn

    def transfers(self, study_uid: str, **wanted: str) -> list[dict[str, Any]]:
        """Return the transfers of a study, newest first."""
        query = "&".join(f"{name}={value}" for name, value in {"study": study_uid, **wanted}.items())
        answer = self.stack.get(f"/pacs/api/transfers?{query}")
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["transfers"]
        return found

    def transfer_in(self, study_uid: str, *states: str) -> dict[str, Any]:
        """Return the study's newest transfer with its instances once it is in one of the states."""

        def look() -> dict[str, Any] | None:
            found = self.transfers(study_uid)
            if found and found[0]["state"] in {"failed", "partly"} - set(states):
                raise AssertionError(found[0])
            return found[0] if found and found[0]["state"] in states else None

        found = eventually(look, f"the transfer is {' or '.join(states)}", within_s=120)
        answer = self.stack.get(f"/pacs/api/transfers/{found['transfer_id']}?limit=5000")
        answer.raise_for_status()
        detail: dict[str, Any] = answer.json()
        return detail

    def held_by_archive(self, study_uid: str) -> set[str]:
        """Return the SOP Instance UIDs that the archive holds of a study."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
        answer = requests.post(f"{self.archive.orthanc_url}/tools/find", json=query, timeout=30)
        return {one["MainDicomTags"]["SOPInstanceUID"] for one in answer.json()}


@contextmanager
def running_pair(folder: Path, *, suite: dict[str, Any] | None = None, **orthanc: Any) -> Iterator[Pair]:
    with ExitStack() as running:
        archive = running.enter_context(running_standin(folder / "archive"))
        section = {
            "Dcm4chee": {"Url": archive.url, "DicomPort": archive.dicom_port, "DicomHost": "127.0.0.1"},
            "Forwarding": {"Rules": RULES},
            "SweepIntervalS": 3,
            **(suite or {}),
        }
        stack = running.enter_context(running_stack(folder / "suite", PacsSuite=section, **orthanc))
        stack.wait_until_healthy()
        try:
            yield Pair(stack, archive)
        finally:
            print(stack.tail())  # noqa: T201 - shown when a test fails


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


def all_uids(case: Case) -> set[str]:
    return {str(one.SOPInstanceUID) for one in (*case.images, case.structure_set)}


def test_a_study_that_arrives_is_sent_on_and_verified_instance_by_instance(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    transfer = pair.transfer_in(study.uid, "verified")
    uids = all_uids(study.case)
    assert pair.held_by_archive(study.uid) == uids
    assert {one["sop_instance_uid"] for one in transfer["instances"]} == uids
    assert {(one["state"], one["sends"]) for one in transfer["instances"]} == {("verified", 1)}
    assert (transfer["cause"], transfer["priority"]) == ("rule:Structures and their images", 5)
    assert transfer["wanted"] == transfer["verified"] == transfer["sent"] == len(uids)
    job = pair.stack.job(transfer["job_id"])
    assert (job["state"], job["result"]["outcome"]) == ("succeeded", "verified")


def test_what_comes_later_to_a_study_is_sent_on_alone(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images, study.structure_set)
    first = pair.transfer_in(study.uid, "verified")
    later = study.images.parent / "later.dcm"
    write_report(study.case, later)
    pair.stack.receive(later)
    eventually(lambda: len(pair.transfers(study.uid)) == 2, "a second transfer is asked for")
    second = pair.transfer_in(study.uid, "verified")
    assert (second["wanted"], second["already_there"], second["sent"]) == (
        first["wanted"] + 1,
        first["wanted"],
        1,
    )


def test_a_study_that_no_rule_asks_for_stays(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images)
    decided = eventually(lambda: forward_jobs(pair), "a decision was made")
    eventually(lambda: len(forward_jobs(pair)) >= len(decided), "it is the newest")
    newest = eventually(
        lambda: next(
            (
                one
                for one in map(pair.stack.job, (job["job_id"] for job in forward_jobs(pair)))
                if (one["result"] or {}).get("study_uid") == study.uid
            ),
            None,
        ),
        "the study was decided on",
    )
    assert newest["result"]["outcome"] == "nothing to send"
    assert newest["result"]["rules"][0]["reasons"] == ["No series left is of modality RTSTRUCT."]
    assert pair.transfers(study.uid) == []
    assert pair.held_by_archive(study.uid) == set()


def test_what_the_archive_sent_is_not_sent_back(pair: Pair, study: Study) -> None:
    target = ["127.0.0.1", str(pair.stack.deployment.ports.dicom)]
    files = [str(study.images), str(study.structure_set)]
    subprocess.run([STORESCU, "+sd", "+r", "-aet", "DCM4CHEE", *target, *files], check=True, timeout=60)

    def decided() -> dict[str, Any] | None:
        jobs = [pair.stack.job(job["job_id"]) for job in forward_jobs(pair)]
        return next((one for one in jobs if (one["result"] or {}).get("study_uid") == study.uid), None)

    result = eventually(decided, "the study was decided on")["result"]
    assert (result["outcome"], result["kept_back"]) == ("nothing to send", len(all_uids(study.case)))
    assert pair.transfers(study.uid) == []


def test_a_person_sends_a_study_now_and_its_content_is_compared(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images)
    asked = pair.stack.post(
        f"/pacs/api/studies/{study.uid}/forward", json={"verify": "content", "wait_s": 60}
    )
    assert asked.status_code == 200, asked.text
    answer = asked.json()
    assert (answer["state"], answer["cause"]) == ("verified", "request")
    assert answer["verified"] == len(study.case.images)
    again = pair.stack.post(f"/pacs/api/studies/{study.uid}/forward", json={"transport": "c-store"}).json()
    assert (again["sent"], again["already_there"]) == (0, len(study.case.images))


def test_a_study_goes_by_c_store_too(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images)
    asked = pair.stack.post(
        f"/pacs/api/studies/{study.uid}/forward", json={"transport": "c-store", "wait_s": 60}
    )
    assert (asked.status_code, asked.json()["state"]) == (200, "verified"), asked.text
    assert len(pair.held_by_archive(study.uid)) == len(study.case.images)


def test_a_rule_is_tried_on_what_came_last_and_sends_nothing(pair: Pair, study: Study) -> None:
    pair.stack.receive(study.images)
    eventually(lambda: pair.stack.post("/tools/lookup", data=study.uid).json(), "Orthanc holds the study")
    before = len(pair.transfers(study.uid))
    rule = {"Name": "CT only", "Modalities": ["CT"], "Send": "matching_series"}
    answer = pair.stack.post("/pacs/api/rules/test", json={"rule": rule, "last": 5, "wait_s": 60})
    assert answer.status_code == 200, answer.text
    tried = next(one for one in answer.json()["studies"] if one["study_uid"] == study.uid)
    assert tried["matched"]
    assert tried["instances"] == len(study.case.images)
    assert tried["stored_bytes"] > 0
    assert answer.json()["load"]["studies"] >= 1
    named = pair.stack.post("/pacs/api/rules/test", json={"name": "Not yet", "last": 5}).json()
    assert named["load"]["studies"] == 0
    assert named["studies"][0]["reasons"] == ["No series left is of modality MR."]
    assert len(pair.transfers(study.uid)) == before
    assert pair.held_by_archive(study.uid) == set()


def forward_jobs(pair: Pair) -> list[dict[str, Any]]:
    answer = pair.stack.get("/pacs/api/jobs?kind=forward_study&limit=100")
    answer.raise_for_status()
    jobs: list[dict[str, Any]] = answer.json()["jobs"]
    return jobs


# Each with a suite of its own, because it is broken


def large_case(seed: int) -> Case:
    return build_case(frame=ImageFrame(size=(120, 128, 128), spacing_mm=(2.0, 2.0), gap_mm=2.0), seed=seed)


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    tmp_path: Path, written: Callable[[Case], tuple[Path, Path]]
) -> None:
    case = large_case(991)
    images, structure_set = written(case)
    slow = {"Forwarding": {"Rules": RULES, "BandwidthLimitMbS": 1.0}}
    with running_pair(tmp_path, suite=slow) as pair:
        study_uid = case.reference.study_uid
        pair.stack.receive(images, structure_set)
        pair.transfer_in(study_uid, "sending")
        killed = pair.stack.worker_process()
        time.sleep(1)  # in the middle of a request
        pair.stack.kill_worker()
        eventually(lambda: pair.stack.worker_process() != killed, "another worker runs")
        transfer = pair.transfer_in(study_uid, "verified")
        assert pair.held_by_archive(study_uid) == all_uids(case)
        assert {one["state"] for one in transfer["instances"]} == {"verified"}
        assert transfer["attempts"] >= 2
        received = arrivals(pair, study_uid)
        assert set(received) == all_uids(case)
        assert max(received.values()) == 1, "an instance came twice"


def arrivals(pair: Pair, study_uid: str) -> dict[str, int]:
    """Return how often each instance of a study was put away by the archive, by its log."""
    found = dict.fromkeys(pair.held_by_archive(study_uid), 0)
    changes = requests.get(f"{pair.archive.orthanc_url}/changes?limit=100000", timeout=30).json()["Changes"]
    new = [one["ID"] for one in changes if one["ChangeType"] == "NewInstance"]
    for uid in found:
        looked = requests.post(f"{pair.archive.orthanc_url}/tools/lookup", data=uid, timeout=30).json()
        found[uid] = sum(new.count(one["ID"]) for one in looked)
    return found


def test_an_archive_that_is_down_is_waited_for(tmp_path: Path, study: Study) -> None:
    with running_pair(tmp_path) as pair:
        pair.archive.kill()
        pair.stack.receive(study.images, study.structure_set)
        waiting = pair.transfer_in(study.uid, "queued")
        waiting = eventually(
            lambda: next((one for one in pair.transfers(study.uid) if one["waits_for"] == "archive"), None),
            "it waits for the archive",
        )
        assert waiting["error"]["message"]
        eventually(lambda: pair.stack.job(waiting["job_id"])["state"] == "waiting", "its job holds no worker")
        pair.archive.start()
        transfer = pair.transfer_in(study.uid, "verified")
        assert transfer["verified"] == len(all_uids(study.case))
        assert pair.held_by_archive(study.uid) == all_uids(study.case)


def test_a_study_that_was_arriving_when_orthanc_was_stopped_is_sent_on(tmp_path: Path, study: Study) -> None:
    with running_pair(tmp_path, StableAge=5) as pair:
        pair.stack.receive(study.images, study.structure_set)
        pair.stack.kill_orthanc()
        pair.stack.start()
        transfer = pair.transfer_in(study.uid, "verified")
        assert transfer["verified"] == len(all_uids(study.case))
        changes = pair.stack.get("/changes?limit=100000").json()["Changes"]
        assert "StableStudy" not in {one["ChangeType"] for one in changes}


def test_a_transfer_waits_for_its_hours_is_not_overtaken_and_can_be_cancelled_and_done_again(
    tmp_path: Path, study: Study
) -> None:
    hour = (time.localtime().tm_hour + 2) % 24
    window = f"{hour:02}:00-{(hour + 1) % 24:02}:00"
    rules = [{"Name": "At night", "Window": window}]
    suite = {
        "Forwarding": {"Rules": rules},
        "Synchronisation": {"Direction": "both", "IntervalS": 3600},
    }
    with running_pair(tmp_path, suite=suite) as pair:
        pair.stack.receive(study.images)
        waiting = eventually(
            lambda: next((one for one in pair.transfers(study.uid) if one["waits_for"] == "window"), None),
            "it waits for its hours",
        )
        assert waiting["waits_until"] is not None
        told = pair.stack.post("/pacs/api/sync", json={"wait_s": 60}).json()
        assert (told["status"], told["differing_studies"], told["synced_studies"]) == ("success", 1, 0)
        assert [one["cause"] for one in pair.transfers(study.uid)] == ["rule:At night"]
        address = f"/pacs/api/transfers/{waiting['transfer_id']}"
        assert pair.stack.post(f"{address}/cancel").json()["state"] == "cancelled"
        assert pair.stack.post(f"{address}/cancel").status_code == 409
        assert pair.held_by_archive(study.uid) == set()
        assert pair.stack.post(f"{address}/retry").json()["state"] == "queued"
        eventually(
            lambda: pair.transfers(study.uid)[0]["waits_for"] == "window", "it waits for its hours again"
        )


def write_report(case: Case, path: Path) -> None:
    """Write a small SR that belongs to the study of a case."""
    report = case.images[0].copy()
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    report.SOPInstanceUID = UID(f"{report.SOPInstanceUID}.9"[:64])
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    report.SeriesInstanceUID = UID(f"{report.SeriesInstanceUID}.9"[:64])
    report.Modality = "SR"
    del report.PixelData
    report.save_as(path, enforce_file_format=True)
