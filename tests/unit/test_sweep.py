"""From Orthanc's change log to jobs: the sweep, and that it asks for the same as the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, JobError
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE, JobId, OrthancId
from orthanc_plugins.jobs import JobState
from orthanc_plugins.reception import CHANGE_LOG, Reception
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.arrivals import SETS, STUDY, begin, go_without, publish, removals, store_image, store_set

if TYPE_CHECKING:
    from orthanc_plugins.store import Store
    from tests.fakes import FakeOrthancRest, MemoryQueue

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


def test_a_log_whose_newest_entries_went_with_what_was_deleted_did_not_begin_anew(
    orthanc: FakeOrthancRest, store: Store, reception: Reception, caplog: pytest.LogCaptureFixture
) -> None:
    store_image(orthanc, 1)
    newest = orthanc.store(STUDY, "1.2.1.9", "1.2.1.9.1")
    reception.sweep()
    before = store.position(CHANGE_LOG)
    orthanc.delete(newest)
    reception.sweep()
    assert store.position(CHANGE_LOG) == before
    assert "began anew" not in caplog.text


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


@pytest.mark.parametrize("stop", ["cancelled", "failed"])
def test_a_thorough_sweep_notes_the_lost_deletion_of_one_that_stopped_once(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, stop: str
) -> None:
    instance = store_set(orthanc)
    reception.sweep()
    job_id = reception.structure_set_stored(instance)
    if stop == "cancelled":
        queue.cancel(job_id)
    else:
        queue.fail(job_id, "InvalidDicom")
    orthanc.delete(instance)
    for _ in range(3):
        reception.sweep(thorough=True)
    assert len(removals(queue)) == 1
    reception.structure_set_stored(store_set(orthanc))
    assert queue.runs[job_id] == 2


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
