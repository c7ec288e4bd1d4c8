"""Heads are flagged or refused; surfaces of structure sets are known by type and by name."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from orthanc_plugins.deid.pixels.faces import (
    Deface,
    FaceReason,
    face_risk,
    settle_faces,
    surface_regions,
    without_contours,
)
from orthanc_plugins.errors import HeldForReview
from tests.unit.deid.pixels.pictures import slice_of_ct

CHEST = {"BodyPartExamined": "CHEST"}


def item(**said: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    return dataset


def structure_set(names: dict[int, str], types: dict[int, str]) -> Dataset:
    return item(
        StructureSetROISequence=Sequence([item(ROINumber=n, ROIName=name) for n, name in names.items()]),
        RTROIObservationsSequence=Sequence(
            [item(ReferencedROINumber=n, RTROIInterpretedType=kind) for n, kind in types.items()]
        ),
        ROIContourSequence=Sequence(
            [
                item(ReferencedROINumber=n, ContourSequence=Sequence([item(NumberOfContourPoints=1)]))
                for n in names
            ]
        ),
    )


def test_a_chest_shows_no_face() -> None:
    assert face_risk(slice_of_ct(**CHEST)) == ()


@pytest.mark.parametrize("part", ["HEAD", "BRAIN", "HEADNECK", "WHOLEBODY", "SKULL"])
def test_a_part_with_a_head_may(part: str) -> None:
    assert face_risk(slice_of_ct(BodyPartExamined=part)) == (FaceReason.PART,)


@pytest.mark.parametrize("groups", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
@pytest.mark.parametrize(("code", "reasons"), [("69536005", (FaceReason.PART,)), ("51185008", ())])
def test_regions_of_frames_count(groups: str, code: str, reasons: tuple[FaceReason, ...]) -> None:
    coded = Sequence([item(CodeValue=code, CodingSchemeDesignator="SCT")])
    anatomy = Sequence([item(AnatomicRegionSequence=coded)])
    said = {groups: Sequence([item(), item(FrameAnatomySequence=anatomy)])}
    assert face_risk(slice_of_ct(**said)) == reasons


def test_a_coded_region_with_a_head_may() -> None:
    coded = Sequence([item(CodeValue="69536005", CodingSchemeDesignator="SCT")])
    assert face_risk(slice_of_ct(AnatomicRegionSequence=coded)) == (FaceReason.PART,)


@pytest.mark.parametrize("words", ["H&N planning", "Schädel nativ", "TÊTE", "cMRT Kopf", "whole-body PET"])
def test_words_of_a_head_are_understood(words: str) -> None:
    assert face_risk(slice_of_ct(**CHEST, SeriesDescription=words)) == (FaceReason.WORDS,)


def test_a_volume_of_an_unknown_part_may_have_a_head() -> None:
    assert face_risk(slice_of_ct()) == (FaceReason.UNKNOWN_PART,)


def test_a_dose_has_no_face() -> None:
    assert face_risk(slice_of_ct(Modality="RTDOSE")) == ()


def test_a_profile_refuses_or_flags_faces() -> None:
    dataset = slice_of_ct(BodyPartExamined="HEAD", PatientName="Zacharias")
    assert settle_faces(dataset, Deface.FLAG) == (FaceReason.PART,)
    with pytest.raises(HeldForReview, match="not removed here") as held:
        settle_faces(dataset, Deface.REFUSE)
    assert "Zacharias" not in str(held.value)


def test_surfaces_are_known_by_type_or_name() -> None:
    names = {
        1: "BODY",
        2: "Heart",
        3: "zz",
        4: "Außenkontur",
        5: "z_Skin+5mm",
        6: "Outer Contour",
        7: "Brainstem",
    }
    assert surface_regions(structure_set(names, {2: "ORGAN", 3: "EXTERNAL"})) == (1, 3, 4, 5, 6)


def test_only_the_contours_of_surfaces_are_taken() -> None:
    original = structure_set({1: "BODY", 2: "Heart"}, {})
    result = without_contours(original, {1})
    assert ["ContourSequence" in one for one in result.ROIContourSequence] == [False, True]
    assert [one.ROIName for one in result.StructureSetROISequence] == ["BODY", "Heart"]
    assert "ContourSequence" in original.ROIContourSequence[0]
