"""Several masks in one volume: which region a voxel belongs to where they overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.raster import RegionMask

LABEL_RULE = "where regions overlap, a voxel belongs to the region of the smaller volume"

type NumberedMask = tuple[int, RegionMask]
"""A region's number in the volume, and its mask."""


def larger_first(labels: Iterable[NumberedMask]) -> list[NumberedMask]:
    """Return labels in the order to paint them, so that by `LABEL_RULE` smaller regions stay visible.

    Regions of as many voxels stay in the order given: the later one is kept.
    """
    return sorted(labels, key=lambda label: -label[1].count)


def paint(
    volume: NDArray[np.uint8] | NDArray[np.uint16], labels: Sequence[NumberedMask], first_slice: int = 0
) -> None:
    """Write labels over each other, in their order, into slices of the grid.

    Parameters
    ----------
    volume
        Shape (some slices, rows, columns) of the grid that the masks are of.
    labels
        In the order of `larger_first`.
    first_slice
        Which slice of the grid is the first of ``volume``.
    """
    stop_slice = first_slice + len(volume)
    for value, mask in labels:
        k, j, i = mask.slices
        low, high = max(first_slice, k.start), min(stop_slice, k.stop)
        if low < high:
            inside = mask.part(low - k.start, high - k.start)
            np.copyto(volume[low - first_slice : high - first_slice, j, i], value, where=inside)
