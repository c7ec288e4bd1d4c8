"""What DCM4CHEE holds: counts, studies and instances, without the rejection notes it lists with them."""

from __future__ import annotations

import fnmatch
import itertools
import re
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveCounts, DateRange, StudyQuery
from orthanc_plugins.archives.dicom_json import text
from orthanc_plugins.archives.listing import (
    INSTANCE_FIELDS,
    INSTANCE_UID,
    KEY_OBJECTS,
    SERIES_UID,
    STUDY_FIELDS,
    STUDY_UID,
    has_key_objects,
    instance_entry,
    is_rejection_note,
    notes_of,
    study_entry,
)
from orthanc_plugins.archives.qido import TooManyRows
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from orthanc_plugins.archives.base import InstanceEntry, StudyEntry
    from orthanc_plugins.archives.dicom_json import Row
    from orthanc_plugins.archives.listing import Notes
    from orthanc_plugins.archives.qido import Qido

_UIDS_OF_A_QUERY = 50
"""So many UIDs make a query of three kilobytes; proxies take eight."""
_ROWS_AT_A_TIME = 200
_REJECTED_FOR = "113001,113037,113038,113039"


class Queries:
    """Queries for the records of every archive."""

    def __init__(self, qido: Qido, archive: str) -> None:
        self._qido = qido
        self._archive = archive

    def counts(self, study_dates: DateRange | None) -> ArchiveCounts:
        """Return how much there is: of some dates studies and instances only.

        Studies of which everything is rejected are counted as studies.
        """
        dated = [] if study_dates in {None, DateRange()} else [("StudyDate", study_dates.dicom)]
        studies, instances = (self._qido.count(path, dated) for path in ("/studies", "/instances"))
        if studies is None or instances is None:
            return self._counted_by_listing(study_dates)
        notes = self._rejection_notes(dated)
        if dated:
            return ArchiveCounts(None, studies, None, instances - notes)
        series = self._qido.count("/series")
        return ArchiveCounts(
            patients=self._qido.count("/patients"),
            studies=studies,
            series=None if series is None else series - notes,
            instances=instances - notes,
            stored_bytes=self._qido.size_bytes(),
        )

    def studies(self, query: StudyQuery) -> Iterator[StudyEntry]:
        """Yield the studies that match, each once."""
        filters = [("includefield", STUDY_FIELDS), *_filters(query)]
        for uids in _chunks(query.study_uids):
            only = [("StudyInstanceUID", ",".join(uids))] if uids else []
            rows = self._qido.studies([*filters, *only], query.study_dates)
            for some in itertools.batched(rows, _ROWS_AT_A_TIME, strict=False):
                yield from (entry for entry in self._entries(some) if _matches(entry, query))

    def instances(self, study_uid: StudyUid) -> list[InstanceEntry]:
        """Return the instances of a study, each once; of one that is not there, none."""
        try:
            rows = list(self._instance_rows(f"/studies/{study_uid}/instances"))
        except TooManyRows:
            rows = list(self._rows_by_series(study_uid))
        return [instance_entry(row, study_uid) for row in rows if not is_rejection_note(row)]

    def instances_of(self, study_uids: Iterable[StudyUid]) -> dict[StudyUid, list[InstanceEntry]]:
        """Return the instances of several studies, many in one request; those not there are left out.

        A study of which such a request tells nothing is asked for by itself.
        """
        found: dict[StudyUid, list[InstanceEntry]] = {}
        for uids in _chunks(tuple(study_uids)):
            together = self._together(uids) if len(uids) > 1 else {}
            found |= {uid: listed for uid in uids if (listed := together.get(uid) or self.instances(uid))}
        return found

    def _together(self, study_uids: Collection[StudyUid]) -> dict[StudyUid, list[InstanceEntry]]:
        """Return the instances of studies from one query; nothing where the archive does not answer it."""
        query = [("StudyInstanceUID", ",".join(study_uids)), ("includefield", INSTANCE_FIELDS)]
        found: dict[StudyUid, list[InstanceEntry]] = {}
        try:
            for row in self._qido.rows("/instances", query, INSTANCE_UID):
                if not is_rejection_note(row):
                    uid = StudyUid(text(row, STUDY_UID))
                    found.setdefault(uid, []).append(instance_entry(row, uid))
        except (TooManyRows, ArchiveRefused):
            return {}
        return found

    def located(self, uids: Iterable[SopInstanceUid]) -> dict[SopInstanceUid, InstanceEntry]:
        """Return those of some instances that are held."""
        found: dict[SopInstanceUid, InstanceEntry] = {}
        for some in _chunks(tuple(uids)):
            query = [("SOPInstanceUID", ",".join(some)), ("includefield", INSTANCE_FIELDS)]
            for row in self._all_instances(query) if some else ():
                entry = instance_entry(row, StudyUid(text(row, STUDY_UID)))
                found[entry.sop_instance_uid] = entry
        return found

    def held(self, uids: Collection[SopInstanceUid]) -> frozenset[SopInstanceUid]:
        """Return which of some instances are held."""
        return frozenset(self.located(uids)) & frozenset(uids)

    def _entries(self, rows: Sequence[Row]) -> Iterator[StudyEntry]:
        """Yield what rows of studies tell, having looked for rejection notes where there may be some."""
        suspect = [StudyUid(text(row, STUDY_UID)) for row in rows if has_key_objects(row)]
        notes: dict[str, Notes] = {}
        for uids in _chunks(tuple(suspect)) if suspect else ():
            query = [
                ("StudyInstanceUID", ",".join(uids)),
                ("Modality", KEY_OBJECTS),
                ("includefield", INSTANCE_FIELDS),
            ]
            notes |= notes_of(self._all_instances(query))
        for row in rows:
            entry = study_entry(row, notes.get(text(row, STUDY_UID)))
            if entry is not None:
                yield entry

    def _all_instances(self, query: list[tuple[str, str]]) -> Iterator[Row]:
        """Yield instances of any study; there are few."""
        try:
            yield from self._qido.rows("/instances", query, INSTANCE_UID)
        except TooManyRows as error:
            raise ArchiveRefused(
                f"{self._archive.upper()} lets no one list a few instances: raise its limits of QIDO.",
                archive=self._archive,
            ) from error

    def _instance_rows(self, path: str) -> Iterator[Row]:
        return self._qido.rows(path, [("includefield", INSTANCE_FIELDS)], INSTANCE_UID)

    def _rows_by_series(self, study_uid: StudyUid) -> Iterator[Row]:
        try:
            for series in self._qido.rows(f"/studies/{study_uid}/series", (), SERIES_UID):
                yield from self._instance_rows(
                    f"/studies/{study_uid}/series/{text(series, SERIES_UID)}/instances"
                )
        except TooManyRows as error:
            raise ArchiveRefused(
                f"{self._archive.upper()} holds more instances of a series of study {study_uid} than it "
                "lets anyone list: raise its limits of QIDO.",
                archive=self._archive,
            ) from error

    def _rejection_notes(self, dated: list[tuple[str, str]]) -> int:
        """Return how many rejection notes there are; each has a series of its own."""
        key_objects = [*dated, ("Modality", KEY_OBJECTS)]
        if not self._qido.count("/instances", key_objects):
            return 0
        try:
            titled = [*key_objects, ("ConceptNameCodeSequence.CodeValue", _REJECTED_FOR)]
            return self._qido.count("/instances", titled) or 0
        except ArchiveRefused:
            return 0  # an archive of another kind: it has no rejection notes

    def _counted_by_listing(self, study_dates: DateRange | None) -> ArchiveCounts:
        """Return counts of an archive that does not count."""
        patients: set[str] = set()
        studies = series = instances = 0
        for entry in self.studies(StudyQuery(study_dates=study_dates)):
            patients.add(entry.patient_id)
            studies += 1
            series += entry.series_count
            instances += entry.instance_count
        return ArchiveCounts(len(patients), studies, series, instances)


