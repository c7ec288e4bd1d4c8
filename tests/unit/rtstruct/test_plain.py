"""Plain structure sets are read as pydicom would have them read, or left to it."""

from __future__ import annotations

import copy
import dataclasses
import io
import struct
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.reading import contours, plain
from orthanc_plugins.rtstruct.reading.contours import Contour, read_references, read_structure_set
from orthanc_plugins.rtstruct.reading.plain import NotPlainError, PlainItem, plain_data_set
from tests.builders import DAMAGES, HOSTILE_NAMES, Box, ImageFrame, RegionSpec, build_case, renamed
from tests.unit.rtstruct.cases import file_bytes
from tests.unit.rtstruct.mutations import Mutation, Place, elements, mutations, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataset import FileDataset

CASE = build_case(
    frame=ImageFrame(size=(3, 12, 12), spacing_mm=(4.0, 4.0), gap_mm=3.0),
    regions=[
        RegionSpec("box", Box((1.0, -3.0, 0.0), (20.0, 12.0, 12.0)), 50.0),
        RegionSpec("cube", Box((2.0, 2.0, 0.0), (9.0, 9.0, 9.0)), 80.0),
    ],
)
LITTLE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, number) for number in (0xE000, 0xE00D, 0xE0DD))
OPEN = b"\xff" * 4
NONE = bytes(4)
FIRST = 132

pytestmark = pytest.mark.filterwarnings("ignore")


def written(
    structure_set: FileDataset, syntax: UID = ExplicitVRLittleEndian, *, is_open: bool = False
) -> bytes:
    """Return the file of a structure set, all sequences and items with or all without lengths."""
    changed = copy.deepcopy(structure_set)
    changed.file_meta.TransferSyntaxUID = syntax
    if is_open:
        without_lengths(changed)
    stream = io.BytesIO()
    if syntax.is_little_endian:
        pydicom.dcmwrite(stream, changed, enforce_file_format=True)
    else:
        pydicom.dcmwrite(stream, changed, implicit_vr=False, little_endian=False, force_encoding=True)
    return stream.getvalue()


def without_lengths(dataset: Dataset) -> None:
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                without_lengths(item)


def comparable(found: object) -> object:
    """Return what was read as plain values, its points as bytes."""
    if isinstance(found, Contour):
        return found.index, found.geometric_type, found.points_lps_mm.shape, found.points_lps_mm.tobytes()
    if dataclasses.is_dataclass(found):
        return {field.name: comparable(getattr(found, field.name)) for field in dataclasses.fields(found)}
    return [comparable(one) for one in found] if isinstance(found, tuple) else found


def outcome(read: Callable[[Any], object], source: bytes | Path) -> object:
    try:
        return comparable(read(source))
    except InvalidDicom as error:
        return str(error)


@contextmanager
def by_pydicom_alone() -> Iterator[None]:
    with mock.patch.object(contours, "plain_data_set", side_effect=NotPlainError):
        yield


