"""Find structure sets and their images among files and folders, in any mixture.

What is kept of an image is its geometry and its path, half a kilobyte: 200,000 images take 0.1 GB.
"""

from __future__ import annotations

import filecmp
import os
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import batched, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_DOSE_STORAGE, RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.problems import counted
from orthanc_plugins.rtstruct.reading.headers import claims_dicom, frames_of, is_cut_short, read_header
from orthanc_plugins.rtstruct.reading.images import FilePixels, ImageSeries, image_record, unit_of
from orthanc_plugins.rtstruct.reading.intact import left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from orthanc_plugins.rtstruct.reading.headers import Header
    from orthanc_plugins.rtstruct.reading.images import ImageRecord
    from orthanc_plugins.rtstruct.reading.structure_set import StructureSet

_DERIVED = frozenset({"RTDOSE", "SEG"})
_SECTIONAL = frozenset(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "4", "128"))
"""CT, MR and PET Image Storage: they must say where they lie (PS3.3 C.7.6.2), else they are damaged."""
_THREADS = 8
"""More than cores: what they wait for is the disk, or a file server."""
_BATCH = 64
_LISTED = 3
_AHEAD = 4 * _THREADS
"""Batches read before the first of them is looked at."""


@dataclass(eq=False, repr=False)
class FoundSeries(Brief):
    """The single-slice images of one series, by SOP Instance UID, each with its path.

    ``damage`` is what is wrong with the images that could not be understood, by SOP Instance UID.
    """

    series_uid: str
    study_uid: str
    modality: str
    unit: str
    frame_of_reference_uid: str
    images: dict[str, tuple[ImageRecord, str]] = field(default_factory=dict)
    damage: dict[str, str] = field(default_factory=dict)

    @property
    def image_uids(self) -> AbstractSet[str]:
        """The SOP Instance UIDs of its images."""
        return self.images.keys()

    def opened(self) -> ImageSeries:
        """Return the series as the engine sees it.

        Raises
        ------
        InvalidDicom
            None of its images can be used, or they announce more voxels than any series holds.
        """
        problems = left_out(list(self.damage.values()), len(self.images))
        places = {uid: path for uid, (_, path) in self.images.items()}
        records = tuple(record for record, _ in self.images.values())
        return ImageSeries(
            records, self.series_uid, self.study_uid, self.modality, self.unit, FilePixels(places), problems
        )


@dataclass(frozen=True)
class FoundSet:
    """One structure set: where it is, and the SOP Instance UID its header states."""

    path: Path
    sop_instance_uid: str


@dataclass(repr=False)
class FoundFiles(Brief):
    """What a search found.

    ``structure_sets`` names each once, however many files hold the same bytes; ``copies`` counts the others.
    ``series`` holds the images by Series Instance UID, each image once. ``doses`` names the RT Doses by Frame
    of Reference UID and SOP Instance UID, ``study_of_dose`` the study of each. ``others`` counts files that
    are none of these, ``unreadable`` names those that were to be DICOM and are no whole file of it, ``files``
    counts all that were looked at, ``closed_folders`` the folders that could not be read.
    """

    structure_sets: list[FoundSet] = field(default_factory=list)
    copies: int = 0
    series: dict[str, FoundSeries] = field(default_factory=dict)
    doses: dict[str, dict[str, Path]] = field(default_factory=dict)
    study_of_dose: dict[str, str] = field(default_factory=dict)
    others: int = 0
    unreadable: list[str] = field(default_factory=list)
    files: int = 0
    closed_folders: int = 0

    @property
    def images(self) -> int:
        """How many images were found."""
        return sum(len(series.images) for series in self.series.values())


def find_files(inputs: Iterable[Path], on_progress: Callable[[FoundFiles], None] | None = None) -> FoundFiles:
    """Return the structure sets and images among files and below folders, in a stable order.

    Parameters
    ----------
    inputs
        Files and folders, which are walked; hidden files and folders in them are left out, links to
        folders not followed.
    on_progress
        Called every few thousand files with what was found so far.
    """
    search = _Search()
    with ThreadPoolExecutor(_THREADS) as pool:
        batches = batched(search.files(inputs), _BATCH, strict=False)
        waiting = deque(pool.submit(_headers, batch) for batch in islice(batches, _AHEAD))
        while waiting:
            for path, header in waiting.popleft().result():
                search.add(path, header)
            if (batch := next(batches, None)) is not None:
                waiting.append(pool.submit(_headers, batch))
            if on_progress is not None:
                on_progress(search.found)
    return search.found


def _headers(paths: tuple[str, ...]) -> list[tuple[str, Header | None]]:
    """Return each file's header, None where it has none."""
    return [(path, _header(path)) for path in paths]


