"""Where an ultrasound image says that its pictures and curves are (PS3.3 C.8.5.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels.boxes import Box, outside

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")


def outside_regions(dataset: Dataset, rows: int, columns: int) -> tuple[Box, ...]:
    """Return boxes of all pixels outside the regions; none where no region is told.

    The corners are the first and the last pixel of a region. A region without all four is no region.
    """
    items = dataset.get("SequenceOfUltrasoundRegions") or ()
    corners = [[item.get(name) for name in _CORNERS] for item in items]
    regions = [
        Box(left, top, right + 1, bottom + 1)
        for left, top, right, bottom in corners
        if all(isinstance(one, int) for one in (left, top, right, bottom))
    ]
    return outside(regions, rows, columns) if regions else ()
