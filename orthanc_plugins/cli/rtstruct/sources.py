"""Where structure sets and their images come from: files, or an Orthanc (`orthanc_source`).

Each can be handed to a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from orthanc_plugins.cli.commands import HOW_TO_ALLOW
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.reading.contours import read_references
from orthanc_plugins.rtstruct.reading.finding import doses_elsewhere, doses_of, series_of, why_none

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orthanc_plugins.rtstruct import ImageSeries, StructureSet
    from orthanc_plugins.rtstruct.dose import MissingDose
    from orthanc_plugins.rtstruct.reading.finding import FoundFiles, FoundSet


class SetSource(Protocol):
    """One structure set, not read yet; ``sop_instance_uid`` is what its header states."""

    @property
    def sop_instance_uid(self) -> str:
        """The set's SOP Instance UID."""

    @property
    def label(self) -> str:
        """Where it comes from, to be shown."""

    def content(self) -> bytes:
        """Return its DICOM file."""

    def images(self, structure_set: StructureSet) -> ImageSeries | None:
        """Return the series it was drawn on, None where it is not to be had."""

    @property
    def no_images_because(self) -> str:
        """Why `images` gives none, empty where none are there."""

    def doses(self, structure_set: StructureSet) -> Mapping[str, Callable[[], bytes | Path | MissingDose]]:
        """Return the RT Doses of its frame of reference: what names each, and what gives its file."""


@dataclass(frozen=True)
class FileSource:
    """A structure set in a file; ``damage`` is why its images cannot be used, though they are there.

    ``dose_paths`` are the RT Doses of its frame of reference by SOP Instance UID; ``doses_elsewhere`` counts
    those of its study in another one. ``no_images_because`` is why images that are there are not its own.
    """

    path: Path
    sop_instance_uid: str
    series: ImageSeries | None
    damage: str = ""
    dose_paths: tuple[tuple[str, Path], ...] = ()
    doses_elsewhere: int = 0
    no_images_because: str = ""

    @property
    def label(self) -> str:
        """The file's path."""
        return str(self.path)

    def content(self) -> bytes:
        """Return the file's content."""
        return self.path.read_bytes()

    def images(self, structure_set: StructureSet) -> ImageSeries | None:  # noqa: ARG002 - they are known
        """Return the images that were found among the files."""
        if self.damage:
            raise InvalidDicom(self.damage)
        return self.series

    def doses(self, structure_set: StructureSet) -> Mapping[str, Callable[[], Path | MissingDose]]:  # noqa: ARG002
        """Return the doses that were found among the files, by their paths: one may be gone by now."""
        found: dict[str, Callable[[], Path | MissingDose]] = {
            uid: path.absolute for uid, path in self.dose_paths
        }
        if self.doses_elsewhere:
            from orthanc_plugins.rtstruct.dose import in_other_frame  # noqa: PLC0415 - masks alone need none

            found[f"{self.doses_elsewhere} elsewhere"] = partial(in_other_frame, self.doses_elsewhere)
        return found


def file_source(found_set: FoundSet, found: FoundFiles, *, allow_other_frame: bool = False) -> FileSource:
    """Return a structure set of a search with its images; what is damaged is said when it is worked on."""
    damage, because, series, doses, elsewhere = "", "", None, {}, 0
    try:
        references = read_references(found_set.path)
        doses = doses_of(references, found)
        elsewhere = doses_elsewhere(references, found)
        series = series_of(references, found, allow_other_frame=allow_other_frame)
        if series is None:
            because = why_none(references, found.series.values(), HOW_TO_ALLOW)
    except InvalidDicom as error:
        damage = str(error)
    known = tuple(doses.items())
    return FileSource(found_set.path, found_set.sop_instance_uid, series, damage, known, elsewhere, because)
