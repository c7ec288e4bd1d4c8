"""Orthanc as an archive, by its REST API."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

from orthanc_plugins.archives.dicom_file import sop_instance_uid
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_ARCHIVE = "orthanc"
_STRUCTURE_SET_MODALITY = "RTSTRUCT"
_DOSE_MODALITY = "RTDOSE"
_CONNECTIONS = 16
_NOT_FOUND = 404
_WITHOUT_RIGHTS = frozenset({401, 403})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Change:
    """One entry of Orthanc's change log."""

    sequence: int
    kind: str
    level: str
    orthanc_id: OrthancId


@dataclass(frozen=True)
class Changes:
    """A part of Orthanc's change log.

    ``last`` is the sequence number to ask from next; ``done`` tells whether the end was reached.
    """

    entries: tuple[Change, ...]
    last: int
    done: bool


@dataclass(frozen=True)
class OrthancStatistics:
    """What Orthanc holds."""

    patients: int
    studies: int
    series: int
    instances: int
    stored_bytes: int


@dataclass(frozen=True)
class SeriesRecord:
    """A series as Orthanc's index knows it. ``tags`` are its main DICOM tags by keyword."""

    orthanc_id: OrthancId
    series_uid: SeriesUid
    study_orthanc_id: OrthancId
    stable: bool
    instances: tuple[OrthancId, ...]
    tags: Mapping[str, str]

    @property
    def modality(self) -> str:
        """Modality (0008,0060), empty when absent."""
        return self.tags.get("Modality", "")

    @property
    def holds_structure_sets(self) -> bool:
        """Whether it is a series of RT Structure Sets, by its modality."""
        return self.modality == _STRUCTURE_SET_MODALITY

    @property
    def holds_doses(self) -> bool:
        """Whether it is a series of RT Doses, by its modality."""
        return self.modality == _DOSE_MODALITY


@dataclass(frozen=True)
class InstanceRecord:
    """An instance as Orthanc's index knows it. ``tags`` are its main DICOM tags by keyword."""

    orthanc_id: OrthancId
    sop_instance_uid: SopInstanceUid
    series_orthanc_id: OrthancId
    tags: Mapping[str, str]


@dataclass(frozen=True)
class UploadOutcome:
    """What Orthanc did with an uploaded file.

    ``already_stored``: it held an instance of the same SOP Instance UID, which is replaced where Orthanc's
    OverwriteInstances is on.
    """

    instance: OrthancId
    study: OrthancId
    already_stored: bool


