"""Names of regions in a structure set under Clean Descriptors (PS3.3 C.8.8.5)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.profile import AttributeException, Profile
from tests.builders.writing import BIG_ENDIAN, EXPLICIT, IMPLICIT, Element, Writing
from tests.unit.deid.objects import SEGMENTATION, STRUCTURE_SET, new_dataset

PATIENT_NAME = Element(0x00100010, "PN", "Oberhuber^Anna")


def names(*regions: tuple[int | str, str, str], profile: Profile | str = "research_rt") -> list[str]:
    """Return the names that regions of number, name and type get."""
    sets = tuple(
        (Element(0x30060022, "IS", str(number)), Element(0x30060026, "LO", name))
        for number, name, _ in regions
    )
    observations = tuple(
        (Element(0x30060084, "IS", str(number)), Element(0x300600A4, "CS", kind))
        for number, _, kind in regions
    )
    made = new_dataset(
        (PATIENT_NAME, Element(0x30060020, "SQ", sets), Element(0x30060080, "SQ", observations)),
        profile,
        sop_class_uid=STRUCTURE_SET,
    )
    return [region.ROIName for region in made.StructureSetROISequence]


def test_names_of_anatomy_and_targets_stay() -> None:
    assert names((1, "Heart", "ORGAN"), (2, "PTV_50.4", "PTV"), (3, "Lung_L", "")) == [
        "Heart",
        "PTV_50.4",
        "Lung_L",
    ]


@pytest.mark.parametrize(
    ("number", "kind", "expected"),
    [(7, "PTV", "PTV_7"), (7, "", "ROI_7"), (12, "Oberhuber", "ROI_12"), (0, "ORGAN", "ORGAN_0")],
)
def test_a_name_of_a_person_becomes_number_and_type(number: int, kind: str, expected: str) -> None:
    assert names((number, "GTV Oberhuber", kind)) == [expected]


def test_a_new_name_never_equals_one_that_stays() -> None:
    assert names((7, "Oberhuber", "PTV"), (3, "PTV_7", "PTV")) == ["PTV_ROI_7", "PTV_7"]
    assert names((3, " PTV_7", "PTV"), (7, "Oberhuber", "PTV")) == ["PTV_7", "PTV_ROI_7"]


def test_a_known_name_that_is_the_patients_goes() -> None:
    made = new_dataset(
        (
            Element(0x00100010, "PN", "Heart^John"),
            Element(
                0x30060020, "SQ", ((Element(0x30060022, "IS", "1"), Element(0x30060026, "LO", "Heart")),)
            ),
        ),
        sop_class_uid=STRUCTURE_SET,
    )
    assert made.StructureSetROISequence[0].ROIName == "ROI_1"


@pytest.mark.parametrize("number", ["x", "", "-3", "1" * 5000])
def test_a_region_without_a_number_gets_no_name_of_its_own(number: str) -> None:
    region = (Element(0x30060022, "UN", number.encode()), Element(0x30060026, "LO", "Oberhuber"))
    made = (
        new_dataset((PATIENT_NAME, Element(0x30060020, "SQ", (region,))), sop_class_uid=STRUCTURE_SET)
        if len(number) < 100
        else None
    )
    if made is not None:
        assert made.StructureSetROISequence[0].ROIName in {"", "REMOVED"}


def test_initials_of_the_patient_go_though_they_are_words_of_planning() -> None:
    assert names((1, "NS_Ring", "")) == ["NS_Ring"]
    set_ = (Element(0x30060022, "IS", "1"), Element(0x30060026, "LO", "NS_Ring"))
    patient = Element(0x00100010, "PN", "Sandvik^Nora")
    made = new_dataset((patient, Element(0x30060020, "SQ", (set_,))), sop_class_uid=STRUCTURE_SET)
    assert made.StructureSetROISequence[0].ROIName == "ROI_1"


@pytest.mark.parametrize("profile", ["basic", "strict"])
def test_without_the_option_names_are_numbers_so_a_viewer_lists_each(profile: str) -> None:
    regions = ((1, "Heart", "ORGAN"), (2, "Oberhuber", ""), (3, "", "PTV"))
    assert names(*regions, profile=profile) == ["ORGAN_1", "ROI_2", "PTV_3"]


def segments(
    *labels: tuple[int, str], profile: str = "research_rt", writing: Writing | None = None
) -> list[str]:
    """Return the labels that segments of number and label get."""
    items = tuple(
        (
            Element(0x00620004, "US", number.to_bytes(2, "little")),
            Element(0x00620005, "LO", label),
            Element(0x00620006, "ST", "drawn by Oberhuber"),
        )
        for number, label in labels
    )
    more = (PATIENT_NAME, Element(0x00620002, "SQ", items))
    made = new_dataset(more, profile, sop_class_uid=SEGMENTATION, writing=writing)
    assert "Oberhuber" not in str(made)
    return [segment.SegmentLabel for segment in made.SegmentSequence]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_a_label_of_a_segment_that_may_not_stay_is_its_number(syntax: str) -> None:
    labels = ((1, "Liver"), (2, "Oberhuber"), (300, "Tumour of Oberhuber"))
    assert segments(*labels, writing=Writing(syntax)) == ["Liver", "Segment 2", "Segment 300"]


def test_a_new_label_never_equals_one_that_stays() -> None:
    assert segments((1, "Segment 2"), (2, "Oberhuber")) == ["Segment 2", "Segment 2.2"]


@pytest.mark.parametrize("profile", ["basic", "strict"])
def test_without_the_option_labels_of_segments_are_numbers(profile: str) -> None:
    assert segments((1, "Liver"), (2, "Oberhuber"), profile=profile) == ["Segment 1", "Segment 2"]


def test_a_profile_may_still_ask_that_names_go() -> None:
    exception = AttributeException(attribute="ROIName", action="X", reason="a study protocol")
    profile = Profile(name="of_a_test", summary="for one test", exceptions=(exception,))
    assert names((1, "Heart", "ORGAN"), profile=profile) == [""]


def test_labels_of_observations_and_segments_go_by_the_same_words() -> None:
    for text, expected in (("Heart", "Heart"), ("Oberhuber", None)):
        made = new_dataset(
            (
                PATIENT_NAME,
                Element(0x00620002, "SQ", ((Element(0x00620005, "LO", text),),)),
                Element(0x30060080, "SQ", ((Element(0x30060085, "SH", text),),)),
            )
        )
        found = (
            made.SegmentSequence[0].get("SegmentLabel"),
            made.RTROIObservationsSequence[0].get("ROIObservationLabel"),
        )
        for one in found:
            assert one == expected or (expected is None and one in {None, "", "REMOVED"})


def test_descriptions_keep_their_known_words() -> None:
    made = new_dataset(
        (
            PATIENT_NAME,
            Element(0x0008103E, "LO", "CT thorax Oberhuber"),
            Element(0x00081030, "LO", "Oberhuber"),
            Element(0x30060002, "SH", "Oberhuber"),
        ),
        sop_class_uid=STRUCTURE_SET,
    )
    assert made.SeriesDescription == "CT thorax"
    assert "StudyDescription" not in made
    assert made.StructureSetLabel == "REMOVED"