def check_equal(content: bytes) -> object:
    """Assert that both ways of reading a whole file, and what it refers to, have one outcome; return it."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "x")
        path.write_bytes(content)
        found, references = outcome(read_structure_set, content), outcome(read_references, path)
        with by_pydicom_alone():
            assert found == outcome(read_structure_set, content)
            assert references == outcome(read_references, path)
    return found


@contextmanager
def pydicom_forbidden() -> Iterator[None]:
    with mock.patch.object(pydicom, "dcmread", side_effect=AssertionError("pydicom was asked")):
        yield


def check_plain(content: bytes) -> None:
    """Assert that a file is read without pydicom, and as pydicom reads it."""
    with pydicom_forbidden():
        read_structure_set(content)
    assert isinstance(check_equal(content), dict)


def check_left(content: bytes) -> object:
    """Assert that a file is left to pydicom; return what comes of it."""
    with by_pydicom_alone(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome(read_structure_set, content)
    with pytest.raises(AssertionError, match="pydicom was asked"), pydicom_forbidden():
        read_structure_set(content)
    return check_equal(content)


def structure_set() -> FileDataset:
    return CASE.copied_structure_set()


def varied() -> FileDataset:
    """Return a set with empty sequences, an empty item, private elements and a group length."""
    varied = structure_set()
    varied.ReferencedStudySequence = Sequence([])
    varied.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = Sequence([Dataset()])
    varied.ROIContourSequence[1].ContourSequence[0].ContourImageSequence = Sequence([])
    block = varied.private_block(0x3007, "SYNTHETIC", create=True)
    block.add_new(0x01, "OB", bytes(range(256)))
    block.add_new(0x02, "UN", SEQUENCE_END + NONE)
    inner = Dataset()
    inner.add_new(0x30090010, "LO", "INNER")
    inner.add_new(0x30091001, "SQ", Sequence([Dataset(), Dataset()]))
    block.add_new(0x03, "SQ", Sequence([inner]))
    varied.add_new(0x30060000, "UL", 7)
    return varied


WHOLE = file_bytes(structure_set())
PLACES = elements(WHOLE)
VARIED = [written(varied(), syntax, is_open=is_open) for syntax in LITTLE for is_open in (False, True)]


def place_of(tag: int, number: int = 0, places: list[Place] | None = None) -> Place:
    wanted = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return [place for place in places or PLACES if place.tag == wanted][number]


def with_element(tag: int, vr: bytes, value: bytes) -> bytes:
    """Return the file with an element at the top of its data set, in place of any of the same tag."""
    long = vr in {b"SQ", b"UN", b"OB", b"UT"}
    length = b"\0\0" + struct.pack("<L", len(value)) if long else struct.pack("<H", len(value))
    element = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + length + value
    return put(tag, element)


def put(tag: int, element: bytes) -> bytes:
    at = FIRST
    for place in top_places():
        group, number = struct.unpack("<HH", place.tag)
        if group << 16 | number >= tag:
            same = group << 16 | number == tag
            return WHOLE[: place.start] + element + WHOLE[place.stop if same else place.start :]
        at = place.stop
    return WHOLE[:at] + element + WHOLE[at:]


def top_places() -> list[Place]:
    found: list[Place] = []
    for place in PLACES:
        if not found or place.start >= found[-1].stop:
            found.append(place)
    return found


def test_what_the_reader_knows_of_coding_is_what_pydicom_knows() -> None:
    assert {vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32} == plain.LONG
    assert {dictionary_VR(tag) for tag in plain._SEQUENCES} == {"SQ"}


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("syntax", LITTLE)
def test_little_endian_files_are_plain_whatever_their_lengths(syntax: UID, *, is_open: bool) -> None:
    check_plain(written(structure_set(), syntax, is_open=is_open))
    check_plain(written(varied(), syntax, is_open=is_open))


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_transfer_syntaxes_are_left_to_pydicom(syntax: UID, *, is_open: bool) -> None:
    found = check_left(written(structure_set(), syntax, is_open=is_open))
    assert found == check_equal(WHOLE)


@pytest.mark.parametrize(
    "syntax", [b"1.2.840.10008.1.2\0\0", b" 1.2.840.10008.1.2.1", b"1.2\\1.3", b"", b"1.2.3 "]
)
def test_other_texts_for_the_transfer_syntax_change_nothing(syntax: bytes) -> None:
    place = place_of(0x00020010)
    head = WHOLE[place.start : place.length_at] + struct.pack("<H", len(syntax))
    changed = WHOLE[: place.start] + head + syntax + WHOLE[place.stop :]
    (length,) = struct.unpack_from("<L", changed, FIRST + 8)
    check_equal(changed)
    check_equal(
        replaced(changed, FIRST + 8, struct.pack("<L", length + len(syntax) - place.stop + place.value_at))
    )


@pytest.mark.parametrize("said", LITTLE)
@pytest.mark.parametrize("used", LITTLE)
def test_a_wrong_transfer_syntax_changes_nothing(said: UID, used: UID) -> None:
    wrong = written(structure_set(), used).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    if said == ExplicitVRLittleEndian:
        wrong = written(structure_set(), used)
    check_equal(wrong)


@pytest.mark.parametrize("kind", sorted(DAMAGES))
def test_every_damage_of_one_contour_is_read_from_the_plain_file(kind: str) -> None:
    damaged = structure_set()
    DAMAGES[kind](damaged)
    check_plain(file_bytes(damaged))
    check_plain(written(damaged, ImplicitVRLittleEndian, is_open=True))


@pytest.mark.parametrize(
    "characters", [b"", b"ISO_IR 6", b"ISO_IR 100", b"ISO_IR 192", b"ISO_IR 192\0\0", b"  "]
)
def test_names_in_common_character_sets_are_plain(characters: bytes) -> None:
    renamed_set = structure_set()
    renamed(renamed_set, ["Größe", HOSTILE_NAMES[0]])
    renamed_set.add_new(0x00080005, "CS", characters.decode().rstrip("\0"))
    check_plain(file_bytes(renamed_set))
    check_equal(with_element(0x00080005, b"CS", characters))


@pytest.mark.parametrize(
    "characters",
    [
        *(
            b"ISO_IR 144",
            b"ISO 2022 IR 6\\ISO 2022 IR 87",
            b"\\ISO 2022 IR 149",
            b"\\ISO 2022 IR 87",
            b"GB18030 ",
        ),
        *(b"ISO_IR_100", b"ISO IR 192", b"ISO_IR 192\\ISO_IR 100", b"ISO_IR 100\\ISO_IR 101", b"UNKNOWN "),
        *(
            b"A\0B ",
            b"ROT13 ",
            b"HEX ",
            b"IDNA",
            b"UNDEFINED ",
            b"\xe9\xe9",
            b"\0ISO_IR 100 ",
            b" ISO_IR 100 ",
            b"\\",
        ),
    ],
)
@pytest.mark.parametrize(
    "name", [b"b\xf6x", b"\x1b$)C\xbf\xb5\x1b(B ", b"\x1b$B;3\x1b(B\\\x1b-A\xe9 ", b"\x1bzz "]
)
def test_other_character_sets_are_left_to_pydicom(characters: bytes, name: bytes) -> None:
    content = with_element(0x00080005, b"CS", characters)
    place = place_of(0x30060026, places=elements(content))
    check_left(content)
    check_equal(replaced(content, place.value_at, name[: place.stop - place.value_at]))


@pytest.mark.parametrize("name", [b"\x1b$)C\xbf\xb5", b"\x1b(J\\\x1b-A", b"\x1b", b"a\0\x1b%/I\xff\xff"])
@pytest.mark.parametrize("characters", [b"", b"ISO_IR 100", b"ISO_IR 192"])
def test_escapes_without_their_character_set_change_nothing(characters: bytes, name: bytes) -> None:
    changed = structure_set()
    changed.StructureSetROISequence[0].ROIName = "x" * len(name)
    changed.add_new(0x00080005, "CS", characters.decode())
    check_plain(file_bytes(changed).replace(b"x" * len(name), name))


@pytest.mark.parametrize("vr", [b"US", b"UN", b"LO", b"SQ", b"ZZ", b"UL", b"AT"])
def test_a_character_set_of_another_representation_is_left_to_pydicom(vr: bytes) -> None:
    check_left(with_element(0x00080005, vr, b"ISO_IR 100"))


@pytest.mark.parametrize("characters", ["ISO_IR 192", "AxB"])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_character_set_inside_an_item_is_left_to_pydicom(characters: str, *, is_open: bool) -> None:
    inner = structure_set()
    inner.StructureSetROISequence[0].add_new(0x00080005, "CS", characters)
    check_left(written(inner, is_open=is_open).replace(b"AxB", b"A\0B"))


@pytest.mark.parametrize("tag", [0x30060020, 0x30060039, 0x30060010, 0x30060080])
def test_a_known_sequence_of_unknown_representation_is_left_to_pydicom(tag: int) -> None:
    place = place_of(tag)
    check_left(replaced(WHOLE, place.start + 4, b"UN"))
    check_equal(replaced(replaced(WHOLE, place.start + 4, b"UN"), place.length_at, OPEN))
    implicit = written(structure_set(), ImplicitVRLittleEndian)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    at = implicit.index(head)
    (length,) = struct.unpack_from("<L", implicit, at + 4)
    check_equal(
        WHOLE[: place.start] + head + b"UN\0\0" + implicit[at + 4 : at + 8 + length] + WHOLE[place.stop :]
    )


@pytest.mark.parametrize("vr", [b"UN", b"SQ", b"OB", b"UT", b"LO", b"ZZ", b"lo", b"\0\0", b"US", b"PN"])
@pytest.mark.parametrize(
    "tag", [0x00080016, 0x00080018, 0x0020000D, 0x30060002, 0x30060026, 0x30060022, 0x30060050, 0x30060042]
)
def test_another_representation_of_a_text_changes_nothing(tag: int, vr: bytes) -> None:
    check_equal(replaced(WHOLE, place_of(tag).start + 4, vr))


@pytest.mark.parametrize("vr", [b"ZZ", b"CS", b"US", b"DS"])
def test_texts_of_another_short_representation_are_plain(vr: bytes) -> None:
    for tag in (0x00080016, 0x30060026, 0x30060050):
        assert WHOLE[place_of(tag).start + 4 :][:2] != b"SQ"
    check_plain(replaced(WHOLE, place_of(0x30060026).start + 4, vr))
    check_plain(with_element(0x30060002, b"UN", b"label!"))


PADDINGS = [bytes(count) for count in (1, 7, 8, 12, 100)] + [
    *(struct.pack("<HH", 0xFFFC, 0xFFFC) + b"OB\0\0" + struct.pack("<L", 4) + NONE, b"\n", b"\x1a" * 9),
    *(ITEM_END + NONE, SEQUENCE_END + NONE, ITEM + NONE, ITEM_END + b"OB\0\0"),
    *(struct.pack("<HH", 0xFFFC, 0xFFFC) + b"OB\0\0" + struct.pack("<L", 400), WHOLE[FIRST:], WHOLE[400:420]),
]


@pytest.mark.parametrize("padding", PADDINGS)
def test_whatever_follows_the_data_set_changes_nothing(padding: bytes) -> None:
    for content in (WHOLE, *VARIED):
        check_equal(content + padding)


def test_padding_by_its_own_element_is_plain() -> None:
    check_plain(WHOLE + PADDINGS[5])


@pytest.mark.parametrize("length", [1, 3, 5])
def test_odd_lengths_are_plain(length: int) -> None:
    check_plain(with_element(0x30060002, b"SH", b"plain"[:length]))
    check_plain(with_element(0x30060002, b"SH", b""))


@pytest.mark.parametrize("tag", [0x00080018, 0x30060020, 0x30060039, 0x30060002])
def test_elements_that_come_twice_or_out_of_order_are_left_to_pydicom(tag: int) -> None:
    place = next(place for place in top_places() if place is place_of(tag))
    element = WHOLE[place.start : place.stop]
    check_left(WHOLE[: place.stop] + element + WHOLE[place.stop :])
    last = WHOLE[: place.start] + WHOLE[place.stop :] + element
    assert check_left(last) == check_equal(WHOLE)


def test_elements_of_the_meta_information_behind_it_and_commands_are_left_to_pydicom() -> None:
    (length,) = struct.unpack_from("<L", WHOLE, FIRST + 8)
    end = FIRST + 12 + length
    command = struct.pack("<HHLH", 0, 0x0800, 2, 1)
    for more in (command, struct.pack("<HH", 0, 0x0800) + b"US\2\0\1\0", WHOLE[FIRST : FIRST + 12]):
        check_left(WHOLE[:end] + more + WHOLE[end:])
        check_left(WHOLE[:FIRST] + more + WHOLE[FIRST:])
    for wrong in (0, length - 8, length + 8, 0xFFFFFFFF):
        check_plain(replaced(WHOLE, FIRST + 8, struct.pack("<L", wrong)))
    check_left(WHOLE[:FIRST] + WHOLE[FIRST + 12 :])


@pytest.mark.parametrize("content", VARIED)
def test_a_file_cut_anywhere_has_one_outcome(content: bytes) -> None:
    for end in range(0, len(content), 1 + len(content) // 60):
        check_equal(content[:end])


def test_a_file_cut_inside_an_element_is_not_plain() -> None:
    borders = {place.start for place in top_places()}
    for end in set(range(len(WHOLE))) - borders:
        with pytest.raises(NotPlainError):
            plain_data_set(WHOLE[:end])


def nested(depth: int, *, is_open: bool) -> bytes:
    """Return a file with a private sequence as deep as asked."""
    content = b""
    for _ in range(depth):
        size = OPEN if is_open else struct.pack("<L", len(content))
        item = ITEM + size + content + (ITEM_END + NONE if is_open else b"")
        size = OPEN if is_open else struct.pack("<L", len(item))
        content = (
            struct.pack("<HH", 0x7771, 0x1001) + b"SQ\0\0" + size + item + (SEQUENCE_END + NONE) * is_open
        )
    return WHOLE + content


def test_sequences_nested_deep_are_left_to_pydicom() -> None:
    check_plain(nested(plain.DEEPEST, is_open=True))
    check_plain(nested(100, is_open=False))
    check_left(nested(plain.DEEPEST + 2, is_open=True))
    check_left(nested(2000, is_open=True))


@pytest.mark.parametrize("length", [0xFFFE, 0xFFFFFFFE, 0x7FFFFFFF, 0xFFFFFFFF, 0])
def test_a_wrong_length_has_one_outcome(length: int) -> None:
    for place in PLACES[:: 1 + len(PLACES) // 40]:
        size = struct.pack("<L", length) if place.wide else struct.pack("<H", length & 0xFFFF)
        check_equal(replaced(WHOLE, place.length_at, size))


DELIMITERS = [
    tag + length for tag in (ITEM_END, SEQUENCE_END, ITEM) for length in (NONE, b"OB\0\0", OPEN, b"\1\0\0\0")
]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_a_stray_delimiter_anywhere_has_one_outcome(delimiter: bytes) -> None:
    for place in PLACES[:: 1 + len(PLACES) // 20]:
        check_equal(WHOLE[: place.start] + delimiter + WHOLE[place.start :])
        check_equal(replaced(WHOLE, place.value_at, delimiter))
    for content in VARIED:
        at = content.rindex(ITEM_END) if ITEM_END in content else len(content)
        check_equal(content[:at] + delimiter + content[at:])
        check_equal(replaced(content, min(at, len(content) - 8), delimiter))


def test_a_delimiter_in_place_of_the_last_bytes_of_an_item_is_left_to_pydicom() -> None:
    after = place_of(0x30060020).start
    item = next(place for place in PLACES if place.start > after)
    check_left(WHOLE[: item.stop - 8] + ITEM_END + NONE + WHOLE[item.stop :])


@pytest.mark.parametrize("value", [b"\0\0", b"\0", b"", b"\0\0\0\0"])
def test_a_pixel_representation_has_no_say(value: bytes) -> None:
    check_left(with_element(0x00280103, b"US", value))


@pytest.mark.parametrize(
    "delimiter", [SEQUENCE_END + NONE, ITEM + OPEN + ITEM_END + NONE + SEQUENCE_END + NONE]
)
def test_texts_without_length_are_left_to_pydicom(delimiter: bytes) -> None:
    implicit = written(structure_set(), ImplicitVRLittleEndian)
    head = struct.pack("<HH", 0x3006, 0x0002)
    at = implicit.index(head)
    (length,) = struct.unpack_from("<L", implicit, at + 4)
    check_left(implicit[:at] + head + OPEN + delimiter + implicit[at + 8 + length :])


@st.composite
def inserting(draw: st.DrawFn) -> Mutation:
    """Insert, remove or overwrite bytes in the head of an element."""
    share, offset = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 12))
    new = draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([OPEN, ITEM + NONE, ITEM + OPEN, *DELIMITERS]))
    )
    removed = draw(st.integers(0, 12))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        at = places[int(share * len(places))].start + offset
        return content[:at] + new + content[at + removed :]

    return mutate


@st.composite
def flipping(draw: st.DrawFn) -> Mutation:
    """Flip single bits in the heads of elements, or cut the file."""
    share, offset, bit = (
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.integers(0, 11)),
        draw(st.integers(0, 7)),
    )
    cut = draw(st.sampled_from([0, 0, 0, 1, 8, 20, 300]))

    def mutate(content: bytes, places: list[Place]) -> bytes:
        at = min(places[int(share * len(places))].start + offset, len(content) - 1)
        changed = replaced(content, at, bytes([content[at] ^ 1 << bit])) if at >= 0 else content
        return changed[: len(changed) - cut]

    return mutate


def heads(content: bytes) -> list[Place]:
    """Return where elements seem to begin in a file of whatever coding: at the tags of the plain one."""
    tags = {place.tag for place in PLACES} | {ITEM, ITEM_END, SEQUENCE_END}
    starts = sorted(
        {at for tag in tags for at in range(FIRST, len(content) - 12) if content.startswith(tag, at)}
    )
    return [Place(at, content[at : at + 4], at + 4, True, at + 8, at + 12) for at in starts]


BASES = [(WHOLE, PLACES), *((content, heads(content)) for content in VARIED)]


@given(
    st.integers(0, len(BASES) - 1),
    st.lists(st.one_of(mutations, inserting(), flipping()), min_size=1, max_size=3),
)
def test_whatever_bytes_are_changed_both_ways_have_one_outcome(base: int, changes: list[Mutation]) -> None:
    content, places = BASES[base]
    for change in changes:
        content = change(content, places)
    check_equal(content)


@given(st.binary(max_size=400))
@example(b"")
def test_any_bytes_have_one_outcome(content: bytes) -> None:
    check_equal(content)
    check_equal(WHOLE[:400] + content)


def contour_count(count: int) -> bytes:
    many = structure_set()
    drawn = many.ROIContourSequence[0].ContourSequence
    many.ROIContourSequence[0].ContourSequence = Sequence([drawn[0]] * count)
    return written(many, is_open=True)


class _Counting:
    """Counts the heads unpacked."""

    def __init__(self, packed: struct.Struct) -> None:
        self.packed = packed
        self.count = 0

    def unpack_from(self, data: bytes, position: int) -> tuple[Any, ...]:
        self.count += 1
        return self.packed.unpack_from(data, position)


def test_every_head_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    meta_count = 12
    for content in (contour_count(20), nested(plain.DEEPEST, is_open=True), *VARIED):
        counters = [_Counting(plain._EXPLICIT_HEAD), _Counting(plain._IMPLICIT_HEAD)]
        monkeypatch.setattr(plain, "_EXPLICIT_HEAD", counters[0])
        monkeypatch.setattr(plain, "_IMPLICIT_HEAD", counters[1])
        walked = everything(plain_data_set(content))
        monkeypatch.undo()
        assert walked > 30
        assert sum(counter.count for counter in counters) <= walked + meta_count


def everything(item: PlainItem) -> int:
    """Return how many elements and items lie in and below an item, having asked for every sequence."""
    count = 1
    for tag, place in item._places.items():
        count += 1
        if place.items is not None or place.representation == b"SQ" or tag in plain._SEQUENCES:
            count += sum(everything(inner) for inner in item.sequence(tag))
    return count


def test_points_are_numbers_of_double_precision() -> None:
    with pydicom_forbidden():
        found = read_structure_set(WHOLE)
    assert {contour.points_lps_mm.dtype for region in found.regions for contour in region.contours} == {
        np.dtype(np.float64)
    }
