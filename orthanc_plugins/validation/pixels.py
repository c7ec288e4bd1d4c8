"""Whether pixels are those of the original, but for the boxes that were masked (PS3.15 E.3.1).

Equal bytes need no decoding. Others are decoded frame by frame, and the bits that are stored are compared:
comments and application segments of a codestream are no pixels, nor are bits beside the stored ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from orthanc_plugins.validation.codestreams import surplus_segments
from orthanc_plugins.validation.reading import SOP_INSTANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.validation.claims import Box
    from orthanc_plugins.validation.comparison import Comparison
    from orthanc_plugins.validation.reading import Instance
    from orthanc_plugins.validation.report import Finding

CHECK = "pixels"
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
"""Pixel Data, Float Pixel Data, Double Float Pixel Data."""
_OVERLAYS = range(0x60000000, 0x60200000, 0x20000)
_OVERLAY_BIT, _OVERLAY_DATA = 0x0102, 0x3000


def check_pixels(comparison: Comparison) -> Iterator[Finding]:
    """Yield what differs where it may not, and overlays that are left in bits of pixels."""
    before, after = comparison.original, comparison.released
    if names := surplus_segments(after):
        text = f"segments that say nothing of pixels are left in the codestream: {', '.join(names)}"
        yield comparison.finding(CHECK, (_PIXELS[0],), text)
    for tag in _PIXELS:
        one, other = before.leaves.get((tag,)), after.leaves.get((tag,))
        if one is None and other is not None:
            yield comparison.finding(CHECK, (tag,), "there are pixels that the original has not")
        elif one is None or other is None:
            continue  # that they are gone, the check of content tells
        elif one.value != other.value or before.transfer_syntax != after.transfer_syntax:
            yield from _differing(comparison, tag)
        elif _has_embedded_overlay(before):
            yield comparison.finding(CHECK, (tag,), "an overlay is left in bits beside the stored ones")


def _differing(comparison: Comparison, tag: int) -> Iterator[Finding]:
    """Yield where decoded frames differ outside the boxes that may be masked."""
    boxes = comparison.claims.masked.get(comparison.original.plain(SOP_INSTANCE), ())
    before, after = _frames(comparison.original), _frames(comparison.released)
    count = 0
    for count, (one, other) in enumerate(zip(before, after, strict=True), 1):
        if one.shape != other.shape or one.dtype != other.dtype:
            yield comparison.finding(CHECK, (tag,), f"frame {count} has another size")
            return
        outside = _outside(one, other, boxes)
        if outside:
            text = f"frame {count} differs in {outside} pixels that may not"
            yield comparison.finding(CHECK, (tag,), text)
            return
    if not count:
        yield comparison.finding(CHECK, (tag,), "no frame can be compared")


def _outside(one: NDArray[np.generic], other: NDArray[np.generic], boxes: tuple[Box, ...]) -> int:
    """Return how many pixels differ outside of boxes.

    Parameters
    ----------
    one, other
        Shape (rows, columns), or (rows, columns, samples); bits of floats, so that no number is not one.
    """
    differ = one != other
    if differ.ndim > 2:  # noqa: PLR2004 - samples of a pixel
        differ = differ.any(axis=2)
    for box in boxes:
        differ[box.top : box.bottom, box.left : box.right] = False
    return int(np.count_nonzero(differ))


def _frames(instance: Instance) -> Iterator[NDArray[np.generic]]:
    """Yield decoded frames in this machine's order of bytes, colours as they are stored, only stored bits."""
    decoder = get_decoder(UID(instance.transfer_syntax))
    mask = _stored_bits(instance)
    for frame, _ in decoder.iter_array(instance.dataset, raw=True):
        size = frame.dtype.itemsize
        bits = frame.astype(frame.dtype.newbyteorder("="), copy=False).view(f"u{size}")
        yield bits if frame.dtype.kind == "f" else bits & bits.dtype.type(mask & (1 << 8 * size) - 1)


def _stored_bits(instance: Instance) -> int:
    """Return a mask of the bits that are stored (PS3.5 8.1.1)."""
    dataset = instance.dataset
    stored, high = dataset.get("BitsStored"), dataset.get("HighBit")
    if stored is None or high is None:
        return -1
    return (1 << int(stored)) - 1 << max(0, int(high) - int(stored) + 1)


def _has_embedded_overlay(instance: Instance) -> bool:
    """Return whether an overlay is in bits of the pixels, as old images have them (PS3.5 8.1.2)."""
    for group in _OVERLAYS:
        position = instance.leaves.get((group + _OVERLAY_BIT,))
        if position and position.value.strip(b"\0") and (group + _OVERLAY_DATA,) not in instance.leaves:
            return True
    return False
