"""Names of regions that may stay."""

from __future__ import annotations

from importlib.resources import files

import pytest

from orthanc_plugins.deid.text import (
    Echo,
    allowed_region_name,
    replacement_region_name,
    replacement_segment_label,
)
from orthanc_plugins.deid.text.folding import in_ascii
from orthanc_plugins.deid.text.region_names import TG263_NAMES
from orthanc_plugins.deid.text.vocabulary import WORDS

LISTED = [
    tuple(line.split("\t"))
    for line in files("tests.unit.deid.text").joinpath("names_of_regions.tsv").read_text("utf-8").splitlines()
]
"""Names as clinics write them, each with its language, or ``gone`` where somebody or nobody is told by it."""
KEPT = [name for language, name in LISTED if language != "gone"]
GONE = [name for language, name in LISTED if language == "gone"]


def nobody(_: str) -> bool:
    return False


def test_every_name_of_tg263_stays_in_both_orders() -> None:
    assert len(TG263_NAMES) > 1200
    assert {"Lung_L", "L_Lung", "Glnd_Submand_R", "SpinalCord_PRVxx", "Kidney_R-GTV"} <= TG263_NAMES
    assert [name for name in TG263_NAMES if allowed_region_name(name, nobody) != name] == []


def test_the_list_is_long_and_of_many_languages() -> None:
    assert len(KEPT) > 350
    assert len(GONE) > 80
    assert len({language for language, _ in LISTED}) == 8
    assert len(set(LISTED)) == len(LISTED)


@pytest.mark.parametrize("name", KEPT)
def test_names_that_are_nobodys_stay(name: str) -> None:
    assert allowed_region_name(name, nobody) == in_ascii(name)


@pytest.mark.parametrize("name", GONE)
def test_names_that_tell_of_somebody_and_unknown_words_go(name: str) -> None:
    assert allowed_region_name(name, nobody) is None


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("Rein^Pierre", "Rein gauche"),
        ("Block^Anna", "Left Block"),
        ("Izquierdo^Ana", "Pulmon izquierdo"),
        ("Luft^Karl", "Luft"),
        ("Couch^Mary", "Couch"),
        ("Ring^Otto", "Ring_5mm"),
        ("Herz^Ina", "Herz"),
        ("Test^Tom", "test"),
        ("Metall^Jo", "Metallartefakt"),
    ],
)
def test_a_word_that_is_this_studys_name_goes_and_others_stay(person: str, name: str) -> None:
    echo = Echo.of((), names=(person,), dates=())
    assert allowed_region_name(name, echo.found_in) is None
    assert allowed_region_name(name, nobody) == name
    assert allowed_region_name("PTV_SIB_66", echo.found_in) == "PTV_SIB_66"


def test_words_of_regions_are_sorted_said_once_and_not_in_the_vocabulary() -> None:
    text = files("orthanc_plugins.deid.text").joinpath("region_words.txt").read_text("ascii")
    parts = [part.split() for part in text.split("#")]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    words = [word for line in lines for word in line.split()]
    assert len(parts) == 11
    assert len(words) == len(set(words)) > 2000
    assert not WORDS & set(words)
    assert all(word.replace("_", "").isalpha() and word.islower() and len(word) > 1 for word in words)


@pytest.mark.parametrize(
    "word",
    ["Lang", "Klein", "Gross", "Linke", "Kranz", "Costa", "Delgado", "Real", "Wang", "Timo", "Rene", "Max"],
)
def test_what_many_are_called_is_no_word_by_itself(word: str) -> None:
    assert allowed_region_name(f"PTV {word}", nobody) is None
    assert allowed_region_name(word, nobody) is None


def test_such_a_word_stays_beside_the_one_that_makes_it_technical() -> None:
    for name in (
        "Dose max",
        "max dose 3",
        "rene dx",
        "intestino delgado",
        "linke Niere",
        "Hart",
        "Gold seed",
    ):
        assert allowed_region_name(name, nobody) == name


@pytest.mark.parametrize("name", ["LNeck", "Rparotid", "LtParotid", "RCOCHLEA", "lPTV", "HipPRV", "Skin-PTV"])
def test_a_side_and_a_target_may_be_written_onto_a_word(name: str) -> None:
    assert allowed_region_name(name, nobody) == name


@pytest.mark.parametrize("name", ["Rother", "ROTHER", "Rader", "Lober", "Rosso", "Reyes", "Laine"])
def test_a_side_before_a_short_word_makes_a_surname(name: str) -> None:
    assert allowed_region_name(name, nobody) is None


CLINICS = """PTV PTV_6000 PTV60 PTV_60Gy PTVp1_60Gy CTVn2 IGTV HRCTV zPTVopt PTV-opt GTV_preop PTV_6996_5940
PTV_2000 zRing Ring_5mm ~Lung_R BODY External CouchSurface Brain-PTV SpinalCord_PRV05 lung_left OPTICCHIASM
D95% 6000_PTV LN_Ax_L1_L Herz Foie"""
SPACED = ("Lt Lung", "left lung", "SPINAL CORD", "Iso 50%", "Bowel Bag", "Lunge li", "PTV 50.4", "PTV1 (60)")


@pytest.mark.parametrize("name", [*CLINICS.split(), *SPACED])
def test_names_of_clinics_stay(name: str) -> None:
    assert allowed_region_name(name, nobody) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Smith",
        "PTV_Smith",
        "PTVSmith",
        "PTV^Boost",
        "PTV_JD",
        "PTV_M_S",
        "PTV A.S.",
        "Heart Dr Hand",
        "PTV_Foley",
        "PTV_19610503",
        "PTV 03.05.61",
        "PTV 030561",
        "PTV_1961",
        "PTV 12 May",
        "PTV 97080",
        "PTV 0931 123",
        "PTV 12 34 56",
        "6000",
        "胸部",
        "Lung\\Smith",
        "Lung; Heart",
        "Lung " * 20,
    ],
)
def test_other_names_do_not(name: str) -> None:
    assert allowed_region_name(name, nobody) is None


def test_a_name_is_written_for_every_character_set() -> None:
    assert allowed_region_name(" Lung \t L ", nobody) == "Lung L"
    assert allowed_region_name("Rückenmark", nobody) == "Rueckenmark"
    assert allowed_region_name("Moelle épinière", nobody) == "Moelle epiniere"


def test_not_even_anatomy_stays_when_it_is_the_patients_name() -> None:
    echo = Echo.of((), names=("Heart^John",), dates=())
    assert allowed_region_name("Heart", echo.found_in) is None
    assert allowed_region_name("Lung_L", echo.found_in) == "Lung_L"


@pytest.mark.parametrize(
    ("number", "term", "name"),
    [
        (7, "", "ROI_7"),
        (7, "PTV", "PTV_7"),
        (3, "ORGAN ", "ORGAN_3"),
        (3, "SMITH", "ROI_3"),
        (0, "EXTERNAL", "EXTERNAL_0"),
    ],
)
def test_a_replacement_is_made_of_number_and_type(number: int, term: str, name: str) -> None:
    assert replacement_region_name(number, term) == name


def test_a_replacement_never_equals_a_name_that_stays() -> None:
    assert replacement_region_name(7, "PTV", {"PTV_7"}) == "PTV_ROI_7"
    assert replacement_region_name(7, "PTV", {"PTV_7", "PTV_ROI_7"}) == "PTV_ROI_7_7"
    assert replacement_region_name(7, "", {"ROI_7", "ROI_7_7"}) == "ROI_7_7_7"
    assert replacement_segment_label(7) == "Segment 7"
    assert replacement_segment_label(7, {"Segment 7"}) == "Segment 7.7"
