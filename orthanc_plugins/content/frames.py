"""Decoded pixels, frame by frame: the values an image has, whatever its coding.

A value is the bits that are stored (PS3.5 8.1.1), as an unsigned number: what lies in bits that are not is no
value, unless an overlay is (PS3.5 8.1.2). Samples of a pixel lie beside one another (Planar Configuration 0).
Colours are as decoded: decoders of JPEG 2000 give RGB for YBR_RCT and YBR_ICT (PS3.5 8.2.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from orthanc_plugins.content.datasets import (
    DOUBLE_PIXELS,
    FLOAT_PIXELS,
    PHOTOMETRIC_INTERPRETATION,
    PIXELS,
    PLANAR_CONFIGURATION,
)
from orthanc_plugins.content.encoding import EXPLICIT, NATIVE
from orthanc_plugins.content.representations import kind_of
from orthanc_plugins.errors import InvalidDicom, NoDecoder
from orthanc_plugins.rtstruct.reading.elements import parse_errors
from orthanc_plugins.rtstruct.reading.hush import hush_pydicom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.content.encoding import DataSet, Place

type Frame = NDArray[np.unsignedinteger]
"""Values of a frame: shape (rows, columns), or (rows, columns, samples) where a pixel has several."""

_SAMPLES, _FRAMES, _ROWS, _COLUMNS = 0x00280002, 0x00280008, 0x00280010, 0x00280011
_ALLOCATED, _STORED, _HIGH_BIT, _SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_OVERLAYS = range(0x60000000, 0x60200000, 0x20000)
_OVERLAY_BIT, _OVERLAY_DATA = 0x0102, 0x3000
_CONTAINERS = (8, 16, 32, 64)
_BYTE = 8
_CONTAINERS_KEPT = NATIVE | {"1.2.840.10008.1.2.5"}
"""Transfer syntaxes that keep all bits of a container, not only a value's: not compressed, and RLE."""
_SUBSAMPLED = "YBR_FULL_422"
_DECODED_AS = {"YBR_RCT": "RGB", "YBR_ICT": "RGB", _SUBSAMPLED: "YBR_FULL"}
_LONGEST_WORDS = 160
_FLOATS = {FLOAT_PIXELS: 32, DOUBLE_PIXELS: 64}
_MOST_VALUES = 2**32
"""A frame that announces more is damage; it bounds memory."""


@dataclass(frozen=True)
class PixelDescription:
    """How pixels are to be read (PS3.3 C.7.6.3.1).

    ``mask`` has the bits of a container that are values, ``shift`` is the lowest of them.
    """

    element: int
    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    shift: int
    mask: int
    signed: bool
    photometric: str
    planar: int

    @property
    def container(self) -> int:
        """Bits of the smallest unsigned number that holds every value."""
        return next(bits for bits in _CONTAINERS if bits >= self.mask.bit_length() - self.shift)

    @property
    def values_a_frame(self) -> int:
        """How many values a frame has."""
        return self.rows * self.columns * self.samples

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a frame."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)


def describe(data_set: DataSet) -> PixelDescription:
    """Return how the pixels of a data set are to be read.

    Raises
    ------
    InvalidDicom
        An attribute that says so is missing, or no image can have its value.
    """
    element = next((tag for tag in PIXELS if tag in data_set), None)
    if element is None:
        raise InvalidDicom("there are none")
    allocated = _FLOATS.get(element) or _needed(data_set, _ALLOCATED, "Bits Allocated")
    stored = allocated if element in _FLOATS else data_set.whole_number(_STORED) or allocated
    high = data_set.whole_number(_HIGH_BIT)
    shift = max(0, (stored - 1 if high is None or element in _FLOATS else high) - stored + 1)
    found = PixelDescription(
        element=element,
        rows=_needed(data_set, _ROWS, "Rows"),
        columns=_needed(data_set, _COLUMNS, "Columns"),
        samples=data_set.whole_number(_SAMPLES) or 1,
        frames=_needed(data_set, _FRAMES, "Number of Frames") if data_set.raw(_FRAMES).strip(b" \0") else 1,
        allocated=allocated,
        stored=stored,
        shift=shift,
        mask=((1 << stored) - 1) << shift | _overlay_bits(data_set, allocated),
        signed=data_set.whole_number(_SIGNED) == 1,
        photometric=data_set.text(PHOTOMETRIC_INTERPRETATION),
        planar=data_set.whole_number(PLANAR_CONFIGURATION) or 0,
    )
    if (
        found.values_a_frame > _MOST_VALUES
        or allocated not in {1, *_CONTAINERS}
        or shift + stored > allocated
    ):
        raise InvalidDicom(
            "no image can have its Rows, Columns, Samples, Bits Allocated, Bits Stored, High Bit"
        )
    return found


def _needed(data_set: DataSet, tag: int, name: str) -> int:
    number = data_set.whole_number(tag)
    if not number:
        raise InvalidDicom(f"{name} is missing or no number")
    return number


def _overlay_bits(data_set: DataSet, allocated: int) -> int:
    """Return the bits of a container that overlays are in, as old images have them (PS3.5 8.1.2)."""
    found = 0
    for group in _OVERLAYS:
        position = data_set.whole_number(group + _OVERLAY_BIT)
        if position and position < allocated and group + _OVERLAY_DATA not in data_set:
            found |= 1 << position
    return found


def decoded_colours(photometric: str, transfer_syntax_uid: str) -> str:
    """Return the photometric interpretation that decoded values have.

    >>> decoded_colours("YBR_RCT", "1.2.840.10008.1.2.4.90")
    'RGB'
    """
    if transfer_syntax_uid in NATIVE and photometric != _SUBSAMPLED:
        return photometric
    return _DECODED_AS.get(photometric, photometric)


