"""Centre of mass and principal axes, of the solid that planimetry measures or of points.

The solid is the stack of slabs: each section as thick as the slab it stands for. Its moments are exact
integrals (polygon moments and slab thickness), so they do not depend on how the pixel grid falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.sections import section_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion

type Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class VolumeMoments(Brief):
    """Volume, centre of mass (3,) in LPS mm and covariance (3, 3) in mm² of a solid."""

    volume_mm3: float
    centroid_lps_mm: Floats
    covariance_mm2: Floats


@dataclass(frozen=True, eq=False, repr=False)
class PrincipalAxes(Brief):
    """The axes of the ellipsoid of a covariance, longest first (IBSI TDIC, P9VJ, 7J51).

    ``lengths_mm`` (3,) are 4 √λ of its eigenvalues λ; the rows of ``directions`` (3, 3) are unit vectors
    whose largest component is positive. Where two lengths are equal, their directions are any in their plane.
    """

    lengths_mm: Floats
    directions: Floats

    @property
    def elongation(self) -> float | None:
        """Minor axis by major axis (IBSI Q3CK), 1 for a ball; None for a single point."""
        return _ratio(self.lengths_mm[1], self.lengths_mm[0])

    @property
    def flatness(self) -> float | None:
        """Least axis by major axis (IBSI N17B), 1 for a ball; None for a single point."""
        return _ratio(self.lengths_mm[2], self.lengths_mm[0])


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def volume_moments(placed: PlacedRegion) -> VolumeMoments | None:
    """Return the moments of a placed region's stack of slabs, None where no contour encloses area."""
    found = section_moments(placed)
    total = float(found.volume_mm3.sum())
    if not total > 0:
        return None
    grid = placed.grid
    between, down, across = grid.steps_lps_mm
    upright = between / grid.spacing_mm[0]
    slices = (
        placed.height_mm[found.ring] - float(np.dot(grid.origin_lps_mm, grid.normal))
    ) / grid.spacing_mm[0]
    centres = grid.to_patient(np.column_stack((slices, found.centroid_px[:, ::-1])))
    centroid = found.volume_mm3 @ centres / total
    off = centres - centroid
    of_centres = (off * found.volume_mm3[:, None]).T @ off / total
    columns, rows, mixed = found.volume_mm3 @ found.spread_px2 / total
    in_plane = (
        columns * np.outer(across, across)
        + rows * np.outer(down, down)
        + mixed * (np.outer(across, down) + np.outer(down, across))
    )
    thickness = float(found.volume_mm3 @ placed.slab_mm[found.ring] ** 2) / total / 12
    return VolumeMoments(total, centroid, of_centres + in_plane + thickness * np.outer(upright, upright))


def point_covariance(points_mm: Floats) -> Floats:
    """Return the covariance (3, 3) in mm² of points (n, 3), divided by n - 1; zero for a single point.

    This is what the IBSI's reference values of the axes are of, the points being voxel centres. A voxel's own
    extent is not in it: that of the solid which whole voxels fill is larger by a twelfth of the spacing
    squared.
    """
    off = points_mm - points_mm.mean(axis=0)
    covariance: Floats = off.T @ off / max(len(points_mm) - 1, 1)
    return covariance


def principal_axes(covariance_mm2: Floats) -> PrincipalAxes:
    """Return the principal axes of a covariance (3, 3) in mm²."""
    values, vectors = np.linalg.eigh(covariance_mm2)
    directions = vectors.T[::-1]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(3), largest])
    return PrincipalAxes(4 * np.sqrt(np.maximum(values[::-1], 0)), directions * signs[:, None])
