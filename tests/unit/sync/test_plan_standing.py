"""A plan that still holds, or not; kept as JSON, and told from others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.actions import (
    Action,
    InstanceRef,
    Keep,
    RepairPlan,
    plan_digest,
)
from orthanc_plugins.sync.differences import Difference, DifferenceClass
from orthanc_plugins.sync.settle import (
    Begun,
    Effect,
    Operation,
    Seen,
    changed_since,
    not_repaired,
    operations,
)
from tests.unit.sync.planned import BOTH, DCM4CHEE, MISSING_RIGHT, ORTHANC, compared, differs, entry, planned
from tests.unit.sync.simulated import NOON, STUDY

# Later comparisons


def seen(*differences: Difference, **changes: Any) -> Seen:
    return Seen(compared(*differences, **changes), {ORTHANC: BOTH, DCM4CHEE: BOTH})


def test_a_plan_holds_while_nothing_else_differs() -> None:
    plan = planned(differs(), default="prefer_orthanc")
    first = compared(differs())
    assert changed_since(plan, first, seen(differs()), to_do=[1], begun=Begun()) is None
    for later, told in (
        (seen(), "no longer there"),
        (seen(differs(left="C")), "is new since it was planned"),
        (seen(differs(), differs(uid="2")), "is new since it was planned"),
        (seen(differs(), incomplete=("Unreadable.",)), "read"),
    ):
        assert told in (changed_since(plan, first, later, to_do=[1], begun=Begun()) or "")
    assert changed_since(plan, first, seen(), to_do=[1], begun=Begun({1})) is None


def test_what_a_repair_has_done_itself_does_not_hinder_what_is_decided_later() -> None:
    name, sex = differs(), differs(tag="00100040", keyword="PatientSex")
    lacking = differs(MISSING_RIGHT, None, None, uid="4")
    plan = planned(name, lacking, left=[*BOTH, entry("4")])
    first = compared(name, lacking)
    lists = {ORTHANC: [*BOTH, entry("4")], DCM4CHEE: [*BOTH, entry("4")]}
    copied = Begun({1}, {SopInstanceUid("4")})
    came_otherwise = Seen(compared(name, differs(uid="4")), lists)
    assert changed_since(plan, first, came_otherwise, to_do=[2], begun=copied) is None
    elsewhere = Seen(compared(name, sex, differs(uid="4")), lists)
    assert "1 difference is new" in (changed_since(plan, first, elsewhere, to_do=[2], begun=copied) or "")
    replaced = Begun({1}, {SopInstanceUid("4"), SopInstanceUid("1")})
    assert changed_since(plan, first, Seen(compared(), lists), to_do=[2], begun=replaced) is None
    assert changed_since(plan, first, Seen(compared(), lists), to_do=[2], begun=copied) is not None


def test_what_an_archive_does_with_what_it_was_sent_is_no_fault_of_the_repair() -> None:
    plan = planned(differs(), default="prefer_orthanc")
    own_rules = differs(DifferenceClass.COERCED, "00100020", "PatientID")
    assert not_repaired(plan, compared(differs()), seen(own_rules), {}) is None
    assert changed_since(plan, compared(differs()), seen(own_rules), to_do=[], begun=Begun({1})) is None
    elsewhere = replace(own_rules, sop_instance_uid=SopInstanceUid("3"))
    assert not_repaired(plan, compared(differs()), seen(elsewhere), {}) is not None
    strict = planned(differs(), default="prefer_orthanc", coerced="manual")
    assert not_repaired(strict, compared(differs()), seen(own_rules), {}) is not None
    assert changed_since(strict, compared(differs()), seen(own_rules), to_do=[], begun=Begun({1})) is None
    assert changed_since(strict, compared(differs()), seen(elsewhere), to_do=[], begun=Begun({1})) is not None


def test_it_is_the_same_difference_when_an_archive_says_since_that_it_changed_the_value() -> None:
    plan = planned(differs(), coerced="manual")
    since = differs(DifferenceClass.COERCED)
    assert not_repaired(plan, compared(differs()), seen(since), {}) is None
    assert changed_since(plan, compared(differs()), seen(since), to_do=[1], begun=Begun()) is None


def test_what_should_be_repaired_and_still_differs_is_told() -> None:
    plan = planned(
        differs(), differs(tag="00100040", keyword="PatientSex"), attributes={"PatientSex": "prefer_orthanc"}
    )
    sex = differs(tag="00100040", keyword="PatientSex")
    first = compared(differs(), sex)
    assert not_repaired(plan, first, seen(differs()), {}) is None
    assert "1 difference is there" in (not_repaired(plan, first, seen(differs(), sex), {}) or "")
    assert not_repaired(plan, first, seen(differs()), {2: Keep.DCM4CHEE}) is not None
    assert not_repaired(plan, first, seen(differs(), incomplete=("Unreadable.",)), {}) is not None


# Records


def test_a_plan_of_an_older_version_is_read() -> None:
    content = planned(differs()).to_json()
    old = {**content, "actions": [{**content["actions"][0], "options": ["orthanc", "dcm4chee", "both"]}]}
    del old["actions"][0]["caution"]
    assert RepairPlan.from_json(old).actions[0].options == (Keep.ORTHANC, Keep.DCM4CHEE, Keep.LEAVE)
    assert plan_digest(content) == planned(differs()).digest


def test_json_that_is_no_plan_is_refused() -> None:
    good = planned(differs()).to_json()
    for bad in (
        {},
        {**good, "actions": [{}]},
        {**good, "policy": {"default": "guess"}},
        {**good, "made_at": "x"},
    ):
        with pytest.raises(ValueError, match="no plan of a repair"):
            RepairPlan.from_json(bad)


def test_a_plan_is_told_from_another_but_not_by_when_it_was_made() -> None:
    plan = planned(differs())
    assert replace(plan, made_at=NOON + timedelta(hours=1)).digest == plan.digest
    assert planned(differs(left="C")).digest != plan.digest


def test_actions_are_found_by_their_number() -> None:
    plan = planned(differs())
    assert plan.action(1) == plan.actions[0]
    assert plan.action(0) is None
    assert plan.action(2) is None


def test_an_operation_names_the_instance_it_changes() -> None:
    plan = planned(differs(), default="prefer_orthanc")
    place = InstanceRef(SeriesUid("1.2.3.9"), SopInstanceUid("1"))
    assert operations(plan, {}) == (Operation(Effect.EDIT, DCM4CHEE, (place,), (1,), ("00100010",)),)
    assert isinstance(plan.actions[0], Action)
    assert plan.study_uid == StudyUid(STUDY)