class OrthancRest:
    """A client of Orthanc's REST API; may be used by several threads.

    Parameters
    ----------
    url
        Root of the REST API.
    timeout_s
        Seconds until a request that got no byte is given up.
    credentials
        User and password, None when Orthanc asks for none.
    headers
        Sent with each request, such as an authorisation token.

    Every method raises ArchiveUnavailable when Orthanc does not answer, NotFound when it does not
    hold the resource and ArchiveRefused when it refuses.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        credentials: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._credentials = credentials
        self._headers = dict(headers or {})
        self._local = threading.local()

    @property
    def url(self) -> str:
        """Root of the REST API."""
        return self._url

    def system(self) -> Mapping[str, Any]:
        """Return Orthanc's description of itself: Version, Name, DicomAet and more."""
        return self._json(_system, "GET", "/system")

    def statistics(self) -> OrthancStatistics:
        """Return how much Orthanc holds."""
        return self._json(_statistics, "GET", "/statistics")

    def changes(self, since: int, limit: int = 500) -> Changes:
        """Return the entries of the change log after a sequence number, oldest first."""
        return self._json(_changes, "GET", "/changes", params={"since": since, "limit": limit})

    def last_change(self) -> int:
        """Return the sequence number of the newest entry of the change log."""
        return self._json(lambda answer: int(answer["Last"]), "GET", "/changes", params={"last": ""})

    def study_uid(self, study: OrthancId) -> StudyUid:
        """Return the Study Instance UID of a study."""
        return self._json(_study_uid, "GET", f"/studies/{study}")

    def series(self, series: OrthancId) -> SeriesRecord:
        """Return what the index knows of a series."""
        return self._json(_series, "GET", f"/series/{series}")

    def series_of_study(self, study: OrthancId) -> list[SeriesRecord]:
        """Return what the index knows of the series of a study."""
        return self._json(_each(_series), "GET", f"/studies/{study}/series")

    def series_of_patient(self, patient: OrthancId) -> list[SeriesRecord]:
        """Return what the index knows of the series of a patient."""
        return self._json(_each(_series), "GET", f"/patients/{patient}/series")

    def instances_of_series(self, series: OrthancId) -> list[InstanceRecord]:
        """Return what the index knows of the instances of a series, without opening any file."""
        return self._json(_each(_instance), "GET", f"/series/{series}/instances")

    def instance(self, instance: OrthancId) -> InstanceRecord:
        """Return what the index knows of an instance."""
        return self._json(_instance, "GET", f"/instances/{instance}")

    def has_instance(self, instance: OrthancId) -> bool:
        """Return whether Orthanc holds an instance."""
        try:
            self.instance(instance)
        except NotFound:
            return False
        return True

    def sop_class(self, instance: OrthancId) -> str:
        """Return the SOP Class UID of an instance as recorded when it was stored."""
        return self._request("GET", f"/instances/{instance}/metadata/SopClassUid").text

    def reception_date(self, instance: OrthancId) -> str:
        """Return when an instance was stored, as text that sorts by time."""
        return self._request("GET", f"/instances/{instance}/metadata/ReceptionDate").text

    def header(self, instance: OrthancId) -> Mapping[str, Any]:
        """Return all tags of an instance by keyword, values as text; opens the file."""
        return self._json(dict[str, Any], "GET", f"/instances/{instance}/simplified-tags")

    def file(self, instance: OrthancId) -> bytes:
        """Return the stored DICOM file."""
        path = f"/instances/{instance}/file"
        with _as_archive_error(f"GET {path}", self._url), self._request("GET", path, stream=True) as answer:
            # In as few pieces as it comes in: requests' own are of ten kilobytes.
            return b"".join(answer.iter_content(chunk_size=None))

    def file_md5(self, instance: OrthancId) -> str:
        """Return the MD5 of the stored DICOM file as recorded when it was stored."""
        return self._request("GET", f"/instances/{instance}/attachments/dicom/md5").text

    def lookup(self, dicom_uid: str, level: str) -> list[OrthancId]:
        """Return the resources of a level (Study, Series, Instance) with this DICOM UID.

        More than one when the same UID is stored for several patients.
        """

        def of_level(answer: Any) -> list[OrthancId]:
            return [OrthancId(entry["ID"]) for entry in answer if entry["Type"] == level]

        return self._json(of_level, "POST", "/tools/lookup", data=dicom_uid)

    def upload(self, content: bytes) -> UploadOutcome:
        """Store a DICOM file.

        Where Orthanc overwrites it says of each file that it is new: it is asked beforehand.
        """
        uid = sop_instance_uid(content)
        held = [] if uid is None else self.lookup(uid, "Instance")

        def outcome(answer: Any) -> UploadOutcome:
            instance = OrthancId(answer["ID"])
            known = instance in held or answer["Status"] == "AlreadyStored"
            return UploadOutcome(instance, OrthancId(answer["ParentStudy"]), known)

        headers = {"Content-Type": "application/dicom"}
        return self._json(outcome, "POST", "/instances", data=content, headers=headers)

    def find_structure_sets(self, since: int, limit: int) -> Sequence[OrthancId]:
        """Return Orthanc identifiers of series of modality RTSTRUCT, a page at a time."""
        query = {
            "Level": "Series",
            "Query": {"Modality": _STRUCTURE_SET_MODALITY},
            "Since": since,
            "Limit": limit,
        }
        return self._json(_each(OrthancId), "POST", "/tools/find", json=query)

    def _json[T](self, read: Callable[[Any], T], method: str, path: str, **options: Any) -> T:
        """Return what ``read`` makes of the JSON answered."""
        answer = self._request(method, path, **options)
        try:
            return read(answer.json())
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveRefused(
                f"Orthanc answered {method} {path} with something else than expected: "
                f"is {self._url} really Orthanc?",
                archive=_ARCHIVE,
            ) from error

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        with _as_archive_error(f"{method} {path}", self._url):
            answer = self._sent(method, path, options)
        if answer.ok:
            return answer
        answer.close()
        raise _failure(answer, f"{method} {path}")

    def _sent(self, method: str, path: str, options: Mapping[str, Any]) -> requests.Response:
        """Send a request, once more when the connection was closed before an answer began.

        Orthanc closes a connection that was idle for a second, perhaps at the moment it is used again.
        Nothing this client asks for does more when it is asked twice: it reads, or stores the same file.
        """
        session = self._session()
        try:
            return session.request(method, self._url + path, timeout=self._timeout_s, **options)
        except requests.ConnectionError as error:
            if not (error.args and isinstance(error.args[0], ProtocolError)):
                raise
            session.close()
            return session.request(method, self._url + path, timeout=self._timeout_s, **options)

    def _session(self) -> requests.Session:
        """Return this thread's session; requests' sessions are not safe to share."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.auth = self._credentials
            session.headers.update(self._headers)
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session = session
        return session


@contextmanager
def _as_archive_error(request: str, url: str) -> Iterator[None]:
    """Turn the errors of requests into the suite's."""
    try:
        yield
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        raise ArchiveUnavailable(
            f"Orthanc at {url} did not answer {request} ({type(error).__name__}).", archive=_ARCHIVE
        ) from error
    except requests.RequestException as error:
        raise ArchiveRefused(
            f"Orthanc at {url} could not be asked {request} ({type(error).__name__}): "
            "check its address in the settings.",
            archive=_ARCHIVE,
        ) from error


