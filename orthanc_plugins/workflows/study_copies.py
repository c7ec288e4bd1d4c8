"""The two copies of a study, as the archives have them now, for what changes them and looks again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pydicom.datadict import tag_for_keyword

from orthanc_plugins.archives.base import STUDY_ATTRIBUTES, ArchiveName
from orthanc_plugins.content import compare_files
from orthanc_plugins.content.edit import texts_of
from orthanc_plugins.errors import ArchiveUnavailable, NotFound, RepairError
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.sync.paths import parse_path
from orthanc_plugins.sync.settle import Seen
from orthanc_plugins.workflows.compared_copies import compare_copies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from orthanc_plugins.archives.base import Archive, DicomFile, InstanceEntry
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid

OF_THE_STUDY = frozenset(STUDY_ATTRIBUTES) - {"PatientID"}
"""Keywords of what an archive may hold once for a whole study or patient."""

HELD_ONCE = frozenset(f"{tag_for_keyword(keyword):08X}" for keyword in OF_THE_STUDY)
"""Their tags."""

_ITS_OWN_RULES = {
    ArchiveName.ORTHANC: frozenset({DifferenceClass.TRANSFER_SYNTAX_ONLY}),
    ArchiveName.DCM4CHEE: frozenset({DifferenceClass.COERCED, DifferenceClass.TRANSFER_SYNTAX_ONLY}),
}
"""What an archive may do with a file: it is the same all the same. Orthanc itself coerces nothing."""


@runtime_checkable
class UpdatesStudies(Protocol):
    """An archive whose attributes of a study can be changed for all its instances at once."""

    def update_study(self, study_uid: StudyUid, attributes: Mapping[str, str]) -> None:
        """Give attributes of a study other values, by keyword; those of its patient change in all studies."""


class StudyCopies:
    """Both archives' copies of a study.

    What an archive lists is asked for once and anew when something is not found. Methods raise the archives'
    own errors.

    Parameters
    ----------
    archives
        Both.

    Raises
    ------
    RepairError
        There is only one.
    """

    def __init__(self, archives: Mapping[ArchiveName, Archive], study_uid: StudyUid) -> None:
        if missing := [name for name in ArchiveName if name not in archives]:
            raise RepairError(
                f"A repair needs both archives: {', '.join(missing)} is not set in the settings."
            )
        self.study_uid = study_uid
        self._archives = archives
        self._listed: dict[ArchiveName, dict[SopInstanceUid, InstanceEntry]] = {}

    def archive(self, name: ArchiveName) -> Archive:
        """Return one of the archives."""
        return self._archives[name]

    def look(self) -> Seen:
        """Compare the study by content, and list it on both sides."""
        return Seen(compare_copies(self._archives, self.study_uid), self.holdings())

    def holdings(self) -> dict[ArchiveName, Sequence[InstanceEntry]]:
        """Return what each archive lists now."""
        self._listed = {}
        return {name: list(self.listed(name).values()) for name in ArchiveName}

    def listed(self, name: ArchiveName, *, anew: bool = False) -> Mapping[SopInstanceUid, InstanceEntry]:
        """Return the instances that an archive lists."""
        if anew or name not in self._listed:
            entries = self._archives[name].instances(self.study_uid)
            self._listed[name] = {entry.sop_instance_uid: entry for entry in entries}
        return self._listed[name]

    def file(self, name: ArchiveName, uid: SopInstanceUid) -> DicomFile | None:
        """Return an archive's copy of an instance, None when it holds none."""
        entry = self.listed(name).get(uid)
        if entry is not None:
            with suppress(NotFound, ArchiveUnavailable):  # it may be listed under another key by now
                return self._fetched(name, entry)
        entry = self.listed(name, anew=True).get(uid)
        return None if entry is None else self._fetched(name, entry)

    def _fetched(self, name: ArchiveName, entry: InstanceEntry) -> DicomFile:
        (found,) = list(self._archives[name].retrieve(self.study_uid, [entry]))
        return found

    def all_have(self, name: ArchiveName, values: Mapping[str, str]) -> bool:
        """Return whether an archive has values, by keyword, in all instances that the other one lists."""
        wanted = self.listed(name.other, anew=True).keys()
        entries = [entry for uid, entry in self.listed(name, anew=True).items() if uid in wanted]
        if len(entries) < len(wanted):
            return False
        files = self._archives[name].retrieve(self.study_uid, entries)
        return all(texts_of(file.content, values) == values for file in files)

    def file_needed(self, name: ArchiveName, uid: SopInstanceUid) -> DicomFile:
        """Return an archive's copy of an instance.

        Raises
        ------
        RepairError
            It holds none.
        """
        found = self.file(name, uid)
        if found is None:
            raise RepairError(f"{name} no longer holds instance {uid}: compare the study again.")
        return found


def same(holder: ArchiveName, one: DicomFile, other: DicomFile, strict: Collection[str] = ()) -> bool:
    """Return whether an archive's copy is a file that it was given or gave.

    What it changes by its own rules and says so is no difference, except where it matters.

    Parameters
    ----------
    holder
        The archive.
    strict
        Elements of the top level in which nothing at all may differ, as `top_elements` returns them.
    """
    if one.content == other.content:
        return True
    found = compare_files(one, other)
    if found.incomplete:
        return False
    return not any(
        one.kind not in _ITS_OWN_RULES[holder]
        or (one.tag is not None and top_elements([one.tag]) & set(strict))
        for one in found.differences
    )


def differing_elements(one: DicomFile, other: DicomFile) -> frozenset[str]:
    """Return the elements of the top level in which two files differ, for whatever reason."""
    return top_elements(found.tag for found in compare_files(one, other).differences if found.tag is not None)


def top_elements(paths: Iterable[str]) -> frozenset[str]:
    """Return the elements of the top level that paths lie in."""
    return frozenset(parse_path(path)[0].name for path in paths)
