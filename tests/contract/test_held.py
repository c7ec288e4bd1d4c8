"""Held objects and decisions, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.rules.holds import Decide, Hold, Why
from orthanc_plugins.store import DecisionRecord, HeldRecord

if TYPE_CHECKING:
    from orthanc_plugins.store import Store

ONE, TWO = "A" * 32, "B" * 32
HELD = HeldRecord("2.25.1", "C" * 32, "1.2.3", (Hold.LABEL, Hold.TEXT), ((1, 2, 3, 4),), 2, 8, 9)
OTHER = replace(HELD, sop_instance_uid="2.25.2", content="D" * 32)
DECISION = DecisionRecord(
    HELD.sop_instance_uid,
    HELD.content,
    Decide.MASK,
    HELD.holds,
    Why.IDENTITY_COVERED,
    "ann",
    datetime(2026, 11, 30, tzinfo=UTC),
    ((5, 6, 7, 8),),
    (1, 2),
)


def test_what_is_held_is_remembered_until_something_else_is(store: Store) -> None:
    store.held.hold(ONE, [OTHER, HELD])
    store.held.hold(TWO, [HELD])
    page = store.held.page(ONE, limit=1, offset=1)
    assert (page.entries, page.total) == ((OTHER,), 2)
    assert store.held.find(ONE, "2.25.1") == HELD
    store.held.hold(ONE, [])
    assert store.held.page(ONE).total == 0
    assert store.held.find(ONE, "2.25.1") is None
    assert store.held.page(TWO).entries == (HELD,)


def test_a_decision_stands_until_it_is_revoked_or_another_takes_its_place(store: Store) -> None:
    store.held.hold(ONE, [HELD, OTHER])
    store.held.decide(ONE, DECISION)
    (kept,) = store.held.decisions(ONE)
    assert replace(kept, decided_at=DECISION.decided_at) == DECISION
    assert (kept.decided_at.second, kept.decided_at.microsecond) == (0, 0)
    assert store.held.undecided(ONE) == 1
    store.held.decide(ONE, replace(DECISION, decide=Decide.LEAVE_OUT, boxes=(), frames=()))
    assert [one.decide for one in store.held.decisions(ONE)] == [Decide.LEAVE_OUT]
    assert store.held.revoke(ONE, HELD.sop_instance_uid)
    assert not store.held.revoke(ONE, HELD.sop_instance_uid)
    assert store.held.decisions(ONE) == ()
    assert store.held.undecided(ONE) == 2
    assert store.held.decisions(TWO) == ()


def test_a_decision_of_other_content_leaves_an_object_undecided(store: Store) -> None:
    store.held.hold(ONE, [HELD])
    store.held.decide(ONE, replace(DECISION, content="E" * 32))
    assert store.held.undecided(ONE) == 1


def test_a_project_that_is_forgotten_takes_them_with_it(store: Store) -> None:
    store.releases.begin(ONE, "trial", "basic")
    store.releases.begin(TWO, "other", "basic")
    for release_id in (ONE, TWO):
        store.held.hold(release_id, [HELD])
        store.held.decide(release_id, DECISION)
    store.releases.forget_project("trial")
    assert (store.held.page(ONE).total, store.held.decisions(ONE)) == (0, ())
    assert (store.held.page(TWO).total, len(store.held.decisions(TWO))) == (1, 1)


def test_how_many_objects_releases_wait_for_is_counted(store: Store) -> None:
    store.held.hold(ONE, [HELD, OTHER])
    assert store.held.counts([ONE, TWO]) == {ONE: 2}
