"""What has changed since it was last asked, the same on SQLite and PostgreSQL, from elsewhere too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from orthanc_plugins.identifiers import JobId, OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import JobState
from orthanc_plugins.store import (
    LEFT,
    ReleaseState,
    ResultRecord,
    Store,
    StructureSubject,
    SyncRun,
    TransferState,
    create_store_engine,
)
from tests.contract.holdings import NOW, SECOND, STUDY, holding
from tests.contract.ledger import request as transfer_request
from tests.contract.queue_rigs import request as job_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.queue_rigs import Rig

SUBJECT = StructureSubject(StudyUid("1.2"), SeriesUid("1.3"), SopInstanceUid("1.4"), OrthancId("a"))


def _publish(store: Store) -> None:
    store.publish_result(ResultRecord(SUBJECT, JobId("j"), "f", 1, 0, NOW))


def _deliver(store: Store) -> None:
    store.releases.begin("A" * 32, "trial", "basic")
    store.releases.note("A" * 32, ReleaseState.HELD)


CHANGES: dict[str, tuple[Callable[[Store], object], set[str]]] = {
    "a phase begins": (lambda store: store.begin_phase(JobId("j"), 0, "read"), {"jobs", "events"}),
    "a transfer is asked for": (
        lambda store: store.transfers.request(transfer_request()),
        {"transfers", "events"},
    ),
    "a study appears": (
        lambda store: store.inventory.put(LEFT, [holding(STUDY, 1)], SECOND),
        {"inventory", "events"},
    ),
    "a round begins": (
        lambda store: store.inventory.begin_run(SyncRun("a", "schedule", NOW)),
        {"inventory", "events"},
    ),
    "results are made": (_publish, {"results", "events"}),
    "a release is held": (_deliver, {"releases", "events"}),
    "a worker starts": (lambda store: store.heartbeat("one", 1, NOW), {"events"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_the_tokens_of_its_topics_alone(store: Store, database: str, change: str) -> None:
    elsewhere = Store(create_store_engine(database))
    before = elsewhere.pulse.tokens()
    assert store.pulse.tokens() == before
    make, topics = CHANGES[change]
    make(store)
    after = elsewhere.pulse.tokens()
    elsewhere.close()
    assert {topic for topic, token in after.items() if token != before[topic]} == topics


def test_a_transfer_among_many_is_seen_to_end(store: Store) -> None:
    for number in range(50):
        store.transfers.request(transfer_request(f"t{number}"))
    for number in (0, 25):
        before = store.pulse.tokens()["transfers"]
        store.transfers.end(f"t{number}", TransferState.CANCELLED)
        assert store.pulse.tokens()["transfers"] != before


def test_a_sign_of_life_changes_nothing(store: Store) -> None:
    store.heartbeat("one", 1, NOW)
    before = store.pulse.tokens()
    store.heartbeat("one", 1, NOW)
    assert store.pulse.tokens() == before


def test_an_old_result_written_late_is_seen(store: Store) -> None:
    """Another process began its transaction earlier and ended it after what is newest by its time."""
    _publish(store)
    before = store.pulse.tokens()["results"]
    late = StructureSubject(StudyUid("1.2"), SeriesUid("1.3"), SopInstanceUid("1.5"), OrthancId("b"))
    store.publish_result(ResultRecord(late, JobId("k"), "g", 1, 0, NOW - timedelta(seconds=1)))
    assert store.pulse.tokens()["results"] != before


def test_few_rows_are_read_whatever_the_lists_hold(database: str, store: Store) -> None:
    store.inventory.put(LEFT, [holding(f"1.{number}", 1) for number in range(500)], SECOND)
    engine = create_store_engine(database)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    store_again = Store(engine)
    store_again.pulse.tokens()
    store_again.close()
    unlimited = [text for text in statements if "FROM" in text and "LIMIT" not in text]
    assert [text.split("FROM")[1].split()[0] for text in unlimited if "archive_positions" not in text] == [
        "workers"
    ]


def test_a_job_that_is_asked_for_and_ends_changes_the_revision(rig: Rig) -> None:
    before = rig.queue.revision()
    assert rig.queue.revision() == before
    job_id = rig.queue.submit(job_request("ok"))
    asked = rig.queue.revision()
    rig.work(job_id, until=JobState.SUCCEEDED)
    ended = rig.queue.revision()
    assert len({before, asked, ended}) == 3
