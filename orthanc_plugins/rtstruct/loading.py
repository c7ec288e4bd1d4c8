"""Find a structure set and its images in whatever holds them: folders, files, bytes, data sets."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pydicom
from pydicom.dataset import Dataset

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_DOSE_STORAGE, RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rtstruct.case import Case
from orthanc_plugins.rtstruct.dose import MissingDose, in_other_frame
from orthanc_plugins.rtstruct.geometry.fit import HOW_TO_ALLOW
from orthanc_plugins.rtstruct.reading.contours import read_structure_set
from orthanc_plugins.rtstruct.reading.elements import parse_errors
from orthanc_plugins.rtstruct.reading.finding import (
    choose_series,
    doses_elsewhere,
    doses_of,
    find_files,
    is_image,
    why_none,
)
from orthanc_plugins.rtstruct.reading.headers import header_of
from orthanc_plugins.rtstruct.reading.images import image_record, series_from_datasets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orthanc_plugins.rtstruct.dose import DoseSource
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import StructureSet

_WITH_CONTENT = frozenset({RT_STRUCTURE_SET_STORAGE, RT_DOSE_STORAGE})


@runtime_checkable
class Readable(Protocol):
    """An open binary file."""

    def read(self) -> bytes:
        """Return what it holds."""


type CaseSource = str | Path | bytes | Readable | Dataset
"""A file or folder by its path, a file's content, an open binary file, or a data set in memory."""


def load(
    *sources: CaseSource | Iterable[CaseSource],
    structure_set_uid: str | None = None,
    allow_other_frame: bool = False,
) -> Case:
    """Return a structure set and the images it was drawn on.

    Parameters
    ----------
    sources
        Files, folders, contents of files and data sets, in any mixture, also as lists: what holds the
        structure set, its images and the RT Doses of its frame of reference. Other files and other series
        among them are left aside. Without the images contours can be measured, and there are no masks.
    structure_set_uid
        SOP Instance UID of the structure set meant, where the sources hold several.
    allow_other_frame
        Take contours drawn in another frame of reference than the images' for drawn in theirs; where neither
        the series it refers to nor another one of its frame of reference is there, on the only one that is.

    Raises
    ------
    InvalidDicom
        The sources hold no structure set or several, or it is damaged, or none of its images can be used.
    GeometryError
        The structure set does not fit the images, or these form no volume (PS3.3 C.7.6.2).
    OSError
        A file cannot be read.
    """
    paths, held = _sorted(sources)
    found = find_files(paths)
    sets: dict[str, Path | bytes | Dataset] = {one.sop_instance_uid: one.path for one in found.structure_sets}
    in_memory = {
        _uid(one.dataset): one.content or one.dataset
        for one in held
        if _class(one.dataset) == RT_STRUCTURE_SET_STORAGE
    }
    uid = _chosen([*(one.sop_instance_uid for one in found.structure_sets), *in_memory], structure_set_uid)
    chosen = (sets | in_memory)[uid]
    structure_set = read_structure_set(_written(chosen) if isinstance(chosen, Dataset) else chosen)
    in_hand = _series_among([one.dataset for one in held if _class(one.dataset) not in _WITH_CONTENT])
    there = (found.series | in_hand).values()
    series = choose_series(structure_set, there, allow_other_frame=allow_other_frame)
    by_uid = doses_of(structure_set, found) | _doses_among(held, structure_set)
    elsewhere = doses_elsewhere(structure_set, found) + sum(
        _class(one.dataset) == RT_DOSE_STORAGE
        and str(one.dataset.get("StudyInstanceUID", "")) == structure_set.study_uid
        and _uid(one.dataset) not in by_uid
        for one in held
    )
    doses: tuple[DoseSource, ...] = (*by_uid.values(), *([in_other_frame(elsewhere)] if elsewhere else ()))
    images = None if series is None else series.opened()
    because = why_none(structure_set, there, HOW_TO_ALLOW) if series is None else ""
    return Case(structure_set, images, allow_other_frame, doses, because)


@dataclass(frozen=True, eq=False)
class _Held:
    """A data set in memory, with the bytes it was read from where there are any.

    A structure set or a dose is read from its own bytes: written anew, one that was cut short would look
    whole.
    """

    dataset: Dataset
    content: bytes | None = None


