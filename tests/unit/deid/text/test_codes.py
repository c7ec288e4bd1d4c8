"""Codes and texts of structured reports that may stay."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.text import Code, allowed_code, allowed_text, cleaned_code, text_may_stay
from orthanc_plugins.deid.text.codes import meaning_of
from orthanc_plugins.deid.text.sr_text import DESCRIPTIVE_TEXTS, PRODUCT_TEXTS


def nobody(_: str) -> bool:
    return False


def everybody(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("scheme", "value", "meaning"),
    [
        ("DCM", "121071", "Finding"),
        ("SCT", "39607008", "Lung"),
        ("SRT", "T-28000", "lung"),
        ("UCUM", "mm", "mm"),
        ("99LAB", "CHEST1", "Chest"),
        ("L", "12", "Left kidney"),
        ("RADLEX", "RID999999", "Lung nodule"),
        ("RADLEX", "RPID16", "CT Chest"),
        ("I9C", "V10.11", "Lung"),
        ("I10P", "C34.10", "Lung"),
        ("ACR", "60.12", "Chest"),
        ("UBERON", "0002048", "Lung"),
        ("MDC", "2:99999", "Heart"),
    ],
)
def test_codes_stay_whose_meaning_is_the_standards_or_in_the_vocabulary(
    scheme: str, value: str, meaning: str
) -> None:
    assert allowed_code(scheme, value, meaning, nobody)


@pytest.mark.parametrize(
    ("scheme", "value", "meaning"),
    [
        ("DCM", "121071", "Finding of Smith"),
        ("DCM", "SMITH", "Finding"),
        ("99LAB", "12345678", "Chest"),
        ("99LAB", "CHEST", "Smith"),
        ("99LAB", "CHEST SMITH", "Chest"),
        ("SMITH", "1", "Chest"),
        ("L", "1961-05-03", "Chest"),
        ("", "", ""),
    ],
)
def test_others_do_not(scheme: str, value: str, meaning: str) -> None:
    assert not allowed_code(scheme, value, meaning, nobody)


def test_a_wrong_meaning_becomes_the_standards() -> None:
    assert cleaned_code("DCM", "121071", "Finding of Smith", nobody) == Code("DCM", "121071", "Finding")


def test_a_standards_own_words_repeat_nobody() -> None:
    assert cleaned_code("SCT", "39607008", "x", everybody) == Code("SCT", "39607008", "Lung structure")


def test_a_meaning_of_which_nothing_stays_is_the_value() -> None:
    assert cleaned_code("99LAB", "CH1", "Smith", nobody) == Code("99LAB", "CH1", "CH1")
    assert cleaned_code("99LAB", "CH1", "Smith chest", nobody) == Code("99LAB", "CH1", "chest")


@pytest.mark.parametrize(
    ("scheme", "value", "meaning"),
    [
        ("UCUM", "mGy.cm", "mGy.cm"),
        ("UCUM", "{beats}/min", "beats per minute"),
        ("RADLEX", "RID999999", "Lung nodule of Smith"),
    ],
)
def test_of_a_standards_code_no_part_of_the_meaning_stays(scheme: str, value: str, meaning: str) -> None:
    assert cleaned_code(scheme, value, meaning, nobody) == Code(scheme, value, value)


def test_a_private_code_that_repeats_the_identity_goes() -> None:
    assert cleaned_code("99LAB", "CH1", "Chest", lambda text: text == "CH1") is None


def test_every_listed_concept_is_called_so_in_the_standard() -> None:
    for (scheme, value), said in {**PRODUCT_TEXTS, **DESCRIPTIVE_TEXTS}.items():
        assert said.partition(":")[0] == meaning_of(scheme, value)


def test_a_name_of_a_product_stays_as_it_is() -> None:
    assert text_may_stay("DCM", "111003")
    assert allowed_text("DCM", "111003", "2.0.1.5-rc1", nobody) == "2.0.1.5-rc1"
    assert allowed_text("DCM", "111001", "TotalSegmentator", everybody) is None
    assert allowed_text("DCM", "111001", "a@example.org", nobody) is None
    assert allowed_text("DCM", "111001", "Seg 123456", nobody) is None


def test_of_a_description_known_words_stay() -> None:
    assert not text_may_stay("DCM", "125203")
    assert allowed_text("DCM", "125203", "Thorax Smith 5mm", nobody) == "Thorax 5mm"
    assert allowed_text("DCM", "125203", "Smith", nobody) is None


def test_any_other_text_goes() -> None:
    assert allowed_text("DCM", "121106", "lung", nobody) is None
