"""An archive in memory that obeys the protocol, and that can be made to fail as real ones do.

``MemoryArchive`` is an `archives.base.Archive`. A test fills it with `put`, and switches faults on `Faults`;
`received` tells every arrival, so that a test sees what came twice.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import batched
from typing import TYPE_CHECKING, override

from orthanc_plugins.archives.base import (
    STUDY_ATTRIBUTES,
    Archive,
    ArchiveChanges,
    ArchiveCounts,
    ArchiveName,
    ArchiveState,
    DateRange,
    DicomFile,
    InstanceEntry,
    StoreOutcome,
    StoreState,
    StudyEntry,
    StudyQuery,
    Transport,
)
from orthanc_plugins.errors import ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
OUT_OF_RESOURCES = 0xA700
REJECTED_BEFORE = 0xA771

FILES_OF_A_REQUEST = 200

_NO_QUERY = StudyQuery()


@dataclass
class Faults:
    """What goes wrong, until it is switched off.

    Parameters
    ----------
    down
        Every request fails with ArchiveUnavailable.
    hook
        Called with the name of each method before it does anything, and with ``file`` before a file that
        arrives is put away; what it raises is raised. A test counts requests, advances its clock, or ends the
        run here.
    swallowed
        These are answered as stored and are not.
    unanswered
        These are stored and answered as failed.
    refused
        Instances that are refused, with their FailureReason.
    full
        Nothing more is taken: A700.
    breaks_after
        The connection breaks after so many files of each request that were put away; none of it is answered.
    listed_late
        So many listings of its study do not yet show an instance that has arrived.
    gives
        At most so many files of each retrieval are given before the connection breaks.
    miscounts
        Added to every number of instances that is told.
    coerce
        Changes the content of what arrives.
    """

    down: bool = False
    hook: Callable[[str], None] | None = None
    swallowed: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    full: bool = False
    breaks_after: int | None = None
    listed_late: int = 0
    gives: int | None = None
    miscounts: int = 0
    coerce: Callable[[bytes], bytes] | None = None


@dataclass
class _Held:
    entry: InstanceEntry
    content: bytes
    unseen: int = 0


class MemoryArchive(Archive):
    """An archive in memory; keeps its first copy of an instance, as DCM4CHEE does, unless ``overwrites``.

    Parameters
    ----------
    attributes
        Of each study whose attributes are not set by `describe`.

    Attributes
    ----------
    faults
        What goes wrong now.
    received
        How often each instance has arrived whole.
    requests
        The methods that were called, in their order.
    transports
        How files were sent in each request to store them.
    """

    def __init__(
        self,
        name: ArchiveName = ArchiveName.DCM4CHEE,
        *,
        overwrites: bool = False,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._overwrites = overwrites
        self._default = dict.fromkeys(STUDY_ATTRIBUTES, "") | {"PatientID": "P1"} | dict(attributes or {})
        self._described: dict[StudyUid, dict[str, str]] = {}
        self._held: dict[SopInstanceUid, _Held] = {}
        self._log: list[StudyUid] = []
        self._lock = threading.RLock()
        self._arriving: set[SopInstanceUid] = set()
        self.faults = Faults()
        self.received: Counter[SopInstanceUid] = Counter()
        self.requests: list[str] = []
        self.transports: list[Transport] = []

    # The test's part

    def put(
        self,
        uid: str,
        *,
        study: str = "1.2",
        series: str = "1.2.1",
        modality: str = "CT",
        sop_class: str = CT_IMAGE_STORAGE,
        content: bytes | None = None,
        transfer_syntax: str = EXPLICIT_LITTLE_ENDIAN,
    ) -> InstanceEntry:
        """Hold an instance, without it having arrived by the protocol; return how it is listed."""
        content = uid.encode() if content is None else content
        entry = InstanceEntry(
            SopInstanceUid(uid),
            SeriesUid(series),
            StudyUid(study),
            sop_class,
            modality,
            transfer_syntax,
            len(content),
        )
        self._keep(_Held(entry, content))
        return entry

    def describe(self, study: str, **attributes: str) -> None:
        """Set attributes of a study, by keyword."""
        self._described.setdefault(StudyUid(study), {}).update(attributes)
        self._log.append(StudyUid(study))

    def lose(self, uid: str) -> None:
        """No longer hold an instance."""
        with self._lock:
            study = self._held.pop(SopInstanceUid(uid)).entry.study_uid
            self._log.append(study)

    def content(self, uid: str) -> bytes:
        """Return what is held of an instance."""
        return self._held[SopInstanceUid(uid)].content

    def held(self) -> set[str]:
        """Return the SOP Instance UIDs that are held."""
        return {str(uid) for uid in self._held}

    # The archive's part

    @property
    @override
    def name(self) -> ArchiveName:
        return self._name

    @property
    @override
    def url(self) -> str:
        return f"http://{self._name}.invalid"

    @override
    def probe(self) -> ArchiveState:
        self._ask("probe")
        return ArchiveState(version="1", latency_ms=0.1, stand_in="memory", clock=datetime.now(UTC))

    @override
    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        self._ask("counts")
        entries = [entry for entry in self._studies() if _dated(entry, study_dates)]
        return ArchiveCounts(
            patients=len({entry.patient_id for entry in entries}),
            studies=len(entries),
            series=sum(entry.series_count for entry in entries),
            instances=sum(entry.instance_count for entry in entries),
        )

    @override
    def studies(self, query: StudyQuery = _NO_QUERY) -> Iterator[StudyEntry]:
        self._ask("studies")
        yield from (entry for entry in self._studies() if _matches(entry, query))

    @override
    def instances(self, study_uid: StudyUid) -> Sequence[InstanceEntry]:
        self._ask("instances")
        with self._lock:
            of_study = [held for held in self._held.values() if held.entry.study_uid == study_uid]
            seen = [held.entry for held in of_study if held.unseen <= 0]
            for held in of_study:
                held.unseen -= 1
            return seen

    @override
    def picture(self, instance: InstanceEntry, size_px: int) -> bytes:
        self._ask("picture")
        return b"\xff\xd8" + f"{size_px} {instance.sop_instance_uid}".encode()

    @override
    def changes(self, cursor: str | None) -> ArchiveChanges:
        self._ask("changes")
        with self._lock:
            last = str(len(self._log))
            changed = frozenset(() if cursor is None else self._log[int(cursor) :])
            return ArchiveChanges(changed, last, "log")

    @override
    def retrieve(
        self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None
    ) -> Iterator[DicomFile]:
        self._ask("retrieve")
        entries = self._of_study(study_uid) if wanted is None else wanted
        for given, entry in enumerate(entries):
            if given == self.faults.gives:
                raise self._unavailable("gave fewer files than it lists")
            held = self._held.get(entry.sop_instance_uid)
            if held is None:
                raise NotFound(f"{self._name} does not hold the instance.", archive=self._name, status=404)
            yield _file(held)

    @override
    def store(self, files: Iterable[DicomFile], transport: Transport) -> Iterator[StoreOutcome]:
        self._ask("store")
        self.transports.append(transport)
        for request in batched(files, FILES_OF_A_REQUEST, strict=False):
            yield from self._stored(request)

    @override
    def replace(self, file: DicomFile) -> StoreOutcome:
        self._ask("replace")
        uid = file.sop_instance_uid
        if uid in self._held and not self._overwrites:
            return StoreOutcome(uid, StoreState.REFUSED, detail=f"{self._name} keeps its first copy.")
        return self._receive(file)

    @override
    def remove(self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None) -> int:
        self._ask("remove")
        with self._lock:
            meant = [one.sop_instance_uid for one in wanted or self._of_study(study_uid)]
            gone = [uid for uid in meant if self._held.pop(uid, None) is not None]
            self._log.append(study_uid)
            return len(gone)

    @override
    def close(self) -> None:
        """Nothing is held."""

    def _stored(self, request: Sequence[DicomFile]) -> list[StoreOutcome]:
        outcomes = []
        for number, file in enumerate(request):
            if number == self.faults.breaks_after:
                raise self._unavailable("broke off the connection")
            outcomes.append(self._receive(file))
        if len(outcomes) == self.faults.breaks_after:
            raise self._unavailable("broke off the connection")
        return outcomes

    def _receive(self, file: DicomFile) -> StoreOutcome:
        uid, faults = file.sop_instance_uid, self.faults
        with self._lock:
            assert uid not in self._arriving, f"{uid} arrives twice at the same time"
            self._arriving.add(uid)
        try:
            self._hook("file")
            self.received[uid] += 1
            if faults.full:
                return StoreOutcome(uid, StoreState.FAILED, OUT_OF_RESOURCES, "A700: it has no space left.")
            if uid in faults.refused:
                return StoreOutcome(uid, StoreState.REFUSED, faults.refused[uid], "It is not taken.")
            if uid not in faults.swallowed:
                self._put_away(file)
        finally:
            self._arriving.discard(uid)
        if uid in faults.unanswered:
            return StoreOutcome(uid, StoreState.FAILED, 0x0110, "0110: it could not be processed.")
        return StoreOutcome(uid, StoreState.STORED)

    def _put_away(self, file: DicomFile) -> None:
        if file.sop_instance_uid in self._held and not self._overwrites:
            return
        study, series, modality = _KNOWN[file.sop_instance_uid]
        content = self.faults.coerce(file.content) if self.faults.coerce else file.content
        entry = InstanceEntry(
            file.sop_instance_uid,
            series,
            study,
            file.sop_class_uid,
            modality,
            file.transfer_syntax_uid,
            len(content),
        )
        self._keep(_Held(entry, content, self.faults.listed_late))

    def _keep(self, held: _Held) -> None:
        with self._lock:
            entry = held.entry
            self._held[entry.sop_instance_uid] = held
            _KNOWN[entry.sop_instance_uid] = (entry.study_uid, entry.series_uid, entry.modality)
            self._log.append(entry.study_uid)

    def _of_study(self, study_uid: StudyUid) -> list[InstanceEntry]:
        return [held.entry for held in self._held.values() if held.entry.study_uid == study_uid]

    def _studies(self) -> list[StudyEntry]:
        with self._lock:
            uids = dict.fromkeys(held.entry.study_uid for held in self._held.values())
            return [self._study(uid) for uid in uids]

    def _study(self, uid: StudyUid) -> StudyEntry:
        entries = self._of_study(uid)
        return StudyEntry(
            study_uid=uid,
            modalities=tuple(sorted({entry.modality for entry in entries})),
            series_count=len({entry.series_uid for entry in entries}),
            instance_count=len(entries) + self.faults.miscounts,
            attributes=self._default | self._described.get(uid, {}),
            revision=str(max(number for number, logged in enumerate(self._log) if logged == uid)),
        )

    def _ask(self, method: str) -> None:
        self.requests.append(method)
        self._hook(method)
        if self.faults.down:
            raise self._unavailable("does not answer")

    def _hook(self, method: str) -> None:
        if self.faults.hook is not None:
            self.faults.hook(method)

    def _unavailable(self, what: str) -> ArchiveUnavailable:
        return ArchiveUnavailable(f"{self._name} {what}.", archive=self._name)


_KNOWN: dict[SopInstanceUid, tuple[StudyUid, SeriesUid, str]] = {}
"""What a DICOM file would tell of itself; the content of these is any bytes."""


def _file(held: _Held) -> DicomFile:
    entry = held.entry
    return DicomFile(
        entry.sop_instance_uid,
        entry.sop_class_uid,
        entry.transfer_syntax_uid or EXPLICIT_LITTLE_ENDIAN,
        held.content,
    )


def _dated(entry: StudyEntry, dates: DateRange | None) -> bool:
    if dates is None:
        return True
    return (dates.first or "") <= entry.study_date <= (dates.last or "~")


def _matches(entry: StudyEntry, query: StudyQuery) -> bool:
    name = (query.patient_name or "*").casefold()
    return (
        (query.study_uids is None or entry.study_uid in query.study_uids)
        and (query.patient_id is None or entry.patient_id == query.patient_id)
        and fnmatchcase(entry.patient_name.casefold(), name)
        and _dated(entry, query.study_dates)
    )