def _sorted(sources: Iterable[CaseSource | Iterable[CaseSource]]) -> tuple[list[Path], list[_Held]]:
    """Return the paths among sources, and the rest as data sets."""
    paths: list[Path] = []
    held: list[_Held] = []
    for source in sources:
        if isinstance(source, str | Path):
            path = Path(source)
            path.stat()  # an absent file is said by the system's own error
            paths.append(path)
        elif isinstance(source, Dataset):
            held.append(_Held(source))
        elif isinstance(source, bytes):
            held.append(_parsed(source))
        elif isinstance(source, Readable):
            held.append(_parsed(source.read()))
        else:
            inner_paths, inner_held = _sorted(source)
            paths.extend(inner_paths)
            held.extend(inner_held)
    return paths, held


def _parsed(content: bytes) -> _Held:
    try:
        dataset: Dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        return _Held(dataset, content if _class(dataset) in _WITH_CONTENT else None)
    except parse_errors() as error:
        raise InvalidDicom("A source is not DICOM, or is damaged.") from error


def _uid(dataset: Dataset) -> str:
    return str(dataset.get("SOPInstanceUID", ""))


def _class(dataset: Dataset) -> str:
    return str(dataset.get("SOPClassUID", ""))


def _chosen(uids: Sequence[str], wanted: str | None) -> str:
    """Return the UID of the one structure set that is meant."""
    fitting = [uid for uid in uids if wanted in {None, uid}]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        which = f"RT Structure Set {wanted}" if wanted else "RT Structure Set"
        raise InvalidDicom(f"The sources hold no {which}.")
    raise InvalidDicom(
        f"The sources hold {len(fitting)} RT Structure Sets: name one by structure_set_uid, of "
        f"{', '.join(sorted(fitting))}."
    )


def _written(dataset: Dataset) -> bytes:
    """Return a data set as it would stand in a file, for the readers of structure sets and doses."""
    stream = io.BytesIO()
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and "TransferSyntaxUID" in meta:
        pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    else:
        pydicom.dcmwrite(stream, dataset, implicit_vr=True, little_endian=True)
    return stream.getvalue()


def _doses_among(held: Sequence[_Held], structure_set: StructureSet) -> dict[str, DoseSource]:
    """Return the RT Doses in memory of the set's frame of reference, by SOP Instance UID."""
    frame = structure_set.frame_of_reference_uid
    return {
        _uid(one.dataset): one.content or _dose_written(one.dataset)
        for one in held
        if _class(one.dataset) == RT_DOSE_STORAGE and frame and _frame(one.dataset) == frame
    }


def _dose_written(dataset: Dataset) -> DoseSource:
    """Return a dose as it would stand in a file; one that cannot be written stops nothing else."""
    try:
        return _written(dataset)
    except parse_errors() as error:
        return MissingDose(
            f"RT Dose {_uid(dataset)} cannot be read as a data set ({type(error).__name__}): give its file."
        )


def _frame(dataset: Dataset) -> str:
    return str(dataset.get("FrameOfReferenceUID", ""))


@dataclass(frozen=True, eq=False)
class _HeldSeries:
    """The data sets in memory of one series; ``image_uids`` are those of its images of one slice."""

    series_uid: str
    frame_of_reference_uid: str
    datasets: list[Dataset] = field(default_factory=list)
    image_uids: set[str] = field(default_factory=set)

    def opened(self) -> ImageSeries:
        """Return the series as the engine sees it."""
        return series_from_datasets(self.datasets)


def _series_among(datasets: Iterable[Dataset]) -> dict[str, _HeldSeries]:
    """Return the images among data sets by their series; what is no image in space is left aside."""
    by_uid: dict[str, _HeldSeries] = {}
    for dataset in datasets:
        if (image_uid := _image_uid(dataset)) is None:
            continue
        uid = str(dataset.get("SeriesInstanceUID", ""))
        series = by_uid.setdefault(uid, _HeldSeries(uid, _frame(dataset)))
        series.datasets.append(dataset)
        series.image_uids.update({image_uid} - {""})
    return by_uid


def _image_uid(dataset: Dataset) -> str | None:
    """Return an image's SOP Instance UID, empty for one that cannot be used, None for what is no image."""
    try:
        header = header_of(dataset)
    except InvalidDicom:
        return "" if "ImagePositionPatient" in dataset or "NumberOfFrames" in dataset else None
    try:
        return image_record(header).sop_instance_uid if is_image(header) else None
    except InvalidDicom:
        return ""
