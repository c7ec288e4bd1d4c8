from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.base import ArchiveName, InstanceEntry
from orthanc_plugins.errors import RepairError
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.rules.repair import RepairPolicy, Strategy
from orthanc_plugins.sync.actions import (
    Action,
    ActionKind,
    AttributeValues,
    InstanceRef,
    Keep,
    RepairPlan,
    plan_digest,
)
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts
from orthanc_plugins.sync.plan import Known, make_plan
from orthanc_plugins.sync.settle import (
    Begun,
    Effect,
    Operation,
    Seen,
    changed_since,
    not_repaired,
    operations,
)
from orthanc_plugins.sync.strategies import Moments
from tests.unit.sync.simulated import NOON, STUDY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE
MISSING_RIGHT, METADATA, PIXEL = (
    DifferenceClass.MISSING_RIGHT,
    DifferenceClass.METADATA,
    DifferenceClass.PIXEL,
)


def entry(uid: str, series: str = "1.2.3.9", modality: str = "CT", size: int | None = 1000) -> InstanceEntry:
    return InstanceEntry(SopInstanceUid(uid), SeriesUid(series), STUDY, "1.2", modality, None, size)


def differs(
    kind: DifferenceClass = METADATA,
    tag: str | None = "00100010",
    keyword: str | None = "PatientName",
    left: str | None = "A",
    right: str | None = "B",
    uid: str | None = "1",
) -> Difference:
    series, sop = (None, None) if uid is None else (SeriesUid("1.2.3.9"), SopInstanceUid(uid))
    level = "study" if uid is None else "instance"
    return Difference(kind, level, STUDY, series, sop, tag, keyword, left, right, "It differs.")  # type: ignore[arg-type]


def compared(*differences: Difference, **changes: Any) -> Comparison:
    counts = StudyCounts(1, 3)
    return replace(Comparison(STUDY, "content", NOON, counts, counts, 3, tuple(differences)), **changes)


BOTH = [entry("1"), entry("2"), entry("3")]


def planned(
    *differences: Difference,
    left: Sequence[InstanceEntry] = BOTH,
    right: Sequence[InstanceEntry] = BOTH,
    tombstones: Mapping[ArchiveName, Mapping[str, str]] | None = None,
    moments: Mapping[SopInstanceUid, Mapping[ArchiveName, Moments]] | None = None,
    held_once: frozenset[str] = frozenset(),
    **policy: Any,
) -> RepairPlan:
    known = Known({ORTHANC: left, DCM4CHEE: right}, tombstones or {}, moments or {}, held_once=held_once)
    return make_plan(compared(*differences), RepairPolicy(**policy), known, made_at=NOON)


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


# Sequences


ITEM = differs(tag="300A00B0[2]", keyword="BeamSequence", right=None)
IN_ITEM = differs(tag="300A00B0[0].300A00C2", keyword="BeamName")


def test_elements_in_items_are_changed_by_themselves() -> None:
    (action,) = planned(IN_ITEM, default="prefer_orthanc").actions
    assert action.whole_sequences == ()
    assert operations(planned(IN_ITEM, default="prefer_orthanc"), {})[0].paths == ("300A00B0[0].300A00C2",)


def test_a_sequence_with_another_number_of_items_is_taken_over_whole() -> None:
    plan = planned(ITEM, IN_ITEM, differs(), default="prefer_orthanc")
    (action,) = plan.actions
    assert action.whole_sequences == ("300A00B0",)
    assert operations(plan, {})[0].paths == ("00100010", "300A00B0")


def test_a_sequence_whose_parts_are_not_decided_alike_is_for_a_person() -> None:
    plan = planned(ITEM, IN_ITEM, default="prefer_orthanc", attributes={"BeamName": "prefer_dcm4chee"})
    (action,) = plan.actions
    assert (action.kind, action.whole_sequences) == (ActionKind.MANUAL, ("300A00B0",))
    (one,) = operations(plan, {1: Keep.DCM4CHEE})
    assert (one.target, one.paths) == (ORTHANC, ("300A00B0",))