def _filters(query: StudyQuery) -> list[tuple[str, str]]:
    """Return the filters of a query; more may match them than `_matches`.

    A comma would separate a list and a backslash values: any character stands for both. DCM4CHEE looks past
    the case of names only when what is asked for is in capitals.
    """
    filters = []
    if query.patient_id is not None:
        filters.append(("PatientID", re.sub(r"[,\\]", "?", query.patient_id)))
    if query.patient_name is not None:
        capitals = "".join(up if len(up := one.upper()) == 1 else "?" for one in query.patient_name)
        filters.append(("PatientName", re.sub(r"[,\\]", "?", capitals)))
    return filters


def _matches(entry: StudyEntry, query: StudyQuery) -> bool:
    """Return whether a study really matches: archives take letters and wildcards each in their way."""
    if query.patient_id is not None and entry.patient_id != query.patient_id.strip():
        return False
    if query.patient_name is None:
        return True
    pattern = query.patient_name.strip().casefold().replace("[", "[[]")
    name = entry.patient_name.casefold()
    groups = {group.rstrip("^") for group in (name, *name.split("="))}
    return any(fnmatch.fnmatchcase(group, pattern.rstrip("^")) for group in groups)


def _chunks[T](values: tuple[T, ...] | None) -> Iterable[tuple[T, ...]]:
    """Return values a few at a time; None is one chunk without any."""
    return (
        [()] if values is None else itertools.batched(dict.fromkeys(values), _UIDS_OF_A_QUERY, strict=False)
    )
