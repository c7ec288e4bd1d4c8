"""Private elements: all go but those that PS3.15 Table E.3.10-1 calls safe (PS3.5 7.8, PS3.15 E.3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.writing import IMPLICIT, Element, Writing, part_10
from tests.unit.deid.objects import base, new_bytes, new_dataset, new_uid, read

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SIEMENS = "SIEMENS MR HEADER"
ULTRASOUND = "SIEMENS Ultrasound SC2000"
PHILIPS = "Philips Imaging DD 001"
B_VALUE = Element(0x0019000C, "IS", "800", SIEMENS)
GRADIENT = Element(0x0019000E, "FD", bytes(24), SIEMENS)


def private_of(made: Dataset) -> list[int]:
    return [element.tag for element in made.iterall() if element.tag.is_private]


@pytest.mark.parametrize("profile", ["basic", "longitudinal", "strict"])
def test_without_the_option_all_private_elements_go(profile: str) -> None:
    made = new_dataset((B_VALUE, Element(0x00110001, "LO", "Secret", "EXAMPLE")), profile)
    assert private_of(made) == []


@pytest.mark.parametrize("block", [0x10, 0x11, 0x42, 0xFF])
def test_safe_elements_are_known_by_their_creator_in_any_block(block: int) -> None:
    made = new_dataset((B_VALUE, GRADIENT), writing=Writing(first_block=block))
    tags = [0x00190000 | block, 0x00190000 | block << 8 | 0x0C, 0x00190000 | block << 8 | 0x0E]
    assert private_of(made) == tags
    assert str(made[tags[1]].value) == "800"


def test_another_creator_in_the_first_block_moves_nothing() -> None:
    made = new_dataset((Element(0x0019000C, "LO", "Secret", "EXAMPLE CREATOR"), B_VALUE))
    assert private_of(made) == [0x00190011, 0x0019110C]


def test_elements_of_a_safe_creator_that_the_table_lacks_go() -> None:
    made = new_dataset((B_VALUE, Element(0x00190055, "LO", "Secret", SIEMENS)))
    assert private_of(made) == [0x00190010, 0x0019100C]


@pytest.mark.parametrize("creator", ["siemens mr header", "SIEMENS MR HEADER 2", "EXAMPLE", SIEMENS + "\\X"])
def test_a_creator_that_is_written_otherwise_is_another(creator: str) -> None:
    made = new_dataset((Element(0x0019000C, "IS", "800", creator),))
    assert private_of(made) == []


def test_elements_without_creator_go() -> None:
    made = new_dataset((Element(0x0019100C, "IS", "800"), Element(0x00190001, "LO", "Secret")))
    assert private_of(made) == []


def test_a_creator_of_another_group_or_level_reserves_nothing() -> None:
    inner = (Element(0x0019100C, "IS", "800"),)
    made = new_dataset((GRADIENT, Element(0x00081115, "SQ", (inner,)), Element(0x0021100C, "IS", "800")))
    assert private_of(made) == [0x00190010, 0x0019100E]


def test_an_item_may_reserve_its_own_blocks() -> None:
    for open_lengths in (False, True):
        made = new_dataset(
            (Element(0x00081115, "SQ", ((B_VALUE,), (B_VALUE,))),), writing=Writing(open_lengths=open_lengths)
        )
        assert private_of(made) == [0x00190010, 0x0019100C] * 2


@pytest.mark.parametrize("syntax", [Writing().syntax, IMPLICIT])
def test_a_safe_value_that_is_not_what_its_representation_allows_goes(syntax: str) -> None:
    made = new_dataset((Element(0x0019000C, "IS", "Secret", SIEMENS),), writing=Writing(syntax))
    assert private_of(made) == [0x00190010]


def test_a_safe_element_written_as_another_representation_goes() -> None:
    made = new_dataset((Element(0x0019000C, "OB", b"Secret", SIEMENS),))
    assert private_of(made) == [0x00190010]


@pytest.mark.parametrize("vr", ["OW", "OB"])
def test_where_the_table_names_two_representations_either_stays(vr: str) -> None:
    made = new_dataset((Element(0x2001007D, vr, b"12345678", PHILIPS),))
    assert made[0x2001107D].value == b"12345678"
    assert vr == made[0x2001107D].VR


@pytest.mark.parametrize(("vr", "value"), [("FD", bytes(8)), ("LO", b"Secret"), ("UN", b"Secret")])
def test_where_the_table_names_no_representation_it_goes(vr: str, value: bytes) -> None:
    made = new_dataset((Element(0x01190011, vr, value, ULTRASOUND),))
    assert private_of(made) == [0x01190010]


def test_safe_uids_are_replaced_like_all_others() -> None:
    made = new_dataset((Element(0x01290002, "UI", "1.2.9", ULTRASOUND),))
    assert made[0x01291002].value == new_uid("1.2.9")


@pytest.mark.parametrize("syntax", [Writing().syntax, IMPLICIT])
@pytest.mark.parametrize("open_lengths", [False, True])
def test_the_items_of_a_safe_sequence_are_walked(syntax: str, open_lengths: bool) -> None:
    item = (Element(0x00100010, "PN", "Secret^A"), Element(0x00081155, "UI", "1.2.9"))
    made = new_dataset(
        (Element(0x2001005F, "SQ", (item,), PHILIPS),),
        writing=Writing(syntax, open_lengths=open_lengths),
    )
    (inner,) = made[0x2001105F].value
    assert inner.PatientName != "Secret^A"
    assert inner.ReferencedSOPInstanceUID == new_uid("1.2.9")


@pytest.mark.parametrize("open_lengths", [False, True])
@pytest.mark.parametrize("unknown", [frozenset[int](), frozenset({0x00111001})])
def test_a_private_sequence_goes_with_all_that_is_in_it(open_lengths: bool, unknown: frozenset[int]) -> None:
    item = (Element(0x00100010, "PN", "Secret^A"),)
    writing = Writing(open_lengths=open_lengths, unknown=unknown)
    data = new_bytes(part_10((*base(), Element(0x00110001, "SQ", (item,), "EXAMPLE")), writing))
    assert b"Secret" not in data
    assert private_of(read(data)) == []


@pytest.mark.parametrize(("text", "stays"), [("efgre3d", True), ("scan of Zoltanyi", False)])
def test_a_safe_text_stays_unless_it_repeats_the_patient(text: str, stays: bool) -> None:
    name = Element(0x00100010, "PN", "Zoltanyi^Anna")
    made = new_dataset((name, Element(0x0019009E, "LO", text, "GEMS_ACQU_01")))
    assert (0x0019109E in made) == stays