def _header(path: str) -> Header | None:
    try:
        return read_header(path)
    except InvalidDicom:
        return None


class _Search:
    """Sorts headers into what was found; equal parts of records are kept once."""

    def __init__(self) -> None:
        self.found = FoundFiles()
        self._sets: dict[str, list[Path]] = {}
        self._shared: dict[Any, Any] = {}

    def add(self, path: str, header: Header | None) -> None:
        """Take a file into account."""
        self.found.files += 1
        if header is None:
            self.found.others += 1
            if claims_dicom(path):
                self.found.unreadable.append(path)
        elif header.get("SOPClassUID") == RT_STRUCTURE_SET_STORAGE:
            self._add_set(Path(path), header.get("SOPInstanceUID", ""))
        elif header.get("SOPClassUID") == RT_DOSE_STORAGE:
            doses = self.found.doses.setdefault(header.get("FrameOfReferenceUID", ""), {})
            uid = header.get("SOPInstanceUID", "")
            doses.setdefault(uid, Path(path))
            self.found.study_of_dose.setdefault(uid, header.get("StudyInstanceUID", ""))
        elif is_image(header):
            self._add_image(path, header)
        else:
            self.found.others += 1
            if is_cut_short(path):
                self.found.unreadable.append(path)

    def _add_set(self, path: Path, uid: str) -> None:
        same = self._sets.setdefault(uid, [])
        if any(_equal(path, other) for other in same):
            self.found.copies += 1
            return
        same.append(path)
        self.found.structure_sets.append(FoundSet(path, uid))

    def _add_image(self, path: str, header: Header) -> None:
        uid = header.get("SeriesInstanceUID", "")
        series = self.found.series.get(uid)
        if series is None:
            series = self.found.series[uid] = FoundSeries(
                uid,
                header.get("StudyInstanceUID", ""),
                header.get("Modality", ""),
                unit_of(header),
                header.get("FrameOfReferenceUID", ""),
            )
        try:
            record = image_record(header)
        except InvalidDicom as error:
            series.damage.setdefault(header.get("SOPInstanceUID", ""), str(error))
            if is_cut_short(path):
                self.found.unreadable.append(path)
            return
        series.images.setdefault(record.sop_instance_uid, (self._thrifty(record), path))

    def _thrifty(self, record: ImageRecord) -> ImageRecord:
        """Return the record with the parts it has in common with earlier ones."""
        return replace(
            record,
            orientation=self._once(record.orientation),
            pixel_spacing_mm=self._once(record.pixel_spacing_mm),
            frame_of_reference_uid=self._once(record.frame_of_reference_uid),
        )

    def _once[T](self, value: T) -> T:
        """Return an equal value met before, else this one."""
        known: T = self._shared.setdefault(value, value)
        return known

    def files(self, inputs: Iterable[Path]) -> Iterator[str]:
        """Yield each file among and below the inputs once, folders in the order of their names."""
        seen: set[str] = set()
        for given in inputs:
            place = str(given.resolve())
            for path in self._below(place) if given.is_dir() else (place,):
                if path not in seen:
                    seen.add(path)
                    yield path

    def _below(self, folder: str) -> Iterator[str]:
        """Yield the files below a folder: its own, then those of each folder in it."""
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            self.found.closed_folders += 1
            return
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_symlink():
                target = Path(entry.path).resolve()
                if target.is_file():
                    yield str(target)
            elif entry.is_file():
                yield entry.path
        for inner in folders:
            yield from self._below(inner)


def _equal(path: Path, other: Path) -> bool:
    """Return whether two files hold the same bytes; one that cannot be read equals none."""
    try:
        return filecmp.cmp(path, other, shallow=False)
    except OSError:
        return False


def is_image(header: Header) -> bool:
    """Return whether a file holds an image that lies in space, usable or not, or several such frames."""
    lies_in_space = (
        "ImagePositionPatient" in header
        or (frames_of(header) > 1 and "Rows" in header)
        or header.get("SOPClassUID") in _SECTIONAL
    )
    return lies_in_space and header.get("Modality", "") not in _DERIVED


class Candidate(Protocol):
    """A series that a structure set may have been drawn on.

    ``image_uids`` are the SOP Instance UIDs of its images of one slice: without any it cannot be used.
    """

    @property
    def series_uid(self) -> str:
        """Its Series Instance UID."""

    @property
    def frame_of_reference_uid(self) -> str:
        """Its Frame of Reference UID, empty when it states none."""

    @property
    def image_uids(self) -> AbstractSet[str]:
        """The SOP Instance UIDs of its images."""


