"""What does not fit the standard's encoding to the byte is refused."""

from __future__ import annotations

import struct

import pytest

from orthanc_plugins.deid.job import Job
from orthanc_plugins.deid.walk import Walk
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import InvalidDicom
from tests.builders.writing import BIG_ENDIAN, EXPLICIT, IMPLICIT, Element, Writing, part_10
from tests.unit.deid.objects import PATIENT, PSEUDONYMS, base, engine, new_bytes

HEAD = part_10(base())
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
OPEN = b"\xff\xff\xff\xff"
SEQUENCE = b"\x08\0\x15\x11SQ\0\0"
NAME = b"\x10\0\x10\0PN\6\0Secret"
ROWS = b"\x28\0\x10\0US\2\0\2\0"


def refused(tail: bytes) -> str:
    with pytest.raises(InvalidDicom) as caught:
        new_bytes(HEAD + tail)
    assert "Secret" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("tail", "told", "at"),
    [
        (NAME[:-1], "reaches beyond", 8),
        (ROWS[:-1], "reaches beyond", None),
        (NAME + b"\x10", "ends inside an element", 14),
        (SEQUENCE + OPEN, "", None),
        (SEQUENCE + OPEN + ITEM + OPEN, "", None),
        (SEQUENCE + OPEN + ITEM + OPEN + NAME, "no delimiter", None),
        (SEQUENCE + OPEN + ITEM + OPEN + NAME + ITEM_END, "no delimiter", 12),
        (SEQUENCE + OPEN + NAME, "an item was expected", 12),
        (SEQUENCE + b"\x0e\0\0\0" + NAME, "an item was expected", 12),
        (SEQUENCE + struct.pack("<L", 8 + 10) + ITEM + b"\x0e\0\0\0" + NAME, "reaches beyond", None),
        (SEQUENCE + struct.pack("<L", 22) + ITEM + b"\x12\0\0\0" + NAME, "reaches beyond", None),
        (SEQUENCE + struct.pack("<L", 8 + 9) + ITEM + b"\x09\0\0\0" + ROWS, "reaches beyond", None),
        (ITEM_END, "delimiter", 0),
        (SEQUENCE_END, "delimiter", 0),
        (ITEM + b"\0\0\0\0", "delimiter", 0),
        (SEQUENCE + struct.pack("<L", 16) + ITEM + b"\x08\0\0\0" + ITEM_END, "delimiter", 20),
        (SEQUENCE + struct.pack("<L", 16) + ITEM + b"\x08\0\0\0" + SEQUENCE_END, "delimiter", 20),
        (SEQUENCE + b"\x08\0\0\0" + SEQUENCE_END, "", None),
        (b"\xff\xff\xff\xffUN\0\0\0\0\0\0", "", 0),
        (b"\0\0\0\0\0\0\1\0.", "no element", 0),
        (b"\x10\0\x10\0Q?\6\0Secret", "no element", 0),
    ],
)
def test_damage_is_refused_with_the_byte(tail: bytes, told: str, at: int | None) -> None:
    text = refused(tail)
    assert told in text
    assert "byte" in text
    if at is not None:
        assert str(len(HEAD) + at) in text


@pytest.mark.parametrize(
    ("tail", "told"),
    [
        (ROWS[:-1], "reaches beyond"),
        (SEQUENCE + struct.pack("<L", 8 + 9) + ITEM + b"\x09\0\0\0" + ROWS, "reaches beyond"),
        (SEQUENCE + OPEN + ITEM + OPEN + ROWS, "The item that ends"),
        (SEQUENCE + struct.pack("<L", 8 + 10) + ITEM + OPEN + ROWS, "The item that ends"),
        (SEQUENCE + OPEN + ITEM + OPEN + ITEM_END, "no delimiter"),
        (SEQUENCE + OPEN + ROWS, "an item was expected"),
        (SEQUENCE + b"\x08\0\0\0" + SEQUENCE_END, "an item was expected"),
        (ITEM_END, "delimiter"),
        ((SEQUENCE + OPEN + ITEM + OPEN) * 201, "200 sequences"),
    ],
)
def test_the_walk_refuses_damage_that_nobody_has_looked_for_before(tail: bytes, told: str) -> None:
    file = read_part10(HEAD + tail)
    job = Job(PSEUDONYMS, PATIENT, -420, lambda _: False, lambda _: False)
    with pytest.raises(InvalidDicom, match=told):
        Walk(file.data_set, file.begin, file.encoding, engine().plan, job).pieces([])


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("open_lengths", [False, True])
def test_a_file_cut_at_any_byte_is_refused_or_ends_between_elements(syntax: str, open_lengths: bool) -> None:
    item = (Element(0x00081155, "UI", "1.2.9"), Element(0x00280010, "US", b"\2\0"))
    tail = (Element(0x00081115, "SQ", (item, item)), Element(0x00280010, "US", b"\2\0"))
    writing = Writing(syntax, open_lengths=open_lengths, character_set="")
    whole = part_10((*base(), *tail), writing)
    # the data set of part_10 is sorted, so the cuts that leave whole elements are where one of the top ends
    good = 0
    for size in range(len(part_10(base()[:2], writing)), len(whole)):
        try:
            new_bytes(whole[:size])
        except InvalidDicom:
            continue
        good += 1
    assert good == 4


def test_an_object_without_its_class_or_instance_is_refused() -> None:
    for missing in (0, 1):
        elements = tuple(element for at, element in enumerate(base()) if at != missing)
        with pytest.raises(InvalidDicom, match="0008,0016"):
            new_bytes(part_10(elements))


def test_a_class_that_is_no_uid_is_refused() -> None:
    with pytest.raises(InvalidDicom, match="0008,0016") as caught:
        new_bytes(part_10((Element(0x00080016, "UI", "1.2.Secret"), *base()[1:])))
    assert "Secret" not in str(caught.value)