def frames_of(data_set: DataSet, transfer_syntax_uid: str) -> Iterator[Frame]:
    """Yield the frames of a data set's pixels, one in memory at a time.

    Each is of the smallest unsigned type that holds all values; floats are their bits.

    Raises
    ------
    NoDecoder
        Nothing here decodes this transfer syntax.
    InvalidDicom
        They cannot be decoded, or are fewer than announced. The text is a reason, not a sentence.
    """
    description = describe(data_set)
    place = data_set.places[description.element]
    if place.fragments is None and transfer_syntax_uid not in NATIVE:
        transfer_syntax_uid = EXPLICIT  # not compressed inside a file of compressed ones, such as an icon's
    if transfer_syntax_uid not in _CONTAINERS_KEPT:
        description = replace(description, shift=0, mask=description.mask >> description.shift)
    if place.fragments is None and description.photometric != _SUBSAMPLED:
        found = _native(data_set, place, description)
    else:
        found = _decoded(data_set, place, description, transfer_syntax_uid)
    count = 0
    for frame in found:
        yield _values(frame, description)
        count += 1
    if count < description.frames:
        raise InvalidDicom(f"of {description.frames:,} frames that are announced, {count:,} are there")


def _native(data_set: DataSet, place: Place, description: PixelDescription) -> Iterator[NDArray[Any]]:
    """Yield the frames of pixels that are not compressed, as views where they can be."""
    value = memoryview(data_set.data)[place.start : place.stop]
    expected = -(-description.allocated * description.values_a_frame * description.frames // 8)
    if len(value) < expected:
        raise InvalidDicom(f"of {expected:,} bytes, {len(value):,} are there")
    if data_set.big_endian:
        value = memoryview(little_endian(value, description.element, place))
    count = description.values_a_frame
    for index in range(description.frames):
        if description.allocated == 1:
            first = index * count
            held = np.frombuffer(value[first // _BYTE : -(-(first + count) // _BYTE)], np.uint8)
            frame = np.unpackbits(held, bitorder="little")[first % _BYTE :][:count]
        else:
            word = np.dtype(f"<u{description.allocated // _BYTE}")
            frame = np.frombuffer(value, word, count, index * count * word.itemsize)
        yield _shaped(frame, description)


def little_endian(value: memoryview, element: int, place: Place) -> bytes:
    """Return big endian pixels as little endian ones.

    Words are those of the value representation: 16 bits of OW, also where a pixel has 32 (PS3.5 6.2, 8.1.1).
    """
    _, word = kind_of(element, place.representation)
    whole = value[: len(value) // word * word]
    return whole.tobytes() if word == 1 else np.frombuffer(whole, f">u{word}").astype(f"<u{word}").tobytes()


def _shaped(frame: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Return a frame's values with the samples of a pixel beside one another."""
    if description.samples > 1 and description.planar == 1:
        planes = frame.reshape(description.samples, description.rows, description.columns)
        return planes.transpose(1, 2, 0)
    return frame.reshape(description.shape)


def _decoded(
    data_set: DataSet, place: Place, description: PixelDescription, transfer_syntax_uid: str
) -> Iterator[NDArray[Any]]:
    """Yield the frames that pydicom's decoders give, colours not converted."""
    hush_pydicom()
    try:
        decoder = get_decoder(UID(transfer_syntax_uid))
    except NotImplementedError as error:
        raise NoDecoder(f"nothing here decodes {syntax_name(transfer_syntax_uid)}") from error
    options: dict[str, Any] = {
        "rows": description.rows,
        "columns": description.columns,
        "number_of_frames": description.frames,
        "samples_per_pixel": description.samples,
        "photometric_interpretation": description.photometric,
        "bits_allocated": description.allocated,
        "bits_stored": description.stored,
        "pixel_representation": int(description.signed),
        "planar_configuration": description.planar,
        "pixel_keyword": "PixelData",
        "pixel_vr": place.representation.decode("ascii"),
    }
    if _EXTENDED_OFFSETS in data_set:
        options["extended_offsets"] = (data_set.raw(_EXTENDED_OFFSETS), data_set.raw(_EXTENDED_LENGTHS))
    if transfer_syntax_uid in _CONTAINERS_KEPT:
        options["correct_unused_bits"] = False
    try:
        for frame, _ in decoder.iter_array(data_set.data[place.start : place.stop], raw=True, **options):
            yield frame
    except parse_errors(OSError, RuntimeError, MemoryError) as error:
        raise InvalidDicom(f"their decoder fails ({_last_words(error)})") from error


def _last_words(error: Exception) -> str:
    """Return what a decoder says, on one line."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:_LONGEST_WORDS] if lines else type(error).__name__


def syntax_name(transfer_syntax_uid: str) -> str:
    """Return the name of a transfer syntax (PS3.6 annex A), the UID where it has none.

    >>> syntax_name("1.2.840.10008.1.2.5")
    'RLE Lossless'
    """
    return UID(transfer_syntax_uid).name


def _values(frame: NDArray[Any], description: PixelDescription) -> Frame:
    """Return a frame's values as unsigned numbers, bits that are no values left out."""
    if frame.dtype.itemsize * _BYTE > max(_BYTE, description.allocated):
        raise InvalidDicom("they decode to more bits than Bits Allocated has")
    if frame.dtype.kind == "i":
        frame = frame.astype(f"i{max(1, description.allocated // _BYTE)}").view(
            f"u{description.allocated // 8}"
        )
    bits = frame.dtype.itemsize * _BYTE
    mask = description.mask & (1 << bits) - 1
    if mask != (1 << bits) - 1:
        frame = (frame & frame.dtype.type(mask)) >> frame.dtype.type(description.shift)
    return np.ascontiguousarray(frame, dtype=f"<u{description.container // _BYTE}")
