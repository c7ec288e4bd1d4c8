"""Read RT Structure Sets (PS3.3 A.19): regions and their contours, and what is wrong with them.

Tolerant where a fault touches one contour or one region; strict where the file as a whole cannot be
trusted (not DICOM, not an RT-STRUCT, cut short). Contour numbers are read from the raw bytes of Contour
Data: pydicom's decimal strings would take ten times as long.
"""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from orthanc_plugins.rtstruct.problems import Problem, contour_problem
from orthanc_plugins.rtstruct.reading.elements import (
    REACH_MM,
    code,
    colour,
    encodings_of,
    parse_errors,
    raw,
    sequence,
    text,
    uid,
    whole_number,
)
from orthanc_plugins.rtstruct.reading.intact import damaged, refuse_other_class
from orthanc_plugins.rtstruct.reading.plain import NotPlainError, plain_data_set
from orthanc_plugins.rtstruct.reading.structure_set import (
    CLOSED_TYPES,
    OPEN_TYPES,
    Contour,
    Region,
    StructureSet,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.reading.elements import Item

type Source = bytes | Path | BinaryIO


_FEWEST_POINTS = 3
_SOP_INSTANCE = 0x00080018
_REFERENCED_INSTANCE = 0x00081155
_STUDY = 0x0020000D
_SERIES = 0x0020000E
_FRAME_OF_REFERENCE = 0x00200052
_STRUCTURE_SET_LABEL = 0x30060002
_ROI_NUMBER = 0x30060022
_REFERENCED_FRAME_OF_REFERENCE = 0x30060024
_ROI_NAME = 0x30060026
_DISPLAY_COLOUR = 0x3006002A
_ROI_CONTOUR_SEQUENCE = 0x30060039
_REFERENCED_FRAME_OF_REFERENCE_SEQUENCE = 0x30060010
_REFERENCED_STUDY_SEQUENCE = 0x30060012
_REFERENCED_SERIES_SEQUENCE = 0x30060014
_CONTOUR_IMAGE_SEQUENCE = 0x30060016
_STRUCTURE_SET_ROI_SEQUENCE = 0x30060020
_CONTOUR_SEQUENCE = 0x30060040
_ROI_OBSERVATIONS_SEQUENCE = 0x30060080
_REFERENCED_ROI_NUMBER = 0x30060084
_INTERPRETED_TYPE = 0x300600A4
_GEOMETRIC_TYPE = 0x30060042
_OFFSET_VECTOR = 0x30060045
_CONTOUR_DATA = 0x30060050


def read_structure_set(source: Source) -> StructureSet:
    """Return the structure set held by a DICOM file.

    Parameters
    ----------
    source
        The file's bytes, its path, or an open binary file.

    Raises
    ------
    InvalidDicom
        The file is not DICOM, is not an RT Structure Set, or ends early.
    """
    with _no_collection():
        return _read(source)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's collector from walking the tens of thousands of elements while they are being read."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(source: Source) -> StructureSet:
    if isinstance(source, Path):
        source = source.read_bytes()
    content = source if isinstance(source, bytes) else source.read()
    try:
        plain = plain_data_set(content)
        if all(tag in plain for tag in (_STRUCTURE_SET_ROI_SEQUENCE, _ROI_CONTOUR_SEQUENCE)):
            refuse_other_class(plain)
            return _structure_set(plain)
    except NotPlainError:
        pass
    from orthanc_plugins.rtstruct.reading.tolerant import read_data_set  # noqa: PLC0415 - it imports pydicom

    data_set = read_data_set(content)
    try:
        return _structure_set(data_set)
    except parse_errors(OSError) as error:
        raise damaged(error) from error


def read_references(path: Path) -> StructureSet:
    """Return a structure set without its contours: what it refers to, and the names of its regions.

    Nothing is looked at beyond where the contours begin: milliseconds, whatever their number.

    Raises
    ------
    InvalidDicom
        The file is not DICOM, cannot be read, or is damaged before its contours.
    """
    try:
        plain = plain_data_set(path.read_bytes(), before=_ROI_CONTOUR_SEQUENCE)
        if _STRUCTURE_SET_ROI_SEQUENCE in plain:
            return _structure_set(plain)
    except OSError as error:
        raise damaged(error) from error
    except NotPlainError:
        pass
    from orthanc_plugins.rtstruct.reading.tolerant import read_until  # noqa: PLC0415 - it imports pydicom

    try:
        return _structure_set(read_until(path, _ROI_CONTOUR_SEQUENCE))
    except parse_errors(OSError) as error:
        raise damaged(error) from error


def _structure_set(dataset: Item) -> StructureSet:
    encodings = encodings_of(dataset)
    problems: list[Problem] = []
    frames, images, instances = _references(dataset)
    regions = list(_regions(dataset, encodings, problems))
    frames.extend(region.frame_of_reference_uid for region in regions if region.frame_of_reference_uid)
    most_named = Counter(frames).most_common(1)
    return StructureSet(
        sop_instance_uid=uid(dataset, _SOP_INSTANCE),
        series_uid=uid(dataset, _SERIES),
        study_uid=uid(dataset, _STUDY),
        frame_of_reference_uid=most_named[0][0] if most_named else uid(dataset, _FRAME_OF_REFERENCE),
        label=text(dataset, _STRUCTURE_SET_LABEL, encodings),
        regions=tuple(regions),
        referenced_series_uids=tuple(images),
        referenced_sop_instance_uids=tuple(dict.fromkeys(instances)),
        referenced_images={series: frozenset(named) for series, named in images.items()},
        problems=tuple(problems),
    )


def _references(dataset: Item) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Return the frames of reference, images by series, and all images the set points at (PS3.3 C.8.8.5)."""
    frames: list[str] = []
    images: dict[str, list[str]] = {}
    for frame in sequence(dataset, _REFERENCED_FRAME_OF_REFERENCE_SEQUENCE):
        frames.append(uid(frame, _FRAME_OF_REFERENCE))
        for study in sequence(frame, _REFERENCED_STUDY_SEQUENCE):
            for item in sequence(study, _REFERENCED_SERIES_SEQUENCE):
                images.setdefault(uid(item, _SERIES), []).extend(_image_uids(item))
    instances = [named for series in images.values() for named in series]
    for roi in sequence(dataset, _ROI_CONTOUR_SEQUENCE):
        for contour in sequence(roi, _CONTOUR_SEQUENCE)[:1]:
            instances.extend(_image_uids(contour))
    images.pop("", None)
    return [found for found in frames if found], images, instances


def _image_uids(item: Item) -> Iterator[str]:
    """Yield the images named in an item's Contour Image Sequence."""
    for image in sequence(item, _CONTOUR_IMAGE_SEQUENCE):
        if found := uid(image, _REFERENCED_INSTANCE):
            yield found


def _regions(dataset: Item, encodings: list[str], problems: list[Problem]) -> Iterator[Region]:
    """Yield each ROI with its contours, then contours of ROIs that the set does not list."""
    drawn = _drawn(dataset, problems)
    kinds = _interpreted_types(dataset)
    seen: set[int] = set()
    for place, roi in enumerate(sequence(dataset, _STRUCTURE_SET_ROI_SEQUENCE)):
        found = whole_number(roi, _ROI_NUMBER)
        number = -1 - place if found is None else found
        region = Region(
            number,
            text(roi, _ROI_NAME, encodings),
            interpreted_type=kinds.get(number, ""),
            frame_of_reference_uid=uid(roi, _REFERENCED_FRAME_OF_REFERENCE),
        )
        if found is None:
            note = Problem("no_region_number", f"Region {number}: it has no ROI Number.", "error", number)
            region = _noted(region, note)
        elif number in seen:
            note = Problem("duplicate_number", f"Region {number}: its number is used twice.", "error", number)
            region = _noted(region, note)
        seen.add(number)
        yield _with_contours(region, drawn.pop(number, []))
    for number, items in drawn.items():
        message = f"Region {number}: it has contours but no entry and no name."
        nameless = _noted(Region(number, ""), Problem("unlisted_region", message, region=number))
        yield _with_contours(nameless, items)


def _drawn(dataset: Item, problems: list[Problem]) -> dict[int, list[Item]]:
    """Return the items of ROI Contour Sequence by the region number they refer to."""
    drawn: dict[int, list[Item]] = {}
    for place, item in enumerate(sequence(dataset, _ROI_CONTOUR_SEQUENCE), 1):
        number = whole_number(item, _REFERENCED_ROI_NUMBER)
        if number is None:
            message = f"Item {place} of ROI Contour Sequence, counted from 1, names no region."
            problems.append(Problem("no_region_number", message, "error"))
        else:
            drawn.setdefault(number, []).append(item)
    return drawn


def _interpreted_types(dataset: Item) -> dict[int, str]:
    """Return RT ROI Interpreted Type (3006,00A4) by region number."""
    kinds: dict[int, str] = {}
    for item in sequence(dataset, _ROI_OBSERVATIONS_SEQUENCE):
        number = whole_number(item, _REFERENCED_ROI_NUMBER)
        if number is not None:
            kinds[number] = code(item, _INTERPRETED_TYPE)
    return kinds


def _with_contours(region: Region, items: Sequence[Item]) -> Region:
    """Return the region with the contours of its ROI Contour items; damage stays inside the region."""
    if len(items) == 0:
        return _noted(
            region, Problem("no_contours", f"Region {region.number}: no contours.", region=region.number)
        )
    try:
        drawn = [contour for item in items for contour in sequence(item, _CONTOUR_SEQUENCE)]
        shade = colour(items[0], _DISPLAY_COLOUR)
        contours, problems = _read_contours(drawn, region.number)
    except parse_errors(OSError) as error:
        return _noted(
            region,
            Problem(
                "unreadable",
                f"Region {region.number}: its contours are damaged beyond reading ({type(error).__name__}).",
                "error",
                region.number,
            ),
        )
    if not drawn:
        problems.append(Problem("no_contours", f"Region {region.number}: no contours.", region=region.number))
    return replace(
        region,
        contours=tuple(contour for contour in contours if contour.geometric_type in CLOSED_TYPES),
        open_contours=tuple(contour for contour in contours if contour.geometric_type in OPEN_TYPES),
        colour_rgb=shade,
        problems=(*region.problems, *problems),
    )


def _noted(region: Region, problem: Problem) -> Region:
    return replace(region, problems=(*region.problems, problem))


_FAULTS = {
    "unknown_type": "of an unknown geometric type, left out",
    "empty_contour": "without points, left out",
    "not_triplets": "whose coordinates are not a multiple of three, left out",
    "not_numbers": "whose coordinates are not numbers, left out",
    "not_a_number": "with a coordinate that is not a finite number, left out",
    "out_of_reach": f"with a point more than {REACH_MM / 1000:.0f} m from the origin, left out",
    "too_few_points": "of fewer than three points, left out",
    "no_type": "without a geometric type, taken as closed",
    "contour_offset": "with a Contour Offset Vector (3006,0045), which is not applied",
}


def _read_contours(drawn: Sequence[Item], region: int) -> tuple[list[Contour], list[Problem]]:
    """Return the usable contours, and one problem for each kind of fault among the others."""
    contours: list[Contour] = []
    faults: dict[str, list[int]] = {}
    for index, item in enumerate(drawn):
        kind = code(item, _GEOMETRIC_TYPE)
        if not kind:
            kind = "CLOSED_PLANAR"
            faults.setdefault("no_type", []).append(index)
        points, fault = _points(item) if kind in CLOSED_TYPES | OPEN_TYPES else (None, "unknown_type")
        if points is not None and kind in CLOSED_TYPES and len(points) < _FEWEST_POINTS:
            points, fault = None, "too_few_points"
        if points is None:
            faults.setdefault(fault, []).append(index)
        else:
            contours.append(Contour(index, kind, points))
            if raw(item, _OFFSET_VECTOR).strip(b"0.+-\\ \0"):
                faults.setdefault("contour_offset", []).append(index)
    problems = [contour_problem(code, indices, _FAULTS[code], region) for code, indices in faults.items()]
    return contours, problems


def _points(item: Item) -> tuple[NDArray[np.float64] | None, str]:
    """Return the points (n, 3) of a contour, or None and the fault."""
    value = raw(item, _CONTOUR_DATA).rstrip(b" \0")
    if not value:
        return None, "empty_contour"
    try:
        numbers = np.array(value.split(b"\\"), dtype=np.float64)
    except ValueError:
        return None, "not_numbers"
    if not np.isfinite(numbers).all():
        return None, "not_a_number"
    if len(numbers) % 3:
        return None, "not_triplets"
    if np.abs(numbers).max() > REACH_MM:
        return None, "out_of_reach"
    return numbers.reshape(-1, 3), ""
