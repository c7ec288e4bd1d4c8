"""Pixels as values that can be looked at and painted over, and back into an instance.

Uncompressed pixels are painted where they lie: all others of their bytes stay, and so do the order of
planes and that of bytes. Compressed ones are decoded and stay uncompressed (PS3.5 8.1), in Explicit VR Little
Endian: to compress with loss again would change what was measured, and nothing else is asked of this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRLittleEndian

from orthanc_plugins.deid.pixels.header import whole_number
from orthanc_plugins.deid.pixels.risk import transfer_syntax
from orthanc_plugins.errors import HeldForReview

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

_LITTLE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"})
_BIG = "1.2.840.10008.1.2.2"
_DECODED_AS = {"YBR_RCT": "RGB", "YBR_ICT": "RGB", "YBR_FULL_422": "YBR_FULL"}
_WORDS = (8, 16, 32)
_WORDS_IN_BIG_ENDIAN = (8, 16)
"""In 32 bits of OW some writers turn each word around and others each half (PS3.5 6.2): it cannot be told."""
_BYTE = 8
_OF_COMPRESSION = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_DECODER_ERRORS: Final = (
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What pydicom and its decoders raise of damaged pixels, of missing attributes and of unknown codings."""


@dataclass(frozen=True)
class PixelValues:
    """The stored values of an instance, which painting changes.

    ``frames`` has shape (frames, rows, columns, samples). Where ``held`` is given, ``frames`` lies in it:
    it is the value of Pixel Data, uncompressed; with ``is_swapped`` the bytes of its words are turned.
    """

    frames: NDArray[Any]
    photometric: str
    stored_bits: int
    is_signed: bool
    held: bytearray | None
    is_swapped: bool = False

    @property
    def rows(self) -> int:
        """Of each frame."""
        return int(self.frames.shape[1])

    @property
    def columns(self) -> int:
        """Of each frame."""
        return int(self.frames.shape[2])


def values_of(dataset: Dataset) -> PixelValues:
    """Return the values of an instance's pixels.

    Raises
    ------
    HeldForReview
        They cannot be decoded, or the order of their bytes cannot be told.
    """
    try:
        if _lies_plain(dataset):
            return _in_place(dataset)
        if transfer_syntax(dataset) == _BIG:
            raise HeldForReview("pixels in big endian order are looked at only if they have 8 or 16 bits")
        return _decoded(dataset)
    except _DECODER_ERRORS as error:
        raise HeldForReview(f"pixels cannot be decoded ({type(error).__name__})") from None


def with_values(dataset: Dataset, values: PixelValues) -> None:
    """Write values into the instance that they were read from.

    Raises
    ------
    HeldForReview
        Pixels of their kind (floats, single bits) are not written here.
    """
    if values.held is not None:
        dataset["PixelData"].value = bytes(_turned(values.held) if values.is_swapped else values.held)
        return
    word = values.frames.dtype
    if "PixelData" not in dataset or word.kind not in "iu" or dataset.BitsAllocated != word.itemsize * _BYTE:
        raise HeldForReview("pixels of floats or of single bits are not painted over")
    content = np.ascontiguousarray(values.frames, word.newbyteorder("<")).tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if word.itemsize > 1 else "OB"
    dataset["PixelData"].is_undefined_length = False
    dataset.PhotometricInterpretation = values.photometric
    if values.frames.shape[3] > 1:
        dataset.PlanarConfiguration = 0
    for keyword in _OF_COMPRESSION:
        dataset.pop(keyword, None)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def clear_spare_bits(values: PixelValues) -> bool:
    """Set the bits that are no value as PS3.5 8.1.1 has them: 0, or the sign; return whether any was not."""
    frames = values.frames
    spare = frames.dtype.itemsize * _BYTE - values.stored_bits
    if frames.dtype.kind not in "iu" or spare <= 0:
        return False
    word = f"{'i' if values.is_signed else 'u'}{frames.dtype.itemsize}"
    kind = frames.dtype.newbyteorder("=").type
    cleared = (frames.astype(word) << spare >> spare).astype(kind)
    changes = bool((cleared != frames).any())
    if changes:
        frames[...] = cleared
    return changes


def _lies_plain(dataset: Dataset) -> bool:
    """Return whether pixels are words that lie one after the other."""
    syntax = transfer_syntax(dataset)
    words = _WORDS if syntax in _LITTLE else _WORDS_IN_BIG_ENDIAN if syntax == _BIG else ()
    return (
        "PixelData" in dataset
        and dataset.BitsAllocated in words
        and dataset.PhotometricInterpretation != "YBR_FULL_422"
        and dataset.HighBit == dataset.BitsStored - 1
    )


def _in_place(dataset: Dataset) -> PixelValues:
    """Return values that lie in a copy of Pixel Data, planes turned so that samples come last."""
    shape = (whole_number(dataset, "NumberOfFrames") or 1, dataset.Rows, dataset.Columns)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    is_signed = bool(dataset.PixelRepresentation)
    is_big = transfer_syntax(dataset) == _BIG
    word = np.dtype(f"{'>' if is_big else '<'}{'i' if is_signed else 'u'}{dataset.BitsAllocated // _BYTE}")
    is_swapped = is_big and word.itemsize == 1 and dataset["PixelData"].VR == "OW"
    held = bytearray(dataset.PixelData)
    held = _turned(held) if is_swapped else held
    flat = np.frombuffer(held, word, int(np.prod(shape)) * samples)
    if samples > 1 and dataset.get("PlanarConfiguration"):
        frames = flat.reshape(shape[0], samples, *shape[1:]).transpose(0, 2, 3, 1)
    else:
        frames = flat.reshape(*shape, samples)
    return PixelValues(
        frames, dataset.PhotometricInterpretation, dataset.BitsStored, is_signed, held, is_swapped
    )


def _turned(words: bytearray) -> bytearray:
    """Return words of 16 bits with their bytes turned: two pixels of 8 bits in OW (PS3.5 annex A.3)."""
    return bytearray(np.frombuffer(words, "u2").byteswap().tobytes())


def _decoded(dataset: Dataset) -> PixelValues:
    """Return values as decoded, colours as the coding has them."""
    syntax = transfer_syntax(dataset)
    decoder = get_decoder(UID(syntax))
    frames = np.stack([_frame(one) for one, _ in decoder.iter_array(dataset, raw=True)])
    photometric = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")
    return PixelValues(
        frames,
        _DECODED_AS.get(photometric, photometric),
        int(dataset.get("BitsStored") or frames.dtype.itemsize * _BYTE),
        bool(dataset.get("PixelRepresentation")),
        None,
    )


def _frame(decoded: NDArray[Any]) -> NDArray[Any]:
    """Return a frame with an axis of samples."""
    return decoded[..., np.newaxis] if decoded.ndim == 2 else decoded  # noqa: PLR2004 - rows and columns
