"""Code strings: terms stay, names and numbers in their place do not."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.standard.code_strings import code_strings, is_term
from orthanc_plugins.deid.text.vocabulary import WORDS
from tests.builders.writing import Element
from tests.unit.deid.objects import new_dataset


@pytest.mark.parametrize(
    "term",
    [
        "ORIGINAL",
        "CT",
        "RTSTRUCT",
        "YBR_FULL_422",
        "CLOSED_PLANAR",
        "M_SE",
        "DIS2D",
        "ISO_10918_1",
        "CHEST",
        "T1",
    ],
)
def test_a_term_stays(term: str) -> None:
    assert is_term(term, WORDS)


@pytest.mark.parametrize("name", ["SMITHSON", "MUELLER JOHANN", "ACC20240117", "12345678", "ID_998877"])
def test_a_name_or_a_number_is_no_term(name: str) -> None:
    assert not is_term(name, WORDS)


def test_every_listed_term_is_a_code_string() -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")
    assert len(code_strings()) > 1900
    assert all(set(term) <= allowed and 0 < len(term) <= 16 for term in code_strings())


def test_layers_of_graphics_stay_apart_and_annotations_stay_in_theirs() -> None:
    used = tuple((Element(0x00700002, "CS", name),) for name in ("BROSIA", "QUILL", "SHUTTER"))
    listed = tuple(reversed(used))
    made = new_dataset(
        (Element(0x00700001, "SQ", used), Element(0x00700060, "SQ", listed)),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.11.1",
    )
    expected = ["DEID_LAYER_1", "DEID_LAYER_2", "SHUTTER"]
    assert [item.GraphicLayer for item in made.GraphicAnnotationSequence] == expected
    assert [item.GraphicLayer for item in made.GraphicLayerSequence] == expected[::-1]


def test_a_short_term_that_repeats_the_patients_name_goes_and_one_of_the_standard_stays() -> None:
    name = Element(0x00100010, "PN", "Karp^Axial")
    made = new_dataset(
        (name, Element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"), Element(0x00180022, "CS", "KARP"))
    )
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert "KARP" not in str(made.get("ScanOptions"))
    other = new_dataset((Element(0x00180022, "CS", "KARP"),))
    assert other.ScanOptions == "KARP"
