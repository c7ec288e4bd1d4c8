"""Names of regions that may stay."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.text import Echo, allowed_region_name, replacement_region_name
from orthanc_plugins.deid.text.region_names import TG263_NAMES


def nobody(_: str) -> bool:
    return False


def test_every_name_of_tg263_stays_in_both_orders() -> None:
    assert len(TG263_NAMES) > 1200
    assert {"Lung_L", "L_Lung", "Glnd_Submand_R", "SpinalCord_PRVxx", "Kidney_R-GTV"} <= TG263_NAMES
    assert [name for name in TG263_NAMES if allowed_region_name(name, nobody) != name] == []


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
    assert allowed_region_name("PTV_ROI_7", nobody) is None
    assert allowed_region_name("ROI_7", nobody) is None
