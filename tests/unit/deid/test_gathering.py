"""What an object says of the patient and the staff."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.gathering import Gathered, gathered
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import DeidError
from orthanc_plugins.pseudonyms import PatientKey
from tests.builders.writing import EXPLICIT, UNCOMPRESSED, Element, Writing, part_10
from tests.unit.deid.objects import SOP_UID, STUDY_UID, base


def found(*elements: Element, writing: Writing | None = None) -> Gathered:
    return gathered(read_part10(part_10((*base(), *elements), writing)))


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
@pytest.mark.parametrize("open_lengths", [False, True])
def test_names_dates_and_values_are_found_at_every_level(syntax: str, open_lengths: bool) -> None:
    item = (Element(0x00081070, "PN", "Lindqvist^Bo\\Holm^Per"), Element(0x00080020, "DA", "20240305"))
    known = found(
        Element(0x00100010, "PN", "Zoltányi^Anna"),
        Element(0x00100020, "LO", "H-778812 "),
        Element(0x00100030, "DA", "19590312"),
        Element(0x00080080, "LO", "Nordheim"),
        Element(0x00081115, "SQ", (item,)),
        writing=Writing(syntax, open_lengths=open_lengths),
    )
    assert known.names == {"Zoltányi^Anna", "Lindqvist^Bo", "Holm^Per"}
    assert known.dates == {"19590312", "20240305"}
    assert set(known.values) == {"H-778812", "Nordheim"}
    assert known.texts[0x00080018] == SOP_UID
    assert known.texts[0x00100010] == "Zoltányi^Anna"


def test_a_value_is_retained_only_by_the_options_of_every_place_where_it_stands() -> None:
    institution = Element(0x00080080, "LO", "Nordheim")
    assert found(institution).values == {"Nordheim": frozenset({Option.RETAIN_INSTITUTION_IDENTITY})}
    address = Element(0x00101040, "LO", "Nordheim")
    assert found(institution, address).values == {"Nordheim": frozenset()}


def test_descriptions_are_no_identities() -> None:
    assert found(Element(0x00081030, "LO", "Thorax"), Element(0x00080070, "LO", "Contoso")).values == {}


def test_the_patient_is_known_by_identifier_else_by_name_and_birth_date_else_by_study() -> None:
    name, birth = Element(0x00100010, "PN", "Zoltanyi^Anna"), Element(0x00100030, "DA", "19590312")
    number, issuer = Element(0x00100020, "LO", "77"), Element(0x00100021, "LO", "NORD")
    assert found(name, birth, number, issuer).patient == PatientKey("77", "NORD")
    assert found(name, birth).patient == PatientKey.of_person("Zoltanyi^Anna", "19590312")
    assert found(name).patient == PatientKey.of_study(STUDY_UID)


def test_an_object_of_nobody_and_no_study_has_no_patient() -> None:
    known = gathered(read_part10(part_10(base()[:2])))
    with pytest.raises(DeidError):
        known.patient  # noqa: B018 - it is a property


def test_an_item_does_not_tell_who_the_patient_is() -> None:
    item = (Element(0x00100020, "LO", "OTHER"), Element(0x00080018, "UI", "1.2.9"))
    known = found(Element(0x00081115, "SQ", (item,)))
    assert 0x00100020 not in known.texts
    assert known.texts[0x00080018] == SOP_UID


def test_regions_are_known_by_number() -> None:
    known = found(
        Element(
            0x30060020,
            "SQ",
            (
                (Element(0x30060022, "IS", "7"), Element(0x30060026, "LO", " PTV  7 ")),
                (Element(0x30060022, "IS", "8"), Element(0x30060026, "LO", "Hörz")),
            ),
        ),
        Element(
            0x30060080,
            "SQ",
            (
                (Element(0x30060084, "IS", "7 "), Element(0x300600A4, "CS", "PTV")),
                (Element(0x30060084, "IS", "1" * 5000), Element(0x300600A4, "CS", "ORGAN")),
            ),
        ),
    )
    assert known.region_types == {7: "PTV", 0: "ORGAN"}
    assert known.region_names >= {"PTV 7"}
    assert all(name.isascii() for name in known.region_names)


def test_earlier_methods_are_known_by_value_scheme_and_meaning() -> None:
    item = (
        Element(0x00080100, "SH", "113100"),
        Element(0x00080102, "SH", "DCM"),
        Element(0x00080103, "SH", "01"),
        Element(0x00080104, "LO", "Basic"),
    )
    assert found(Element(0x00120064, "SQ", (item, item))).method_codes == [("113100", "DCM", "Basic")] * 2


def test_points_and_frames_are_not_read() -> None:
    inner = (Element(0x00081070, "PN", "Lindqvist^Bo"),)
    for tag in (0x30060039, 0x52009230):
        for open_lengths in (False, True):
            writing = Writing(EXPLICIT, open_lengths=open_lengths)
            assert found(Element(tag, "SQ", (inner,)), writing=writing).names == set()
