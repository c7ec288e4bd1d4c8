"""What DCM4CHEE holds once for a whole study is changed there for all instances, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orthanc_plugins.errors import RepairError
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.sync.actions import ActionKind, Keep
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.settle import operations
from orthanc_plugins.sync.strategies import Moments
from tests.unit.sync.planned import BOTH, DCM4CHEE, ORTHANC, differs, entry, planned
from tests.unit.sync.simulated import NOON

STUDY_ID: dict[str, Any] = {"tag": "00200010", "keyword": "StudyID"}
HELD_ONCE = frozenset({"StudyID"})


def test_what_dcm4chee_holds_once_is_not_changed_there_for_some_instances() -> None:
    for strategy in ("prefer_orthanc", "manual"):
        plan = planned(*(differs(uid=uid, **STUDY_ID) for uid in "12"), held_once=HELD_ONCE, default=strategy)
        (action,) = plan.actions
        assert (action.kind, action.options) == (ActionKind.MANUAL, (Keep.DCM4CHEE, Keep.LEAVE))
        assert "DCM4CHEE holds StudyID once for the whole study" in action.reason
        assert "it differs so in 2 of the 3 instances there" in action.reason
        assert action.caution == ""
        with pytest.raises(RepairError, match="only: dcm4chee, leave"):
            operations(plan, {1: Keep.ORTHANC})
        assert {one.target for one in operations(plan, {1: Keep.DCM4CHEE})} == {ORTHANC}


def test_what_is_blocked_of_an_instance_does_not_hinder_the_rest_of_it() -> None:
    thickness = differs(tag="00180050", keyword="SliceThickness")
    plan = planned(differs(**STUDY_ID), thickness, held_once=HELD_ONCE, default="prefer_orthanc")
    assert [(one.kind, one.attributes[0].keyword) for one in plan.actions] == [
        (ActionKind.UPDATE, "SliceThickness"),
        (ActionKind.MANUAL, "StudyID"),
    ]


def test_what_dcm4chee_holds_once_is_changed_where_all_its_instances_get_the_same() -> None:
    shared = differs(uid=None, **STUDY_ID)
    plan = planned(shared, held_once=HELD_ONCE, default="prefer_orthanc")
    assert [(one.kind, one.target, one.caution) for one in plan.actions] == [
        (ActionKind.UPDATE, DCM4CHEE, "")
    ] * 3
    asked = planned(shared, held_once=HELD_ONCE)
    assert asked.actions[0].options == (Keep.ORTHANC, Keep.DCM4CHEE, Keep.LEAVE)
    apart = [differs(uid="1", **STUDY_ID), *(differs(uid=uid, left="C", **STUDY_ID) for uid in "23")]
    for differences, right in (([shared], [*BOTH, entry("4")]), (apart, BOTH)):
        lacking = [differs(DifferenceClass.MISSING_LEFT, None, None, uid="4")] if right != BOTH else []
        partly = planned(*differences, *lacking, right=right, held_once=HELD_ONCE, default="prefer_orthanc")
        assert {one.kind for one in partly.actions} <= {ActionKind.MANUAL, ActionKind.COPY}


def test_whose_study_it_is_is_not_changed_in_dcm4chee() -> None:
    shared = differs(uid=None, tag="00100020", keyword="PatientID")
    (action,) = planned(shared, held_once=HELD_ONCE, default="prefer_orthanc").actions
    assert (action.kind, action.options) == (ActionKind.MANUAL, (Keep.DCM4CHEE, Keep.LEAVE))
    assert "move the study to its patient there" in action.reason
    right = planned(shared, held_once=HELD_ONCE, default="prefer_dcm4chee").actions
    assert {(one.kind, one.target) for one in right} == {(ActionKind.UPDATE, ORTHANC)}


def test_what_the_copies_prove_of_some_instances_only_is_not_changed_in_all() -> None:
    moments = {
        SopInstanceUid("1"): {
            ORTHANC: Moments(created=NOON + timedelta(days=1)),
            DCM4CHEE: Moments(created=NOON),
        }
    }
    plan = planned(differs(uid=None, **STUDY_ID), moments=moments, held_once=HELD_ONCE, default="newest")
    assert {one.kind for one in plan.actions} == {ActionKind.MANUAL}
    assert all(Keep.ORTHANC not in one.options for one in plan.actions)
