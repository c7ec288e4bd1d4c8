"""Text in the character sets of PS3.3 C.12.1.1.2, of the object and of its items."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.characters import decoded
from tests.builders.writing import Element, Writing, part_10
from tests.unit.deid.objects import PATIENT, base, new_bytes, new_dataset

JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
KOREAN = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"


@pytest.mark.parametrize(
    ("value", "characters", "text"),
    [
        (b"Doe^John", b"", "Doe^John"),
        (b"M\xfcller", b"ISO_IR 100", "Müller"),
        (b"M\xfcller", b"", "Müller"),
        ("Иванов".encode("iso8859_5"), b"ISO_IR 144", "Иванов"),
        ("Müller".encode(), b"ISO_IR 192", "Müller"),
        ("王".encode("gb18030"), b"GB18030", "王"),
        (
            JAPANESE,
            b"\\ISO 2022 IR 87",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (KOREAN, b"\\ISO 2022 IR 149", "Hong^Gildong=洪^吉洞"),
        (b"\xff\xfe", b"ISO_IR 192", "\ufffd\ufffd"),
        (b"M\xfcller", b"DOE JOHN", "Müller"),
        (b"M\xfcller", b"ISO_IR 100\\DOE", "Müller"),
    ],
)
def test_text_is_read_by_its_character_set_without_a_warning(
    value: bytes, characters: bytes, text: str
) -> None:
    assert decoded(value, characters) == text


@pytest.mark.parametrize(
    ("characters", "name"),
    [
        ("ISO_IR 100", "Müller^Änne".encode("latin-1")),
        ("ISO_IR 192", "Müller^Änne".encode()),
        ("\\ISO 2022 IR 87", JAPANESE),
        ("\\ISO 2022 IR 149", KOREAN),
        ("GB18030", "王^小东".encode("gb18030")),
        ("UNKNOWN", b"\xff\xfe^\xfd"),
    ],
)
def test_names_go_in_every_character_set(characters: str, name: bytes) -> None:
    elements = (
        *base(),
        Element(0x00080005, "CS", characters),
        Element(0x00081070, "PN", name),
        Element(0x00100010, "PN", name),
    )
    data = new_bytes(part_10(elements, Writing(character_set="")))
    assert name not in data
    assert data.count(PATIENT.encode()) == 1


def kept_manufacturer(top: str, item: str | None, name: bytes, repeated: bytes) -> str | None:
    """Return what stays of a manufacturer that may repeat a name inside an item."""
    own = (Element(0x00080005, "CS", item),) if item is not None else ()
    made = new_dataset(
        (
            Element(0x00080005, "CS", top),
            Element(0x00080070, "LO", repeated),
            Element(0x00081115, "SQ", ((*own, Element(0x00081070, "PN", name)),)),
        ),
        writing=Writing(character_set=""),
    )
    found: str | None = made.get("Manufacturer")
    return found


def test_a_name_in_an_item_is_read_by_the_items_own_character_set() -> None:
    russian, latin = "Иванов".encode("iso8859_5"), "Grünwald".encode("latin-1")
    assert kept_manufacturer("ISO_IR 192", "ISO_IR 144", russian, "Завод Иванов".encode()) in {
        None,
        "REMOVED",
        "",
    }
    assert kept_manufacturer("ISO_IR 192", "ISO_IR 144", russian, "Завод Сидоров".encode()) == "Завод Сидоров"
    assert kept_manufacturer("ISO_IR 100", None, latin, b"Gruenwald Medical") in {None, "REMOVED", ""}


@pytest.mark.parametrize("open_lengths", [False, True])
def test_a_kept_text_in_an_item_is_read_by_the_items_own_character_set(open_lengths: bool) -> None:
    item = (
        Element(0x00080005, "CS", "ISO_IR 144"),
        Element(0x00080070, "LO", "Иванов".encode("iso8859_5")),
    )
    inherits = (Element(0x00080070, "LO", "Иванов".encode()),)
    made = new_dataset(
        (
            Element(0x00080005, "CS", "ISO_IR 192"),
            Element(0x00080070, "LO", "Сидоров".encode()),
            Element(0x00081115, "SQ", (item, inherits)),
            Element(0x00100010, "PN", "Иванов^Пётр".encode()),
        ),
        writing=Writing(character_set="", open_lengths=open_lengths),
    )
    assert made.Manufacturer == "Сидоров"
    for inner in made.ReferencedSeriesSequence:
        assert inner.get("Manufacturer", "REMOVED") in {"REMOVED", ""}


def test_the_character_set_stays() -> None:
    made = new_dataset((), writing=Writing(character_set="ISO_IR 100"))
    assert made.SpecificCharacterSet == "ISO_IR 100"


@pytest.mark.parametrize("character_set", [b"rot13", b"hex", b"undefined", b"ISO\0IR", b"\xff", b"\\idna"])
def test_what_is_no_character_set_is_read_as_the_default_one(character_set: bytes) -> None:
    assert decoded(b"M\xfcller", character_set) == "Müller"
