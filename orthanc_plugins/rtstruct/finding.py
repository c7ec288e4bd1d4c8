"""Find structure sets and their images among files and folders, in any mixture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rtstruct.images import read_header, series_from_headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from orthanc_plugins.rtstruct.contours import StructureSet
    from orthanc_plugins.rtstruct.images import ImageSeries

_PLANE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
_DERIVED = frozenset({"RTDOSE", "SEG"})


@dataclass
class FoundFiles:
    """What a search found.

    ``structure_sets`` names each once, however many files hold the same bytes; ``copies`` counts the others.
    ``series`` holds headers of single-slice images by Series Instance UID, each image once. ``others`` counts
    files that are neither images nor structure sets.
    """

    structure_sets: list[Path] = field(default_factory=list)
    copies: int = 0
    series: dict[str, dict[str, tuple[Path, Dataset]]] = field(default_factory=dict)
    others: int = 0


def find_files(inputs: Iterable[Path]) -> FoundFiles:
    """Return the structure sets and images among files and below folders, in a stable order."""
    found = FoundFiles()
    contents: set[bytes] = set()
    for path in _files(inputs):
        try:
            header = read_header(path)
        except InvalidDicom:
            found.others += 1
            continue
        if str(header.get("SOPClassUID", "")) == RT_STRUCTURE_SET_STORAGE:
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest in contents:
                found.copies += 1
            else:
                contents.add(digest)
                found.structure_sets.append(path)
        elif _is_slice(header):
            images = found.series.setdefault(str(header.get("SeriesInstanceUID", "")), {})
            images.setdefault(str(header.get("SOPInstanceUID", "")), (path, header))
        else:
            found.others += 1
    return found


def _files(inputs: Iterable[Path]) -> Iterator[Path]:
    """Yield each file once; folders are walked, hidden files in them left out."""
    seen: set[Path] = set()
    for given in inputs:
        inside = sorted(p for p in given.rglob("*") if p.is_file()) if given.is_dir() else [given]
        for path in inside:
            resolved = path.resolve()
            if resolved not in seen and not (path.name.startswith(".") and path != given):
                seen.add(resolved)
                yield path


def _is_slice(header: Dataset) -> bool:
    return (
        all(keyword in header for keyword in _PLANE)
        and str(header.get("Modality", "")) not in _DERIVED
        and str(header.get("NumberOfFrames") or "1").strip() == "1"
    )


def series_of(structure_set: StructureSet, found: FoundFiles) -> ImageSeries | None:
    """Return the series a structure set was drawn on, None when it is not among the files.

    That is the series it refers to; where none of these was found, the largest one of its frame of reference.

    Raises
    ------
    InvalidDicom
        An image of the series is damaged.
    """
    referenced = [uid for uid in structure_set.referenced_series_uids if uid in found.series]
    frame = structure_set.frame_of_reference_uid
    candidates = referenced or [uid for uid in found.series if frame and _frame(found, uid) == frame]
    if not candidates:
        return None
    chosen = max(candidates, key=lambda uid: len(found.series[uid]))
    return series_from_headers(list(found.series[chosen].values()))


def _frame(found: FoundFiles, series_uid: str) -> str:
    _, header = next(iter(found.series[series_uid].values()))
    return str(header.get("FrameOfReferenceUID", "") or "")
