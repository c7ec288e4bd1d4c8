"""What is done to an archive around the measurements: who it is, what it holds, removal of what was sent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, Protocol

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.interface import Interface
from orthanc_plugins.benchmark.targets import DicomAddress
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from orthanc_plugins.benchmark.targets import Target

STAND_IN = "stand-in"
"""Stands in the ``Server`` header of what plays DCM4CHEE's part."""

PAGE = 500
"""Matches asked for at a time."""

_STATUS = "/ctrl/status"
_REJECTED_FOR_QUALITY = "113001%5EDCM"
_ROOT_OF_UIDS = "2.25."
_TOGETHER = 4
_AT_ONCE = 100
_UNKNOWN = frozenset({404, 405, 501})
_GONE = frozenset({404})
_NOT_THERE = "version not told"

Tag = str
PATIENT_ID, STUDY_UID, SOP_INSTANCE_UID = "00100020", "0020000D", "00080018"


@dataclass(frozen=True)
class Description:
    """What an archive says of itself; ``stand_in`` names what plays its part."""

    version: str
    stand_in: str | None = None
    dicom: DicomAddress | None = None


type Counts = Mapping[str, int]
"""How many patients, studies, series and instances an archive holds; what it does not tell is not there."""


class Upkeep(Protocol):
    """What the benchmark needs of an archive beside what it times.

    Every method raises ArchiveUnavailable when the archive does not answer, ArchiveRefused when it refuses.
    """

    @property
    def web(self) -> Interface:
        """Its DICOMweb."""

    def describe(self) -> Description:
        """Return what it is."""

    def counts(self) -> Counts:
        """Return how much it holds."""

    def remove(self, prefix: str, study_uids: Collection[str]) -> int:
        """Remove the benchmark's studies for good, and return how many there were.

        Those of patients whose PatientID begins with ``prefix``, and those of ``study_uids``, which may be
        out of sight.
        """

    def stored_bytes(self, study_uid: str) -> int | None:
        """Return how many bytes of files it keeps of a study, None when it does not tell."""


def upkeep_of(target: Target) -> Upkeep:
    """Return the upkeep of an archive by which of the two it is."""
    return OrthancUpkeep(target) if target.name is ArchiveName.ORTHANC else Dcm4cheeUpkeep(target)


def value(row: Mapping[str, Any], tag: Tag) -> str:
    """Return the first value of an attribute in DICOM JSON (PS3.18 F.2), empty where there is none."""
    values = row.get(tag, {}).get("Value") or [""]
    return str(values[0])


def studies_with(web: Interface, prefix: str) -> dict[str, str]:
    """Return studies of patients whose PatientID begins so: PatientID by Study Instance UID."""
    if not prefix.startswith(BENCHMARK_PATIENT_PREFIX):
        raise ValueError("The benchmark asks for nothing but what it has made.")
    found = web.matches(f"/studies?PatientID={prefix}*", PAGE)
    return {
        value(row, STUDY_UID): value(row, PATIENT_ID)
        for row in found
        if value(row, PATIENT_ID).startswith(prefix) and value(row, STUDY_UID).startswith(_ROOT_OF_UIDS)
    }


class OrthancUpkeep:
    """Orthanc, by its REST API."""

    def __init__(self, target: Target) -> None:
        self.web = Interface(target, target.dicomweb)
        self._rest = Interface(target, target.management)
        self._host = target.host

    def describe(self) -> Description:
        """Return its version and where it takes C-STORE."""

        def read(system: Any) -> Description:
            address = DicomAddress(system["DicomAet"], self._host, int(system["DicomPort"]))
            return Description(str(system["Version"]), dicom=address)

        return self._rest.read("GET", "/system", read)

    def counts(self) -> Counts:
        """Return how much it holds, by its statistics."""
        names = {"patients": "CountPatients", "studies": "CountStudies", "series": "CountSeries"}
        names["instances"] = "CountInstances"
        return self._rest.read(
            "GET", "/statistics", lambda told: {name: int(told[key]) for name, key in names.items()}
        )

    def remove(self, prefix: str, study_uids: Collection[str]) -> int:
        """Delete studies."""
        there = {*studies_with(self.web, prefix), *study_uids}
        removed = 0
        for some in batched(sorted(there), _AT_ONCE, strict=False):
            resources = [found for uid in some for found in self._lookup(uid)]
            if resources:
                body = json.dumps({"Resources": resources}).encode()
                self._rest.send("POST", "/tools/bulk-delete", body)
            removed += len(resources)
        return removed

    def stored_bytes(self, study_uid: str) -> int | None:
        """Return the bytes of all attachments: files, and what Orthanc keeps of them beside."""
        resources = self._lookup(study_uid)
        if not resources:
            return None
        return self._rest.read(
            "GET", f"/studies/{resources[0]}/statistics", lambda told: int(told["DiskSize"])
        )

    def _lookup(self, study_uid: str) -> list[str]:
        def read(found: Any) -> list[str]:
            return [str(entry["ID"]) for entry in found if entry["Type"] == "Study"]

        return self._rest.read("POST", "/tools/lookup", read, study_uid.encode("ascii"))


