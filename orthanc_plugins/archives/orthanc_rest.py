"""Orthanc as it is asked by its REST API: one method for each thing the suite wants of it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.dicom_file import sop_instance_uid
from orthanc_plugins.archives.orthanc_http import OrthancHttp
from orthanc_plugins.archives.orthanc_records import (
    INSTANCE_REQUESTED_TAGS,
    STRUCTURE_SET_MODALITY,
    STUDY_REQUESTED_TAGS,
    Changes,
    InstanceRecord,
    OrthancStatistics,
    SeriesRecord,
    StoredFile,
    StoredInstance,
    StudyRecord,
    UploadOutcome,
    each,
    read_changes,
    read_instance,
    read_series,
    read_statistics,
    read_stored_file,
    read_stored_instance,
    read_study,
    read_study_uid,
    read_system,
)
from orthanc_plugins.errors import ArchiveRefused, NotFound
from orthanc_plugins.identifiers import OrthancId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.identifiers import StudyUid

_PATHS = {"Patient": "patients", "Study": "studies", "Series": "series", "Instance": "instances"}
_LABELLED_AT_ONCE = 100_000
_BEYOND = 2**62
"""A sequence number that no change log reaches."""


class Order(Enum):
    """In which order resources are told.

    Orthanc orders from 1.12.5 on, where its database can (HasExtendedFind in ``/system``).
    """

    NONE = "none"
    BY_UID = "by_uid"
    NEWEST_FIRST = "newest_first"
    """By when an instance was last stored."""


class OrthancRest(OrthancHttp):
    """A client of Orthanc's REST API; may be used by several threads.

    Every method raises ArchiveUnavailable when Orthanc does not answer, NotFound when it does not
    hold the resource and ArchiveRefused when it refuses. Levels are called ``Patient``, ``Study``, ``Series``
    and ``Instance``. See `OrthancHttp` for the parameters.
    """

    def system(self) -> Mapping[str, Any]:
        """Return Orthanc's description of itself: Version, Name, DicomAet and more."""
        return self._json(read_system, "GET", "/system")

    def statistics(self) -> OrthancStatistics:
        """Return how much Orthanc holds."""
        return self._json(read_statistics, "GET", "/statistics")

    def changes(self, since: int, limit: int = 500) -> Changes:
        """Return the entries of the change log after a sequence number, oldest first."""
        return self._json(read_changes, "GET", "/changes", params={"since": since, "limit": limit})

    def last_change(self) -> int:
        """Return the sequence number of the newest entry there ever was in the change log.

        That of the newest there is (``/changes?last``) goes back when a resource is deleted.
        """
        return self.changes(_BEYOND, 1).last

    def study_uid(self, study: OrthancId) -> StudyUid:
        """Return the Study Instance UID of a study."""
        return self._json(read_study_uid, "GET", f"/studies/{study}")

    def series(self, series: OrthancId) -> SeriesRecord:
        """Return what the index knows of a series."""
        return self._json(read_series, "GET", f"/series/{series}")

    def series_of_study(self, study: OrthancId) -> list[SeriesRecord]:
        """Return what the index knows of the series of a study."""
        return self._json(each(read_series), "GET", f"/studies/{study}/series")

    def series_of_patient(self, patient: OrthancId) -> list[SeriesRecord]:
        """Return what the index knows of the series of a patient."""
        return self._json(each(read_series), "GET", f"/patients/{patient}/series")

    def instances_of_series(self, series: OrthancId) -> list[InstanceRecord]:
        """Return what the index knows of the instances of a series, without opening any file."""
        return self._json(each(read_instance), "GET", f"/series/{series}/instances")

    def instance(self, instance: OrthancId) -> InstanceRecord:
        """Return what the index knows of an instance."""
        return self._json(read_instance, "GET", f"/instances/{instance}")

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

    def header(self, instance: OrthancId) -> Mapping[str, Any]:
        """Return all tags of an instance by keyword, values as text; opens the file."""
        return self._json(dict[str, Any], "GET", f"/instances/{instance}/simplified-tags")

    def file(self, instance: OrthancId) -> bytes:
        """Return the stored DICOM file."""
        return self._content(f"/instances/{instance}/file")

    def picture(self, instance: OrthancId, size_px: int) -> bytes:
        """Return a picture of an instance, PNG within a square; NotFound or ArchiveRefused without pixels."""
        return self._content(f"/instances/{instance}/rendered?width={size_px}&height={size_px}")

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

    def put(self, content: bytes) -> StoredFile:
        """Store a DICOM file, and return what Orthanc says became of it."""
        headers = {"Content-Type": "application/dicom"}
        return self._json(read_stored_file, "POST", "/instances", data=content, headers=headers)

    def upload(self, content: bytes) -> UploadOutcome:
        """Store a DICOM file.

        Where Orthanc overwrites it says of each file that it is new: it is asked beforehand.
        """
        uid = sop_instance_uid(content)
        held = [] if uid is None else self.lookup(uid, "Instance")

        def outcome(answer: Any) -> UploadOutcome:
            file = read_stored_file(answer)
            known = file.instance in held or file.status == "AlreadyStored"
            return UploadOutcome(file.instance, OrthancId(answer["ParentStudy"]), known)

        headers = {"Content-Type": "application/dicom"}
        return self._json(outcome, "POST", "/instances", data=content, headers=headers)

    def find_structure_sets(self, since: int, limit: int) -> Sequence[OrthancId]:
        """Return Orthanc identifiers of series of modality RTSTRUCT, a page at a time."""
        query = {
            "Level": "Series",
            "Query": {"Modality": STRUCTURE_SET_MODALITY},
            "Since": since,
            "Limit": limit,
        }
        return self._json(each(OrthancId), "POST", "/tools/find", json=query)

    # Finding

    def now(self) -> datetime:
        """Return the time of Orthanc's clock."""
        text = self._request("GET", "/tools/now").text
        try:
            return datetime.strptime(text.strip(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            raise ArchiveRefused(
                f"Orthanc answered GET /tools/now with no time: is {self.url} really Orthanc?",
                archive="orthanc",
            ) from error

    def study(self, study: OrthancId) -> StudyRecord:
        """Return what the index knows of a study."""
        # Debian's Orthanc 1.12.7 does not decode queries: semicolons must arrive as they are.
        requested = ";".join(STUDY_REQUESTED_TAGS)
        return self._json(read_study, "GET", f"/studies/{study}?requestedTags={requested}")

    def list_studies(self, since: int, limit: int) -> list[StudyRecord]:
        """Return a page of all studies, in an order of Orthanc's own.

        Without extended find (`system`) a page costs the same wherever it begins, while `find_studies` then
        looks at all that comes before it.
        """
        requested = ";".join(STUDY_REQUESTED_TAGS)
        path = f"/studies?since={since}&limit={limit}&expand&requestedTags={requested}"
        return self._json(each(read_study), "GET", path)

    def find_studies(
        self, query: Mapping[str, str], *, since: int = 0, limit: int = 1000, order: Order = Order.BY_UID
    ) -> list[StudyRecord]:
        """Return the studies that match, a page at a time.

        ``query`` has values by keyword as in C-FIND (PS3.4 C.2.2.2); case does not count. Orthanc's setting
        LimitFindResults may make pages shorter than ``limit``.
        """
        request = {
            "Level": "Study",
            "Query": query,
            "Since": since,
            "Limit": limit,
            "Expand": True,
            "ResponseContent": ["MainDicomTags", "Metadata", "Labels", "IsStable", "Parent"],
            "RequestedTags": STUDY_REQUESTED_TAGS,
            **_ordered(order, "StudyInstanceUID"),
        }
        return self._json(each(read_study), "POST", "/tools/find", json=request)

    def find_instances(
        self,
        study_uids: Sequence[StudyUid],
        *,
        since: int = 0,
        limit: int = 10_000,
        order: Order = Order.BY_UID,
    ) -> list[StoredInstance]:
        """Return the instances of studies, a page at a time, without opening any file.

        Orthanc's setting LimitFindInstances may make pages shorter than ``limit``.
        """
        request = {
            "Level": "Instance",
            "Query": {"StudyInstanceUID": "\\".join(study_uids)},
            "Since": since,
            "Limit": limit,
            "Expand": True,
            "ResponseContent": ["MainDicomTags", "Metadata", "Attachments"],
            "RequestedTags": INSTANCE_REQUESTED_TAGS,
            **_ordered(order, "SOPInstanceUID"),
        }
        return self._json(each(read_stored_instance), "POST", "/tools/find", json=request)

    def count(self, level: str, query: Mapping[str, str]) -> int:
        """Return how many resources of a level match; see `find_studies`."""
        request = {"Level": level, "Query": query}
        return self._json(lambda answer: int(answer["Count"]), "POST", "/tools/count-resources", json=request)

    def instance_ids(self, study: OrthancId) -> list[OrthancId]:
        """Return the identifiers of the instances of a study."""
        path = f"/studies/{study}/instances"
        return self._json(each(_identifier), "GET", path, params={"expand": "false"})

    def studies_of(self, resources: Sequence[OrthancId]) -> dict[OrthancId, StudyUid]:
        """Return the studies that resources of any level are, hold or belong to, without unknown ones."""
        request = {"Resources": list(resources), "Level": "Study", "Metadata": False}
        found = self._json(each(_told), "POST", "/tools/bulk-content", json=request)
        return dict(found)

    # Labels, metadata, deleting

    def labels(self, level: str, resource: OrthancId) -> list[str]:
        """Return the labels of a resource."""
        return self._json(each(str), "GET", f"/{_PATHS[level]}/{resource}/labels")

    def labelled_studies(self, label: str) -> set[OrthancId]:
        """Return the studies that bear a label."""
        found: set[OrthancId] = set()
        query = {"Level": "Study", "Query": {}, "Labels": [label], "Expand": False}
        while True:
            request = {**query, "Since": len(found), "Limit": _LABELLED_AT_ONCE}
            page = self._json(each(OrthancId), "POST", "/tools/find", json=request)
            if found.issuperset(page):  # LimitFindResults shortens pages: only an empty one is the last
                return found
            found.update(page)

    def add_label(self, level: str, resource: OrthancId, label: str) -> None:
        """Put a label on a resource: letters, digits, ``-`` and ``_`` only."""
        self._request("PUT", f"/{_PATHS[level]}/{resource}/labels/{label}", data=b"")

    def remove_label(self, level: str, resource: OrthancId, label: str) -> None:
        """Take a label from a resource; one that is not there may be taken."""
        self._request("DELETE", f"/{_PATHS[level]}/{resource}/labels/{label}")

    def metadata(self, level: str, resource: OrthancId) -> Mapping[str, str]:
        """Return what Orthanc noted of a resource by name, such as RemoteAET and CalledAET of an instance."""
        return self._json(
            dict[str, str], "GET", f"/{_PATHS[level]}/{resource}/metadata", params={"expand": ""}
        )

    def delete_resource(self, level: str, resource: OrthancId) -> None:
        """Delete a resource with all that is in it."""
        self._request("DELETE", f"/{_PATHS[level]}/{resource}")


def _identifier(entry: str | Mapping[str, Any]) -> OrthancId:
    """Return the identifier of a resource that is told by itself, or at length."""
    return OrthancId(entry if isinstance(entry, str) else entry["ID"])


def _told(entry: Mapping[str, Any]) -> tuple[OrthancId, StudyUid]:
    """Return the identifier and the UID of a study."""
    return OrthancId(entry["ID"]), read_study_uid(entry)


def _ordered(order: Order, uid: str) -> dict[str, Any]:
    """Return the order that Orthanc is asked for; a tie is never broken by chance."""
    by_uid = {"Type": "DicomTag", "Key": uid, "Direction": "ASC"}
    latest = {"Type": "Metadata", "Key": "LastUpdate", "Direction": "DESC"}
    asked = {Order.NONE: [], Order.BY_UID: [by_uid], Order.NEWEST_FIRST: [latest, by_uid]}[order]
    return {"OrderBy": asked} if asked else {}
