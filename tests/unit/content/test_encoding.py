"""Files that are odd, damaged or cut short: read whole, or refused; never taken for less than they are."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthanc_plugins.content import compare_files, instance_digest, same_content
from orthanc_plugins.content.encoding import body_of, read_object
from orthanc_plugins.errors import InvalidDicom
from tests.builders.objects import header, report, rich_elements, small_file
from tests.builders.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, Element, Writing, part_10
from tests.unit.content.copies import alike, compared, dicom_file, unreadable_file

RICH = (*header(), *rich_elements())
META = 132


def body(content: bytes) -> bytes:
    return bytes(body_of(content))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_a_file_without_meta_information_is_read_as_it_looks(syntax: str) -> None:
    content = part_10(RICH, Writing(syntax=syntax))
    bare = read_object(body(content))
    assert bare.transfer_syntax_uid == syntax
    assert alike(content, body(content))


def test_a_file_that_begins_with_its_meta_information_is_read() -> None:
    content = part_10(RICH)
    assert alike(content, content[META:])


def test_a_file_that_states_its_representations_and_says_it_does_not_is_read() -> None:
    content = part_10(RICH)
    lying = content.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x14\x001.2.840.10008.1.2\0\0\0", 1)
    assert lying != content
    assert alike(content, lying)


def test_the_syntax_an_archive_tells_counts_where_the_file_tells_none() -> None:
    content = part_10(RICH, Writing(syntax=DEFLATED))
    assert read_object(body(content), DEFLATED).data_set.text(0x00100020) == "ID-0042"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN])
@pytest.mark.parametrize("open_lengths", [False, True])
def test_a_file_that_is_cut_short_anywhere_is_refused_or_says_less(syntax: str, open_lengths: bool) -> None:
    content = part_10(report(), Writing(syntax=syntax, open_lengths=open_lengths))
    whole = dicom_file(content)
    for end in range(META + 4, len(content) - 1, 3):
        cut = replace(whole, content=content[:end])
        assert same_content(whole, cut), f"cut at {end}"


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN]), st.booleans())
def test_damage_raises_nothing_but_what_says_so(data: st.DataObject, syntax: str, open_lengths: bool) -> None:
    content = bytearray(part_10(RICH, Writing(syntax=syntax, open_lengths=open_lengths)))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(META, len(content) - 1))] = data.draw(st.integers(0, 255))
    whole = dicom_file(part_10(RICH))
    damaged = replace(whole, content=bytes(content))
    compare_files(whole, damaged)
    compare_files(damaged, whole)
    instance_digest(damaged, decode=True)


def test_text_of_a_character_set_that_nobody_knows_is_compared_as_latin_1() -> None:
    content = part_10((Element(0x00081030, "LO", "Zäh"),), Writing(character_set="ISO_IR 100"))
    odd = content.replace(b"ISO_IR 100", b"I\0O_IR 999")
    assert alike(content, odd)
    assert not alike(content, odd.replace(b"Z\xe4h", b"Z\xe5h"))


def test_what_is_no_dicom_is_refused() -> None:
    for content in (b"", b"x", bytes(200), b"%PDF-1.7 " * 40):
        with pytest.raises(InvalidDicom):
            read_object(content)


def test_one_copy_that_cannot_be_read_differs() -> None:
    good, bad = dicom_file(small_file()), unreadable_file(b"no DICOM at all")
    found = compare_files(good, bad)
    assert [(one.kind.value, one.tag) for one in found.differences] == [("pixel", None)]
    assert found.differences[0].detail.startswith(
        "One copy cannot be read, the other can. DCM4CHEE's: The file"
    )
    assert compare_files(bad, good).differences[0].detail.count("Orthanc's:") == 1
    assert [one.kind.value for one in same_content(good, bad)] == ["pixel"]


def test_copies_that_cannot_be_read_and_are_the_same_bytes_are_noted() -> None:
    bad = unreadable_file(b"no DICOM at all")
    found = compare_files(bad, bad)
    assert (found.differences, found.incomplete) == ([], [])
    assert found.notes[0].startswith("neither copy can be read, and both are the same bytes.")
    assert same_content(bad, bad) == ()


def test_copies_that_cannot_be_read_and_differ_are_not_compared() -> None:
    found = compare_files(unreadable_file(b"no DICOM"), unreadable_file(b"nor this"))
    assert found.differences == []
    assert found.incomplete[0].startswith("neither copy can be read, and their bytes differ.")
    told = same_content(unreadable_file(b"no DICOM"), unreadable_file(b"nor this"))
    assert [one.detail[:26] for one in told] == ["Neither copy can be read, "]


def test_an_element_that_is_there_twice_is_refused() -> None:
    twice = part_10((Element(0x00100020, "LO", "1"),))
    twice += twice[-10:]
    with pytest.raises(InvalidDicom, match=r"element \(0010,0020\) twice"):
        read_object(twice)


def test_sequences_that_are_nested_without_end_are_refused() -> None:
    nested: tuple[Element, ...] = ()
    for _ in range(80):
        nested = (Element(0x00081115, "SQ", (nested,)),)
    with pytest.raises(InvalidDicom, match="deeper than 64"):
        read_object(part_10(nested, Writing(open_lengths=True)))


def test_a_deflated_file_that_is_damaged_is_refused() -> None:
    content = part_10(RICH, Writing(syntax=DEFLATED))
    with pytest.raises(InvalidDicom, match="deflated"):
        read_object(content[:-40])
    with pytest.raises(InvalidDicom, match="deflated"):
        read_object(content[:-200] + bytes(200))


def test_unknown_bytes_that_begin_like_a_sequence_and_are_none_stay_bytes() -> None:
    value = struct.pack("<HHL", 0xFFFE, 0xE000, 400) + b"not so long "
    found = read_object(part_10((Element(0x00290001, "UN", value, "VENDOR"),))).data_set
    assert found.raw(0x00291001) == value
    assert found.items(0x00291001) == []


def test_a_private_sequence_is_read_also_where_nothing_says_that_it_is_one() -> None:
    inside = ((Element(0x00100010, "PN", "A^B"),),)
    elements = (Element(0x00290001, "SQ", inside, "VENDOR"),)
    changed = (Element(0x00290001, "SQ", ((Element(0x00100010, "PN", "A^C"),),), "VENDOR"),)
    found = compared(part_10(elements), part_10(changed, Writing(syntax=IMPLICIT)))
    assert [one.tag for one in found.differences] == ["0029[VENDOR]01[0].00100010"]


def test_pixels_whose_delimiter_is_missing_are_told_as_damaged() -> None:
    held = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + struct.pack(
        "<HHLHHL", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, 2
    )
    content = (
        part_10((Element(0x00280010, "US", b"\1\0"),), Writing(syntax="1.2.840.10008.1.2.5")) + held + b"ab"
    )
    found = read_object(content)
    assert found.damage == "they end inside fragment 2, without the delimiter that is their end"
