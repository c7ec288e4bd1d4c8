"""Plain structure sets are read as pydicom would have them read, or left to it."""

from __future__ import annotations

import struct
import warnings

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from orthanc_plugins.rtstruct.reading import plain
from orthanc_plugins.rtstruct.reading.contours import read_structure_set
from tests.builders import DAMAGES, HOSTILE_NAMES, renamed
from tests.unit.rtstruct.agreement import (
    FIRST,
    LITTLE,
    OPEN,
    WHOLE,
    check_equal,
    check_left,
    check_plain,
    place_of,
    structure_set,
    varied,
    with_element,
    written,
)
from tests.unit.rtstruct.cases import file_bytes
from tests.unit.rtstruct.mutations import elements, replaced

pytestmark = pytest.mark.filterwarnings("ignore")


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


@pytest.mark.parametrize(
    ("characters", "encoding"),
    [("ISO_IR 192", "utf-8"), ("ISO_IR 144", "iso8859_5"), ("\\ISO 2022 IR 87", ""), ("GB18030", "gb18030")],
)
@pytest.mark.parametrize("syntax", [*LITTLE, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_names_keep_their_character_set_whoever_reads_them(
    syntax: UID, characters: str, encoding: str
) -> None:
    name = "Печень" if encoding else "肝臓"
    changed = structure_set()
    changed.SpecificCharacterSet = characters.split("\\")
    changed.StructureSetROISequence[0].ROIName = name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = written(changed, syntax)
    assert not encoding or syntax.is_deflated or name.encode(encoding) in content
    check_equal(content)
    assert read_structure_set(content).regions[0].name == name


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
