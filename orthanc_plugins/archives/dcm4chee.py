"""DCM4CHEE as an archive: DICOMweb (QIDO-RS, WADO-RS, STOW-RS) and C-STORE, and what it has of its own."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orthanc_plugins.archives.base import ArchiveName, StoreOutcome, StoreState, StudyQuery, Transport
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.archives.dicomweb import DicomWebConnection, Request
from orthanc_plugins.archives.dimse import CStore
from orthanc_plugins.archives.management import Management
from orthanc_plugins.archives.monitor import Monitor
from orthanc_plugins.archives.qido import Qido
from orthanc_plugins.archives.queries import Queries
from orthanc_plugins.archives.rejections import Rejections
from orthanc_plugins.archives.resilience import CircuitBreaker, Clocks, Resilience
from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.archives.stow import MOST_BYTES, MOST_INSTANCES, Stow
from orthanc_plugins.archives.wado import Wado
from orthanc_plugins.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orthanc_plugins.archives.base import (
        ArchiveChanges,
        ArchiveCounts,
        ArchiveState,
        DateRange,
        DicomFile,
        InstanceEntry,
        StudyEntry,
    )
    from orthanc_plugins.archives.resilience import RetryPolicy
    from orthanc_plugins.archives.tokens import Credentials
    from orthanc_plugins.identifiers import SopInstanceUid, StudyUid

_KEEPS_ITS_COPY = (
    "The archive kept its own copy, by STOW-RS and by C-STORE: by its dcmOverwritePolicy only the AE title "
    "that sent an instance by C-STORE may replace it, and what came by STOW-RS nobody. Set "
    "dcmOverwritePolicy to ALWAYS in the archive and apply the repair again, or correct the instance in the "
    "archive itself."
)


class Dcm4cheeArchive:
    """DCM4CHEE, or another archive of DICOMweb; an `Archive`, may be used by several threads.

    Parameters
    ----------
    url
        DICOMweb root, such as ``http://archive:8080/dcm4chee-arc/aets/DCM4CHEE/rs``.
    aet, dicom_host, dicom_port, dicom_tls
        Where it takes C-STORE; the host is that of the root when None.
    calling_aet
        How the suite calls itself there.
    credentials
        Who the suite is for its DICOMweb.
    ca_file
        Certificates (PEM) that its TLS is trusted by; those of the system when None.
    timeout_s
        Seconds without a byte until a request fails.
    most_instances, most_bytes
        Limits of one STOW request; a request is in memory once.

    Raises
    ------
    ConfigurationError
        An AE title is none, or the file of certificates cannot be read.
    """

    def __init__(  # noqa: PLR0913 - all that can differ between archives
        self,
        url: str,
        *,
        aet: str = "DCM4CHEE",
        dicom_host: str | None = None,
        dicom_port: int = 11112,
        dicom_tls: bool = False,
        calling_aet: str = "ORTHANC",
        credentials: Credentials = None,
        ca_file: Path | None = None,
        timeout_s: float = 60.0,
        most_instances: int = MOST_INSTANCES,
        most_bytes: int = MOST_BYTES,
        policy: RetryPolicy | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        clocks = clocks or Clocks()
        # Made for a file of certificates in any case, to see that it can be read.
        tls = _tls(ca_file) if dicom_tls or ca_file is not None else None
        options = HttpOptions(credentials, ca_file, timeout_s)
        host = dicom_host or urlsplit(url).hostname or "localhost"
        peer = DicomPeer(host, dicom_port, aet, calling_aet, tls if dicom_tls else None, timeout_s)
        self._connection = DicomWebConnection(
            url, ArchiveName.DCM4CHEE, options, policy=policy, clocks=clocks
        )
        qido = Qido(self._connection)
        self._queries = Queries(qido, ArchiveName.DCM4CHEE)
        self._monitor = Monitor(self._connection, qido, clocks)
        self._management = Management(self._connection, qido)
        self._rejections = Rejections(qido, url)
        self._wado = Wado(self._connection)
        breaker = CircuitBreaker(ArchiveName.DCM4CHEE, title=f"The DICOM port of {aet}", clocks=clocks)
        pause = Resilience(breaker, policy, clocks).pause
        self._c_store = CStore(peer, breaker, self._queries.held, pause)
        self._stow = Stow(
            self._connection,
            self._queries.held,
            pause,
            most_instances=most_instances,
            most_bytes=most_bytes,
        )

    @property
    def name(self) -> ArchiveName:
        """Which of the two archives it is."""
        return ArchiveName.DCM4CHEE

    @property
    def url(self) -> str:
        """DICOMweb root."""
        return self._connection.url

    def probe(self) -> ArchiveState:
        """Ask the archive how it is; its version is what its Server header says, perhaps nothing."""
        return self._monitor.probe()

    def counts(self, study_dates: DateRange | None = None) -> ArchiveCounts:
        """Return how much the archive holds; patients are not told of some dates."""
        return self._queries.counts(study_dates)

    def studies(self, query: StudyQuery = StudyQuery()) -> Iterator[StudyEntry]:  # noqa: B008 - frozen
        """Yield the studies that match, each once, however many pages that takes."""
        return self._queries.studies(query)

    def instances(self, study_uid: StudyUid) -> Sequence[InstanceEntry]:
        """Return the instances of a study, each once; of one that is not there, none."""
        return self._queries.instances(study_uid)

    def instances_of(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        """Return the instances of several studies; those that are not there are left out."""
        return self._queries.instances_of(study_uids)

    def picture(self, instance: InstanceEntry, size_px: int) -> bytes:
        """Return a picture of an instance as the archive renders it: JPEG, within a square."""
        path = f"/studies/{instance.study_uid}/series/{instance.series_uid}"
        request = Request(
            "GET",
            f"{path}/instances/{instance.sop_instance_uid}/rendered",
            [("viewport", f"{size_px},{size_px}")],
            headers={"Accept": "image/jpeg"},
        )
        return self._connection.ask(request).content

    def rejected(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, frozenset[SopInstanceUid]]:
        """Return the instances of studies that it lists as rejected; none where it shows no such list."""
        return self._rejections.of(study_uids)

    def kept_out(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, frozenset[SopInstanceUid]]:
        """Return those of them that it does not take again until their rejection is revoked."""
        return self._rejections.of(study_uids, kept_out=True)

    def changes(self, cursor: str | None) -> ArchiveChanges:
        """Return which studies a series was received of since a cursor, or that all must be listed."""
        return self._monitor.changes(cursor)

    def retrieve(
        self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None
    ) -> Iterator[DicomFile]:
        """Yield the files of a study as they are stored, or only those wanted, in any order.

        Raises NotFound when there are none of them, or after the last one when some are not listed.
        """
        held = self._listed(study_uid, wanted)
        known = {entry.sop_instance_uid: entry for entry in held}
        asked = held if wanted is None else wanted
        there = [known[entry.sop_instance_uid] for entry in asked if entry.sop_instance_uid in known]
        yield from self._wado.files(study_uid, held, there)
        if len(there) < len(asked) or not held:
            raise NotFound(
                f"DCM4CHEE does not hold {len(asked) - len(there) or 'any'} of the instances asked for of "
                f"study {study_uid}.",
                archive=self.name,
            )

    def _listed(self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None) -> Sequence[InstanceEntry]:
        """Return what the archive lists of a study; for one instance, that alone is asked for."""
        if wanted is None or len(wanted) != 1:
            return self.instances(study_uid)
        found = self._queries.located([wanted[0].sop_instance_uid]).values()
        return [entry for entry in found if entry.study_uid == study_uid]

    def store(self, files: Iterable[DicomFile], transport: Transport) -> Iterator[StoreOutcome]:
        """Send files and yield what became of each; an outcome for every file, whatever fails.

        Only an error of ``files`` itself is raised, after the outcomes of what came before it.
        """
        return (self._stow if transport is Transport.STOW else self._c_store).store(files)

    def replace(self, file: DicomFile) -> StoreOutcome:
        """Put a file in the place of the stored one, and see that it is there.

        Where the archive keeps its first copy though it says that it stored the file, it is sent by C-STORE
        too: dcmOverwritePolicy SAME_SOURCE, dcm4chee's default, lets an AE title replace what it has sent,
        and STOW-RS, which has no sender, nothing. Refused where that changes nothing either; where the
        archive takes all but attributes of patient, study and series, which it holds once for all instances,
        they are named.
        """
        before = self._copy(file.sop_instance_uid)
        outcome = self._replaced(file, before, Transport.STOW)
        if outcome.detail != _KEEPS_ITS_COPY:
            return outcome
        again = self._replaced(file, before, Transport.C_STORE)
        return again if again.state is StoreState.STORED else outcome

    def _replaced(self, file: DicomFile, before: DicomFile | None, transport: Transport) -> StoreOutcome:
        outcome = next(iter(self.store([file], transport)))
        if outcome.state is not StoreState.STORED:
            return outcome
        return judged(file, before, self._copy(file.sop_instance_uid))

    def remove(self, study_uid: StudyUid, wanted: Sequence[InstanceEntry] | None = None) -> int:
        """Reject a study, or some of its instances, for quality (113001), and return how many that were.

        What is rejected already, or not there, is not counted. Rejections can be revoked at the archive.
        """
        held = self.instances(study_uid)
        if not held:
            raise NotFound(f"DCM4CHEE does not hold study {study_uid}.", archive=self.name)
        asked = None if wanted is None else {entry.sop_instance_uid for entry in wanted}
        there = [entry for entry in held if asked is None or entry.sop_instance_uid in asked]
        return self._management.reject(study_uid, held, there)

    def update_study(self, study_uid: StudyUid, attributes: Mapping[str, str]) -> None:
        """Give attributes of a study other values, by keyword; those of its patient change in all studies.

        PatientID and UIDs are never rewritten: ArchiveRefused.
        """
        self._management.update_study(study_uid, attributes)

    def close(self) -> None:
        """Close connections that are kept for later."""
        self._connection.close()

    def _copy(self, uid: SopInstanceUid) -> DicomFile | None:
        """Return the archive's copy of an instance, None when it holds none."""
        entry = self._queries.located([uid]).get(uid)
        if entry is None:
            return None
        return next(self._wado.files(entry.study_uid, [entry], [entry]))


def judged(sent: DicomFile, before: DicomFile | None, after: DicomFile | None) -> StoreOutcome:
    """Return whether the archive's copy is the one that was sent, judged by what was meant to change."""
    from orthanc_plugins.archives.read_back import differing  # noqa: PLC0415 - it loads numpy

    uid = sent.sop_instance_uid
    if after is None:
        return StoreOutcome(
            uid, StoreState.FAILED, None, "The archive said that it stored it, but holds none."
        )
    left = differing(sent.content, after.content)
    meant = left if before is None else differing(sent.content, before.content)
    kept = sorted(left & meant) if before is not None else []
    if not kept:
        detail = f"The archive changed {', '.join(sorted(left))} by its own rules." if left else ""
        return StoreOutcome(uid, StoreState.STORED, None, detail)
    if set(kept) == meant:
        return StoreOutcome(uid, StoreState.REFUSED, None, _KEEPS_ITS_COPY)
    detail = f"The archive kept its own {', '.join(kept)}: correct patient, study or series there."
    return StoreOutcome(uid, StoreState.REFUSED, None, detail)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise ConfigurationError(
            f"The certificates in {ca_file} cannot be read: {error.strerror}."
        ) from error
