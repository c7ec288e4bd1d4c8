"""The Types of attributes, as PS3.3 states them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.deid.standard import attribute_type, confidentiality_rows
from orthanc_plugins.deid.standard.attribute_types import (
    EVERYWHERE,
    _iods,
    _module_types,
    _read_types,
    _types_of,
)
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from pathlib import Path

CT, ENHANCED_CT, PET = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.128",
)
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
RTSTRUCT, RTPLAN = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.5"
SR, SEG = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.66.4"


@pytest.mark.parametrize(
    ("sop_class", "path", "tag", "expected"),
    [
        (CT, (), 0x0008_0080, "3"),  # Institution Name in General Equipment
        (CT, (), 0x0010_0020, "2"),  # Patient ID
        (CT, (0x0010_1002,), 0x0010_0020, "1"),  # Patient ID in Other Patient IDs Sequence
        (CT, (0x0008_0096,), 0x0008_0080, "1C"),  # Institution Name of the referring physician
        (CT, (), 0x0018_0010, "2"),  # Contrast/Bolus Agent
        (CT, (), 0x0008_1110, "3"),  # Referenced Study Sequence
        (PET, (), 0x0008_0021, "1"),  # Series Date: 3 in General Series, 1 in PET Series
        (PET, (), 0x0008_0022, "2"),  # Acquisition Date: 3 in General Acquisition, 2 in PET Image
        (ENHANCED_CT, (), 0x0018_1000, "1"),  # Device Serial Number in Enhanced General Equipment
        (ENHANCED_CT, (), 0x0008_0023, "1"),  # Content Date
        (RTSTRUCT, (), 0x3006_0008, "2"),  # Structure Set Date
        (RTSTRUCT, (), 0x0008_1070, "2"),  # Operators' Name
        (RTSTRUCT, (), 0x300E_0008, "2C"),  # Reviewer Name
        (RTSTRUCT, (0x3006_0020,), 0x3006_0026, "2"),  # ROI Name
        (RTPLAN, (0x300A_00B0,), 0x300A_00B2, "2"),  # Treatment Machine Name of a beam
        (RTPLAN, (), 0x300A_0006, "2"),  # RT Plan Date
        (SR, (), 0x0008_0023, "1"),  # Content Date
        (SEG, (), 0x0070_0084, "3"),  # Content Creator's Name
        (SEG, (), 0x0018_1020, "1"),  # Software Versions in Enhanced General Equipment
        (ENHANCED_MR, (), 0x0018_9005, "1C"),  # Pulse Sequence Name
    ],
)
def test_the_most_demanding_type_of_the_object_counts(
    sop_class: str, path: tuple[int, ...], tag: int, expected: str
) -> None:
    assert attribute_type(sop_class, path, tag) == expected


@pytest.mark.parametrize(
    ("sop_class", "path", "tag"),
    [
        ("1.2.3", (), 0x0008_0080),
        ("", (), 0x0008_0080),
        (CT, (0x0009_1001,), 0x0008_0080),
        (CT, (0x0010_1002, 0x0010_1002), 0x0010_0020),
        (CT, (), 0x300A_0006),
        (CT, (), 0x0028_0010),
    ],
)
def test_what_the_standard_does_not_say_has_no_type(sop_class: str, path: tuple[int, ...], tag: int) -> None:
    assert attribute_type(sop_class, path, tag) is None


def test_what_is_optional_everywhere_is_so_at_any_place_of_a_known_object() -> None:
    consulting_physician = 0x0008_009C
    assert attribute_type(CT, (), consulting_physician) == "3"
    assert attribute_type(CT, (0x0009_1001,), consulting_physician) == "3"
    assert attribute_type("1.2.3", (), consulting_physician) is None


def test_every_attribute_with_a_choice_has_a_type_somewhere() -> None:
    known = {tag for types in _module_types().values() for _, tag in types}
    choices = {int(row.mask.replace(",", ""), 16) for row in confidentiality_rows() if "/" in row.basic}
    assert len(choices) == 50
    assert choices <= known


def test_what_is_optional_everywhere_is_listed_nowhere_else() -> None:
    optional = {tag for _, tag in _module_types()[EVERYWHERE]}
    others = {tag for module, types in _module_types().items() if module != EVERYWHERE for _, tag in types}
    assert not optional & others


def test_every_module_of_a_known_object_can_be_looked_up() -> None:
    assert len(_iods()) == 180
    assert all(_types_of(modules) for modules in _iods().values())


def rows(folder: Path, *lines: str) -> Path:
    path = folder / "types.tsv"
    path.write_text("\n".join(["module\tpath\ttag\ttype", *lines]) + "\n", "utf-8")
    return path


def test_of_two_types_in_one_module_the_more_demanding_counts(tmp_path: Path) -> None:
    path = rows(tmp_path, "a\t00081115>00081140\t00080080\t3", "a\t00081115>00081140\t00080080\t2C")
    assert _read_types(path) == {"a": {((0x0008_1115, 0x0008_1140), 0x0008_0080): "2C"}}


def test_a_type_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="type for 00080080"):
        _read_types(rows(tmp_path, "a\t\t00080080\t4"))
