"""Features by the IBSI's own representations, made by the engine's functions, and the reference values.

The Image Biomarker Standardisation Initiative (Zwanenburg et al., Radiology 2020; reference manual, chapters
3 and 5) defines morphology on a voxel mask: volume and surface by marching cubes at one half without
smoothing, axes by voxel centres. `features` feeds those to the engine's functions, so that like is compared
with like. Lengths in mm. ``None`` in place of a reference value: the manual gives none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import ConvexHull
from skimage.measure import marching_cubes, mesh_surface_area

from orthanc_plugins.rtstruct import (
    Roundness,
    farthest_pair,
    intensity_statistics,
    point_covariance,
    principal_axes,
)
from orthanc_plugins.rtstruct.geometry.raster import mask_from_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Voxels = NDArray[np.bool_]
type Triple = tuple[float, float, float]

MORPHOLOGY = (
    "volume (mesh)",
    "volume (voxel counting)",
    "surface area (mesh)",
    "surface to volume ratio",
    "compactness 1",
    "compactness 2",
    "spherical disproportion",
    "sphericity",
    "asphericity",
    "centre of mass shift",
    "maximum 3D diameter",
    "major axis length",
    "minor axis length",
    "least axis length",
    "elongation",
    "flatness",
    "volume density (box)",
    "area density (box)",
    "volume density (ellipsoid)",
    "volume density (convex hull)",
    "area density (convex hull)",
)
INTENSITY = (
    "mean",
    "variance",
    "skewness",
    "excess kurtosis",
    "median",
    "minimum",
    "10th percentile",
    "90th percentile",
    "maximum",
    "interquartile range",
    "range",
)
NOT_PRODUCED = frozenset(
    name for name in MORPHOLOGY if name.startswith(("volume density", "area density", "centre of mass"))
)
"""Compared too, from parts that the engine gives; its results do not hold them."""


@dataclass(frozen=True)
class Reference:
    """The IBSI's value of a feature and its tolerance."""

    value: float
    tolerance: float


def _references(names: tuple[str, ...], *pairs: tuple[float, float]) -> dict[str, Reference]:
    return {name: Reference(*pair) for name, pair in zip(names, pairs, strict=True)}


DIGITAL_PHANTOM = _references(
    MORPHOLOGY,
    (556, 4), (592, 4), (388, 3), (0.698, 0.004), (0.0411, 0.0003), (0.599, 0.004), (1.19, 0.01),
    (0.843, 0.005), (0.186, 0.001), (0.672, 0.004), (13.1, 0.1), (11.4, 0.1), (9.31, 0.06), (8.54, 0.05),
    (0.816, 0.005), (0.749, 0.005), (0.869, 0.005), (0.866, 0.005), (1.17, 0.01), (0.961, 0.006),
    (1.03, 0.01),
) | _references(
    INTENSITY,
    (2.15, 0), (3.05, 0), (1.08, 0), (-0.355, 0), (1, 0), (1, 0), (1, 0), (4, 0), (6, 0), (3, 0), (5, 0),
)  # fmt: skip
"""Values of the digital phantom. Tolerance 0: to the figures given."""

_CT_A = _references(
    MORPHOLOGY,
    (358000, 5000), (359000, 5000), (35700, 300), (0.0996, 0.0005), (0.03, 0.0001), (0.319, 0.001),
    (1.46, 0.01), (0.683, 0.001), (0.463, 0.002), (52.9, 28.7), (125, 1), (92.7, 0.4), (81.5, 0.4),
    (70.1, 0.3), (0.879, 0.001), (0.756, 0.001), (0.486, 0.003), (0.725, 0.003), (1.29, 0.01),
    (0.827, 0.001), (1.18, 0.01),
) | _references(
    INTENSITY,
    (13.4, 1.1), (14200, 400), (-2.47, 0.05), (5.96, 0.24), (46, 0.3), (-500, 0), (-129, 8), (95, 0),
    (377, 9), (56, 0.5), (877, 9),
)  # fmt: skip
_CT_B = _references(
    MORPHOLOGY,
    (358000, 5000), (358000, 5000), (33700, 300), (0.0944, 0.0005), (0.0326, 0.0001), (0.377, 0.001),
    (1.38, 0.01), (0.722, 0.001), (0.385, 0.001), (63.1, 29.6), (125, 1), (92.6, 0.4), (81.3, 0.4),
    (70.2, 0.3), (0.878, 0.001), (0.758, 0.001), (0.477, 0.003), (0.678, 0.003), (1.29, 0.01),
    (0.829, 0.001), (1.12, 0.01),
) | _references(
    INTENSITY,
    (11.5, 1.1), (14400, 400), (-2.49, 0.05), (5.93, 0.24), (45, 0.3), (-500, 0), (-136, 8), (91, 0),
    (391, 9), (52, 0.5), (891, 9),
)  # fmt: skip
_CT_C_MORPHOLOGY = (
    (367000, 6000), (368000, 6000), (34300, 400), (0.0934, 0.0007), (0.0326, 0.0002), (0.378, 0.004),
    (1.38, 0.01), (0.723, 0.003), (0.383, 0.004), (45.6, 2.8), (125, 1), (93.3, 0.5), (82.0, 0.5),
    (70.9, 0.4), (0.879, 0.001), (0.76, 0.001), (0.478, 0.003), (0.678, 0.003), (1.29, 0.01),
    (0.834, 0.002), (1.13, 0.01),
)  # fmt: skip
_CT_C = _references(MORPHOLOGY, *_CT_C_MORPHOLOGY) | _references(
    INTENSITY,
    (-49, 2.9), (50600, 1400), (-2.14, 0.05), (3.53, 0.23), (40, 0.4), (-939, 4), (-424, 14), (86, 0.1),
    (393, 10), (67, 4.9), (1330, 20),
)  # fmt: skip
_CT_D = (
    _references(MORPHOLOGY, *_CT_C_MORPHOLOGY)
    | {"centre of mass shift": Reference(64.9, 2.8)}
    | _references(
        INTENSITY,
        (-23.5, 3.9), (32800, 2100), (-2.28, 0.06), (4.35, 0.32), (42, 0.4), (-724, 12), (-304, 20),
        (86, 0.1), (521, 22), (57, 4.1), (1240, 40),
    )
)  # fmt: skip
_CT_E = (
    _references(MORPHOLOGY, *_CT_C_MORPHOLOGY)
    | {"centre of mass shift": Reference(68.5, 2.1)}
    | _references(
        INTENSITY,
        (-22.6, 4.1), (35100, 2200), (-2.3, 0.07), (4.44, 0.33), (43, 0.5), (-743, 13), (-310, 21),
        (93, 0.2), (345, 9), (62, 3.5), (1090, 30),
    )
)  # fmt: skip
CT_PHANTOM = {"A": _CT_A, "B": _CT_B, "C": _CT_C, "D": _CT_D, "E": _CT_E}
"""Values of the lung cancer phantom in the five configurations of the manual."""


