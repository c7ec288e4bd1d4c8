"""What is remembered of repairs, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import RepairNotFound
from orthanc_plugins.identifiers import JobId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import (
    ActionRecord,
    ActionState,
    ChangeRecord,
    ChangeState,
    RepairRecord,
    Repairs,
    RepairState,
    Store,
    create_store_engine,
    migrate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDY, JOB = StudyUid("1.2.3"), JobId("plan-repair.a")


@pytest.fixture
def repairs(database: str) -> Iterator[Repairs]:
    engine = create_store_engine(database)
    migrate(engine)
    store = Store(engine)
    yield store.repairs
    store.close()


def action(ordinal: int, state: ActionState, repair_id: str = "a", kind: str = "update") -> ActionRecord:
    return ActionRecord(
        repair_id=repair_id,
        ordinal=ordinal,
        kind=kind,
        archive="orthanc",
        series_uid=SeriesUid("1.2.3.4"),
        sop_instance_uid=SopInstanceUid(f"1.2.3.4.{ordinal}"),
        instances=1,
        tags="00100010 00100040",
        state=state,
    )


ACTIONS = (
    action(1, ActionState.PLANNED),
    action(2, ActionState.MANUAL, kind="manual"),
    action(3, ActionState.MANUAL, kind="manual"),
    action(4, ActionState.LEFT, kind="leave"),
)


def planned(repairs: Repairs, repair_id: str = "a", study: StudyUid = STUDY) -> RepairRecord:
    repairs.request(repair_id, study, "{}", JOB, "admin")
    actions = [replace(one, repair_id=repair_id) for one in ACTIONS]
    return repairs.planned(repair_id, "digest", actions, instances=1, size_bytes=2**40)


def change(operation: str, *, effect: str = "edit") -> ChangeRecord:
    return ChangeRecord(
        "a",
        operation,
        effect,
        "orthanc",
        SeriesUid("1.2.3.4"),
        SopInstanceUid("1.2.3.4.1"),
        "f" * 64,
        "e" * 64,
    )


def test_a_repair_is_asked_for_once_and_planned(repairs: Repairs) -> None:
    first = repairs.request("a", STUDY, '{"default": "manual"}', JOB, "admin")
    assert (first.state, first.plan_digest, first.actions) == (RepairState.PLANNING, "", 0)
    assert repairs.request("a", STUDY, "{}", JobId("other"), "someone") == first
    record = planned(repairs)
    assert (record.state, record.actions, record.open_decisions) == (RepairState.PLANNED, 4, 2)
    assert record.changes_bytes == 2**40
    assert record.planned_at is not None
    assert repairs.actions("a") == list(ACTIONS)
    assert repairs.actions("a", [2, 4, 9]) == [ACTIONS[1], ACTIONS[3]]


def test_planned_again_the_newer_plan_counts_until_it_is_applied(repairs: Repairs) -> None:
    planned(repairs)
    again = repairs.planned("a", "newer", ACTIONS[:1], instances=0, size_bytes=0)
    assert (again.plan_digest, again.actions, again.open_decisions) == ("newer", 1, 0)
    assert repairs.begin("a", RepairState.APPLYING, JOB, "admin", among=[RepairState.PLANNED])
    assert repairs.planned("a", "too late", ACTIONS, instances=0, size_bytes=0).plan_digest == "newer"
    assert len(repairs.actions("a")) == 1


def test_only_one_begins_to_apply(repairs: Repairs) -> None:
    planned(repairs)
    begun: list[bool] = []

    def begin(number: int) -> None:
        job = JobId(f"repair-study.a.{number}")
        begun.append(repairs.begin("a", RepairState.APPLYING, job, "admin", among=[RepairState.PLANNED]))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(begun) == [False, False, False, True]
    record = repairs.repair("a")
    assert (record.state, record.applied_by) == (RepairState.APPLYING, "admin")
    assert record.applied_at is not None


def test_how_it_ended_is_told_until_it_begins_again(repairs: Repairs) -> None:
    planned(repairs)
    repairs.note("a", [1], ActionState.FAILED, "DCM4CHEE keeps its first copy: set dcmOverwritePolicy.")
    ended = repairs.end("a", RepairState.FAILED, ("ArchiveRefused", "It was refused."))
    assert (ended.failed, ended.done, ended.error_name) == (1, 0, "ArchiveRefused")
    assert ended.ended_at is not None
    assert repairs.begin("a", RepairState.APPLYING, JOB, "admin", among=[RepairState.FAILED])
    again = repairs.repair("a")
    assert (again.error_name, again.error_message, again.ended_at) == (None, None, None)
    repairs.note("a", [1], ActionState.DONE)
    assert repairs.end("a", RepairState.VERIFIED).done == 1
    assert repairs.actions("a")[0].detail == ""


def test_people_decide_until_it_is_done(repairs: Repairs) -> None:
    planned(repairs)
    assert repairs.decide("a", 2, "orthanc", "admin")
    assert repairs.decide("a", 2, "leave", "physicist")
    decided = repairs.actions("a")[1]
    assert (decided.state, decided.keep, decided.decided_by) == (ActionState.DECIDED, "leave", "physicist")
    assert decided.decided_at is not None
    assert repairs.repair("a").open_decisions == 1
    assert not repairs.decide("a", 1, "orthanc", "admin")
    assert not repairs.decide("a", 9, "orthanc", "admin")
    repairs.note("a", [2], ActionState.DONE)
    assert not repairs.decide("a", 2, "orthanc", "admin")


@pytest.mark.parametrize("state", [RepairState.APPLYING, RepairState.UNDOING])
def test_nobody_decides_while_a_worker_has_it(repairs: Repairs, state: RepairState) -> None:
    planned(repairs)
    repairs.begin("a", state, JOB, "admin", among=[RepairState.PLANNED])
    assert not repairs.decide("a", 2, "orthanc", "admin")
    assert repairs.open_decisions().total == 0


def test_open_decisions_of_all_repairs_are_listed(repairs: Repairs) -> None:
    planned(repairs)
    planned(repairs, "b", StudyUid("1.2.4"))
    repairs.decide("b", 3, "orthanc", "admin")
    found = repairs.open_decisions()
    assert [(one.repair_id, one.ordinal) for one in found.entries] == [("b", 2), ("a", 2), ("a", 3)]
    assert found.total == 3
    page = repairs.open_decisions(limit=1, offset=1)
    assert ([one.repair_id for one in page.entries], page.total) == (["a"], 3)
    repairs.end("a", RepairState.UNDONE)
    assert repairs.open_decisions().total == 1


def test_repairs_are_listed_newest_first(repairs: Repairs) -> None:
    planned(repairs)
    planned(repairs, "b", StudyUid("1.2.4"))
    repairs.request("c", STUDY, "{}", JOB, "admin")
    assert [one.repair_id for one in repairs.repairs().entries] == ["c", "b", "a"]
    assert [one.repair_id for one in repairs.repairs(study_uid=STUDY).entries] == ["c", "a"]
    assert [one.repair_id for one in repairs.repairs(state=RepairState.PLANNED).entries] == ["b", "a"]
    assert repairs.repairs(limit=1, offset=1).total == 3


def test_changes_are_remembered_once_in_their_order(repairs: Repairs) -> None:
    planned(repairs)
    repairs.keep([change("copy:1", effect="copy"), change("copy:2", effect="copy")])
    repairs.keep([change("edit:1")])
    repairs.change_became("a", ["edit:1"], ChangeState.CHANGED)
    repairs.keep([replace(change("edit:1"), former="0" * 64)])
    found = repairs.changes("a")
    assert [(one.operation, one.state) for one in found] == [
        ("copy:1", ChangeState.KEPT),
        ("copy:2", ChangeState.KEPT),
        ("edit:1", ChangeState.CHANGED),
    ]
    assert found[2] == replace(change("edit:1"), state=ChangeState.CHANGED)
    assert repairs.changes("a", "edit:1") == found[2:]
    assert repairs.changes("a", "edit:2") == []
    assert repairs.changes("b") == []


def test_many_actions_are_remembered(repairs: Repairs) -> None:
    repairs.request("a", STUDY, "{}", JOB, "admin")
    many = [action(number, ActionState.PLANNED) for number in range(1, 2501)]
    assert repairs.planned("a", "digest", many, instances=2500, size_bytes=1).actions == 2500
    repairs.note("a", range(1, 2501), ActionState.DONE)
    assert repairs.repair("a").done == 2500


def test_a_repair_that_is_not_there_is_told(repairs: Repairs) -> None:
    for ask in (
        lambda: repairs.repair("x"),
        lambda: repairs.planned("x", "", [], instances=0, size_bytes=0),
        lambda: repairs.decide("x", 1, "both", ""),
        lambda: repairs.begin("x", RepairState.APPLYING, JOB, "", among=list(RepairState)),
        lambda: repairs.end("x", RepairState.FAILED),
    ):
        with pytest.raises(RepairNotFound):
            ask()


def test_old_repairs_are_struck_out_with_all_that_is_theirs(repairs: Repairs) -> None:
    for repair_id in ("a", "b", "c"):
        repairs.request(repair_id, STUDY, "{}", JOB, "somebody")
        repairs.planned(
            repair_id, "digest", [action(1, ActionState.PLANNED, repair_id)], instances=1, size_bytes=1
        )
    repairs.keep([change("1")])
    for repair_id in ("b", "c"):
        repairs.begin(repair_id, RepairState.APPLYING, JOB, "somebody", among=[RepairState.PLANNED])
    repairs.end("c", RepairState.VERIFIED)
    ended = repairs.repair("c").ended_at
    assert ended is not None
    assert repairs.active_since(ended) == {"b", "c"}
    assert repairs.forget(ended) == 1
    assert {one.repair_id for one in repairs.repairs().entries} == {"b", "c"}
    assert (repairs.actions("a"), repairs.changes("a")) == ([], [])
    assert len(repairs.actions("b")) == 1
