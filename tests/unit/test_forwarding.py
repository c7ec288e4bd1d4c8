"""Each study that is complete is decided on once, whatever happens to events, Orthanc and worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, JobError
from orthanc_plugins.forwarding import POSITION, StudyForwarding
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.rules import ForwardingRule
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.store import Store
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = "1.2.1"
RULE = ForwardingRule(name="Everything")


def arrive(
    orthanc: FakeOrthancRest, number: int = 1, study: str = STUDY, series: str | None = None
) -> OrthancId:
    orthanc.store(study, series or f"{study}.1", f"{series or study}.1.{number}")
    return orthanc_id(study)


@pytest.fixture
def forwarding(orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue) -> StudyForwarding:
    """One that has swept once."""
    forwarding = StudyForwarding(orthanc, store, queue, [RULE])
    forwarding.sweep()
    return forwarding


def decided(queue: MemoryQueue) -> list[OrthancId]:
    """Return the studies of which it is to be decided, in the order in which that was asked."""
    found = [queue.requests[job.job_id] for job in queue.jobs(kind=JobKind.FORWARD_STUDY)]
    return [one.arguments[0] for one in reversed(found)]  # type: ignore[misc]


def test_event_and_sweep_meet_in_one_job(
    orthanc: FakeOrthancRest, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    study = arrive(orthanc)
    orthanc.settle_study(study)
    job_id = forwarding.study_became_stable(study)
    assert job_id is not None
    assert job_id.startswith(f"forward-study.{study}.")
    forwarding.sweep()
    forwarding.study_became_stable(study)
    assert decided(queue) == [study]


def test_a_study_to_which_something_was_added_is_another_job(
    orthanc: FakeOrthancRest, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    study = arrive(orthanc)
    orthanc.settle_study(study)
    forwarding.sweep()
    arrive(orthanc, 2)
    forwarding.sweep()
    assert decided(queue) == [study]
    orthanc.settle_study(study)
    forwarding.sweep()
    assert decided(queue) == [study, study]


def test_an_instance_that_came_again_is_another_job(
    orthanc: FakeOrthancRest, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    study = arrive(orthanc)
    orthanc.settle_study(study)
    forwarding.sweep()
    arrive(orthanc)
    orthanc.settle_study(study)
    forwarding.sweep()
    assert len(decided(queue)) == 2


def test_without_a_rule_that_is_switched_on_nothing_is_asked(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue
) -> None:
    off = StudyForwarding(orthanc, store, queue, [RULE.model_copy(update={"enabled": False})])
    assert not off.enabled
    study = arrive(orthanc)
    orthanc.settle_study(study)
    off.sweep()
    assert off.study_became_stable(study) is None
    assert decided(queue) == []


def test_what_came_before_the_first_rule_was_switched_on_is_not_sent(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue
) -> None:
    orthanc.settle_study(arrive(orthanc))
    StudyForwarding(orthanc, store, queue, []).sweep()
    orthanc.settle_study(arrive(orthanc, study="1.2.2"))
    StudyForwarding(orthanc, store, queue, []).sweep()
    forwarding = StudyForwarding(orthanc, store, queue, [RULE])
    forwarding.sweep()
    assert decided(queue) == []
    later = arrive(orthanc, study="1.2.3")
    orthanc.settle_study(later)
    forwarding.sweep()
    assert decided(queue) == [later]


def test_a_study_whose_stability_was_never_told_is_found(
    orthanc: FakeOrthancRest, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    study = arrive(orthanc)
    forwarding.sweep()
    assert decided(queue) == []
    orthanc.stop_before_stable()
    forwarding.sweep()
    assert decided(queue) == [study]


def test_a_study_that_was_arriving_when_the_worker_ended_is_found_by_the_next(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    study = arrive(orthanc)
    forwarding.sweep()
    done = arrive(orthanc, study="1.2.2")
    orthanc.settle_study(done)
    forwarding.sweep()
    assert decided(queue) == [done]
    orthanc.stop_before_stable()
    StudyForwarding(orthanc, store, queue, [RULE]).sweep()
    assert decided(queue) == [done, study]


def test_what_is_complete_is_not_read_again(
    orthanc: FakeOrthancRest, store: Store, forwarding: StudyForwarding
) -> None:
    orthanc.settle_study(arrive(orthanc))
    forwarding.sweep()
    assert store.position(POSITION) == orthanc.last_change()
    orthanc.asked.clear()
    forwarding.sweep()
    assert "changes" not in orthanc.asked
    assert "study" not in orthanc.asked


def test_a_study_that_was_deleted_is_nothing(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    arrive(orthanc)
    forwarding.sweep()
    orthanc.delete(orthanc_id(STUDY, f"{STUDY}.1", f"{STUDY}.1.1"))
    forwarding.sweep()
    assert decided(queue) == []
    assert store.position(POSITION) == orthanc.last_change()


def test_a_change_log_that_began_anew_is_read_from_its_start(
    orthanc: FakeOrthancRest, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    for number in range(5):
        orthanc.settle_study(arrive(orthanc, number))
    forwarding.sweep()
    orthanc.empty()
    study = arrive(orthanc, study="1.2.9")
    orthanc.settle_study(study)
    forwarding.sweep()
    assert decided(queue)[-1] == study


def test_a_change_log_that_began_anew_while_no_rule_was_on_counts_from_now(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue
) -> None:
    for number in range(5):
        arrive(orthanc, number)
    off = StudyForwarding(orthanc, store, queue, [])
    off.sweep()
    orthanc.empty()
    arrive(orthanc)
    off.sweep()
    assert store.position(POSITION) == orthanc.last_change()


def test_a_sweep_that_could_not_ask_asks_the_next_time(
    orthanc: FakeOrthancRest, queue: MemoryQueue, forwarding: StudyForwarding
) -> None:
    study = arrive(orthanc)
    orthanc.settle_study(study)
    queue.unavailable = True
    with pytest.raises(JobError):
        forwarding.sweep()
    queue.unavailable = False
    orthanc.failure = ArchiveUnavailable("Orthanc starts.", archive="orthanc")
    with pytest.raises(ArchiveUnavailable):
        forwarding.sweep()
    orthanc.failure = None
    forwarding.sweep()
    assert decided(queue) == [study]
