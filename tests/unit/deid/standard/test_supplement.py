from __future__ import annotations

from importlib.resources import files

import pytest
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

from orthanc_plugins.deid.standard.supplement import date_role, supplement_rows
from orthanc_plugins.deid.standard.tables import PRIVATE, Option, Row, read_rows

E1_1 = read_rows(files("orthanc_plugins.deid.standard") / "e1_1.tsv")
SUPPLEMENT = supplement_rows()
BY_MASK = {row.mask: row for row in SUPPLEMENT}
TEXTS = {"AE", "AS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"}
DATES = {"DA", "DT", "TM"}
JUDGED = TEXTS | DATES | {"PN", "UI", "OB", "OW", "UN"}
CLEANED, MOVED = Option.CLEAN_DESCRIPTORS, Option.RETAIN_LONGITUDINAL_MODIFIED_DATES

# In no table of the standard, yet found in objects with names, sites and numbers of patients in them.
IDENTIFYING = [
    "0008,0101",  # Extended Code Value
    "0008,0108",  # Extended Code Meaning
    "0008,0115",  # Coding Scheme Name
    "0018,1003",  # Device ID
    "0018,1040",  # Contrast/Bolus Route
    "0018,1070",  # Radiopharmaceutical Route
    "0020,1040",  # Position Reference Indicator
    "0028,1055",  # Window Center & Width Explanation
    "0028,3003",  # LUT Explanation
    "0040,A160",  # Text Value
    "0042,0010",  # Document Title
    "0062,0005",  # Segment Label
    "0062,0006",  # Segment Description
    "0062,0020",  # Tracking ID
    "0070,0068",  # Graphic Layer Description
    "0070,0080",  # Content Label
    "0070,0081",  # Content Description
    "3004,0006",  # Dose Comment
    "300A,0009",  # Treatment Protocols
    "300A,0043",  # Tolerance Table Label
    "300A,00C2",  # Beam Name
    "300A,00D4",  # Wedge ID
    "300A,00DC",  # Bolus ID
    "300A,00E5",  # Compensator ID
    "300A,00EF",  # Compensator Tray ID
    "300A,00F5",  # Block Tray ID
    "300A,00F9",  # Accessory Code
    "300A,00FE",  # Block Name
    "300A,010A",  # Applicator Description
    "300A,0183",  # Patient Setup Label
    "300A,0194",  # Fixation Device Label
    "300A,0198",  # Fixation Device Position
    "300A,01A4",  # Shielding Device Label
    "300A,01A8",  # Shielding Device Position
    "300A,01B8",  # Setup Device Label
    "300A,0236",  # Application Setup Name
    "300A,0291",  # Source Applicator ID
    "300A,0294",  # Source Applicator Name
    "300A,0354",  # Patient Support Accessory Code
    "300A,0355",  # Tray Accessory Code
    "300A,0402",  # Setup Image Comment
    "300A,0421",  # General Accessory ID
    "60xx,0022",  # Overlay Description
    "60xx,1500",  # Overlay Label
]


def entry_of(mask: str) -> tuple[set[str], str]:
    """Return the representations and the name that the dictionary gives; none if it is older."""
    digits = mask.replace(",", "")
    unknown = ("", "", "", "", "")
    entry = (
        RepeatersDictionary.get(digits, unknown)
        if "x" in mask
        else DicomDictionary.get(int(digits, 16), unknown)
    )
    return set(entry[0].split(" or ")), entry[2]


def judged() -> list[str]:
    """Return every attribute of the dictionary that may hold words, dates, UIDs or free bytes."""
    single = {f"{tag >> 16:04X},{tag & 0xFFFF:04X}": entry[0] for tag, entry in DicomDictionary.items()}
    repeated = {f"{digits[:4]},{digits[4:]}": entry[0] for digits, entry in RepeatersDictionary.items()}
    return [mask for mask, vr in (single | repeated).items() if JUDGED & set(vr.split(" or "))]


def of(*representations: str) -> list[Row]:
    return [row for row in SUPPLEMENT if entry_of(row.mask)[0] & set(representations)]


def test_every_attribute_that_may_identify_has_exactly_one_rule() -> None:
    listed = {row.mask for row in E1_1}
    wild = [row for row in E1_1 if "x" in row.mask and row.mask != PRIVATE]
    by_wildcard = {
        mask
        for mask in judged()
        for row in wild
        if row.matches(int(mask.replace(",", "").replace("x", "0"), 16))
    }
    assert [mask for mask in judged() if (mask in listed or mask in by_wildcard) == (mask in BY_MASK)] == []


