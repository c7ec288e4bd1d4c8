"""The shape of a region as numbers, by the definitions of the IBSI (Zwanenburg et al., Radiology 2020).

Volume and surface here are the surface mesh's, axes those of a covariance: which mesh and which covariance is
the caller's choice, so the same functions serve the product's smooth meshes and, to compare like with like,
the unsmoothed mesh and the voxel centres that the IBSI's reference values are of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.geometry.placing import NO_PLANE
from orthanc_plugins.rtstruct.measures.diameters import farthest_pair, plane_diameter
from orthanc_plugins.rtstruct.results import Diameter, Shape, SliceDiameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.measures.diameters import PlaneDiameter
    from orthanc_plugins.rtstruct.measures.region import ContourMeasures
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

type Vector = tuple[float, float, float]

_DECIMALS = 9
"""Directions are rounded to so many decimals: what follows is rounding of the computation."""


@dataclass(frozen=True)
class Roundness:
    """How a closed surface of a volume (mm³) and an area (mm²) compares with a ball's.

    >>> ball = Roundness(4 / 3 * math.pi * 10**3, 4 * math.pi * 10**2)
    >>> round(ball.sphericity, 9), round(ball.asphericity, 9), round(ball.surface_to_volume_per_mm, 9)
    (1.0, 0.0, 0.3)
    """

    volume_mm3: float
    area_mm2: float

    @property
    def surface_to_volume_per_mm(self) -> float:
        """Area by volume (IBSI 2PR5)."""
        return self.area_mm2 / self.volume_mm3

    @property
    def compactness_1(self) -> float:
        """V / (√π A^1.5) (IBSI SKGS), 1 / (6 π) for a ball."""
        return self.volume_mm3 / math.sqrt(math.pi * self.area_mm2**3)

    @property
    def compactness_2(self) -> float:
        """36 π V² / A³ (IBSI BQWJ), 1 for a ball."""
        return 36 * math.pi * self.volume_mm3**2 / self.area_mm2**3

    @property
    def spherical_disproportion(self) -> float:
        """Area by that of the ball of the same volume (IBSI KRCK), 1 for a ball."""
        return self.area_mm2 / math.cbrt(36 * math.pi * self.volume_mm3**2)

    @property
    def sphericity(self) -> float:
        """Area of the ball of the same volume by the area (IBSI QCFX), 1 for a ball."""
        return 1 / self.spherical_disproportion

    @property
    def asphericity(self) -> float:
        """Spherical disproportion less 1 (IBSI 25C7), 0 for a ball."""
        return self.spherical_disproportion - 1


def roundness(surface: Mesh | None) -> Roundness | None:
    """Return the roundness of a surface, None where it is not closed or encloses nothing."""
    if surface is None or not surface.closed or not surface.volume_ml > 0:
        return None
    return Roundness(surface.volume_ml * 1000, surface.surface_cm2 * 100)


def shape_of(measures: ContourMeasures, surface: Mesh | None, placed: PlacedRegion) -> Shape:
    """Return the shape of a region, from its contours' measures, its surface and its outlines."""
    axes = measures.axes
    major, minor, least = axes.lengths_mm.tolist()
    round_ = roundness(surface)
    return Shape(
        extent_lps_mm=measures.extent_lps_mm,
        major_axis_mm=major,
        minor_axis_mm=minor,
        least_axis_mm=least,
        axes_lps=_triple(axes.directions.round(_DECIMALS) + 0.0),
        elongation=axes.elongation,
        flatness=axes.flatness,
        surface_to_volume_per_mm=round_.surface_to_volume_per_mm if round_ else None,
        sphericity=round_.sphericity if round_ else None,
        asphericity=round_.asphericity if round_ else None,
        spherical_disproportion=round_.spherical_disproportion if round_ else None,
        compactness_1=round_.compactness_1 if round_ else None,
        compactness_2=round_.compactness_2 if round_ else None,
        diameter_3d=diameter(surface.vertices_lps_mm) if surface is not None else None,
        diameter_in_slice=_in_slice(plane_diameter(placed), placed.grid),
        contour_holes=measures.holes,
    )


def diameter(points_lps_mm: NDArray[np.float32] | NDArray[np.float64]) -> Diameter:
    """Return the largest distance between two of the points (n, 3), such as a mesh's corners (IBSI L0JK)."""
    ends = points_lps_mm[list(farthest_pair(points_lps_mm))].astype(np.float64)
    return Diameter(float(np.linalg.norm(ends[1] - ends[0])), _pair(ends))


def _in_slice(found: PlaneDiameter, grid: VoxelGrid) -> SliceDiameter:
    return SliceDiameter(
        length_mm=found.length_mm,
        ends_lps_mm=_pair(found.ends_lps_mm),
        short_axis_mm=found.short_mm,
        short_axis_ends_lps_mm=_pair(found.short_ends_lps_mm),
        slice_index=_slice_of(found.plane, grid),
    )


def _slice_of(plane: int, grid: VoxelGrid) -> int | None:
    """Return the first slice of the grid that is filled from a plane, None where there is none."""
    if plane == NO_PLANE or grid.kind == "contours_only":
        return None
    place = int(np.searchsorted(grid.plane_of_slice, plane))
    there = place < len(grid.plane_of_slice) and grid.plane_of_slice[place] == plane
    return place if there else None


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = values.tolist()
    return (x, y, z)


def _pair(ends: NDArray[np.float64]) -> tuple[Vector, Vector]:
    return (_vector(ends[0]), _vector(ends[1]))


def _triple(rows: NDArray[np.float64]) -> tuple[Vector, Vector, Vector]:
    return (_vector(rows[0]), _vector(rows[1]), _vector(rows[2]))
