"""Descriptions of which the words of a closed vocabulary stay."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.deid.text import Echo, cleaned_description
from orthanc_plugins.deid.text.vocabulary import PAIRS, WORDS


def nobody(_: str) -> bool:
    return False


def cleaned(text: str) -> str:
    return cleaned_description(text, nobody, max_length=64)


@pytest.mark.parametrize(
    "text",
    [
        "t1_mpr_tra_p2_iso",
        "AX DWI 50_400_800_TRACEW",
        "3D FLAIR 1.0x1.0x1.2 mm",
        "Thorax 1.25mm B60f",
        "Abdomen 120kV 350mAs iDose 4",
        "SAG T2 FSE L5 S1",
        "FDG PET WB 18F 370MBq",
        "Head w/o contrast",
        "short axis cine",
        "vibe_dixon_opp",
        "mDixon_W",
        "Herz-Thorax",
        "TR 2000/TE 150",
    ],
)
def test_technique_and_anatomy_stay_as_they_are(text: str) -> None:
    assert cleaned(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CT Thorax Mueller", "CT Thorax"),
        ("Smith HEAD", "HEAD"),
        ("T2_Smith_TRA", "T2 TRA"),
        ("Thorax -- Abdomen", "Thorax Abdomen"),
        ("Short Hand", "Hand"),
        ("White, liver", "liver"),
        ("Dr. Heart CT", "CT"),
        ("Prof Dr med Kopf MR", "MR"),
        ("Frau Herz, Thorax", "Thorax"),
        ("MR Hand", "MR Hand"),
        ("May lung", "lung"),
        ("CT 12345", "CT"),
        ("MRN 12345678 chest", "chest"),
        ("A1234 chest", "chest"),
        ("chest 1961", "chest"),
        ("chest 03.05.1961", "chest"),
        ("chest 12 MAR 2020", "chest"),
        ("chest 12-Mai", "chest"),
        ("chest 2024-11-03 10:30", "chest"),
        ("0931-201-28844 chest", "chest"),
        ("chest a.b@example.org", "chest"),
        ("3f2a9b chest", "chest"),
        ("chest 92Y", "chest"),
        ("chest 92 years", "chest"),
        ("Mayo Clinic chest", "chest"),
        ("Schädel nativ", "Schaedel nativ"),
        ("胸部 CT", "CT"),
    ],
)
def test_everything_else_goes(text: str, kept: str) -> None:
    assert cleaned(text) == kept


@pytest.mark.parametrize("text", ["", "Smith", "Mueller 42", "1961", "---", "J. D.", "12 34"])
def test_nothing_stays_where_no_word_may(text: str) -> None:
    assert cleaned(text) == ""


def test_a_word_that_repeats_the_name_goes() -> None:
    echo = Echo.of((), names=("Heart^John",), dates=())
    assert cleaned_description("CT heart cine", echo.found_in, max_length=64) == "CT cine"
    assert cleaned_description("heart", echo.found_in, max_length=64) == ""


def test_words_that_repeat_something_together_go() -> None:
    assert cleaned_description("CT head", lambda text: text == "CT head", max_length=64) == ""


def test_the_result_is_cut_between_words() -> None:
    assert cleaned_description("Thorax Abdomen", nobody, max_length=10) == "Thorax"


@given(st.text())
def test_no_letter_stays_that_is_no_known_word_or_marks_a_number(text: str) -> None:
    kept = cleaned_description(text, nobody, max_length=1024)
    assert kept.isascii()
    assert len(kept) <= 1024
    assert cleaned_description(kept, nobody, max_length=1024) == kept


@pytest.mark.parametrize(
    "text",
    [
        "non contrast",
        "no nodule",
        "without evidence of tumor",
        "free of tumor",
        "unlikely tumor",
        "rule out metastasis",
        "neither lung nor liver",
        "suspected metastasis",
        "kein Tumor",
        "keine Leber",
        "nicht Lunge",
        "ohne Kontrast",
        "fehlende Niere",
        "sin contraste",
        "senza fegato",
        "geen lever",
    ],
)
def test_what_is_said_not_to_be_there_does_not_come_to_be_there(text: str) -> None:
    first, *_ = text.split()
    assert cleaned(text).split()[:1] in ([], [first])


def test_the_vocabulary_is_sorted_folded_and_without_repetition() -> None:
    words = files("orthanc_plugins.deid.text").joinpath("vocabulary.txt").read_text("ascii").splitlines()
    assert len(words) > 5000
    assert words == sorted(set(words))
    assert all(word.replace(" ", "").isascii() and word.replace(" ", "").isalpha() for word in words)
    assert all(word == word.lower() and len(word) > 1 for word in words)
    assert not {pair for pair in PAIRS if set(pair) <= WORDS}


SURNAMES = """
smith johnson williams brown jones garcia miller davis martinez lopez wilson anderson thomas taylor moore
jackson martin lee white harris clark lewis robinson walker young allen king wright scott hill green adams
nelson baker hall campbell mitchell carter roberts long short small gray stone rose wood cross bell price
wall park fox rice mueller muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann koch
bauer richter klein wolf schroeder neumann schwarz zimmermann braun kruger hartmann lange werner krause
lehmann stern berg gross kurz lang fuchs martin bernard dubois durand moreau laurent simon michel petit roux
blanc rossi russo ferrari bianchi li wang zhang chen liu yang huang zhao wu zhou kim park choi nguyen tran
le pham singh kumar patel sharma khan ali ahmed sato suzuki tanaka ivanov petrov may rao ma hu
"""
GIVEN_NAMES = """
james john robert michael william david mary patricia jennifer linda elizabeth anna maria peter hans paul
karl julia laura lukas leon emma mia sofia marie jean pierre luca marco jose juan ute iris carina rosa eva
pat max mark grace faith hope dawn june april august ray art bill rob sue
"""
PLACES = """
berlin hamburg muenchen wurzburg london paris boston texas york mayo charite stanford bethesda germany
hospital clinic klinik university universitat charity ward
"""
CALENDAR = """
january february march may june july october december monday friday sunday mai dezember
"""


@pytest.mark.parametrize("word", f"{SURNAMES} {GIVEN_NAMES} {PLACES} {CALENDAR}".split())
def test_names_of_persons_places_and_days_are_no_words(word: str) -> None:
    assert word not in WORDS
