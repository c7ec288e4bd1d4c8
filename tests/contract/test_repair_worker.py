"""A repair in a real worker that is killed, or whose archive goes down, in the middle of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import JobId
from orthanc_plugins.jobs import plan_repair_request, repair_study_request, undo_repair_request
from orthanc_plugins.rules import RepairPolicy
from orthanc_plugins.store import RepairState
from tests.contract.repair_pair import Pair, pair_of
from tests.contract.waiting import eventually
from tests.fakes.faulty_archive import Fault, faulty_proxy
from tests.standin import running_plain_orthanc, running_standin
from tests.unit.workflows.repaired import DCM4CHEE, ORTHANC, DurableSteps
from tests.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.jobs import JobRequest
    from orthanc_plugins.store import RepairRecord
    from tests.fakes.faulty_archive import FaultyProxy

PATIENCE_S = 120.0
REPAIR = "0123456789abcdef0123456789abcdef"
STOW = r"/studies$"


class Worker(WorkerProcess):
    """A worker that repairs one archive of a pair by the other."""

    def __init__(self, pair: Pair, configuration: Path) -> None:
        super().__init__(configuration)
        self._pair = pair

    def ask(self, request: JobRequest) -> None:
        """Ask for a job once the worker has made the database of jobs."""
        jobs = self._pair.services.data / "store" / "jobs.sqlite"
        eventually(jobs.exists, "the worker has begun", PATIENCE_S)
        eventually(lambda: "is ready" in self.log(), f"the worker is ready: {self.log()}", PATIENCE_S)
        self._pair.services.queue.submit(request)

    def repair_in(self, *states: RepairState) -> RepairRecord:
        repairs = self._pair.services.store.repairs

        def look() -> RepairRecord | None:
            record = repairs.repair(REPAIR)
            return record if record.state in states else None

        found = eventually(look, f"the repair is {states}: {self.log()[-4000:]}", PATIENCE_S)
        assert found is not None
        return found

    def begin(self, state: RepairState, request: JobRequest) -> None:
        among = [one for one in RepairState if not one.at_work]
        assert self._pair.services.store.repairs.begin(REPAIR, state, request.job_id, "test", among=among)
        self.ask(request)


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[Pair, Worker, FaultyProxy]]:
    """A study of which every copy in Orthanc differs from that in DCM4CHEE, behind a proxy, and a worker."""
    with (
        running_plain_orthanc(tmp_path / "orthanc") as orthanc,
        running_standin(tmp_path / "dcm4chee", overwrite_policy="ALWAYS") as standin,
        faulty_proxy(standin.url) as proxy,
    ):
        pair = pair_of(orthanc, standin, tmp_path / "data", DurableSteps(), dcm4chee_url=proxy.url)
        pair.fill(4)
        for uid in pair.uids[:3]:
            pair.alter(ORTHANC, uid, SliceThickness="3")
        pair.lose(DCM4CHEE, pair.uids[3])
        configuration = tmp_path / "suite.json"
        section = {
            "DataDirectory": str(pair.services.data),
            "Orthanc": {"Url": orthanc.url},
            "Dcm4chee": {"Url": proxy.url, "DicomPort": standin.dicom_port},
        }
        configuration.write_text(json.dumps({"PacsSuite": section}), encoding="utf-8")
        worker = Worker(pair, configuration)
        worker.start()
        try:
            yield pair, worker, proxy
        finally:
            worker.kill()
            pair.services.close()


def planned(pair: Pair, worker: Worker) -> None:
    request = plan_repair_request(REPAIR, apply=False)
    policy = RepairPolicy.model_validate({"default": "prefer_orthanc"})
    repairs = pair.services.store.repairs
    repairs.request(REPAIR, pair.study_uid, policy.model_dump_json(), request.job_id, "test")
    worker.ask(request)
    assert worker.repair_in(RepairState.PLANNED, RepairState.FAILED).state is RepairState.PLANNED


def repaired(pair: Pair) -> None:
    for uid in pair.uids[:3]:
        copy = pair.read(DCM4CHEE, uid)
        assert str(copy.SliceThickness) == "3"
        assert len(copy.OriginalAttributesSequence) == 1, "changed twice"
    held = [one.sop_instance_uid for one in pair.archive(DCM4CHEE).instances(pair.study_uid)]
    assert sorted(held) == sorted(set(held))


def test_a_worker_killed_in_the_middle_is_followed_by_one_that_goes_on(
    proxied: tuple[Pair, Worker, FaultyProxy],
) -> None:
    pair, worker, proxy = proxied
    before = {name: pair.contents(name) for name in pair.services.archives}
    planned(pair, worker)
    held_up = Fault(method="POST", path=STOW, after=1, times=1, delay_s=3.0)
    proxy.faults.append(held_up)
    worker.begin(RepairState.APPLYING, repair_study_request(REPAIR, "1"))
    eventually(lambda: held_up.happened, f"a copy is on its way: {worker.log()}", PATIENCE_S)
    worker.kill()
    worker.start()
    record = worker.repair_in(RepairState.VERIFIED, RepairState.PARTLY, RepairState.FAILED)
    states = [(one.kind, one.state, one.detail) for one in pair.services.store.repairs.actions(REPAIR)]
    # What was rejected does not come back: DCM4CHEE would throw it away, so it is blocked.
    assert (record.state, record.done, record.failed) == (RepairState.VERIFIED, 3, 0), (record, states)
    repaired(pair)
    undo = undo_repair_request(REPAIR, "1")
    worker.begin(RepairState.UNDOING, undo)
    undone = worker.repair_in(RepairState.UNDONE, RepairState.UNDO_FAILED)
    assert undone.state is RepairState.UNDONE, undone
    assert {name: pair.contents(name) for name in before} == before


def test_an_archive_that_comes_back_within_a_minute_is_waited_for(
    proxied: tuple[Pair, Worker, FaultyProxy],
) -> None:
    pair, worker, proxy = proxied
    planned(pair, worker)
    proxy.faults.append(Fault(method="POST", path=STOW, after=1, times=6, status=503))
    worker.begin(RepairState.APPLYING, repair_study_request(REPAIR, "1"))
    record = worker.repair_in(RepairState.VERIFIED, RepairState.PARTLY, RepairState.FAILED)
    assert record.done == 3, (record, worker.log()[-3000:])
    repaired(pair)


def test_no_value_stands_in_jobs_or_logs(proxied: tuple[Pair, Worker, FaultyProxy]) -> None:
    pair, worker, _ = proxied
    pair.alter(ORTHANC, pair.uids[0], PatientName="MARKER^ONE", ImageComments="MARKER")
    planned(pair, worker)
    worker.begin(RepairState.APPLYING, repair_study_request(REPAIR, "1"))
    worker.repair_in(RepairState.VERIFIED, RepairState.PARTLY, RepairState.FAILED)
    jobs = (pair.services.data / "store" / "jobs.sqlite").read_bytes()
    jobs += (pair.services.data / "store" / "jobs.sqlite-wal").read_bytes()
    tables = repr(
        [*pair.services.store.repairs.actions(REPAIR), *pair.services.store.repairs.changes(REPAIR)]
    )
    for marker in ("MARKER", "Doe^Jane"):
        assert marker not in worker.log()
        assert marker.encode() not in jobs
        assert marker not in tables
    assert pair.services.queue.job(JobId(f"plan-repair.{REPAIR}")).result is not None