def frame_drawn_in(structure_set: StructureSet) -> str:
    """Return the frame of reference most regions are drawn in (3006,0024), else the set's own."""
    regions = (*structure_set.regions, *structure_set.left_out)
    stated = Counter(region.frame_of_reference_uid for region in regions if region.frame_of_reference_uid)
    return stated.most_common(1)[0][0] if stated else structure_set.frame_of_reference_uid


def drawn_on[C: Candidate](structure_set: StructureSet, referenced: Sequence[C]) -> C | None:
    """Return the series a set was drawn on, of those it refers to that are there (PS3.3 C.8.8.5).

    It lies in the frame of reference of the regions, or states none. One of another frame, or one of which
    the set names no image though it names some, it can only be when all that the set refers to are there.

    Returns
    -------
    series
        Of several the one with the most images that the set names, then with the most images. None where
        it is not there, as far as one can tell.
    """
    frame = frame_drawn_in(structure_set)
    usable = [series for series in referenced if series.image_uids]
    inside = [series for series in usable if not frame or series.frame_of_reference_uid == frame]
    unstated = [series for series in usable if not series.frame_of_reference_uid]
    is_whole = {series.series_uid for series in usable}.issuperset(structure_set.referenced_series_uids)
    best = _best(structure_set, inside or unstated or (usable if is_whole else []))
    named = frozenset(structure_set.referenced_sop_instance_uids)
    is_another = best is not None and bool(named) and not best.image_uids & named
    return None if is_another and not is_whole else best


def choose_series[C: Candidate](
    structure_set: StructureSet, there: Iterable[C], *, allow_other_frame: bool = False
) -> C | None:
    """Return the series to lay a set on, of all that are there.

    That is the one it was `drawn_on`; else the largest of the frame of reference of its regions; else the
    best one it refers to; else, where another frame of reference is allowed, the only one with images.
    """
    series = list(there)
    referenced = [one for one in series if one.series_uid in structure_set.referenced_series_uids]
    frame = frame_drawn_in(structure_set)
    of_frame = [one for one in series if frame and one.frame_of_reference_uid == frame]
    usable = [one for one in series if one.image_uids]
    return (
        drawn_on(structure_set, referenced)
        or _best(structure_set, of_frame)
        or _best(structure_set, referenced)
        or (usable[0] if allow_other_frame and len(usable) == 1 else None)
    )


def why_none(structure_set: StructureSet, there: Iterable[Candidate], how_to_allow: str) -> str:
    """Return why `choose_series` chose none, and what to do; empty where no image is there.

    ``how_to_allow`` is how whoever asks allows another frame of reference, as it ends a message.
    """
    usable = [one for one in there if one.image_uids]
    if not usable:
        return ""
    count = counted(sum(len(one.image_uids) for one in usable), "image")
    frames = _listed(one.frame_of_reference_uid for one in usable)
    frame = frame_drawn_in(structure_set)
    named = _listed(structure_set.referenced_series_uids)
    theirs = f"frame of reference {frames}" if frames else "no stated frame of reference"
    own = f"{frame or 'none that is stated'} on series {named}" if named else frame or "none that is stated"
    instead = ", or a single one in its place" if len(usable) > 1 else ""
    return (
        f"{count} of {len(usable)} series are there, but in {theirs}; the structure set was drawn in {own}. "
        f"Give the series it was drawn on{instead}; {how_to_allow}."
    )


def _listed(uids: Iterable[str]) -> str:
    stated = sorted(set(uids) - {""})
    return ", ".join((*stated[:_LISTED], *(["…"] if len(stated) > _LISTED else [])))


def _best[C: Candidate](structure_set: StructureSet, candidates: Iterable[C]) -> C | None:
    named = frozenset(structure_set.referenced_sop_instance_uids)
    return max(candidates, key=lambda one: (len(one.image_uids & named), len(one.image_uids)), default=None)


def series_of(
    structure_set: StructureSet, found: FoundFiles, *, allow_other_frame: bool = False
) -> ImageSeries | None:
    """Return the series to lay a structure set on (see `choose_series`), None when none is among the files.

    Raises
    ------
    InvalidDicom
        None of its images can be used.
    """
    chosen = choose_series(structure_set, found.series.values(), allow_other_frame=allow_other_frame)
    return None if chosen is None else chosen.opened()


def doses_of(structure_set: StructureSet, found: FoundFiles) -> dict[str, Path]:
    """Return the RT Doses of a structure set's frame of reference, by SOP Instance UID."""
    frame = structure_set.frame_of_reference_uid
    return found.doses.get(frame, {}) if frame else {}


def doses_elsewhere(structure_set: StructureSet, found: FoundFiles) -> int:
    """Return how many RT Doses of a structure set's study lie in another frame of reference."""
    own = doses_of(structure_set, found)
    studies = found.study_of_dose.items()
    return sum(study == structure_set.study_uid and uid not in own for uid, study in studies)
