"""Rectangles of pixels: where text is, and what is painted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


@dataclass(frozen=True, order=True)
class Box:
    """Pixels of a frame: columns ``left`` up to ``right``, rows ``top`` up to ``bottom``, these not in it.

    Zero-based; the pixel at the upper left is column 0, row 0.
    """

    left: int
    top: int
    right: int
    bottom: int

    def grown(self, margin: int) -> Box:
        """Return the box with a margin of pixels on every side."""
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def within(self, rows: int, columns: int) -> Box:
        """Return what of the box lies in a frame."""
        left, right = (min(max(x, 0), columns) for x in (self.left, self.right))
        top, bottom = (min(max(y, 0), rows) for y in (self.top, self.bottom))
        return Box(left, top, right, bottom)

    def moved(self, columns: int, rows: int) -> Box:
        """Return the box so many columns to the right and rows down."""
        return Box(self.left + columns, self.top + rows, self.right + columns, self.bottom + rows)

    def times(self, factor: int) -> Box:
        """Return the box with so many pixels for each of its pixels, on both axes."""
        return Box(self.left * factor, self.top * factor, self.right * factor, self.bottom * factor)

    def around(self, *others: Box) -> Box:
        """Return the least box that covers this one and others."""
        boxes = (self, *others)
        return Box(
            min(box.left for box in boxes),
            min(box.top for box in boxes),
            max(box.right for box in boxes),
            max(box.bottom for box in boxes),
        )

    def meets(self, other: Box) -> bool:
        """Return whether some pixels are in both boxes.

        >>> Box(0, 0, 4, 4).meets(Box(3, 3, 9, 9)), Box(0, 0, 4, 4).meets(Box(4, 0, 9, 9))
        (True, False)
        """
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def covers(self, other: Box) -> bool:
        """Return whether all pixels of another box are in this one.

        >>> Box(0, 0, 9, 9).covers(Box(2, 2, 9, 4))
        True
        """
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    @property
    def area(self) -> int:
        """How many pixels it has; none where it is empty or turned inside out."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)


def without_covered(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Return boxes that are not empty and not covered by another, in order.

    >>> without_covered([Box(2, 2, 4, 4), Box(0, 0, 9, 9), Box(5, 5, 5, 8)])
    (Box(left=0, top=0, right=9, bottom=9),)
    """
    kept: list[Box] = []
    for box in sorted({box for box in boxes if box.area}, key=lambda one: one.area, reverse=True):
        if not any(other.covers(box) for other in kept):
            kept.append(box)
    return tuple(sorted(kept))


def painted(boxes: Iterable[Box], rows: int, columns: int) -> NDArray[np.bool_]:
    """Return which pixels of a frame lie in boxes, shape (rows, columns)."""
    mask = np.zeros((rows, columns), np.bool_)
    for box in boxes:
        inside = box.within(rows, columns)
        mask[inside.top : inside.bottom, inside.left : inside.right] = True
    return mask


def share_outside(box: Box, mask: NDArray[np.bool_]) -> float:
    """Return which share of a box's pixels a mask of the frame, shape (rows, columns), does not have."""
    inside = mask[box.top : box.bottom, box.left : box.right]
    return float(1 - inside.mean()) if inside.size else 0.0


def outside(boxes: Iterable[Box], rows: int, columns: int) -> tuple[Box, ...]:
    """Return boxes that together have the pixels of a frame that no given box has.

    >>> outside([Box(2, 0, 5, 4)], 4, 8)
    (Box(left=0, top=0, right=2, bottom=4), Box(left=5, top=0, right=8, bottom=4))
    """
    inside = [box.within(rows, columns) for box in boxes]
    edges = sorted({0, rows, *(y for box in inside for y in (box.top, box.bottom))})
    return tuple(
        Box(left, top, right, bottom)
        for top, bottom in pairwise(edges)
        for left, right in _gaps([box for box in inside if box.top <= top and box.bottom >= bottom], columns)
    )


def _gaps(boxes: list[Box], columns: int) -> Iterable[tuple[int, int]]:
    """Yield from where to where a band of rows has no box in it."""
    at = 0
    for box in sorted(boxes):
        if box.left > at:
            yield at, box.left
        at = max(at, box.right)
    if at < columns:
        yield at, columns
