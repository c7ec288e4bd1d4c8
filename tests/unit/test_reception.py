"""From what happens in Orthanc to jobs: events, the sweep, and that both ask for the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, JobError
from orthanc_plugins.identifiers import (
    RT_STRUCTURE_SET_STORAGE,
    JobId,
    OrthancId,
    SeriesUid,
    SopInstanceUid,
    StudyUid,
)
from orthanc_plugins.jobs import JobKind, JobState
from orthanc_plugins.reception import CHANGE_LOG, Reception
from orthanc_plugins.store import AwaitedImages, ResultRecord, Store, StructureSubject
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY, IMAGES, SETS = "1.2.1", "1.2.1.1", "1.2.1.2"


def store_set(orthanc: FakeOrthancRest, uid: str = "1.2.1.2.1", content: bytes = b"set") -> OrthancId:
    return orthanc.store(
        STUDY, SETS, uid, modality="RTSTRUCT", sop_class=RT_STRUCTURE_SET_STORAGE, content=content
    )


def store_image(orthanc: FakeOrthancRest, number: int = 1, series: str = IMAGES) -> OrthancId:
    orthanc.store(STUDY, series, f"{series}.{number}")
    return orthanc_id(STUDY, series)


def subject(instance: OrthancId) -> StructureSubject:
    return StructureSubject(StudyUid(STUDY), SeriesUid(SETS), SopInstanceUid("1.2.1.2.1"), instance)


def begin(queue: MemoryQueue, store: Store, job_id: JobId, instance: OrthancId) -> None:
    """What the worker does first."""
    queue.start(job_id)
    store.remember_subject(job_id, subject(instance))


def publish(queue: MemoryQueue, store: Store, job_id: JobId, instance: OrthancId) -> None:
    """What the worker does to the end."""
    begin(queue, store, job_id, instance)
    store.publish_result(ResultRecord(subject(instance), job_id, "folder", 1, 0, datetime.now(UTC)))
    queue.succeed(job_id)


def go_without(
    queue: MemoryQueue,
    store: Store,
    job_id: JobId,
    *,
    series: str | None = IMAGES,
    present: int = 0,
    missing: int = 2,
    blocking: bool = True,
) -> None:
    """What the worker does when images are missing."""
    awaited = AwaitedImages(
        StudyUid(STUDY),
        None if series is None else SeriesUid(series),
        present,
        missing,
        "Images are missing.",
        blocking,
        datetime.now(UTC),
    )
    store.await_images(job_id, awaited)
    if blocking:
        queue.wait(job_id)


@pytest.fixture
def waiting(orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception) -> JobId:
    """A job that waits for two images of which none is there."""
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    begin(queue, store, job_id, instance)
    go_without(queue, store, job_id)
    return job_id


# A structure set arrives


def test_a_structure_set_stored_twice_is_one_job(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    assert reception.structure_set_stored(instance) == job_id
    assert queue.runs[job_id] == 1
    assert queue.requests[job_id].arguments == (instance,)


def test_one_that_has_results_is_not_done_again(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    publish(queue, store, job_id, instance)
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 1


def test_one_whose_results_are_gone_is_done_again(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    publish(queue, store, job_id, instance)
    store.forget_instance(instance)
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 2


def test_changed_content_of_the_same_uid_is_another_job(
    orthanc: FakeOrthancRest, reception: Reception
) -> None:
    first = reception.structure_set_stored(store_set(orthanc, content=b"old"))
    assert reception.structure_set_stored(store_set(orthanc, content=b"new")) != first


def test_one_that_was_deleted_while_it_was_processed_is_done_when_it_comes_again(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    queue.fail(job_id, "NotFound")
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 2


@pytest.mark.parametrize("name", ["InvalidDicom", "GeometryError", "JobError"])
def test_one_that_cannot_be_used_is_not_done_again_for_coming_again(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, name: str
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    queue.fail(job_id, name)
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 1


# Deletion


def removals(queue: MemoryQueue) -> list[JobId]:
    return [job.job_id for job in queue.jobs(kind=JobKind.REMOVE_RESULTS)]


def test_a_deleted_structure_set_loses_its_results(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    publish(queue, store, reception.structure_set_stored(instance), instance)
    orthanc.delete(instance)
    reception.instance_deleted(instance)
    (removal,) = removals(queue)
    assert queue.requests[removal].arguments == (instance,)


def test_each_deletion_is_a_job_of_its_own(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    publish(queue, store, reception.structure_set_stored(instance), instance)
    orthanc.delete(instance)
    reception.instance_deleted(instance)
    reception.instance_deleted(instance)
    assert len(removals(queue)) == 2


def test_one_that_orthanc_holds_again_keeps_its_results(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    publish(queue, store, reception.structure_set_stored(instance), instance)
    reception.instance_deleted(instance)
    assert removals(queue) == []


def test_a_deleted_instance_that_no_job_knows_asks_orthanc_nothing(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    reception.instance_deleted(orthanc_id("1", "2", "3"))
    assert orthanc.asked == []
    assert queue.runs == {}


# Images arrive


def test_the_first_image_of_the_awaited_series_wakes_the_job(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    reception.series_appeared(store_image(orthanc))
    assert queue.runs[waiting] == 2


def test_another_series_does_not_wake_it(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    other = store_image(orthanc, series="1.2.1.9")
    reception.series_appeared(other)
    reception.series_became_stable(other)
    assert queue.runs[waiting] == 1


def test_stability_wakes_the_job_that_waits_and_the_one_that_went_on_without_some(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    instance = store_set(orthanc, "1.2.1.2.2", b"another")
    partial = reception.structure_set_stored(instance)
    publish(queue, store, partial, instance)
    go_without(queue, store, partial, present=1, missing=1, blocking=False)
    store_image(orthanc, 1)
    series = store_image(orthanc, 2)
    reception.series_appeared(series)
    assert (queue.runs[waiting], queue.runs[partial]) == (2, 1)
    reception.series_became_stable(series)
    assert queue.runs[partial] == 2


def test_a_series_that_has_not_changed_does_not_wake_the_job_that_went_on(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    partial = reception.structure_set_stored(instance)
    publish(queue, store, partial, instance)
    go_without(queue, store, partial, present=1, missing=1, blocking=False)
    reception.series_became_stable(store_image(orthanc))
    assert queue.runs[partial] == 1


def test_any_series_of_its_study_wakes_a_job_that_names_none(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    begin(queue, store, job_id, instance)
    go_without(queue, store, job_id, series=None)
    orthanc.store("1.9", "1.9.1", "1.9.1.1")
    reception.series_became_stable(orthanc_id("1.9", "1.9.1"))
    assert queue.runs[job_id] == 1
    reception.series_became_stable(store_image(orthanc))
    assert queue.runs[job_id] == 2


def test_nothing_is_asked_of_orthanc_while_nobody_waits(
    orthanc: FakeOrthancRest, reception: Reception
) -> None:
    series = store_image(orthanc)
    reception.series_appeared(series)
    reception.series_became_stable(series)
    assert orthanc.asked == []


def test_a_cancelled_job_is_not_woken(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    queue.run_again(waiting)
    queue.cancel(waiting)
    series = store_image(orthanc)
    reception.series_became_stable(series)
    reception.sweep(thorough=True)
    assert queue.job(waiting).state is JobState.CANCELLED


# Looking after those that wait


def test_a_job_whose_images_were_arriving_is_woken_once_they_are_complete(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    begin(queue, store, job_id, instance)
    store_image(orthanc, 1)
    go_without(queue, store, job_id, present=1, missing=2)
    store_image(orthanc, 2)
    reception.look_after_waiting()
    assert queue.runs[job_id] == 1
    store_image(orthanc, 3)
    reception.look_after_waiting()
    assert queue.runs[job_id] == 2


def test_a_stable_series_wakes_it_however_few_images_there_are(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    begin(queue, store, job_id, instance)
    go_without(queue, store, job_id, present=1, missing=9)
    orthanc.settle(store_image(orthanc))
    reception.look_after_waiting()
    assert queue.runs[job_id] == 2


def test_a_job_without_any_image_is_looked_after_by_the_sweep_alone(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    orthanc.settle(store_image(orthanc))
    reception.look_after_waiting()
    assert queue.runs[waiting] == 1
    reception.sweep()
    assert queue.runs[waiting] == 2


# The sweep


def test_the_first_sweep_asks_for_what_is_there(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    for number in range(3):
        store_set(orthanc, f"1.2.1.2.{number}", bytes([number]))
    store_image(orthanc)
    reception.sweep()
    assert len(queue.jobs()) == 3
    assert store.position(CHANGE_LOG) == orthanc.last_change()


def test_the_first_sweep_turns_every_page(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    for number in range(205):
        orthanc.store(
            f"1.3.{number}",
            f"1.3.{number}.1",
            f"1.3.{number}.1.1",
            modality="RTSTRUCT",
            sop_class=RT_STRUCTURE_SET_STORAGE,
        )
    reception.sweep()
    assert len(queue.jobs(limit=1000)) == 205


def test_the_first_sweep_can_be_told_to_leave_what_is_there_alone(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue
) -> None:
    store_set(orthanc, content=b"old")
    reception = Reception(orthanc, store, queue, process_existing=False)
    reception.sweep()
    assert queue.jobs() == []
    store_set(orthanc, "1.2.1.2.9", b"new")
    orthanc.settle(orthanc_id(STUDY, SETS))
    reception.sweep()
    assert queue.jobs() != []


def test_a_sweep_finds_what_no_event_told_of(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    reception.sweep()
    instance = store_set(orthanc)
    reception.sweep()
    assert [queue.requests[job.job_id].arguments for job in queue.jobs()] == [(instance,)]


def test_event_and_sweep_meet_in_one_job(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    reception.sweep()
    job_id = reception.structure_set_stored(store_set(orthanc))
    reception.sweep()
    assert queue.runs == {job_id: 1}


def test_a_sweep_reads_on_from_where_the_last_one_ended(
    orthanc: FakeOrthancRest, store: Store, reception: Reception
) -> None:
    reception.sweep()
    store_image(orthanc)
    reception.sweep()
    assert store.position(CHANGE_LOG) == orthanc.last_change()
    orthanc.asked.clear()
    reception.sweep()
    assert "changes" not in orthanc.asked


def test_a_sweep_reads_more_than_one_page(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    reception.sweep()
    for number in range(1200):
        store_image(orthanc, number)
    store_set(orthanc)
    reception.sweep()
    assert len(queue.jobs()) == 1
    assert store.position(CHANGE_LOG) == orthanc.last_change()


def test_a_sweep_that_fails_reads_the_same_part_again(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    reception.sweep()
    before = store.position(CHANGE_LOG)
    store_set(orthanc)
    queue.unavailable = True
    with pytest.raises(JobError):
        reception.sweep()
    assert store.position(CHANGE_LOG) == before
    queue.unavailable = False
    reception.sweep()
    assert len(queue.jobs()) == 1


def test_an_orthanc_that_does_not_answer_moves_nothing(
    orthanc: FakeOrthancRest, store: Store, reception: Reception
) -> None:
    orthanc.failure = ArchiveUnavailable("Not now.", archive="orthanc")
    with pytest.raises(ArchiveUnavailable):
        reception.sweep()
    assert store.position(CHANGE_LOG) is None


def test_an_emptied_orthanc_is_read_from_its_start(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    for number in range(9):
        store_image(orthanc, number)
    reception.sweep()
    orthanc.empty()
    reception.sweep()
    assert store.position(CHANGE_LOG) == 0
    store_set(orthanc)
    reception.sweep()
    assert len(queue.jobs()) == 1


def test_what_was_deleted_before_it_was_looked_at_does_not_stop_the_sweep(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception.sweep()
    gone = store_set(orthanc)
    kept = orthanc.store(
        STUDY, "1.2.1.3", "1.2.1.3.1", modality="RTSTRUCT", sop_class=RT_STRUCTURE_SET_STORAGE
    )
    changes = orthanc.changes(0)
    monkeypatch.setattr(orthanc, "changes", lambda _since, limit=500: changes)
    orthanc.delete(gone)
    reception.sweep()
    assert [queue.requests[job.job_id].arguments for job in queue.jobs()] == [(kept,)]


def test_a_series_is_looked_at_once_however_often_it_changed(
    orthanc: FakeOrthancRest, reception: Reception
) -> None:
    reception.sweep()
    series = store_image(orthanc)
    for _ in range(5):
        orthanc.settle(series)
    orthanc.asked.clear()
    reception.sweep()
    assert orthanc.asked.count("series") == 1


def test_a_thorough_sweep_finds_a_structure_set_added_to_a_known_series(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> None:
    store_set(orthanc)
    reception.sweep()
    added = store_set(orthanc, "1.2.1.2.2", b"added")
    reception.sweep(thorough=True)
    assert (added,) in [queue.requests[job.job_id].arguments for job in queue.jobs()]


def test_a_thorough_sweep_finds_lost_deletions(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    kept, lost = store_set(orthanc), store_set(orthanc, "1.2.1.2.2", b"lost")
    reception.sweep()
    for instance in (kept, lost):
        publish(queue, store, reception.structure_set_stored(instance), instance)
    orthanc.delete(lost)
    reception.sweep()
    assert removals(queue) == []
    reception.sweep(thorough=True)
    (removal,) = removals(queue)
    assert queue.requests[removal].arguments == (lost,)


def test_a_thorough_sweep_finds_the_lost_deletion_of_one_that_waits(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    (instance,) = queue.requests[waiting].arguments
    orthanc.delete(OrthancId(instance))
    reception.sweep(thorough=True)
    (removal,) = removals(queue)
    assert queue.requests[removal].arguments == (instance,)


def test_a_thorough_sweep_wakes_every_job_that_waits(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    reception.sweep(thorough=True)
    assert queue.runs[waiting] == 2
    assert queue.job(waiting).state is JobState.QUEUED


def test_waking_a_job_that_already_runs_changes_nothing(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    series = store_image(orthanc)
    reception.series_appeared(series)
    queue.start(waiting)
    reception.series_became_stable(series)
    assert queue.runs[waiting] == 2
    assert queue.job(waiting).state is JobState.RUNNING