def test_no_rule_repeats_one_of_the_standard() -> None:
    assert {row.mask for row in SUPPLEMENT} & {row.mask for row in E1_1} == set()


def test_rules_bear_the_names_of_the_dictionary() -> None:
    named = [row for row in SUPPLEMENT if entry_of(row.mask)[1]]
    assert [row.mask for row in named if row.name != entry_of(row.mask)[1]] == []
    assert [row.name for row in SUPPLEMENT if not row.name] == []


def test_rules_stand_in_the_order_of_their_tags() -> None:
    masks = [row.mask for row in SUPPLEMENT]
    assert masks == sorted(masks, key=str.upper)


def test_every_rule_says_why() -> None:
    assert [row.mask for row in SUPPLEMENT if not row.source.strip()] == []
    assert [row.mask for row in SUPPLEMENT if row.basic == "K" and len(row.source.split()) == 1] == []


def test_no_name_of_a_person_is_kept_under_any_option() -> None:
    assert [row.mask for row in of("PN") if "K" in {row.basic, *row.options.values()}] == []


def test_uids_are_replaced_or_name_what_a_standard_or_maker_defined() -> None:
    assert {row.basic for row in of("UI")} == {"U", "K", "X"}
    assert {row.mask[:4] for row in of("UI") if row.basic == "X"} == {"0000", "0002", "0004"}
    assert [row.mask for row in of("UI") if (row.basic == "U") != (Option.RETAIN_UIDS in row.options)] == []


@pytest.mark.parametrize("mask", ["0008,0016", "0008,1150", "0002,0010", "0008,010C", "0008,0117"])
def test_what_a_uid_defines_is_kept(mask: str) -> None:
    assert BY_MASK[mask].basic == "K"


@pytest.mark.parametrize(
    "mask", ["0008,1167", "0020,9312", "300A,0675", "0070,031B", "0008,010D", "0040,E030"]
)
def test_what_identifies_by_uid_is_replaced(mask: str) -> None:
    assert BY_MASK[mask].basic == "U"


@pytest.mark.parametrize("mask", IDENTIFYING)
def test_what_was_found_to_identify_is_not_kept(mask: str) -> None:
    assert BY_MASK[mask].basic in {"X", "X/Z/D"}


@pytest.mark.parametrize(
    "mask", ["300A,00C2", "3004,0006", "0062,0005", "0070,0081", "0042,0010", "0040,A160"]
)
def test_words_worth_keeping_are_cleaned_where_that_is_chosen(mask: str) -> None:
    assert BY_MASK[mask].options[CLEANED] == "C"


@pytest.mark.parametrize(
    "mask", ["0008,0070", "0008,1090", "0018,1020", "0018,1210", "0008,0104", "0028,1054"]
)
def test_what_machines_write_is_kept(mask: str) -> None:
    assert BY_MASK[mask].basic == "K"


def test_a_kept_value_has_no_option() -> None:
    assert [row.mask for row in SUPPLEMENT if row.basic == "K" and row.options] == []


def test_addresses_paths_and_machines_of_the_network_are_kept_nowhere() -> None:
    rows = [
        row for row in of("AE", "UR") if row.mask != "0008,0120"
    ]  # a code of a standard, written as an URN
    assert [row.mask for row in rows if "K" in {row.basic, *row.options.values()}] == []


def test_dates_are_kept_only_where_dates_or_devices_are() -> None:
    retaining = {Option.RETAIN_LONGITUDINAL_FULL_DATES, Option.RETAIN_DEVICE_IDENTITY, MOVED}
    assert [row.mask for row in of(*DATES) if row.basic == "K" or not set(row.options) <= retaining] == []


def test_dates_that_do_not_tell_of_the_patient_are_moved_under_no_option() -> None:
    moved = [row.mask for row in of(*DATES) if MOVED in row.options]
    assert [mask for mask in moved if not date_role(int(mask.replace(",", ""), 16)).moves] == []


@pytest.mark.parametrize(
    "mask",
    ["0032,1031", "0040,4009", "0040,0036", "0400,0500", "4FFE,0001", "0004,1220", "0032,1034"],
)
def test_sequences_whose_codes_name_persons_or_places_or_hold_the_originals_are_removed(mask: str) -> None:
    assert BY_MASK[mask].basic == "X"


def test_an_overlay_goes_and_stays_as_a_whole() -> None:
    overlay = [row for row in SUPPLEMENT if row.mask.startswith("60xx") and not row.retired]
    assert {row.basic for row in overlay} == {"X"}
    assert [row.mask for row in overlay if Option.CLEAN_GRAPHICS not in row.options] == []
