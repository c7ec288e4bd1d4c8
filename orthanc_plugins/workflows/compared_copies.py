"""The two copies of a study compared as the archives hold them now, and what was found kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import orjson

from orthanc_plugins.archives.base import ArchiveName, StudyQuery
from orthanc_plugins.content import StudyCopy, compare_studies
from orthanc_plugins.content.reports import Report, report_csv, report_html, report_json, report_pdf
from orthanc_plugins.errors import NotFound
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.store import ContentCheck, SideState
from orthanc_plugins.sync.listing import compare_listings
from orthanc_plugins.sync.states import state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from orthanc_plugins.archives.base import Archive, DicomFile, InstanceEntry, StudyEntry
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import StudyPair
    from orthanc_plugins.sync.differences import Comparison, Depth

_PAGES = {"report.html": report_html, "report.pdf": report_pdf}
_REPORTS = {"report.json": report_json, "differences.csv": report_csv, **_PAGES}

COMPARISON = "comparison.json"
"""Name of the file of a comparison in its study's folder; reports stand beside it."""


@dataclass(frozen=True)
class Compared:
    """What two copies differ in, and how each archive listed the study before its files were read.

    A side's state is None where it did not hold the study; ``holdings`` are the instances it listed.
    """

    comparison: Comparison
    left: SideState | None
    right: SideState | None
    holdings: Mapping[ArchiveName, Sequence[InstanceEntry]] = field(default_factory=dict)


def compare_copies(
    archives: Mapping[ArchiveName, Archive], study_uid: StudyUid, depth: Depth = "content"
) -> Comparison:
    """Return what the two copies of a study differ in; raises what `compared_copies` raises."""
    return compared_copies(archives, study_uid, depth).comparison


def compared_copies(
    archives: Mapping[ArchiveName, Archive], study_uid: StudyUid, depth: Depth = "content"
) -> Compared:
    """Return what the two copies of a study differ in, and their states.

    Raises
    ------
    NotFound
        Neither archive holds it.
    ArchiveError
        An archive does not answer, or refuses.
    """
    with ThreadPoolExecutor(len(ArchiveName)) as threads:
        listings = dict(
            zip(
                ArchiveName,
                threads.map(lambda name: _Listed(archives[name], study_uid), ArchiveName),
                strict=True,
            )
        )
    left, right = (listings[name] for name in ArchiveName)
    if not left.entries and not right.entries:
        raise NotFound("Neither archive holds the study.", archive="both")
    now = datetime.now(UTC)
    if depth == "instance":
        told = (left.told, right.told)
        found = compare_listings(study_uid, left.entries, right.entries, compared_at=now, told=told)
    else:
        found = compare_studies(
            study_uid, left.copy(right), right.copy(left), fetch=partial(_fetch, listings), compared_at=now
        )
    holdings = {name: listed.entries for name, listed in listings.items()}
    return Compared(found, left.state, right.state, holdings)


class _Listed:
    """A study as one archive lists it."""

    def __init__(self, archive: Archive, study_uid: StudyUid) -> None:
        self._archive = archive
        self._study_uid = study_uid
        # The study before its instances: what changes meanwhile then has another revision than this one.
        self.told: StudyEntry | None = next(iter(archive.studies(StudyQuery(study_uids=(study_uid,)))), None)
        self.entries: Sequence[InstanceEntry] = archive.instances(study_uid)
        self.state = state_of(self.told, self.entries)

    def copy(self, other: _Listed) -> StudyCopy:
        """Return the study with the files of the instances that the other side has, too."""
        there = {entry.sop_instance_uid for entry in other.entries}
        wanted = [entry for entry in self.entries if entry.sop_instance_uid in there]
        files: Iterable[DicomFile] = ()
        if wanted:
            whole = len(wanted) == len(self.entries)
            files = self._archive.retrieve(self._study_uid, None if whole else wanted)
        return StudyCopy(self.entries, files, self.told)

    def file(self, uid: SopInstanceUid) -> DicomFile:
        """Return the file of an instance."""
        wanted = [entry for entry in self.entries if entry.sop_instance_uid == uid]
        return next(iter(self._archive.retrieve(self._study_uid, wanted)))


def _fetch(listings: Mapping[ArchiveName, _Listed], side: ArchiveName, uid: SopInstanceUid) -> DicomFile:
    return listings[side].file(uid)


def write_reports(comparison: Comparison, folder: Path) -> None:
    """Write what was found as data, a table, a page and on paper; what tells who a patient is is withheld."""
    report = Report("A study in both archives", (comparison,), comparison.compared_at)
    for name, made in _REPORTS.items():
        write_whole(folder / name, made(report))


def write_pages(report: Report, folder: Path) -> None:
    """Write a page and paper of what was found."""
    for name, made in _PAGES.items():
        write_whole(folder / name, made(report))


def keep_comparison(services: Services, comparison: Comparison, pair: StudyPair | None) -> None:
    """Keep what was found of a study that the inventories told of before it was compared."""
    left, right = (None, None) if pair is None else (SideState.of(pair.left), SideState.of(pair.right))
    keep_compared(services, Compared(comparison, left, right))


def keep_compared(services: Services, compared: Compared, *, reports: bool = True) -> None:
    """Keep what was found: its file, its reports, and in the store that it was found.

    Parameters
    ----------
    compared
        The states in it tell later whether it is current.
    reports
        Whether reports are written beside the file; older ones go in any case, `report_comparison` makes new
        ones when they are asked for.
    """
    comparison = compared.comparison
    study_uid = comparison.study_uid
    folder = services.comparisons / study_uid
    write_whole(folder / COMPARISON, orjson.dumps(comparison.to_json(), option=orjson.OPT_INDENT_2))
    if reports:
        write_reports(comparison, folder)
    else:
        for name in _REPORTS:
            (folder / name).unlink(missing_ok=True)
    services.store.inventory.note_check(
        ContentCheck(
            study_uid=study_uid,
            checked_at=comparison.compared_at,
            left=compared.left,
            right=compared.right,
            depth=comparison.depth,
            equal=comparison.equal,
            classes={kind.value: count for kind, count in comparison.classes.items()},
            comparison_id=comparison.compared_at.isoformat(),
            path=f"{study_uid}/{COMPARISON}",
        )
    )
