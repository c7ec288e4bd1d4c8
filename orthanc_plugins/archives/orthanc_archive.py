"""Orthanc as an archive, by its REST API: from 1.12.7 on; older ones have less to tell."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING

from orthanc_plugins.archives import failure_reasons
from orthanc_plugins.archives.base import (
    STUDY_ATTRIBUTES,
    ArchiveChanges,
    ArchiveCounts,
    ArchiveName,
    ArchiveState,
    DicomFile,
    InstanceEntry,
    StoreOutcome,
    StoreState,
    StudyEntry,
    StudyQuery,
    Transport,
)
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.orthanc_changes import changed_studies
from orthanc_plugins.archives.orthanc_replacing import replaced
from orthanc_plugins.archives.orthanc_rest import Order
from orthanc_plugins.archives.side_by_side import side_by_side
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import OrthancId, is_orthanc_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import DateRange
    from orthanc_plugins.archives.orthanc_records import StoredInstance, StudyRecord
    from orthanc_plugins.archives.orthanc_rest import OrthancRest
    from orthanc_plugins.identifiers import StudyUid

_THREADS = 4
"""Files that are sent or fetched at the same time: Orthanc gains little from more."""

_PAGE = 1000
_LISTED_PAGE = 250
"""Where Orthanc counts what is in a study by asking its index for each, a study takes milliseconds."""
_UIDS_AT_ONCE = 200
_FULL_STORAGE = 507
_OUT_OF_RESOURCES = 0xA700
_NO_QUERY = StudyQuery()


class OrthancArchive:
    """Orthanc by the `Archive` protocol; may be used by several threads.

    Where two patients share a Study Instance UID, Orthanc keeps two studies; here they are one, with the
    attributes of that whose identifier comes first.

    Parameters
    ----------
    rest
        Its REST API.
    """

    def __init__(self, rest: OrthancRest) -> None:
        self._rest = rest
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="orthanc-archive")
        self._lock = threading.Lock()
        self._extended: bool | None = None
        self._longest_page = {"Study": 0, "Instance": 0}

    @property
    def name(self) -> ArchiveName:
        """Which of the two it is."""
        return ArchiveName.ORTHANC

    @property
    def url(self) -> str:
        """Root of its REST API."""
        return self._rest.url

    @property
    def rest(self) -> OrthancRest:
        """Its REST API, for what only Orthanc has."""
        return self._rest

    def close(self) -> None:
        """End its threads."""
        self._threads.shutdown()

    def probe(self) -> ArchiveState:
        """Ask for its version, and with the shortest request there is for its time."""
        version = str(self._rest.system()["Version"])
        began = time.perf_counter()
        clock = self._rest.now()
        return ArchiveState(version, latency_ms=(time.perf_counter() - began) * 1000, clock=clock)

    # What it holds

    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        """Return how much it holds: of some dates studies and instances only.

        A range that is open to the past takes studies without a date, too.
        """
        if study_dates is None or study_dates.dicom == "-":
            held = self._rest.statistics()
            return ArchiveCounts(held.patients, held.studies, held.series, held.instances, held.stored_bytes)
        query = {"StudyDate": study_dates.dicom}
        studies, instances = self._rest.count("Study", query), self._rest.count("Instance", query)
        return ArchiveCounts(None, studies, None, instances)

    def studies(self, query: StudyQuery = _NO_QUERY) -> Iterator[StudyEntry]:
        """Yield the studies that match, each once, by their UIDs."""
        if query.study_uids is None:
            parts: Iterable[Sequence[StudyUid] | None] = [None]
        else:
            wanted = sorted(set(query.study_uids))
            parts = (wanted[start : start + _UIDS_AT_ONCE] for start in range(0, len(wanted), _UIDS_AT_ONCE))
        for part in parts:
            records = self._records(_conditions(query, part))
            for _, same in groupby(records, key=lambda record: record.study_uid):
                entry = _entry(sorted(same, key=lambda record: record.orthanc_id))
                if query.patient_id is None or entry.patient_id == query.patient_id:
                    yield entry

    def instances(self, study_uid: StudyUid) -> Sequence[InstanceEntry]:
        """Return the instances of a study; of one that is not there, none.

        One that Orthanc keeps in two series, or for two patients, is two instances there, and listed twice.
        """
        return self.instances_of([study_uid]).get(study_uid, [])

    def instances_of(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        """Return the instances of several studies in one request; those that are not there are left out."""
        found: dict[StudyUid, dict[OrthancId, InstanceEntry]] = {}
        for one in self._stored(study_uids):
            found.setdefault(one.study_uid, {})[one.orthanc_id] = _instance(one)
        return {uid: list(entries.values()) for uid, entries in found.items()}

    def picture(self, instance: InstanceEntry, size_px: int) -> bytes:
        """Return a picture of an instance as Orthanc renders it: PNG, within a square."""
        return self._rest.picture(OrthancId(instance.archive_key), size_px)

    def changes(self, cursor: str | None) -> ArchiveChanges:
        """Return which studies have changed since a cursor, by Orthanc's change log.

        The log tells what is new, not what was deleted: that shows in `counts`. ``listing`` when the log
        began anew.
        """
        return changed_studies(self._rest, cursor)

    # Files

    def retrieve(
        self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None
    ) -> Iterator[DicomFile]:
        """Yield the files of a study as they are stored, several fetched at a time."""
        keys = self._keys(study_uid, wanted)
        given = 0
        for file in side_by_side(self._threads, self._file, keys, _THREADS * 2):
            if file is not None:
                given += 1
                yield file
        if given < len(keys):
            raise ArchiveUnavailable(
                f"Orthanc gave {given} of the {len(keys)} files it lists of study {study_uid}: "
                "were instances deleted meanwhile?",
                archive=self.name,
            )

    def store(self, files: Iterable[DicomFile], transport: Transport) -> Iterator[StoreOutcome]:
        """Send files by REST, whichever of the web's transports is asked for; yield what became of each.

        Raises
        ------
        ArchiveRefused
            They are to be sent by C-STORE: the suite has Orthanc's REST API, which tells more.
        """
        if transport is Transport.C_STORE:
            raise ArchiveRefused("The suite sends to Orthanc by REST, never by C-STORE.", archive=self.name)
        yield from side_by_side(self._threads, self._put, files, _THREADS * 2)

    def replace(self, file: DicomFile) -> StoreOutcome:
        """Put a file in the place of the stored one, whether Orthanc overwrites or not; see `replaced`."""
        return replaced(self._rest, file)

    def remove(self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None) -> int:
        """Delete a study, or some of its instances, and return how many instances those were.

        Raises
        ------
        NotFound
            It holds no such study, or none of the instances.
        """
        stored = list(self._stored([study_uid]))
        held = {one.sop_instance_uid for one in stored}
        meant = held if wanted is None else held & {one.sop_instance_uid for one in wanted}
        if not meant:
            raise NotFound(f"Orthanc holds none of that of study {study_uid}.", archive=self.name, status=404)
        if len(meant) == len(held):
            resources = [("Study", study) for study in self._rest.lookup(study_uid, "Study")]
        else:
            resources = [("Instance", one.orthanc_id) for one in stored if one.sop_instance_uid in meant]
        for level, resource in resources:
            try:
                self._rest.delete_resource(level, resource)
            except NotFound:
                continue  # somebody else was faster
        return len(meant)

    # Parts

    def _records(self, conditions: Mapping[str, str]) -> Iterator[StudyRecord]:
        """Yield studies in the order of their UIDs, page by page."""
        order = self._order()

        def page(since: int) -> list[StudyRecord]:
            if order is Order.NONE and not conditions:
                return self._rest.list_studies(since, _LISTED_PAGE)
            return self._rest.find_studies(conditions, since=since, limit=_PAGE, order=order)

        pages = self._pages("Study", page)
        if order is Order.NONE:
            yield from sorted(pages, key=lambda record: record.study_uid)
        else:
            yield from pages

    def _stored(self, study_uids: Sequence[StudyUid]) -> Iterator[StoredInstance]:
        order = self._order()

        def page(since: int) -> list[StoredInstance]:
            return self._rest.find_instances(study_uids, since=since, order=order)

        return self._pages("Instance", page)

    def _pages[T](self, level: str, ask: Callable[[int], list[T]]) -> Iterator[T]:
        """Yield what pages hold.

        Orthanc may be set to answer fewer than asked for (LimitFindResults, LimitFindInstances) and does not
        tell: a page is taken for the last only when a longer one has been seen.
        """
        since = 0
        while page := ask(since):
            yield from page
            since += len(page)
            with self._lock:
                longest = self._longest_page[level]
                self._longest_page[level] = max(longest, len(page))
            if len(page) < longest:
                return

    def _order(self) -> Order:
        """Return whether it can order what it finds; asked once."""
        if self._extended is None:
            capabilities = self._rest.system().get("Capabilities", {})
            self._extended = bool(capabilities.get("HasExtendedFind", False))
        return Order.BY_UID if self._extended else Order.NONE

    def _keys(self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None) -> list[OrthancId]:
        """Return the identifiers of files to fetch; entries of another archive are looked up here."""
        if wanted is not None and all(is_orthanc_id(one.archive_key) for one in wanted):
            return [OrthancId(one.archive_key) for one in wanted]
        stored = list(self._stored([study_uid]))
        if wanted is None:
            if not stored:
                raise NotFound(f"Orthanc does not hold study {study_uid}.", archive=self.name, status=404)
            return list(dict.fromkeys(one.orthanc_id for one in stored))
        held = {one.sop_instance_uid: one.orthanc_id for one in stored}
        missing = [one for one in wanted if one.sop_instance_uid not in held]
        if missing:
            raise NotFound(
                f"Orthanc does not hold {len(missing)} of the {len(wanted)} instances wanted of study "
                f"{study_uid}, such as {missing[0].sop_instance_uid}.",
                archive=self.name,
                status=404,
            )
        return [held[one.sop_instance_uid] for one in wanted]

    def _file(self, instance: OrthancId) -> DicomFile | None:
        """Return a stored file, None when it is no longer there."""
        try:
            return described(self._rest.file(instance))
        except NotFound:
            return None

    def _put(self, file: DicomFile) -> StoreOutcome:
        uid = file.sop_instance_uid
        try:
            stored = self._rest.put(file.content)
        except ArchiveUnavailable as error:
            return StoreOutcome(uid, StoreState.FAILED, None, str(error))
        except ArchiveRefused as error:
            if error.status == _FULL_STORAGE:
                return failure_reasons.failure(uid, _OUT_OF_RESOURCES)
            return StoreOutcome(uid, StoreState.REFUSED, None, str(error))
        if stored.status == "Success":
            return StoreOutcome(uid, StoreState.STORED)
        if stored.status == "AlreadyStored":
            detail = "Orthanc held it already and keeps its first copy (OverwriteInstances): compare."
            return StoreOutcome(uid, StoreState.STORED, None, detail)
        return StoreOutcome(
            uid, StoreState.REFUSED, None, "A filter in Orthanc does not let it in: see its log."
        )


def _conditions(query: StudyQuery, study_uids: Sequence[StudyUid] | None) -> dict[str, str]:
    """Return a query in Orthanc's words."""
    asked = {
        "StudyInstanceUID": None if study_uids is None else "\\".join(study_uids),
        "PatientID": query.patient_id,
        "PatientName": query.patient_name,
        "StudyDate": None if query.study_dates is None else query.study_dates.dicom,
    }
    return {keyword: value for keyword, value in asked.items() if value not in {None, "-"}}


def _entry(records: Sequence[StudyRecord]) -> StudyEntry:
    """Return the entry of the records of one Study Instance UID: one, but for patients who share it."""
    first = records[0]
    return StudyEntry(
        study_uid=first.study_uid,
        modalities=tuple(sorted({modality for record in records for modality in record.modalities})),
        series_count=sum(record.series_count for record in records),
        instance_count=sum(record.instance_count for record in records),
        attributes={keyword: _trimmed(first.tags.get(keyword, "")) for keyword in STUDY_ATTRIBUTES},
        revision="+".join(record.last_update for record in records),
        archive_key=first.orthanc_id,
    )


def _trimmed(value: str) -> str:
    return value.strip(" \0")


def _instance(one: StoredInstance) -> InstanceEntry:
    return InstanceEntry(
        sop_instance_uid=one.sop_instance_uid,
        series_uid=one.series_uid,
        study_uid=one.study_uid,
        sop_class_uid=one.sop_class_uid,
        modality=one.modality,
        transfer_syntax_uid=one.transfer_syntax_uid,
        size_bytes=one.size_bytes,
        archive_key=one.orthanc_id,
    )
