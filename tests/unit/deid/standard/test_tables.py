"""Table E.1-1 against what others have of it: the digest of 2026d's rows, and 2026c's Basic Profile."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c  # type: ignore[import-untyped] # no stubs

from orthanc_plugins.deid.standard import PRIVATE, Option, Row, confidentiality_rows, read_rows
from orthanc_plugins.deid.standard.tables import COLUMNS
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS_OF_2026C = {
    "D": dicomfields_2026c.D_TAGS,
    "Z": dicomfields_2026c.Z_TAGS,
    "X": dicomfields_2026c.X_TAGS,
    "U": dicomfields_2026c.U_TAGS,
    "Z/D": dicomfields_2026c.Z_D_TAGS,
    "X/Z": dicomfields_2026c.X_Z_TAGS,
    "X/D": dicomfields_2026c.X_D_TAGS,
    "X/Z/D": dicomfields_2026c.X_Z_D_TAGS,
    "X/Z/U*": dicomfields_2026c.X_Z_U_STAR_TAGS,
}
NOT_IN_2026C = {"3004,007F": "X", PRIVATE: "X"}
"""Dose Calculation Model Name came with 2026d; private elements are no row of dicom-anonymizer's."""


def row_of(mask: str) -> Row:
    return next(row for row in confidentiality_rows() if row.mask == mask)


def mask_of_2026c(tag: tuple[int, ...]) -> str:
    if len(tag) == 2:
        return f"{tag[0]:04X},{tag[1]:04X}"
    group, element, *_wild = tag
    return {0x5000: "50xx,xxxx", 0x6000: f"60xx,{element:04X}"}[group]


def test_the_table_has_the_657_rows_of_2026d() -> None:
    assert len(confidentiality_rows()) == 657


def test_the_rows_have_the_digest_of_those_of_2026d() -> None:
    rows = [
        {
            "name": row.name,
            "tag": "(gggg,eeee) where gggg is odd" if row.mask == PRIVATE else f"({row.mask})",
            "retired": row.retired,
            "in_standard_iod": row.in_standard_iod,
            "basic_profile": row.basic,
            "options": {str(option): action for option, action in row.options.items()},
        }
        for row in confidentiality_rows()
    ]
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "e257bc5e1cfecb3156ad3b871c43e6d73581cba6e80df460f4a4a87694e89442"
    )


def test_the_basic_profile_is_that_of_2026c_but_for_what_2026d_added() -> None:
    of_2026c = {mask_of_2026c(tag): action for action, tags in ACTIONS_OF_2026C.items() for tag in tags}
    assert len(of_2026c) == 655
    assert {row.mask: row.basic for row in confidentiality_rows()} == of_2026c | NOT_IN_2026C


@pytest.mark.parametrize(
    ("option", "rows"),
    [
        (Option.RETAIN_SAFE_PRIVATE, {"C": 1}),
        (Option.RETAIN_UIDS, {"K": 60}),
        (Option.RETAIN_DEVICE_IDENTITY, {"K": 48, "C": 11}),
        (Option.RETAIN_INSTITUTION_IDENTITY, {"K": 10}),
        (Option.RETAIN_LONGITUDINAL_FULL_DATES, {"K": 169}),
        (Option.RETAIN_LONGITUDINAL_MODIFIED_DATES, {"C": 169}),
        (Option.CLEAN_STRUCTURED_CONTENT, {"C": 4}),
        (Option.CLEAN_GRAPHICS, {"C": 4}),
    ],
)
def test_each_option_acts_on_its_rows(option: Option, rows: dict[str, int]) -> None:
    assert Counter(row.options[option] for row in confidentiality_rows() if option in row.options) == rows


def test_eleven_rows_are_kept_for_the_device_and_moved_as_dates() -> None:
    both = [
        row.mask
        for row in confidentiality_rows()
        if row.options.get(Option.RETAIN_DEVICE_IDENTITY) == "K"
        and row.options.get(Option.RETAIN_LONGITUDINAL_MODIFIED_DATES) == "C"
    ]
    assert sorted(both) == [
        *("0014,407C", "0014,407E", "0018,1200", "0018,1201", "0018,1202", "0018,1203", "0018,1204"),
        *("0018,1205", "0018,700C", "0018,700E", "300C,0127"),
    ]