def test_regions_of_a_structure_set_stand_in_another_order_in_each_copy() -> None:
    """What differs in one of them is taken over with all of them, or not at all."""
    name = differs(tag="30060020[3].30060026", keyword="ROIName")
    assert operations(planned(name, default="prefer_orthanc"), {})[0].paths == ("30060020",)
    (asked,) = planned(name).actions
    assert (asked.whole_sequences, asked.options[-1]) == (("30060020",), Keep.LEAVE)


def test_a_sequence_in_which_a_uid_differs_is_not_taken_over_whole() -> None:
    uid = differs(tag="300A00B0[0].0008001A", keyword="RelatedGeneralSOPClassUID")
    (action,) = planned(ITEM, uid, default="prefer_orthanc").actions
    assert action.kind is ActionKind.LEAVE


# Pixels


def test_a_whole_instance_is_replaced_only_where_all_else_in_it_is_decided() -> None:
    pixel = differs(PIXEL, "7FE00010", "PixelData")
    decided = planned(pixel, differs(), default="prefer_dcm4chee", pixel="prefer_orthanc")
    assert [action.kind for action in decided.actions] == [ActionKind.UPDATE, ActionKind.REPLACE]
    assert [(one.effect, one.target) for one in operations(decided, {})] == [
        (Effect.EDIT, ORTHANC),
        (Effect.REPLACE, DCM4CHEE),
    ]
    undecided = planned(pixel, differs(), pixel="prefer_orthanc")
    assert [action.kind for action in undecided.actions] == [ActionKind.MANUAL, ActionKind.MANUAL]


def test_replacing_does_away_with_edits_of_the_same_copy() -> None:
    pixel = differs(PIXEL, "7FE00010", "PixelData")
    plan = planned(pixel, differs(), default="prefer_orthanc", pixel="prefer_orthanc")
    (one,) = operations(plan, {})
    assert (one.effect, one.target, one.ordinals) == (Effect.REPLACE, DCM4CHEE, (1, 2))


def test_an_instance_in_which_a_uid_differs_is_never_replaced() -> None:
    plan = planned(
        differs(PIXEL, "7FE00010", "PixelData"),
        differs(tag="00200052", keyword="FrameOfReferenceUID"),
        pixel="prefer_orthanc",
        default="prefer_orthanc",
    )
    assert {action.kind for action in plan.actions} == {ActionKind.LEAVE}


@pytest.mark.parametrize("tag", ["00280010", "00280100"])
def test_what_describes_pixels_goes_with_them(tag: str) -> None:
    plan = planned(differs(tag=tag, keyword=None), default="prefer_orthanc")
    assert [(one.kind, one.difference) for one in plan.actions] == [(ActionKind.MANUAL, PIXEL)]
    (one,) = operations(plan, {1: Keep.DCM4CHEE})
    assert (one.effect, one.target) == (Effect.REPLACE, ORTHANC)


@pytest.mark.parametrize(
    ("pixel", "kind"), [("never_overwrite", ActionKind.LEAVE), ("newest", ActionKind.MANUAL)]
)
def test_pixels_without_proof_or_leave_stay(pixel: str, kind: ActionKind) -> None:
    plan = planned(differs(PIXEL, "7FE00010", "PixelData"), pixel=pixel)
    assert [action.kind for action in plan.actions] == [kind]


# Decisions


@pytest.mark.parametrize("keep", [Keep.DCM4CHEE])
def test_a_decision_there_is_no_choice_of_is_refused(keep: Keep) -> None:
    plan = planned(differs(MISSING_RIGHT, None, None, uid="4"), left=[*BOTH, entry("4")], missing="manual")
    with pytest.raises(RepairError, match="only: copy, leave"):
        operations(plan, {1: keep})


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
