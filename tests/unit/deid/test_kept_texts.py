"""Texts of machines, which every profile keeps: whom they name goes, also whom nothing else names."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from tests.builders.writing import CHARACTER_SET, Element
from tests.unit.deid.objects import new_dataset

KEPT = {
    "Manufacturer": "GE MEDICAL SYSTEMS",
    "ManufacturerModelName": "Biograph64_Vision 600",
    "SoftwareVersions": "syngo CT VA48A",
    "SecondaryCaptureDeviceManufacturer": "Contoso",
    "DetectorManufacturerName": "Contoso",
    "ApplicationName": "Monaco",
    "ApplicationVersion": "6.1.2.0",
    "AlgorithmVersion": "v2.1 beta",
    "StackID": "1",
    "ReceiveCoilName": "HeadNeck_20",
    "SequenceName": "*tfl3d1_16ns",
    "ConvolutionKernel": "Br40d",
    "DetectorMode": "AUTO",
    "ExposureControlModeDescription": "Dose right",
    "FractionPattern": "1111100",
}
"""Attributes that stay under every profile, each with what it usually holds."""
WHO = [
    "Dr. Zebulon",
    "HERR ZEBULON",
    "z@x.org",
    "+49 931 2012884",
    "Zebulon^Ann",
    "of C\u0435lia",
    "reviewed by ZA",
]


def kept(keyword: str, text: str, profile: str, patient: str = "Oberhuber^Anna") -> str:
    """Return what an attribute holds afterwards, empty where it is gone."""
    elements = (
        Element(CHARACTER_SET, "CS", "ISO_IR 192"),
        Element(0x00100010, "PN", patient),
        Element(tag_for_keyword(keyword) or 0, dictionary_VR(keyword).split(" or ")[0], text),
    )
    return str(new_dataset(elements, profile).get(keyword, "") or "")


@pytest.mark.parametrize("profile", ["basic", "research_rt", "longitudinal", "strict"])
@pytest.mark.parametrize(("keyword", "text"), KEPT.items())
def test_what_machines_write_stays(keyword: str, text: str, profile: str) -> None:
    assert kept(keyword, text, profile) in {text, ""}
    assert kept(keyword, text, "basic") == text


@pytest.mark.parametrize("text", WHO)
@pytest.mark.parametrize("keyword", KEPT)
def test_a_person_whom_no_attribute_names_goes_by_the_form(keyword: str, text: str) -> None:
    assert kept(keyword, text, "basic") in {"", "REMOVED"}


@pytest.mark.parametrize(
    "text",
    ["Oberhuber", "OBERHUBER 2", "\u041e\u0431\u0435\u0440\u0445\u0443\u0431\u0435\u0440", "0berhuber Anna"],
)
@pytest.mark.parametrize("keyword", KEPT)
def test_the_patient_goes_in_any_script(keyword: str, text: str) -> None:
    assert kept(keyword, text, "basic") in {"", "REMOVED"}


def test_the_meaning_of_an_old_code_keeps_known_words_alone() -> None:
    assert kept("ExtendedCodeMeaning", "thorax of Zebulon", "basic") == "thorax of"
    assert kept("ExtendedCodeMeaning", "Zebulon", "basic") == "REMOVED"
