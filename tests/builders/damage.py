"""What real structure sets do wrong: each kind as a function that spoils a data set in place.

Each function spoils one region, the *victim* (by position in ROIContourSequence), or the whole set where the
fault is the set's. `DAMAGES` lists them by name.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.sequence import Sequence as DicomSequence

from tests.builders.structure_set import contour_bytes, set_contour_data
from tests.builders.uids import UidSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydicom.dataset import Dataset

    from tests.builders.shapes import Points

HOSTILE_NAMES = ("a/b:c*?", "../x", " ", "é漢", "", "CON", "q\"uote's", "x" * 64, "..", "tab\there")
"""Region names that must not become file names as they are."""


def contour_points(item: Dataset) -> Points:
    """Return the points (n, 3) of a Contour Sequence item."""
    value: Any = item.get_item(0x30060050).value
    parts = value.split(b"\\") if isinstance(value, bytes) else list(value)
    return np.array(parts, dtype=float).reshape(-1, 3)


def _contours(structure_set: Dataset, victim: int) -> list[Dataset]:
    return list(structure_set.ROIContourSequence[victim].ContourSequence)


def _middle(structure_set: Dataset, victim: int) -> Dataset:
    contours = _contours(structure_set, victim)
    return contours[len(contours) // 2]


def empty_contour_data(structure_set: Dataset, victim: int = 0) -> None:
    set_contour_data(_middle(structure_set, victim), b"")


def no_contour_data(structure_set: Dataset, victim: int = 0) -> None:
    del _middle(structure_set, victim).ContourData


def not_a_multiple_of_three(structure_set: Dataset, victim: int = 0) -> None:
    item = _middle(structure_set, victim)
    points = contour_points(item)
    set_contour_data(item, contour_bytes(points) + b"\\1.0")


def not_a_number(structure_set: Dataset, victim: int = 0) -> None:
    item = _middle(structure_set, victim)
    points = contour_points(item)
    points[1, 1] = np.nan
    set_contour_data(item, contour_bytes(points))


def infinite(structure_set: Dataset, victim: int = 0) -> None:
    item = _middle(structure_set, victim)
    points = contour_points(item)
    points[1, 0] = np.inf
    set_contour_data(item, contour_bytes(points))


def far_away(structure_set: Dataset, victim: int = 0) -> None:
    item = _middle(structure_set, victim)
    points = contour_points(item)
    points[1, :2] = 9e15
    text = "\\".join(f"{value:.6g}" for value in points.ravel().tolist()).encode()
    set_contour_data(item, text)


def not_text(structure_set: Dataset, victim: int = 0) -> None:
    set_contour_data(_middle(structure_set, victim), b"1.0\\abc\\2.0\\\xff\\1\\2 ")


def two_points(structure_set: Dataset, victim: int = 0) -> None:
    item = _middle(structure_set, victim)
    set_contour_data(item, contour_bytes(contour_points(item)[:2]))


def no_contour_sequence(structure_set: Dataset, victim: int = 0) -> None:
    del structure_set.ROIContourSequence[victim].ContourSequence


def absent_from_contours(structure_set: Dataset, victim: int = 0) -> None:
    del structure_set.ROIContourSequence[victim]


def references_absent_images(structure_set: Dataset, victim: int = 0) -> None:
    for index, item in enumerate(_contours(structure_set, victim)):
        item.ContourImageSequence[0].ReferencedSOPInstanceUID = UidSource(999).uid(f"absent {index}")


def no_contour_image_sequence(structure_set: Dataset, victim: int = 0) -> None:
    for item in _contours(structure_set, victim):
        del item.ContourImageSequence


def other_frame_of_reference(structure_set: Dataset, victim: int = 0) -> None:
    other = UidSource(999).uid("frame")
    structure_set.FrameOfReferenceUID = other
    structure_set.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = other
    for item in structure_set.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = other


def duplicate_names(structure_set: Dataset, victim: int = 0) -> None:
    items = structure_set.StructureSetROISequence
    items[victim + 1].ROIName = items[victim].ROIName


def duplicate_numbers(structure_set: Dataset, victim: int = 0) -> None:
    items = structure_set.StructureSetROISequence
    items[victim + 1].ROINumber = items[victim].ROINumber


def points(structure_set: Dataset, victim: int = 0) -> None:
    item = _contours(structure_set, victim)[0]
    item.ContourGeometricType = "POINT"
    item.NumberOfContourPoints = 1
    set_contour_data(item, contour_bytes(contour_points(item)[:1]))
    structure_set.ROIContourSequence[victim].ContourSequence = DicomSequence([item])


def open_lines(structure_set: Dataset, victim: int = 0) -> None:
    for item in _contours(structure_set, victim):
        item.ContourGeometricType = "OPEN_PLANAR"


def stored_twice(structure_set: Dataset, victim: int = 0) -> None:
    contours = _contours(structure_set, victim)
    structure_set.ROIContourSequence[victim].ContourSequence = DicomSequence(
        contours + [copy.deepcopy(item) for item in contours]
    )


def stored_nearly_twice(structure_set: Dataset, victim: int = 0) -> None:
    """Repeat each contour 0.01 mm off, turning the other way, from another starting point."""
    contours = _contours(structure_set, victim)
    repeats = [copy.deepcopy(item) for item in contours]
    for item in repeats:
        set_contour_data(item, contour_bytes(np.roll(contour_points(item)[::-1], 3, axis=0) + 0.01))
    structure_set.ROIContourSequence[victim].ContourSequence = DicomSequence(contours + repeats)


def offset_contours(structure_set: Dataset, victim: int = 0) -> None:
    """Give a contour the offset that the standard knew until 2020, and its neighbour one of nothing."""
    first, second, *_ = _contours(structure_set, victim)
    first.ContourOffsetVector, second.ContourOffsetVector = [0.0, 0.0, 1.5], [0.0, 0.0, 0.0]


def exclusive_type(structure_set: Dataset, victim: int = 0) -> None:
    for item in _contours(structure_set, victim):
        item.ContourGeometricType = "CLOSEDPLANAR_XOR"


def _shift(structure_set: Dataset, victims: Iterable[int], offset_mm: tuple[float, float, float]) -> None:
    for victim in victims:
        for item in _contours(structure_set, victim):
            set_contour_data(item, contour_bytes(contour_points(item) + np.array(offset_mm)))


def half_way_planes(structure_set: Dataset, victim: int = 0) -> None:
    """Move the region half a slice (of 3 mm) along z, so that every contour lies between two images."""
    _shift(structure_set, (victim,), (0.0, 0.0, 1.5))


def slightly_off_plane(structure_set: Dataset, victim: int = 0) -> None:
    _shift(structure_set, (victim,), (0.0, 0.0, 0.06))


def partly_outside(structure_set: Dataset, victim: int = 0, edge_lps_mm: float = 3.7 + 64) -> None:
    """Move the region to the left until its middle is on the edge of the images (of a field of 128 mm)."""
    everything = np.vstack([contour_points(item) for item in _contours(structure_set, victim)])
    _shift(structure_set, (victim,), (edge_lps_mm - float(everything[:, 0].mean()), 0.0, 0.0))


def wholly_outside(structure_set: Dataset, victim: int = 0) -> None:
    _shift(structure_set, (victim,), (1500.0, 0.0, 0.0))


def off_every_slice(structure_set: Dataset, victim: int = 0) -> None:
    _shift(structure_set, (victim,), (0.0, 0.0, 900.0))


def crossing_itself(structure_set: Dataset, victim: int = 0) -> None:
    """Make one contour a figure of eight by exchanging two halves of its points."""
    item = _middle(structure_set, victim)
    ring = contour_points(item)
    half = len(ring) // 2
    set_contour_data(item, contour_bytes(np.vstack((ring[:half], ring[half:][::-1]))))


DAMAGES: dict[str, Callable[[Dataset], None]] = {
    function.__name__: function
    for function in (
        empty_contour_data,
        no_contour_data,
        not_a_multiple_of_three,
        not_a_number,
        infinite,
        far_away,
        not_text,
        two_points,
        no_contour_sequence,
        absent_from_contours,
        references_absent_images,
        no_contour_image_sequence,
        other_frame_of_reference,
        duplicate_names,
        duplicate_numbers,
        points,
        open_lines,
        stored_twice,
        stored_nearly_twice,
        offset_contours,
        exclusive_type,
        half_way_planes,
        slightly_off_plane,
        partly_outside,
        wholly_outside,
        off_every_slice,
        crossing_itself,
    )
}
"""Every kind of damage, by name; each takes the structure set and spoils its first region or the whole."""

POINT_LIKE = ("points", "open_lines")
"""Damages after which the victim has no area, and that is right."""


def renamed(structure_set: Dataset, names: Iterable[str]) -> None:
    """Give the regions other names, in order, as far as the names go."""
    for item, name in zip(structure_set.StructureSetROISequence, names, strict=False):
        item.ROIName = name
