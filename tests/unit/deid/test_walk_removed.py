"""What always goes: groups that belong to no data set, overlays, curves, what nobody knows."""

from __future__ import annotations

import pytest

from tests.builders.writing import IMPLICIT, Element, Writing, part_10
from tests.unit.deid.objects import base, new_bytes, new_dataset, read

SECRET = b"Doe^John"


@pytest.mark.parametrize("profile", ["basic", "research_rt", "longitudinal", "strict"])
@pytest.mark.parametrize(
    "tag",
    [
        0x00000002,
        0x00001000,
        0x00041130,
        0x00080000,
        0x00080001,
        0x00100000,
        0x50000010,
        0x50020005,
        0x501E3000,
        0x60000022,
        0x60001500,
        0x60003000,
        0x60004000,
        0x601E3000,
        0x00204000,
        0x00200099,
        0x00103333,
        0x10001000,
        0x7F000010,
        0x00280008 + 0x00980000,
        0xFFFCFFFC,
        0x00880200 + 0x40,
    ],
)
@pytest.mark.parametrize("syntax", [Writing().syntax, IMPLICIT])
def test_it_goes_under_every_profile(profile: str, tag: int, syntax: str) -> None:
    data = part_10((*base(), Element(tag, "UN", SECRET)), Writing(syntax))
    made = new_bytes(data, profile)
    assert SECRET not in made
    assert tag not in read(made)


@pytest.mark.parametrize("tag", [0x00000002, 0x00020016, 0x00020102, 0x00041130, 0x60003000])
def test_it_goes_from_items(tag: int) -> None:
    data = part_10((*base(), Element(0x00081115, "SQ", ((Element(tag, "UN", SECRET),),))))
    made = new_bytes(data)
    assert SECRET not in made
    assert len(read(made).ReferencedSeriesSequence[0]) == 0


def test_overlays_go_whole_and_pixels_stay() -> None:
    made = new_dataset(
        (
            Element(0x00280010, "US", b"\2\0"),
            Element(0x00280011, "US", b"\2\0"),
            Element(0x00280100, "US", b"\x08\0"),
            Element(0x60000010, "US", b"\2\0"),
            Element(0x60000050, "SS", b"\1\0\1\0"),
            Element(0x60003000, "OW", SECRET),
            Element(0x7FE00010, "OB", b"pixl"),
        )
    )
    assert not any(element.tag.group in range(0x6000, 0x6020) for element in made)
    assert made.PixelData == b"pixl"


def test_group_lengths_go_from_items_too() -> None:
    item = (Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00100010, "PN", "Secret"))
    made = new_dataset((Element(0x00081115, "SQ", (item,)),), writing=Writing(group_lengths=True))
    assert not any(element.tag.element == 0 for element in made.iterall())


@pytest.mark.parametrize("tag", [0x04000561, 0x04000500, 0x4FFE0001, 0x00880200, 0xFFFAFFFA])
def test_these_sequences_go_whole(tag: int) -> None:
    item = (Element(0x00080070, "LO", "Secret"), Element(0x00280010, "US", b"\2\0"))
    made = new_dataset((Element(tag, "SQ", (item,)),))
    assert tag not in made
