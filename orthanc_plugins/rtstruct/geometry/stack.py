"""Order the images of a series along their normal, and say how they are spaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.problems import Problem, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.reading.images import ImageRecord

type Spacing = Literal["even", "missing_slices", "uneven"]

EVEN = 0.05
"""Gaps larger by less than this share than the smallest tell what the spacing is (PET rounds positions)."""
SAME_POSITION_MM = 0.01
"""Two images closer than this lie on one plane."""
_OFF_LINE_MM = 1.0
_DIRECTION = 1e-3
_PIXEL_MM = 1e-4
"""Direction cosines and pixel spacings of one series differ by less."""
_ALIKE = 0.9
_OFF_PLACE = 0.1
"""A gap may differ from a multiple of the spacing, and an image lie off its place, by this share of it."""


@dataclass(frozen=True, eq=False, repr=False)
class Stack(Brief):
    """Images in the order of their position along the normal.

    ``heights_mm`` (n,) are the positions' projections on ``normal``, ascending; ``origins_lps_mm`` (n, 3) the
    centres of their first pixels. ``row`` points along a row (to higher columns), ``column`` down a column;
    row, column and normal are a right-handed set of unit vectors. ``gap_mm`` is the spacing the images
    follow, the smallest one where it is uneven.
    """

    images: tuple[ImageRecord, ...]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    normal: NDArray[np.float64]
    origins_lps_mm: NDArray[np.float64]
    heights_mm: NDArray[np.float64]
    gap_mm: float
    spacing: Spacing


def stack_images(images: Sequence[ImageRecord]) -> tuple[Stack, list[Problem]]:
    """Return the stack of a series' images, by position and never by instance number or file name.

    Raises
    ------
    GeometryError
        There is no image, or the images do not lie behind one another on a line.
    """
    chosen, problems = _main_geometry(images)
    first = chosen[0]
    row, column = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    normal = np.cross(row, column)
    length = float(np.linalg.norm(normal))
    if not 0.99 < length < 1.01:  # noqa: PLR2004 - a unit vector but for rounding
        raise GeometryError("The images' orientation is not a pair of perpendicular unit vectors.")
    row, normal = row / np.linalg.norm(row), normal / length
    column = np.cross(normal, row)
    chosen.sort(key=lambda image: (float(np.dot(image.position_lps_mm, normal)), image.sop_instance_uid))
    kept, repeats = _without_repeats(chosen, normal)
    problems.extend(repeats)
    origins = np.array([image.position_lps_mm for image in kept], dtype=np.float64)
    heights = (origins * normal).sum(axis=1)
    _refuse_scattered(origins, heights)
    gap, spacing = _spacing(heights, kept[0].thickness_mm)
    problems.extend(_spacing_problems(heights, gap, spacing))
    return Stack(tuple(kept), row, column, normal, origins, heights, gap, spacing), problems


def _main_geometry(images: Sequence[ImageRecord]) -> tuple[list[ImageRecord], list[Problem]]:
    """Return the images of the commonest orientation, size and pixel spacing; localisers fall out."""
    if not images:
        raise GeometryError("The series holds no images.")

    alike = _commonest(np.array([_geometry(image) for image in images]))
    chosen = [image for image, one in zip(images, alike.tolist(), strict=True) if one]
    if len(chosen) == len(images):
        return chosen, []
    others = len(images) - len(chosen)
    message = (
        f"{others} of {len(images)} images have another orientation, size or pixel spacing and were left out."
    )
    return chosen, [Problem("other_geometry", message)]


def _geometry(image: ImageRecord) -> tuple[float, ...]:
    """Return direction cosines, pixel spacing and size as numbers that differ by 1 where they are others."""
    turned = (value / _DIRECTION for value in image.orientation)
    spaced = (value / _PIXEL_MM for value in image.pixel_spacing_mm)
    return (*turned, *spaced, image.rows, image.columns)


def _commonest(geometries: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which geometries (n, values) are those of the largest group, members nowhere more than 0.9 off.

    They are compared, not rounded: jitter in the last digit does not tell two groups.
    """
    left = np.arange(len(geometries))
    largest = left[:0]
    while len(left) > len(largest):
        near = (np.abs(geometries[left] - geometries[left[0]]) < _ALIKE).all(axis=1)
        near[0] = True  # also where it is no number
        if np.count_nonzero(near) > len(largest):
            largest = left[near]
        left = left[~near]
    middle = np.median(geometries[largest], axis=0)
    alike: NDArray[np.bool_] = (np.abs(geometries - middle) < _ALIKE).all(axis=1)
    alike[largest] = True
    return alike


def _without_repeats(
    images: list[ImageRecord], normal: NDArray[np.float64]
) -> tuple[list[ImageRecord], list[Problem]]:
    """Return one image for each position, the first by UID."""
    kept: list[ImageRecord] = []
    last = -np.inf
    for image in images:
        height = float(np.dot(image.position_lps_mm, normal))
        if height - last > SAME_POSITION_MM:
            kept.append(image)
            last = height
    if len(kept) == len(images):
        return kept, []
    left_out = counted(len(images) - len(kept), "image lies", "images lie")
    message = f"{left_out} where another one does; only one of each place is used."
    return kept, [Problem("repeated_position", message)]


def _refuse_scattered(origins: NDArray[np.float64], heights: NDArray[np.float64]) -> None:
    """Raise unless the first pixels lie on a straight line, as one volume needs (a tilted gantry's do)."""
    if len(heights) < 3:  # noqa: PLR2004 - two points are on a line
        return
    share = (heights - heights[0]) / (heights[-1] - heights[0])
    expected = origins[0] + share[:, None] * (origins[-1] - origins[0])
    off = float(np.linalg.norm(origins - expected, axis=1).max())
    if off > _OFF_LINE_MM:
        raise GeometryError(
            f"The images do not form one volume: one lies {off:.1f} mm beside the line of the others."
        )


def _spacing(heights: NDArray[np.float64], thickness_mm: float | None) -> tuple[float, Spacing]:
    """Return the spacing the images follow: the mean of even gaps, whatever multiples are missing.

    It is no spacing where images lie beside their place by it: gaps that differ a little add up.
    """
    gaps = np.diff(heights)
    if len(gaps) == 0:
        return thickness_mm or 1.0, "even"
    low = float(gaps.min())
    unit = float(np.median(gaps[gaps < low * (1 + EVEN)]))
    multiples = np.rint(gaps / unit)
    places = np.cumsum(multiples)
    gap = float(gaps.sum() / places[-1])
    alike = bool((np.abs(gaps - multiples * unit) <= _OFF_PLACE * unit).all())
    if not alike or float(np.abs(heights[1:] - heights[0] - places * gap).max()) > _OFF_PLACE * gap:
        return low, "uneven"
    return gap, "even" if int(places[-1]) == len(gaps) else "missing_slices"


def _spacing_problems(heights: NDArray[np.float64], gap: float, spacing: Spacing) -> list[Problem]:
    if spacing == "missing_slices":
        absent = round(float(heights[-1] - heights[0]) / gap) + 1 - len(heights)
        missing = counted(absent, "slice is", "slices are")
        message = f"{missing} missing between the images, which are {gap:.3f} mm apart."
        return [Problem("missing_slices", message)]
    if spacing == "uneven":
        widest = float(np.diff(heights).max())
        message = (
            f"The images are unevenly spaced, {gap:.3f} to {widest:.3f} mm: masks are resampled along the "
            "normal at the smallest distance, each slice taken from the nearest plane."
        )
        return [Problem("uneven_spacing", message)]
    return []
