"""A file opened for judging: its elements, and every run of bytes that can hide something."""

from __future__ import annotations

import re
import warnings
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.builders.planted.walk import places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.builders.planted.walk import Place

DOCUMENT, PIXELS = 0x00420011, 0x7FE00010
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_INDEX = re.compile(r"\[\d+\]")


def general(location: str) -> str:
    """Return a path without the numbers of items.

    >>> general("(3006,0020)[2]/(3006,0026)")
    '(3006,0020)/(3006,0026)'
    """
    return _INDEX.sub("", location)


@dataclass(frozen=True)
class Opened:
    """A file; ``dataset`` is empty where it cannot be read."""

    data: bytes
    dataset: Dataset = field(default_factory=Dataset)

    @classmethod
    def of(cls, path: Path) -> Opened:
        """Return a file, read as far as pydicom can."""
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # much is wrong on purpose
            try:
                return cls(data, pydicom.dcmread(path, force=True))
            except Exception:  # noqa: BLE001 - on damage pydicom raises what it likes
                return cls(data)

    @cached_property
    def places(self) -> list[Place]:
        """Every element of meta information and data set that is no sequence."""
        meta = getattr(self.dataset, "file_meta", Dataset())
        try:
            return [_as_bytes(place) for place in (*places(meta), *places(self.dataset))]
        except Exception:  # noqa: BLE001 - the same; what is hidden is still looked for in the bytes
            return []

    @cached_property
    def haystacks(self) -> tuple[bytes, ...]:
        """The bytes as they are, and those of a deflated data set and of streams in a PDF."""
        found = [self.data]
        meta = getattr(self.dataset, "file_meta", Dataset())
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            found += _inflated(
                self.data[144 + int.from_bytes(self.data[140:144], "little") :], -zlib.MAX_WBITS
            )
        for place in self.places:
            if place.tag == DOCUMENT:
                for stream in _STREAM.findall(place.value):
                    found += _inflated(stream, zlib.MAX_WBITS)
        return tuple(found)

    def picture(self, location: str) -> NDArray[np.bool_]:
        """Return where something bright is drawn at a place; empty where there is none any more."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return _picture(self._holder(location), int(location[-10:-1].replace(",", ""), 16))
            except Exception:  # noqa: BLE001 - what cannot be decoded cannot be read either
                return np.zeros((0, 0), dtype=bool)

    def _holder(self, location: str) -> Dataset:
        """Return the data set in which the last element of a path is."""
        found = self.dataset
        for step in location.split("/")[:-1]:
            tag, _, number = step.partition("[")
            found = found[int(tag.strip("()").replace(",", ""), 16)].value[int(number[:-1]) - 1]
        return found


def _as_bytes(place: Place) -> Place:
    """Return an element whose emptiness is no text."""
    return place._replace(value=b"") if place.value == b"None" else place


def _inflated(data: bytes, window: int) -> Iterator[bytes]:
    try:
        yield zlib.decompressobj(window).decompress(data)
    except zlib.error:
        return


def _picture(holder: Dataset, tag: int) -> NDArray[np.bool_]:
    if tag != PIXELS:
        group = tag & 0xFFFF0000
        rows, columns = int(holder[group | 0x10].value), int(holder[group | 0x11].value)
        bits = np.unpackbits(np.frombuffer(holder[tag].value, np.uint8), bitorder="little")
        return bits[: rows * columns].reshape(rows, columns).astype(bool)
    if not hasattr(holder, "file_meta"):  # an icon
        values: NDArray[Any] = np.frombuffer(holder[tag].value, np.uint8)[: holder.Rows * holder.Columns]
        return values.reshape(holder.Rows, holder.Columns) > _BRIGHT
    stored: NDArray[Any] = holder.pixel_array
    if holder.BitsAllocated > holder.BitsStored:  # what is drawn is in the bits above
        raw: NDArray[Any] = np.frombuffer(holder.PixelData, "<u2").reshape(holder.Rows, holder.Columns)
        above: NDArray[np.bool_] = (raw >> holder.BitsStored) > 0
        return above
    return (stored if stored.ndim == 2 else stored[..., 0]) > _BRIGHT


_BRIGHT = 200
