"""Whatever is nested in whatever: no identity is left, every length fits, every reference is the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.deid.wire.reading import leaves
from tests.builders.writing import BIG_ENDIAN, EXPLICIT, IMPLICIT, Element, Elements, Writing, part_10
from tests.unit.deid.objects import base, new_bytes, new_uid, read

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SECRET = "Zoltanyi"
REFERENCE, SERIES = 0x00081155, 0x00081115
_LEAVES = st.sampled_from(
    (
        Element(0x00081070, "PN", f"{SECRET}^A"),
        Element(0x00100010, "PN", SECRET),
        Element(0x00080050, "SH", SECRET),
        Element(0x00081030, "LO", f"thorax of {SECRET}"),
        Element(0x00080070, "LO", f"{SECRET} AG"),
        Element(0x00100020, "OB", SECRET.encode()),
        Element(0x00204000, "LT", SECRET * 40),
        Element(0x00110001, "LO", SECRET, "EXAMPLE"),
        Element(0x0019000C, "IS", SECRET, "SIEMENS MR HEADER"),
        Element(0x60003000, "OW", SECRET.encode()),
        Element(0x00280010, "US", b"\2\0"),
        Element(0x00189073, "FD", bytes(8)),
        Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"),
        Element(REFERENCE, "UI", "1.2.9"),
        Element(0x0020000E, "UI", "1.2.84"),
    )
)
_SEQUENCES = st.sampled_from((SERIES, 0x00081199, 0x00400275, 0x04000561, 0x30060010, 0x0040A730))


def _unique(elements: list[Element]) -> Elements:
    return tuple({element.tag: element for element in elements}.values())


def _nested(items: st.SearchStrategy[Elements]) -> st.SearchStrategy[Elements]:
    sequence = st.builds(
        lambda tag, inner: Element(tag, "SQ", tuple(inner)), _SEQUENCES, st.lists(items, max_size=3)
    )
    private = st.builds(
        lambda inner: Element(0x00110002, "SQ", tuple(inner), "EXAMPLE"), st.lists(items, max_size=2)
    )
    return st.lists(_LEAVES | sequence | private, max_size=6).map(_unique)


ITEMS = st.recursive(st.lists(_LEAVES, max_size=6).map(_unique), _nested, max_leaves=12)
WRITINGS = st.builds(
    Writing,
    syntax=st.sampled_from((EXPLICIT, IMPLICIT, BIG_ENDIAN)),
    open_lengths=st.booleans(),
    group_lengths=st.booleans(),
    first_block=st.integers(0x10, 0x80),
    trailing=st.sampled_from((0, 8)),
)


def uids_of(data: Dataset) -> list[str]:
    return [str(element.value) for element in data.iterall() if element.tag == REFERENCE]


@given(ITEMS, WRITINGS, st.sampled_from(("basic", "research_rt")))
def test_no_identity_is_left_and_every_length_fits(
    elements: Elements, writing: Writing, profile: str
) -> None:
    known = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E}
    data = part_10((*base(), *(one for one in elements if one.tag not in known)), writing)
    made = new_bytes(data, profile)
    assert SECRET.lower().encode() not in made.lower()
    assert set(uids_of(read(made))) <= {new_uid("1.2.9")}
    file = read_part10(made)
    assert list(leaves(file.data_set, file.begin, file.encoding, lambda _: False))
    assert SECRET not in str(gathered(file).names)
    assert new_bytes(made, profile).startswith(bytes(128) + b"DICM")


@given(ITEMS, st.booleans())
def test_the_encoding_makes_no_difference(elements: Elements, open_lengths: bool) -> None:
    known = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E}
    whole = (*base(), *(one for one in elements if one.tag not in known))
    one, other = (
        read(new_bytes(part_10(whole, Writing(syntax, open_lengths=opened))))
        for syntax, opened in ((EXPLICIT, open_lengths), (IMPLICIT, not open_lengths))
    )
    assert [str(element) for element in one] == [str(element) for element in other]
