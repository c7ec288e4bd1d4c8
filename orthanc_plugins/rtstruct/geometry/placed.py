"""A region's contours on the planes of a grid, as `place` gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.grid import SAME_PLANE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid

type Floats = NDArray[np.float64]
type Indices = NDArray[np.intp]

NO_PLANE = -1


@dataclass(frozen=True, eq=False, repr=False)
class PlacedRegion(Brief):
    """A region's rings on the planes of a grid, repeats removed.

    Parameters
    ----------
    number
        ROI Number.
    grid
        The grid it was placed on.
    points_px
        Shape (n, 2): column and row of every point, rings one after another, whole numbers at pixel centres.
    starts
        Shape (rings + 1,): where each ring begins in ``points_px``.
    plane
        Shape (rings,): the grid's plane; `NO_PLANE` where the ring lies on none.
    height_mm, slab_mm
        Shape (rings,): position along the normal, and the thickness the ring stands for.
    group
        Shape (rings,): rings of one plane and group are joined, different groups are exclusive-or.
    area_mm2
        Shape (rings,): what each ring adds to the area of its section; negative for holes. Where rings
        overlap in part, the section's exact area, shared out by the rings' own.
    centroid_px
        Shape (rings, 2): column and row of the centre of mass of what each ring adds.
    contour
        Shape (rings,): place in the region's Contour Sequence.
    """

    number: int
    grid: VoxelGrid
    points_px: Floats
    starts: Indices
    plane: Indices
    height_mm: Floats
    slab_mm: Floats
    group: Indices
    area_mm2: Floats
    centroid_px: Floats
    contour: Indices

    @property
    def is_placed(self) -> bool:
        """Whether any ring lies on a plane of the grid."""
        return bool((self.plane != NO_PLANE).any())

    @property
    def planes_between(self) -> Indices:
        """The planes (n,) that hold contours drawn between them and their neighbour, not on them."""
        _, distance = self.grid.nearest_planes(self.height_mm)
        return np.unique(self.plane[(distance > SAME_PLANE) & (self.plane != NO_PLANE)])

    def chosen(self, rings: NDArray[np.bool_]) -> PlacedRegion:
        """Return the region with some of its rings, (rings,) True for those that stay."""
        if rings.all():
            return self
        counts = np.diff(self.starts)
        starts = np.concatenate(((0,), np.cumsum(counts[rings])))
        per_ring = {
            name: getattr(self, name)[rings]
            for name in ("plane", "height_mm", "slab_mm", "group", "area_mm2", "centroid_px", "contour")
        }
        return replace(self, points_px=self.points_px[np.repeat(rings, counts)], starts=starts, **per_ring)

    def rings_on(self, plane: int) -> list[Floats]:
        """Return the rings on a plane, each (n, 2) of column and row."""
        return [
            self.points_px[self.starts[ring] : self.starts[ring + 1]]
            for ring in np.flatnonzero(self.plane == plane)
        ]