def digital_phantom() -> tuple[NDArray[np.int16], Voxels]:
    """Return grey levels and mask (slices, rows, columns) of the digital phantom, of 2 mm voxels."""
    grey = (
        "14411 14611 41641 44641",
        "14411 11611 11311 44611",
        "14411 11111 11911 11611",
        "14411 11111 11111 11611",
    )
    inside = (
        "11111 11111 11111 11111",
        "11111 11111 01111 11111",
        "11100 11111 11011 11111",
        "11100 11111 11111 11111",
    )

    def voxels(planes: tuple[str, ...]) -> NDArray[np.int16]:
        return np.array([[list(map(int, row)) for row in plane.split()] for plane in planes], dtype=np.int16)

    return voxels(grey), voxels(inside) > 0


def features(
    mask: Voxels, intensities: NDArray[np.int16], counted: Voxels, spacing_mm: Triple
) -> dict[str, float]:
    """Return every feature of a mask by the IBSI's representations.

    Parameters
    ----------
    mask, counted
        Shape (slices, rows, columns): the morphological and the intensity mask.
    spacing_mm
        Between slices, rows and columns.
    """
    return _morphology(mask, intensities, counted, spacing_mm) | _intensity(intensities, counted)


def _morphology(
    mask: Voxels, intensities: NDArray[np.int16], counted: Voxels, spacing_mm: Triple
) -> dict[str, float]:
    corners, faces, _, _ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5, spacing=spacing_mm)  # type: ignore[no-untyped-call]
    corners = corners.astype(np.float64)
    a, b, c = (corners[faces[:, corner]] for corner in range(3))
    form = Roundness(
        abs(float((a * np.cross(b, c)).sum())) / 6,
        float(mesh_surface_area(corners, faces)),  # type: ignore[no-untyped-call]
    )
    centres = np.argwhere(mask).astype(np.float64) * spacing_mm
    axes = principal_axes(point_covariance(centres))
    first, second = farthest_pair(corners)
    weights = intensities[counted].astype(np.float64)
    weighted = weights @ (np.argwhere(counted) * spacing_mm) / weights.sum()
    size = np.ptp(corners, axis=0)
    hull = ConvexHull(corners)
    values = (
        form.volume_mm3,
        float(mask.sum()) * math.prod(spacing_mm),
        form.area_mm2,
        form.surface_to_volume_per_mm,
        form.compactness_1,
        form.compactness_2,
        form.spherical_disproportion,
        form.sphericity,
        form.asphericity,
        float(np.linalg.norm(centres.mean(axis=0) - weighted)),
        float(np.linalg.norm(corners[first] - corners[second])),
        *axes.lengths_mm.tolist(),
        axes.elongation or math.nan,
        axes.flatness or math.nan,
        form.volume_mm3 / float(size.prod()),
        form.area_mm2 / 2 / float(size @ np.roll(size, 1)),
        form.volume_mm3 / (math.pi / 6 * float(axes.lengths_mm.prod())),
        form.volume_mm3 / float(hull.volume),
        form.area_mm2 / float(hull.area),
    )
    return dict(zip(MORPHOLOGY, values, strict=True))


def _intensity(intensities: NDArray[np.int16], counted: Voxels) -> dict[str, float]:
    found = intensity_statistics(
        mask_from_voxels(counted, (0, 0, 0)), intensities, np.arange(len(counted)), "HU"
    )
    assert found is not None
    assert found.skewness is not None
    assert found.kurtosis_excess is not None
    values = (
        found.mean,
        found.sd**2,
        found.skewness,
        found.kurtosis_excess,
        found.median,
        found.minimum,
        found.percentiles[10],
        found.percentiles[90],
        found.maximum,
        found.iqr,
        found.maximum - found.minimum,
    )
    return dict(zip(INTENSITY, values, strict=True))


def agrees(value: float, reference: Reference) -> bool:
    """Return whether a value lies within the tolerance, or rounds to the reference's three figures.

    >>> agrees(0.8428, Reference(0.843, 0.005)), agrees(2.1486, Reference(2.15, 0))
    (True, True)
    >>> agrees(2.16, Reference(2.15, 0))
    False
    """
    rounded = float(f"{value:.3g}")
    return abs(rounded - reference.value) <= reference.tolerance * (1 + 1e-9)
