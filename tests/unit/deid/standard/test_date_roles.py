from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from pydicom._dicom_dict import DicomDictionary

from orthanc_plugins.deid.standard.supplement import DateRole, _read_roles, date_role, date_roles
from orthanc_plugins.deid.standard.tables import PRIVATE, Option, Row, read_rows
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from pathlib import Path

TABLE = files("orthanc_plugins.deid.standard") / "e1_1.tsv"
MOVED = Option.RETAIN_LONGITUDINAL_MODIFIED_DATES
LATER_THAN_THE_DICTIONARY = {0x0040_A034, 0x0040_A035, 0x0040_B034, 0x0040_B036}


def _tag(row: Row) -> int:
    return 0 if row.mask == PRIVATE or "x" in row.mask else int(row.mask.replace(",", ""), 16)


def test_every_date_and_time_of_the_dictionary_has_a_role_and_nothing_else_has() -> None:
    dates = {tag for tag, entry in DicomDictionary.items() if entry[0] in {"DA", "DT", "TM"}}
    assert set(date_roles()) - LATER_THAN_THE_DICTIONARY == dates - LATER_THAN_THE_DICTIONARY


@pytest.mark.parametrize(
    ("tag", "role"),
    [
        (0x0008_0020, "subject"),  # Study Date
        (0x0018_1078, "subject"),  # Radiopharmaceutical Start DateTime
        (0x3006_0008, "subject"),  # Structure Set Date
        (0x300A_022C, "subject"),  # Source Strength Reference Date
        (0x0010_21D0, "subject"),  # Last Menstrual Date
        (0x0018_1200, "device"),  # Date of Last Calibration
        (0x0018_1204, "device"),  # Date of Manufacture
        (0x0018_1205, "device"),  # Date of Installation
        (0x0044_000B, "device"),  # Product Expiration DateTime
        (0x0008_0106, "vocabulary"),  # Context Group Version
        (0x0040_DB06, "vocabulary"),  # Template Version
        (0x0012_0086, "vocabulary"),  # Ethics Committee Approval Effectiveness Start Date
        (0x0010_0030, "person"),  # Patient's Birth Date
        (0x0010_0032, "person"),  # Patient's Birth Time
        (0x0400_0562, "technical"),  # Attribute Modification DateTime
        (0x0072_0061, "technical"),  # Selector DA Value
    ],
)
def test_a_date_has_the_role_of_what_it_tells(tag: int, role: str) -> None:
    assert date_role(tag) == role


def test_only_events_of_the_patient_move() -> None:
    assert [role for role in DateRole if role.moves] == [DateRole.SUBJECT]


def test_a_date_that_the_dictionary_does_not_know_stays_put() -> None:
    assert date_role(0x0019_1001) is DateRole.TECHNICAL


def test_dates_that_the_standard_cleans_but_that_do_not_tell_of_the_patient_stay_put() -> None:
    rows = [row for row in read_rows(TABLE) if row.options.get(MOVED) == "C"]
    held = [row.mask for row in rows if _tag(row) in date_roles() and not date_role(_tag(row)).moves]
    assert sorted(held) == [
        "0008,0015",  # Instance Coercion DateTime
        "0008,0106",  # Context Group Version
        "0008,0107",  # Context Group Local Version
        "0012,0086",  # Ethics Committee Approval Effectiveness Start Date
        "0012,0087",  # Ethics Committee Approval Effectiveness End Date
        "0014,407C",  # Calibration Time
        "0014,407E",  # Calibration Date
        "0018,1200",  # Date of Last Calibration
        "0018,1201",  # Time of Last Calibration
        "0018,1202",  # DateTime of Last Calibration
        "0018,1203",  # Calibration DateTime
        "0018,1204",  # Date of Manufacture
        "0018,1205",  # Date of Installation
        "0018,700C",  # Date of Last Detector Calibration
        "0018,700E",  # Time of Last Detector Calibration
        "0020,3403",  # Modified Image Date
        "0020,3405",  # Modified Image Time
        "0040,DB06",  # Template Version
        "0040,DB07",  # Template Local Version
        "0044,000B",  # Product Expiration DateTime
        "0068,6226",  # Effective DateTime
        "0068,6270",  # Information Issue DateTime
        "0072,000A",  # Hanging Protocol Creation DateTime
        "0072,0061",  # Selector DA Value
        "0072,0063",  # Selector DT Value
        "0072,006B",  # Selector TM Value
        "0400,0105",  # Digital Signature DateTime
        "0400,0562",  # Attribute Modification DateTime
        "2100,0040",  # Creation Date
        "2100,0050",  # Creation Time
    ]


def test_every_date_of_the_patient_is_one_that_the_standard_cleans() -> None:
    moving = [row for row in read_rows(TABLE) if _tag(row) in date_roles() and date_role(_tag(row)).moves]
    assert [row.mask for row in moving if MOVED not in row.options] == [
        "0016,0077"
    ]  # GPS Time Stamp: removed


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("tag\tname\trole\n", "other columns"),
        ("tag\tname\trole\treason\n0008,0020\tStudy Date\tsometimes\t\n", "does not exist"),
        ("tag\tname\trole\treason\n0008,0020\ta\tsubject\t\n0008,0020\tb\tdevice\t\n", "two rows"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "roles.tsv"
    path.write_text(table)
    with pytest.raises(ProfileError, match=said):
        _read_roles(path)
