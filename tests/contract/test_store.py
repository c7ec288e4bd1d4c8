"""The suite's memory, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import StatementError

from orthanc_plugins.errors import ConfigurationError, StoreError
from orthanc_plugins.identifiers import JobId, OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import (
    AwaitedImages,
    ResultRecord,
    Store,
    StructureSubject,
    create_store_engine,
    migrate,
)
from tests.contract.threads import at_once

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
JOB, OTHER = JobId("job"), JobId("other")


def subject(
    instance: str = "i", *, study: str = "1.2", series: str = "1.2.3", uid: str = "1.2.3.4"
) -> StructureSubject:
    return StructureSubject(StudyUid(study), SeriesUid(series), SopInstanceUid(uid), OrthancId(instance))


def awaited(
    *, present: int = 0, blocking: bool = True, since: datetime = NOW, series: str | None = "1.9"
) -> AwaitedImages:
    uid = None if series is None else SeriesUid(series)
    return AwaitedImages(StudyUid("1.2"), uid, present, 5, "They have not come.", blocking, since)


def result(
    instance: str = "i", job: JobId = JOB, *, created_at: datetime = NOW, series: str = "1.2.3"
) -> ResultRecord:
    return ResultRecord(subject(instance, series=series), job, f"folder of {instance}", 3, 1, created_at)


# Positions


def test_a_position_only_advances(store: Store) -> None:
    assert store.position("log") is None
    store.advance("log", 5)
    store.advance("log", 3)
    assert store.position("log") == 5
    store.advance("log", 2**40)
    assert store.position("log") == 2**40
    assert store.position("another") is None


def test_a_log_that_began_anew_is_read_from_its_start(store: Store) -> None:
    store.advance("log", 5)
    store.restart("log", 0)
    assert store.position("log") == 0


def test_workers_that_advance_at_the_same_time_never_go_back(store: Store) -> None:
    store.advance("log", 1)
    assert at_once(*(lambda value=value: store.advance("log", value) for value in range(2, 18))) == []
    assert store.position("log") == 17


def test_workers_that_begin_a_log_at_the_same_time_do_not_meet(store: Store) -> None:
    assert at_once(*(lambda value=value: store.advance("log", value) for value in range(8))) == []
    assert store.position("log") == 7


# What jobs act on


def test_jobs_are_found_by_what_they_act_on(store: Store) -> None:
    store.remember_subject(JOB, subject("i"))
    store.remember_subject(OTHER, subject("o", study="1.5"))
    store.remember_subject(JOB, subject("i"))
    assert store.jobs_of_study(StudyUid("1.2")) == [JOB]
    assert store.jobs_of_instance(OrthancId("o")) == [OTHER]
    assert store.jobs_of_instance(OrthancId("unknown")) == []
    assert store.subjects([JOB, OTHER, JobId("unknown")]) == {
        JOB: subject("i"),
        OTHER: subject("o", study="1.5"),
    }
    assert store.subjects([]) == {}


# Awaited images


def test_what_a_job_awaits_is_told_until_it_awaits_it_no_longer(store: Store) -> None:
    store.await_images(JOB, awaited())
    assert store.awaited() == {JOB: awaited()}
    store.no_longer_awaits(JOB)
    store.no_longer_awaits(JOB)
    assert store.awaited() == {}


def test_those_that_wait_are_told_from_those_that_went_on(store: Store) -> None:
    store.await_images(JOB, awaited(series=None))
    store.await_images(OTHER, awaited(blocking=False))
    assert list(store.awaited(blocking=True)) == [JOB]
    assert list(store.awaited(blocking=False)) == [OTHER]
    assert store.waiting_among([JOB, OTHER]) == {JOB: awaited(series=None)}


def test_how_long_a_job_has_waited_is_kept_while_it_waits(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    store.await_images(JOB, awaited())
    store.await_images(JOB, awaited(present=2, since=later))
    assert store.awaited()[JOB] == awaited(present=2)
    store.await_images(JOB, awaited(blocking=False, since=later))
    store.await_images(JOB, awaited(since=later))
    assert store.awaited()[JOB].since == later


def test_those_that_have_waited_longest_come_first(store: Store) -> None:
    for hours, job in ((2, "c"), (0, "a"), (1, "b")):
        store.await_images(JobId(job), awaited(since=NOW + timedelta(hours=hours)))
    assert list(store.awaited()) == ["a", "b", "c"]


# Phases


def test_phases_are_told_in_their_order_and_timed_when_they_end(store: Store) -> None:
    before = datetime.now(UTC)
    store.begin_phase(JOB, 0, "receive")
    store.end_phase(JOB, 0, 0.25)
    store.begin_phase(JOB, 1, "measure")
    first, second = store.phases(JOB)
    assert (first.name, first.duration_s) == ("receive", 0.25)
    assert (second.name, second.duration_s) == ("measure", None)
    assert before <= first.started_at <= second.started_at
    assert store.phases(OTHER) == []


def test_a_phase_that_begins_again_forgets_itself_and_those_after(store: Store) -> None:
    for ordinal, name in enumerate(("a", "b", "c")):
        store.begin_phase(JOB, ordinal, name)
        store.end_phase(JOB, ordinal, 1.0)
    store.begin_phase(JOB, 1, "b")
    assert [(phase.name, phase.duration_s) for phase in store.phases(JOB)] == [("a", 1.0), ("b", None)]


# Results


def test_results_are_found_by_instance_job_and_series(store: Store) -> None:
    store.publish_result(result())
    assert store.result_of_instance(OrthancId("i")) == result()
    assert store.result_of_job(JOB) == result()
    assert store.results(series_uid=SeriesUid("1.2.3")) == [result()]
    assert store.result_instances() == ["i"]
    assert store.count_results() == 1
    assert store.result_of_instance(OrthancId("o")) is None
    assert store.result_of_job(OTHER) is None


def test_the_newest_results_of_a_series_come_first(store: Store) -> None:
    for hours, instance in ((0, "old"), (2, "new"), (1, "middle")):
        store.publish_result(result(instance, JobId(instance), created_at=NOW + timedelta(hours=hours)))
    store.publish_result(result("elsewhere", OTHER, series="1.9"))
    found = store.results(series_uid=SeriesUid("1.2.3"))
    assert [one.subject.instance_orthanc_id for one in found] == ["new", "middle", "old"]
    page = store.results(study_uid=found[0].subject.study_uid, limit=2, offset=1)
    assert len(page) == 2
    assert page == store.results()[1:3]
    assert store.results(study_uid=StudyUid("1.8")) == []
    assert store.results(offset=3) == store.results()[3:]


def test_new_results_of_an_instance_take_the_place_of_the_old(store: Store) -> None:
    store.publish_result(result(job=JOB))
    store.publish_result(result(job=OTHER))
    assert store.result_of_job(JOB) is None
    assert store.result_of_job(OTHER) is not None
    assert store.count_results() == 1


def test_forgetting_an_instance_forgets_results_and_what_its_jobs_await(store: Store) -> None:
    store.remember_subject(JOB, subject("i"))
    store.await_images(JOB, awaited(blocking=False))
    store.await_images(OTHER, awaited())
    store.publish_result(result())
    assert store.forget_instance(OrthancId("i")) == result()
    assert store.forget_instance(OrthancId("i")) is None
    assert store.count_results() == 0
    assert list(store.awaited()) == [OTHER]
    assert store.jobs_of_instance(OrthancId("i")) == [JOB]


def test_forgetting_an_instance_that_has_no_results_forgets_what_its_jobs_await(store: Store) -> None:
    store.remember_subject(JOB, subject("i"))
    store.await_images(JOB, awaited())
    assert store.forget_instance(OrthancId("i")) is None
    assert store.awaited() == {}


# Workers


def test_a_silent_worker_is_told_until_it_is_forgotten(store: Store) -> None:
    store.heartbeat("one", 1, NOW)
    store.heartbeat("two", 2, NOW)
    assert store.silent_workers(timedelta(hours=1)) == []
    assert sorted(store.silent_workers(timedelta(seconds=-1))) == ["one", "two"]
    store.forget_workers(["one"], timedelta(seconds=-1))
    assert list(store.workers()) == ["two"]


def test_a_worker_that_is_heard_again_is_not_forgotten(store: Store) -> None:
    store.heartbeat("one", 1, NOW)
    store.forget_workers(["one"], timedelta(seconds=10))
    assert list(store.workers()) == ["one"]


def test_a_sign_of_life_is_the_time_it_was_given(store: Store) -> None:
    before = datetime.now(UTC)
    store.heartbeat("one", 1, NOW)
    store.heartbeat("one", 1, NOW)
    assert before <= store.workers()["one"] <= datetime.now(UTC)


# Times and errors


def test_times_come_back_as_utc_whatever_their_zone(store: Store) -> None:
    there = datetime(2026, 11, 21, 21, 0, tzinfo=timezone(timedelta(hours=9)))
    store.await_images(JOB, awaited(since=there))
    since = store.awaited()[JOB].since
    assert since == NOW
    assert since.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    naive = datetime(2026, 11, 21)  # noqa: DTZ001 - what is to be refused
    with pytest.raises(StoreError) as caught:
        store.await_images(JOB, awaited(since=naive))
    assert isinstance(caught.value.__cause__, StatementError)


def test_a_database_without_tables_is_a_store_error_that_quotes_nothing(database: str) -> None:
    store = Store(create_store_engine(database))
    with pytest.raises(StoreError, match="remember_subject") as caught:
        store.remember_subject(JOB, subject("MARKER"))
    assert "MARKER" not in str(caught.value)
    store.close()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/x.sqlite", "postgresql://pacs@127.0.0.1:9/none"])
def test_a_database_that_is_not_there_is_a_store_error(url: str) -> None:
    store = Store(create_store_engine(url))
    with pytest.raises(StoreError, match="ping"):
        store.ping()
    store.close()


def test_threads_and_writers_share_the_store(store: Store) -> None:
    def work(number: int) -> None:
        job = JobId(f"job {number}")
        for ordinal in range(8):
            store.begin_phase(job, ordinal, "phase")
            store.end_phase(job, ordinal, 0.1)
            store.heartbeat(f"worker {number}", number, NOW)

    assert at_once(*(lambda number=number: work(number) for number in range(6))) == []
    assert all(len(store.phases(JobId(f"job {number}"))) == 8 for number in range(6))


# A database that cannot be used


@pytest.mark.parametrize(
    "address",
    ["secret", "mysql://pacs:secret@host/x", "postgres://pacs:secret@host/x", "postgresql://a:secret@b:c/d"],
)
def test_an_address_that_is_none_is_told_without_quoting_it(address: str) -> None:
    with pytest.raises(ConfigurationError, match="DatabaseUrl cannot be used") as caught:
        create_store_engine(address)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    engine = create_store_engine("postgresql://pacs:secret@127.0.0.1:9/suite")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9/suite .*[Cc]onnection refused") as caught:
        migrate(engine)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    engine.dispose()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.sqlite"
    path.write_text("Dear doctor, this is no database at all." * 10, encoding="utf-8")
    engine = create_store_engine(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=r"letter\.sqlite"):
        migrate(engine)
    engine.dispose()