class Dcm4cheeUpkeep:
    """DCM4CHEE, by its REST interface beside DICOMweb."""

    def __init__(self, target: Target) -> None:
        self.web = Interface(target, target.dicomweb)
        self._own = Interface(target, target.management)

    def describe(self) -> Description:
        """Return its version as its device tells it, or that a stand-in plays its part."""
        target = self._own.target
        if not target.management:
            raise ArchiveRefused(
                f"{target.title}'s address {target.dicomweb} does not end in /dcm4chee-arc/aets/AET/rs: no "
                "other kind of archive can be measured, for what is sent could not be removed.",
                archive=target.name,
            )
        server = self._own.send("GET", _STATUS).server
        if STAND_IN in server:
            return Description(server, stand_in=server)
        return Description(self._version())

    def _version(self) -> str:
        answer = self._own.send("GET", "/devices?dicomDeviceName=dcm4chee-arc", allowed=_UNKNOWN)
        try:
            return str(answer.content[0]["dicomSoftwareVersion"])
        except (ValueError, LookupError, TypeError):
            return _NOT_THERE

    def counts(self) -> Counts:
        """Return how much it holds and shows; what was rejected is not shown."""
        found = {
            name: self._count(f"/{name}/count") for name in ("patients", "studies", "series", "instances")
        }
        return {name: count for name, count in found.items() if count is not None}

    def remove(self, prefix: str, study_uids: Collection[str]) -> int:
        """Reject studies for their quality, delete them for good, and then their patients, who stay else."""
        found = studies_with(self.web, prefix)
        with ThreadPoolExecutor(_TOGETHER) as pool:
            removed = sum(pool.map(self._remove_study, {*found, *study_uids}))
            patients = {value(row, PATIENT_ID) for row in self._patients(prefix)}
            list(pool.map(self._remove_patient, patients | set(found.values())))
        return removed

    def _remove_study(self, study_uid: str) -> int:
        rejected = self.web.send(
            "POST", f"/studies/{study_uid}/reject/{_REJECTED_FOR_QUALITY}", b"", allowed=_GONE
        )
        deleted = self.web.send("DELETE", f"/studies/{study_uid}", allowed=_GONE)
        return int(not {rejected.status, deleted.status} <= _GONE)

    def _remove_patient(self, patient_id: str) -> None:
        self.web.send("DELETE", f"/patients/{patient_id}", allowed=_UNKNOWN)

    def _patients(self, prefix: str) -> list[Mapping[str, Any]]:
        try:
            found = list(self.web.matches(f"/patients?PatientID={prefix}*", PAGE))
        except ArchiveRefused:
            return []  # an archive that lists no patients keeps none without studies
        return [row for row in found if value(row, PATIENT_ID).startswith(prefix)]

    def stored_bytes(self, study_uid: str) -> int | None:
        """Return the bytes of the files."""
        return self._count(f"/studies/size?StudyInstanceUID={study_uid}", "size")

    def _count(self, path: str, member: str = "count") -> int | None:
        answer = self.web.send("GET", path, allowed=_UNKNOWN)
        if answer.status in _UNKNOWN:
            return None
        try:
            return int(answer.content[member])
        except (ValueError, KeyError, TypeError) as error:
            raise self.web.not_understood() from error
