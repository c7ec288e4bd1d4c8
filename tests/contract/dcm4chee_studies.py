"""Studies of patients of their own, and clients of DCM4CHEE that store and list them without waiting."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives import Dcm4cheeArchive
from orthanc_plugins.archives.base import Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.identifiers import StudyUid
from tests.fakes.faulty_archive import dicom_file

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import Archive, DicomFile, StoreOutcome
    from tests.standin import StandIn

_NUMBERS = itertools.count(1)


def client(standin: StandIn, url: str, **options: Any) -> Dcm4cheeArchive:
    options = {"policy": RetryPolicy(attempts=3), "clocks": Clocks(sleep=lambda _: None), **options}
    return Dcm4cheeArchive(url, **{"dicom_port": standin.dicom_port, **options})


class Study:
    """A study of a patient of its own, of two series."""

    def __init__(self, instances: int = 4, **attributes: Any) -> None:
        number = next(_NUMBERS)
        self.uid = StudyUid(f"1.2.826.0.1.3680043.8.498.{number}")
        self.patient = f"P{number}"
        self.attributes = {
            "PatientID": self.patient,
            "PatientName": f"MARKER{number}^NAME",
            "PatientBirthDate": "19700101",
            "PatientSex": "O",
            "StudyDate": f"2026{number % 12 + 1:02d}01",
            "StudyTime": "120000",
            "StudyDescription": "Thorax",
            "AccessionNumber": f"A{number}",
            **attributes,
        }
        self.files = [self.file(index) for index in range(instances)]

    def file(self, index: int, **attributes: Any) -> DicomFile:
        series = f"{self.uid}.{index % 2 + 1}"
        uid = f"{series}.{index + 1}"
        return described(dicom_file(uid, series, self.uid, **{**self.attributes, **attributes}))

    @property
    def uids(self) -> list[str]:
        return sorted(file.sop_instance_uid for file in self.files)


def stored(archive: Archive, study: Study, transport: Transport = Transport.STOW) -> list[StoreOutcome]:
    outcomes = list(archive.store(study.files, transport))
    assert sorted(outcome.sop_instance_uid for outcome in outcomes) == study.uids
    return outcomes


def states(outcomes: list[StoreOutcome]) -> set[str]:
    return {outcome.state.value for outcome in outcomes}


def listed(archive: Archive, study: Study) -> list[str]:
    return sorted(entry.sop_instance_uid for entry in archive.instances(study.uid))