def _failure(answer: requests.Response, request: str) -> ArchiveRefused | ArchiveUnavailable:
    status = answer.status_code
    if status == _NOT_FOUND:
        return NotFound(f"Orthanc does not hold what {request} asks for.", archive=_ARCHIVE, status=status)
    text = f"Orthanc answered {request} with HTTP {status}"
    if status in _PASSING:
        return ArchiveUnavailable(f"{text}: see Orthanc's log.", archive=_ARCHIVE, status=status)
    remedy = (
        "check the suite's user, password and rights" if status in _WITHOUT_RIGHTS else "see Orthanc's log"
    )
    return ArchiveRefused(f"{text}: {remedy}.", archive=_ARCHIVE, status=status)


def _each[T](read: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    return lambda answer: [read(entry) for entry in answer]


def _system(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**answer, "Version": str(answer["Version"])}


def _statistics(answer: Mapping[str, Any]) -> OrthancStatistics:
    return OrthancStatistics(
        patients=answer["CountPatients"],
        studies=answer["CountStudies"],
        series=answer["CountSeries"],
        instances=answer["CountInstances"],
        stored_bytes=int(answer["TotalDiskSize"]),
    )


def _changes(answer: Mapping[str, Any]) -> Changes:
    entries = tuple(
        Change(entry["Seq"], entry["ChangeType"], entry["ResourceType"], OrthancId(entry["ID"]))
        for entry in answer["Changes"]
    )
    return Changes(entries, answer["Last"], answer["Done"])


def _study_uid(answer: Mapping[str, Any]) -> StudyUid:
    return StudyUid(answer["MainDicomTags"]["StudyInstanceUID"])


def _series(answer: Mapping[str, Any]) -> SeriesRecord:
    return SeriesRecord(
        orthanc_id=OrthancId(answer["ID"]),
        series_uid=SeriesUid(answer["MainDicomTags"]["SeriesInstanceUID"]),
        study_orthanc_id=OrthancId(answer["ParentStudy"]),
        stable=answer["IsStable"],
        instances=tuple(OrthancId(instance) for instance in answer["Instances"]),
        tags=answer["MainDicomTags"],
    )


def _instance(answer: Mapping[str, Any]) -> InstanceRecord:
    return InstanceRecord(
        orthanc_id=OrthancId(answer["ID"]),
        sop_instance_uid=SopInstanceUid(answer["MainDicomTags"]["SOPInstanceUID"]),
        series_orthanc_id=OrthancId(answer["ParentSeries"]),
        tags=answer["MainDicomTags"],
    )
