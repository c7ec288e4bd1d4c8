"""A plan of what to repair: what is copied, changed, left alone, and left to a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import RepairError
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.rules.repair import RepairPolicy, Strategy
from orthanc_plugins.sync.actions import (
    ActionKind,
    AttributeValues,
    Keep,
)
from orthanc_plugins.sync.differences import Difference, DifferenceClass
from orthanc_plugins.sync.plan import Known, make_plan
from orthanc_plugins.sync.settle import (
    Effect,
    operations,
)
from orthanc_plugins.sync.strategies import Moments
from tests.unit.sync.planned import (
    BOTH,
    DCM4CHEE,
    METADATA,
    MISSING_RIGHT,
    ORTHANC,
    PIXEL,
    compared,
    differs,
    entry,
    planned,
)
from tests.unit.sync.simulated import NOON, STUDY

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import InstanceEntry


# Missing instances


def test_images_are_copied_before_what_refers_to_them() -> None:
    left = [
        entry("5", "1.2.3.1", "RTDOSE"),
        entry("4", "1.2.3.2", "RTSTRUCT"),
        entry("6", "1.2.3.4", "RTPLAN"),
        entry("2", "1.2.3.8"),
        entry("1", "1.2.3.8"),
    ]
    plan = planned(differs(MISSING_RIGHT, None, None, uid=None), left=left, right=[])
    assert [action.modality for action in plan.actions] == ["CT", "RTSTRUCT", "RTPLAN", "RTDOSE"]
    first = plan.actions[0]
    assert (first.kind, first.target, first.size_bytes) == (ActionKind.COPY, DCM4CHEE, 2000)
    assert [one.sop_instance_uid for one in first.instances] == ["1", "2"]
    assert [action.ordinal for action in plan.actions] == [1, 2, 3, 4]
    assert plan.totals[ActionKind.COPY].size_bytes == 5000


def test_sizes_that_are_not_told_make_no_total_up() -> None:
    left = [*BOTH, entry("4", size=None)]
    plan = planned(differs(MISSING_RIGHT, None, None, uid="4"), left=left)
    assert plan.actions[0].size_bytes is None
    assert plan.totals[ActionKind.COPY].unknown_sizes == 1


@pytest.mark.parametrize("buried", ["4", "1.2.3.9", str(STUDY)])
def test_what_was_deleted_on_purpose_is_blocked(buried: str) -> None:
    why = "DCM4CHEE rejected it."
    plan = planned(
        differs(MISSING_RIGHT, None, None, uid="4"),
        left=[*BOTH, entry("4")],
        tombstones={DCM4CHEE: {buried: why}, ORTHANC: {"1": "It was deleted."}},
    )
    (action,) = plan.actions
    assert (action.kind, action.target, action.reason) == (ActionKind.BLOCKED, None, why)
    assert operations(plan, {}) == ()


@pytest.mark.parametrize(
    ("policy", "kind"),
    [
        ({"deleted": "copy"}, ActionKind.COPY),
        ({"deleted": "manual"}, ActionKind.MANUAL),
        ({"deleted": "copy", "missing": "manual"}, ActionKind.MANUAL),
        ({"deleted": "block", "missing": "manual"}, ActionKind.BLOCKED),
    ],
)
def test_whoever_wants_back_what_was_deleted_on_purpose_says_so(
    policy: dict[str, Any], kind: ActionKind
) -> None:
    (action,) = planned(
        differs(MISSING_RIGHT, None, None, uid="4"),
        left=[*BOTH, entry("4")],
        tombstones={DCM4CHEE: {"4": "DCM4CHEE rejected it."}},
        **policy,
    ).actions
    assert action.kind is kind
    assert action.reason.startswith("DCM4CHEE rejected it.")
    assert (Keep.COPY in action.options) is (kind is ActionKind.MANUAL)


def test_only_the_buried_part_of_a_series_is_blocked() -> None:
    plan = planned(
        differs(MISSING_RIGHT, None, None, uid=None),
        left=BOTH,
        right=[],
        tombstones={DCM4CHEE: {"2": "DCM4CHEE rejected it."}},
    )
    assert [(one.kind, len(one.instances)) for one in plan.actions] == [
        (ActionKind.COPY, 2),
        (ActionKind.BLOCKED, 1),
    ]


def test_a_person_may_be_asked_before_anything_is_copied() -> None:
    plan = planned(differs(MISSING_RIGHT, None, None, uid="4"), left=[*BOTH, entry("4")], missing="manual")
    (action,) = plan.actions
    assert (action.kind, action.options) == (ActionKind.MANUAL, (Keep.COPY, Keep.LEAVE))
    (copy,) = operations(plan, {1: Keep.COPY})
    assert (copy.effect, copy.target) == (Effect.COPY, DCM4CHEE)
    assert operations(plan, {1: Keep.LEAVE}) == ()


@pytest.mark.parametrize("left", [BOTH, [*BOTH, entry("4"), entry("5")]])
def test_what_archives_list_must_be_what_was_compared(left: list[InstanceEntry]) -> None:
    with pytest.raises(RepairError, match="compare the study again"):
        planned(differs(MISSING_RIGHT, None, None, uid="4"), left=left)


def test_a_comparison_that_did_not_look_into_the_files_makes_no_plan() -> None:
    with pytest.raises(RepairError, match="by content"):
        make_plan(compared(depth="instance"), RepairPolicy(), Known({}), made_at=NOON)


# Attributes


def test_attributes_of_one_instance_are_changed_in_one_action_for_each_archive() -> None:
    plan = planned(
        differs(),
        differs(tag="00100040", keyword="PatientSex"),
        differs(tag="00080020", keyword="StudyDate", left=None),
        default="prefer_dcm4chee",
        attributes={"PatientSex": "prefer_orthanc"},
    )
    to_orthanc, to_dcm4chee = sorted(plan.actions, key=lambda one: one.target or "", reverse=True)
    assert [one.keyword for one in to_orthanc.attributes] == ["StudyDate", "PatientName"]
    assert (to_orthanc.target, to_orthanc.size_bytes) == (ORTHANC, 1000)
    assert to_orthanc.attributes[1] == AttributeValues("00100010", "PatientName", "A", "B")
    assert [one.keyword for one in to_dcm4chee.attributes] == ["PatientSex"]


def test_what_dcm4chee_holds_once_for_all_studies_of_a_patient_is_said() -> None:
    told = "DCM4CHEE holds PatientName once for all studies of the patient: it changes in all of them."
    for strategy, said in (("prefer_orthanc", told), ("prefer_dcm4chee", ""), ("manual", "With `orthanc`: ")):
        (action,) = planned(differs(), default=strategy).actions
        assert action.caution.startswith(said)
        assert (told in action.caution) is bool(said)
    (other,) = planned(differs(tag="00180050", keyword="SliceThickness"), default="prefer_orthanc").actions
    assert told not in other.caution


def test_that_dcm4chee_may_keep_its_own_instance_is_said_before() -> None:
    thickness = differs(tag="00180050", keyword="SliceThickness")
    pixel = differs(PIXEL, "7FE00010", "PixelData")
    to_dcm4chee: tuple[tuple[Difference, dict[str, Any]], ...] = (
        (thickness, {"default": "prefer_orthanc"}),
        (pixel, {"pixel": "prefer_orthanc"}),
    )
    for difference, policy in to_dcm4chee:
        (action,) = planned(difference, **policy).actions
        assert action.caution.startswith("DCM4CHEE takes it only if its dcmOverwritePolicy lets it.")
        (asked,) = planned(difference).actions
        assert asked.caution == f"With `orthanc`: {action.caution}"
    both = planned(thickness, pixel, default="prefer_dcm4chee", pixel="prefer_dcm4chee").actions
    assert [(one.target, one.caution) for one in both] == [(ORTHANC, ""), (ORTHANC, "")]


def test_what_differs_alike_in_many_instances_is_asked_once() -> None:
    plan = planned(
        *(differs(uid=uid) for uid in "123"), differs(uid="2", tag="00100040", keyword="PatientSex")
    )
    assert [len(action.instances) for action in plan.actions] == [3, 1]
    name = plan.actions[0]
    assert name.options == (Keep.ORTHANC, Keep.DCM4CHEE, Keep.LEAVE)
    done = operations(plan, {name.ordinal: Keep.ORTHANC})
    assert [(one.effect, one.target, one.paths) for one in done] == [
        (Effect.EDIT, DCM4CHEE, ("00100010",))
    ] * 3


def test_a_decision_joins_what_is_done_to_the_same_instance_anyway() -> None:
    plan = planned(
        differs(),
        differs(tag="00100040", keyword="PatientSex"),
        attributes={"PatientSex": "prefer_orthanc"},
    )
    (one,) = operations(plan, {2: Keep.ORTHANC})
    assert (one.paths, one.ordinals) == (("00100010", "00100040"), (1, 2))


@pytest.mark.parametrize(
    ("tag", "keyword", "value", "told"),
    [
        ("00200052", "FrameOfReferenceUID", "1.2.840.1", "never rewritten"),
        ("00081140[0].00081160", "ReferencedFrameNumber", "1", "never rewritten"),
        ("0029[ACME]10", None, "1.2.840.10008.1.2.1", "never rewritten"),
        ("00080005", "SpecificCharacterSet", "ISO_IR 100", "coded"),
    ],
)
def test_identities_and_codings_are_left_whatever_the_policy(
    tag: str, keyword: str | None, value: str, told: str
) -> None:
    for strategy in Strategy:
        (action,) = planned(differs(METADATA, tag, keyword, value), default=strategy).actions
        assert (action.kind, action.options) == (ActionKind.LEAVE, ())
        assert told in action.reason


def test_an_attribute_of_the_study_is_one_of_all_its_instances() -> None:
    plan = planned(differs(uid=None), default="prefer_orthanc", right=[*BOTH[:2]], left=BOTH[:2])
    assert [one.instances[0].sop_instance_uid for one in plan.actions] == ["1", "2"]


def test_an_element_nobody_can_find_again_is_for_a_person_in_the_archive() -> None:
    (action,) = planned(differs(tag="nonsense"), default="prefer_orthanc").actions
    assert (action.kind, action.options, action.attributes) == (ActionKind.MANUAL, (Keep.LEAVE,), ())


@pytest.mark.parametrize(
    ("coerced", "kind"),
    [("leave", ActionKind.LEAVE), ("manual", ActionKind.MANUAL), ("prefer_orthanc", ActionKind.UPDATE)],
)
def test_what_an_archive_changed_by_its_rules_has_a_strategy_of_its_own(
    coerced: str, kind: ActionKind
) -> None:
    plan = planned(differs(DifferenceClass.COERCED), default="prefer_dcm4chee", coerced=coerced)
    assert [action.kind for action in plan.actions] == [kind]


def test_pixels_that_are_only_coded_otherwise_are_left() -> None:
    plan = planned(differs(DifferenceClass.TRANSFER_SYNTAX_ONLY, None, None), pixel="prefer_orthanc")
    assert [(one.kind, one.difference) for one in plan.actions] == [
        (ActionKind.LEAVE, DifferenceClass.TRANSFER_SYNTAX_ONLY)
    ]


def test_a_count_is_to_be_looked_into() -> None:
    (action,) = planned(differs(DifferenceClass.COUNT, None, None, uid=None)).actions
    assert (action.kind, action.options, action.instances) == (ActionKind.MANUAL, (Keep.LEAVE,), ())


def test_the_newest_is_told_by_the_copies() -> None:
    moments = {
        SopInstanceUid("1"): {
            ORTHANC: Moments(created=NOON),
            DCM4CHEE: Moments(created=NOON + timedelta(days=1)),
        }
    }
    plan = planned(differs(), differs(uid="2"), default="newest", moments=moments)
    assert [(action.kind, action.target) for action in plan.actions] == [
        (ActionKind.UPDATE, ORTHANC),
        (ActionKind.MANUAL, None),
    ]


# Decisions


@pytest.mark.parametrize("keep", [Keep.DCM4CHEE])
def test_a_decision_there_is_no_choice_of_is_refused(keep: Keep) -> None:
    plan = planned(differs(MISSING_RIGHT, None, None, uid="4"), left=[*BOTH, entry("4")], missing="manual")
    with pytest.raises(RepairError, match="only: copy, leave"):
        operations(plan, {1: keep})
