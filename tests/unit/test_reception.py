"""From what happens in Orthanc to jobs: events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins import reception as reception_module
from orthanc_plugins.engine import engine_digest
from orthanc_plugins.identifiers import RT_DOSE_STORAGE
from orthanc_plugins.jobs import JobState
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.arrivals import STUDY, begin, go_without, publish, removals, store_image, store_set, subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.identifiers import JobId, OrthancId
    from orthanc_plugins.reception import Reception
    from orthanc_plugins.store import Store
    from tests.fakes import FakeOrthancRest, MemoryQueue

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


def test_one_that_another_engine_has_done_is_done_again_once(
    orthanc: FakeOrthancRest,
    store: Store,
    queue: MemoryQueue,
    reception: Reception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    publish(queue, store, job_id, instance)
    monkeypatch.setattr(reception_module, "_STARTED", datetime.now(UTC))
    for _ in range(2):
        reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 2
    queue.succeed(job_id, engine="of a worker that is not of this version")
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 2
    queue.succeed(job_id, engine=engine_digest())
    monkeypatch.setattr(reception_module, "_STARTED", datetime.now(UTC))
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == 2


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


@pytest.mark.parametrize(
    ("failure", "runs"),
    [
        pytest.param("NotFound", 2, id="deleted while it was processed"),
        pytest.param("ArchiveUnavailable", 2, id="archive away"),
        pytest.param("StoreError", 2, id="store away"),
        pytest.param("InvalidDicom", 1, id="not readable"),
        pytest.param("GeometryError", 1, id="does not fit"),
        pytest.param("JobError", 1, id="not to be done"),
    ],
)
def test_one_that_comes_again_is_done_again_where_that_can_help(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, failure: str, runs: int
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    queue.fail(job_id, failure)
    reception.structure_set_stored(instance)
    assert queue.runs[job_id] == runs


def test_what_a_job_acts_on_is_known_before_it_begins(
    orthanc: FakeOrthancRest, store: Store, reception: Reception
) -> None:
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    assert store.subjects([job_id]) == {job_id: subject(instance)}


# Deletion


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


def test_a_removal_tells_of_which_study(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception
) -> None:
    instance = store_set(orthanc)
    publish(queue, store, reception.structure_set_stored(instance), instance)
    orthanc.delete(instance)
    reception.instance_deleted(instance)
    (removal,) = removals(queue)
    assert store.subjects([removal]) == {removal: subject(instance)}


def cancel_while_it_runs(queue: MemoryQueue, job_id: JobId) -> None:
    queue.start(job_id)
    queue.cancel(job_id)


STOPS: dict[str, Callable[[MemoryQueue, JobId], None]] = {
    "cancelled": lambda queue, job_id: queue.cancel(job_id),
    "cancelled while it ran": cancel_while_it_runs,
    "failed": lambda queue, job_id: queue.fail(job_id, "InvalidDicom"),
    "paused": lambda queue, job_id: queue.wait(job_id),
}


@pytest.fixture(params=STOPS)
def stopped(
    request: pytest.FixtureRequest, orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception
) -> JobId:
    """A job that has stopped without results."""
    job_id = reception.structure_set_stored(store_set(orthanc))
    STOPS[request.param](queue, job_id)
    return job_id


def test_a_deletion_lets_a_job_that_stopped_start_anew(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, stopped: JobId
) -> None:
    instance = store_set(orthanc)
    orthanc.delete(instance)
    reception.instance_deleted(instance)
    assert queue.runs[stopped] == 1
    reception.structure_set_stored(store_set(orthanc))
    assert queue.runs[stopped] == 2


def test_a_deletion_lets_it_start_anew_once(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, stopped: JobId
) -> None:
    instance = store_set(orthanc)
    orthanc.delete(instance)
    reception.instance_deleted(instance)
    reception.structure_set_stored(store_set(orthanc))
    queue.cancel(stopped)
    reception.structure_set_stored(store_set(orthanc))
    assert queue.runs[stopped] == 2


def test_one_that_is_sent_again_without_deletion_stays_as_it_is(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, stopped: JobId
) -> None:
    reception.structure_set_stored(store_set(orthanc))
    reception.sweep(thorough=True)
    assert queue.runs[stopped] == 1


def test_one_that_is_overwritten_stays_as_it_is(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, stopped: JobId
) -> None:
    instance = store_set(orthanc)
    reception.instance_deleted(instance)  # so Orthanc tells it: its successor is already there
    reception.structure_set_stored(instance)
    assert queue.runs[stopped] == 1
    assert removals(queue) == []


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


def test_a_stable_study_wakes_a_job_that_names_no_series_and_no_other(
    orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception, waiting: JobId
) -> None:
    instance = store_set(orthanc, "1.2.1.2.2", b"another")
    unnamed = reception.structure_set_stored(instance)
    begin(queue, store, unnamed, instance)
    go_without(queue, store, unnamed, series=None)
    orthanc.store("1.9", "1.9.1", "1.9.1.1")
    reception.study_became_stable(orthanc_id("1.9"))
    assert queue.runs[unnamed] == 1
    reception.study_became_stable(orthanc.series(store_image(orthanc)).study_orthanc_id)
    assert (queue.runs[unnamed], queue.runs[waiting]) == (2, 1)


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


# Doses


def store_dose(orthanc: FakeOrthancRest, number: int = 1, study: str = STUDY) -> OrthancId:
    """Store a dose and let its series become stable."""
    series = f"{study}.3"
    orthanc.store(study, series, f"{series}.{number}", modality="RTDOSE", sop_class=RT_DOSE_STORAGE)
    orthanc.settle(orthanc_id(study, series))
    return orthanc_id(study, series)


@pytest.fixture
def done(orthanc: FakeOrthancRest, store: Store, queue: MemoryQueue, reception: Reception) -> JobId:
    """A job that has made results without a dose."""
    instance = store_set(orthanc)
    job_id = reception.structure_set_stored(instance)
    publish(queue, store, job_id, instance)
    return job_id


def test_a_dose_that_comes_after_the_results_has_them_made_again(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, done: JobId
) -> None:
    reception.series_became_stable(store_dose(orthanc))
    assert queue.runs[done] == 2


def test_a_dose_that_the_results_have_seen_changes_nothing_however_often_it_is_told(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, done: JobId
) -> None:
    series = store_dose(orthanc)
    queue.succeed(done, doses_seen=[f"{STUDY}.3.1"])
    for _ in range(3):
        reception.series_became_stable(series)
        reception.sweep()
    assert queue.runs[done] == 1
    reception.series_became_stable(store_dose(orthanc, 2))
    assert queue.runs[done] == 2


def test_a_dose_of_another_study_changes_nothing(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, done: JobId
) -> None:
    reception.series_became_stable(store_dose(orthanc, study="1.2.9"))
    assert queue.runs[done] == 1


def test_a_dose_leaves_a_job_that_runs_or_has_failed_to_itself(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, done: JobId
) -> None:
    queue.start(done)
    reception.series_became_stable(store_dose(orthanc))
    queue.fail(done, "InvalidDicom")
    reception.series_became_stable(store_dose(orthanc))
    assert queue.runs[done] == 1


def test_a_dose_that_no_event_told_of_is_found_by_the_sweep(
    orthanc: FakeOrthancRest, queue: MemoryQueue, reception: Reception, done: JobId
) -> None:
    reception.sweep()
    store_dose(orthanc)
    reception.sweep()
    assert queue.runs[done] == 2
