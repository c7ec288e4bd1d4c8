"""The phases of a job, as they are shown while it runs and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import InvalidDicom, JobError
from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import extract_structures_request
from orthanc_plugins.workflows.phases import PHASES, PhaseLog

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.store import Store
    from tests.fakes import MemoryQueue


@pytest.fixture
def job_id(queue: MemoryQueue) -> JobId:
    job_id = queue.submit(extract_structures_request(OrthancId("a"), "md5"))
    queue.start(job_id)
    return job_id


@pytest.fixture
def phases(store: Store, queue: MemoryQueue, job_id: JobId) -> PhaseLog:
    return PhaseLog(store, queue, job_id)


def shown(store: Store, job_id: JobId) -> list[tuple[str, bool]]:
    """Return each phase and whether it has ended."""
    return [(phase.name, phase.duration_s is not None) for phase in store.phases(job_id)]


def test_a_phase_is_shown_while_it_runs_and_timed_when_it_has_ended(
    phases: PhaseLog, store: Store, job_id: JobId
) -> None:
    with phases.phase("receive"):
        assert shown(store, job_id) == [("receive", False)]
    assert shown(store, job_id) == [("receive", True)]
    (phase,) = store.phases(job_id)
    assert phase.duration_s is not None
    assert 0 <= phase.duration_s < 5


def test_a_phase_that_begins_ends_the_one_before(phases: PhaseLog, store: Store, job_id: JobId) -> None:
    with phases.sequence():
        for name in PHASES:
            phases.begin(name)
    assert shown(store, job_id) == [(name, True) for name in PHASES]


def test_a_phase_done_again_takes_the_place_of_itself_and_of_those_after(
    phases: PhaseLog, store: Store, job_id: JobId
) -> None:
    with phases.sequence():
        for name in PHASES:
            phases.begin(name)
    with phases.phase("read_metadata"):
        assert shown(store, job_id) == [("receive", True), ("read_metadata", False)]


def test_a_cancelled_job_stops_where_the_next_phase_would_begin(
    phases: PhaseLog, store: Store, queue: MemoryQueue, job_id: JobId
) -> None:
    phases.begin("receive")
    queue.cancel(job_id)
    with pytest.raises(JobError, match="cancelled"):
        phases.begin("read_metadata")
    assert shown(store, job_id) == [("receive", True)]


def test_a_phase_that_fails_keeps_no_duration_whatever_begins_after_it(
    phases: PhaseLog, store: Store, job_id: JobId
) -> None:
    with phases.phase("receive"):
        pass
    with pytest.raises(InvalidDicom), phases.phase("read_metadata"):
        raise InvalidDicom("The file ends too soon.")
    assert shown(store, job_id) == [("receive", True), ("read_metadata", False)]
    with phases.phase("measure"):
        assert shown(store, job_id)[1] == ("read_metadata", False)


def test_the_last_phase_of_a_sequence_that_fails_keeps_no_duration(
    phases: PhaseLog, store: Store, job_id: JobId
) -> None:
    def begin_two_and_fail() -> None:
        with phases.sequence():
            phases.begin("receive")
            phases.begin("read_metadata")
            raise InvalidDicom("The file ends too soon.")

    with pytest.raises(InvalidDicom):
        begin_two_and_fail()
    assert shown(store, job_id) == [("receive", True), ("read_metadata", False)]


def test_a_phase_that_nobody_knows_is_refused(phases: PhaseLog) -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        phases.begin("daydream")
