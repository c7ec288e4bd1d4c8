"""Objects of many kinds with what makes comparing hard: private elements, names in other scripts, reports,
pixels of every kind."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.builders.uids import UidSource
from tests.builders.writing import Element, Writing, part_10

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.builders.writing import Elements

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
PIXEL_DATA = 0x7FE00010
SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E


def us(*numbers: int) -> bytes:
    """Return whole numbers of 16 bits."""
    return struct.pack(f"<{len(numbers)}H", *numbers)


def header(
    *,
    sop_class: str = SECONDARY_CAPTURE,
    seed: int = 0,
    instance: int = 1,
    series: int = 1,
    name: str = "Müller^Änne",
) -> Elements:
    """Return what every object has: who, which study, series and instance."""
    uids = UidSource(seed)
    return (
        Element(SOP_CLASS, "UI", sop_class),
        Element(SOP_INSTANCE, "UI", uids.uid(f"instance {series}/{instance}")),
        Element(0x00080020, "DA", "20260102"),
        Element(0x00080050, "SH", "ACC1"),
        Element(0x00080060, "CS", "OT"),
        Element(0x00081030, "LO", "Straße 7"),
        Element(0x00100010, "PN", name),
        Element(0x00100020, "LO", "ID-0042"),
        Element(0x00101030, "DS", "71.50"),
        Element(STUDY, "UI", uids.uid("study")),
        Element(SERIES, "UI", uids.uid(f"series {series}")),
        Element(0x00200011, "IS", str(series)),
        Element(0x00200013, "IS", str(instance)),
    )


def rich_elements() -> Elements:
    """Return elements of every kind: text, names, numbers, words, sequences, private ones."""
    code = (
        Element(0x00080100, "SH", "T-D3000"),
        Element(0x00080102, "SH", "SRT"),
        Element(0x00080104, "LO", "Çhest"),
    )
    return (
        Element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        Element(0x00081115, "SQ", ((Element(SERIES, "UI", "1.2.3"), Element(0x00081199, "SQ", ())),)),
        Element(0x00081032, "SQ", (code, (*code[:2], Element(0x00080104, "LO", "Abdomen")))),
        Element(0x00102160, "SH", "naïve"),
        Element(0x00104000, "LT", " Leading spaces count,\r\nthese do not:   "),
        Element(0x00180050, "DS", "3.000"),
        Element(0x00189073, "FD", struct.pack("<d", 0.1)),
        Element(0x00201208, "IS", "012"),
        Element(0x00280009, "AT", us(0x0018, 0x1063)),
        Element(0x00280106, "US", us(7)),
        Element(0x0029_0010, "OB", b"\1\2\3\0", "VENDOR ONE"),
        Element(0x0029_0012, "LO", "Privät", "VENDOR ONE"),
        Element(0x0029_0013, "DS", "1.50", "VENDOR ONE"),
        Element(0x0029_0014, "SQ", ((Element(0x0031_0001, "US", us(5), "VENDOR TWO"),),), "VENDOR ONE"),
        Element(0x0029_0010, "UN", b"ab", "VENDOR TWO"),
    )


def image(
    pixels: NDArray[np.unsignedinteger] | NDArray[np.signedinteger],
    *,
    stored: int | None = None,
    high_bit: int | None = None,
    photometric: str = "MONOCHROME2",
    planar: int = 0,
    frames: int | None = None,
    extra: Elements = (),
    **said: Any,
) -> Elements:
    """Return an image of stored values: (rows, columns), (rows, columns, samples) or, where ``frames`` is
    given, one axis more ahead. ``said`` is as in `header`."""
    allocated = pixels.dtype.itemsize * 8
    stored = stored or allocated
    shape = pixels.shape if frames is None else pixels.shape[1:]
    samples = shape[2] if len(shape) == 3 else 1
    whole = pixels.reshape(-1, *shape)
    if samples > 1 and planar:
        whole = whole.transpose(0, 3, 1, 2)
    value = np.ascontiguousarray(whole).astype(pixels.dtype.newbyteorder("<")).tobytes()
    described = [
        Element(0x00280002, "US", us(samples)),
        Element(0x00280004, "CS", photometric),
        Element(0x00280010, "US", us(shape[0])),
        Element(0x00280011, "US", us(shape[1])),
        Element(0x00280100, "US", us(allocated)),
        Element(0x00280101, "US", us(stored)),
        Element(0x00280102, "US", us(stored - 1 if high_bit is None else high_bit)),
        Element(0x00280103, "US", us(int(pixels.dtype.kind == "i"))),
    ]
    if samples > 1:
        described.append(Element(0x00280006, "US", us(planar)))
    if frames is not None:
        described.append(Element(0x00280008, "IS", str(frames)))
    held = Element(PIXEL_DATA, "OW" if allocated > 8 else "OB", value)
    return (*header(**said), *extra, *described, held)


def report(*, text: str = "Kein Befund", **said: Any) -> Elements:
    """Return a structured report: a tree of content items (PS3.3 C.17.3)."""
    name = (
        Element(0x00080100, "SH", "121070"),
        Element(0x00080102, "SH", "DCM"),
        Element(0x00080104, "LO", "Findings"),
    )
    finding = (
        Element(0x0040A010, "CS", "CONTAINS"),
        Element(0x0040A040, "CS", "TEXT"),
        Element(0x0040A043, "SQ", (name,)),
        Element(0x0040A160, "UT", text),
    )
    measured = (
        Element(0x0040A010, "CS", "CONTAINS"),
        Element(0x0040A040, "CS", "NUM"),
        Element(0x0040A300, "SQ", ((Element(0x0040A30A, "DS", "12.30"),),)),
    )
    return (
        *header(sop_class=COMPREHENSIVE_SR, **said),
        Element(0x0040A040, "CS", "CONTAINER"),
        Element(0x0040A043, "SQ", (name,)),
        Element(0x0040A730, "SQ", (finding, measured)),
    )


def with_value(elements: Elements, tag: int, value: str | bytes | tuple[Elements, ...]) -> Elements:
    """Return elements of which that with a tag has another value."""
    assert any(element.tag == tag for element in elements), "there is such an element"
    return tuple(replace(one, value=value) if one.tag == tag else one for one in elements)


def without(elements: Elements, tag: int) -> Elements:
    """Return elements without that of a tag."""
    return tuple(one for one in elements if one.tag != tag)


def text_of(elements: Elements, tag: int) -> str:
    """Return the text of an element."""
    return next(one.value for one in elements if one.tag == tag and isinstance(one.value, str))


def small_file(
    *, instance: int = 1, series: int = 1, value: int = 7, writing: Writing | None = None
) -> bytes:
    """Return a file of a tiny image, told from others by its series and instance."""
    elements = image(np.full((4, 4), value, np.uint16), instance=instance, series=series)
    return part_10(elements, writing, sop_uid=text_of(elements, SOP_INSTANCE))
