"""Elements in sequences, and instances that are replaced whole."""

from __future__ import annotations

import pytest

from orthanc_plugins.sync.actions import (
    ActionKind,
    Keep,
)
from orthanc_plugins.sync.settle import (
    Effect,
    operations,
)
from tests.unit.sync.planned import DCM4CHEE, ORTHANC, PIXEL, differs, planned

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
