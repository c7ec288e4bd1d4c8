"""What is never repaired: the table against pydicom's dictionary, and what follows from it.

Made anew by ``python -m tests.unit.sync.test_identity > orthanc_plugins/sync/identity.txt``.
"""

from __future__ import annotations

import re
import sys

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from orthanc_plugins.sync.identity import describes_coding, describes_pixels, identity_tags, is_identity
from orthanc_plugins.sync.paths import parse_path

REFERS = re.compile(
    r"^(RT|DVH)?Referenced\w*Sequence(Retired|PullStoredPrint)?$|\w+ReferenceSequence$"
    r"|^StudiesContainingOtherReferenced|^InstanceLevelReferenced"
    r"|^Source(Image|Instance|Series|Waveform|PixelPlanes|HangingProtocol)\w*Sequence$"
    r"|^(Predecessor|Identical)\w+Sequence$|(Requested\w*|PertinentOther)EvidenceSequence$"
    r"|^RelatedSeriesSequence$|^ContourImageSequence$|^ConversionSourceAttributesSequence$"
    r"|^Failed(SOP|Study)Sequence$|SourceInstanceSequence$|^AssessedSOPInstanceSequence$"
    r"|^DerivationImageSequence$|^RTPhysicianIntent(Predecessor|InputInstance)Sequence$"
    r"|^(Incorporated|Inventoried)\w*InstanceS?\w*Sequence$"
)
NUMBERS = re.compile(
    r"Dose|Code|GainCorrection|Isocenter|Specimen|BolusSequence|ControlPoint|Beam|Brachy|Fraction"
)
"""Sequences that are named so and refer to a number or a point: doses, beams, positions."""


def expected() -> list[str]:
    tags = []
    for tag, (representation, _multiplicity, _name, _retired, keyword) in DicomDictionary.items():
        refers = REFERS.search(keyword) and not NUMBERS.search(keyword)
        referring = representation == "SQ" and (refers or keyword == "ReferencedDoseSequence")
        if representation == "UI" or referring:
            tags.append(f"{tag:08X}")
    return sorted(tags)


def test_the_table_is_that_of_the_dictionary() -> None:
    assert sorted(identity_tags()) == expected()


@pytest.mark.parametrize(
    "path",
    [
        *("0020000D", "00080018", "00200052", "00081140[0].00081160", "30060010[0].00200052"),
        *("30060016[2].00081150", "00082112[0].0040A170[0].00080100", "0008001A"),
    ],
)
def test_uids_and_all_that_is_in_a_reference_are_identity(path: str) -> None:
    assert is_identity(parse_path(path), "1", "2")


@pytest.mark.parametrize(
    "path", ["00100010", "00080060", "300A0010[0].300A0026", "300C0002", "00280010", "7FE00010"]
)
def test_other_elements_are_not(path: str) -> None:
    assert is_identity(parse_path(path), "1.2.840.10008.1.2", "2") is (path == "300C0002")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1.2.840.113619.2.55.3", True),
        ("2.25.113619255", False),
        ("2.25.27806384957631695742", True),
        ("1.2.840.10008.1.2.1\\x", True),
        *((value, False) for value in ("1.25", "1.5\\2.5", "192.168.1.20", "", "-1.2.3.4.5.6")),
    ],
)
def test_a_private_element_is_told_by_the_form_of_its_value(value: str, *, told: bool) -> None:
    path = parse_path("0029[SIEMENS CSA HEADER]10")
    assert is_identity(path, None, value) is told


def test_what_describes_pixels_or_texts_is_told_at_the_top_level_of_the_standard() -> None:
    assert describes_pixels(parse_path(f"{tag_for_keyword('Rows'):08X}"))
    assert not describes_pixels(parse_path(f"{tag_for_keyword('RescaleSlope'):08X}"))
    assert not describes_pixels(parse_path("00880200[0].00280010"))
    assert not describes_pixels(parse_path("0028[X]10"))
    assert describes_coding(parse_path("00080005"))
    assert describes_coding(parse_path("00081032[0].00080005"))
    assert not describes_coding(parse_path("00080060"))


if __name__ == "__main__":
    sys.stdout.write("".join(f"{tag}\n" for tag in expected()))