def test_a_row_says_what_the_table_says() -> None:
    row = row_of("0008,0022")
    assert (row.name, row.basic, row.retired, row.in_standard_iod) == ("Acquisition Date", "X/Z", False, True)
    assert row.options == {
        Option.RETAIN_LONGITUDINAL_FULL_DATES: "K",
        Option.RETAIN_LONGITUDINAL_MODIFIED_DATES: "C",
    }


@pytest.mark.parametrize(
    ("mask", "edition", "retired", "options"),
    [
        ("0010,2160", "2026d", True, {Option.RETAIN_PATIENT_CHARACTERISTICS: "K"}),
        ("0032,1033", "2026d", False, {Option.CLEAN_DESCRIPTORS: "C"}),
        ("0040,E012", "2026c", False, {}),
        ("0018,1011", "2025b", True, {Option.RETAIN_DEVICE_IDENTITY: "K"}),
        ("0008,0050", "2024b", False, {}),
    ],
)
def test_a_row_says_in_which_edition_it_was_found(
    mask: str, edition: str, retired: bool, options: dict[Option, str]
) -> None:
    row = row_of(mask)
    assert (row.edition, row.retired, dict(row.options)) == (edition, retired, options)


@pytest.mark.parametrize(
    ("mask", "tag", "matches"),
    [
        ("0008,0050", 0x0008_0050, True),
        ("0008,0050", 0x0008_0051, False),
        ("0008,0050", 0x0018_0050, False),
        ("50xx,xxxx", 0x5000_3000, True),
        ("50xx,xxxx", 0x501E_0005, True),
        ("50xx,xxxx", 0x5100_3000, False),
        ("60xx,3000", 0x6002_3000, True),
        ("60xx,3000", 0x6002_3001, False),
        ("300A,00C3", 0x300A_00C3, True),
        (PRIVATE, 0x0009_1001, True),
        (PRIVATE, 0x7FE1_0010, True),
        (PRIVATE, 0x0008_0050, False),
        (PRIVATE, 0x0008_0051, False),
    ],
)
def test_a_mask_speaks_of_its_tags_alone(mask: str, tag: int, matches: bool) -> None:
    assert row_of(mask).matches(tag) is matches


def test_rows_are_hashable_and_their_options_cannot_be_changed() -> None:
    assert len(set(confidentiality_rows())) == 657
    with pytest.raises(TypeError):
        row_of("0008,0050").options[Option.RETAIN_UIDS] = "K"  # type: ignore[index] # what is tried here


def table(folder: Path, *rows: tuple[str, ...], columns: tuple[str, ...] = COLUMNS) -> Path:
    path = folder / "rows.tsv"
    path.write_text("# a remark\n" + "".join("\t".join(row) + "\n" for row in (columns, *rows)), "utf-8")
    return path


def cells(
    mask: str = "0009,0010", *, basic: str = "X", retired: str = "N", safe_private: str = ""
) -> tuple[str, ...]:
    return (mask, 'A "name"', retired, "N", basic, safe_private, *[""] * 9, "own", "a reason")


def test_a_table_of_others_is_read_the_same_way(tmp_path: Path) -> None:
    (row,) = read_rows(table(tmp_path, cells(safe_private="C")))
    assert row == Row(
        mask="0009,0010",
        name='A "name"',
        retired=False,
        in_standard_iod=False,
        basic="X",
        options={Option.RETAIN_SAFE_PRIVATE: "C"},
        edition="own",
        source="a reason",
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([cells(basic="Y")], "action for 0009,0010"),
        ([cells(basic="Z/X")], "action for 0009,0010"),
        ([cells(basic="")], "action for 0009,0010"),
        ([cells(safe_private="U*")], "action for 0009,0010"),
        ([cells(retired="yes")], "neither Y nor N of 0009,0010"),
        ([cells(), cells()], "two rows for one tag"),
        ([cells()[:-1]], "a line of 16 cells, not 17"),
    ],
)
def test_a_table_with_a_fault_is_refused(tmp_path: Path, rows: list[tuple[str, ...]], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read_rows(table(tmp_path, *rows))


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="other columns"):
        read_rows(table(tmp_path, cells(), columns=COLUMNS[::-1]))
