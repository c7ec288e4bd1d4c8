"""What of a DICOM file decides where it goes."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

_ROUTES = ("PatientComments", "StudyComments", "AdditionalPatientHistory")
_PLAIN_PROJECTS = ("StudyDescription", "AccessionNumber")


class UnparsableError(Exception):
    """A file that is no DICOM object of a study."""


@dataclass(frozen=True)
class Header:
    """Attributes of an object; absent ones are empty."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    series_number: str
    instance_number: str
    modality: str
    series_description: str
    study_date: str
    study_time: str
    patient_id: str
    patient_name: str
    project: str
    """What ``Project:`` names."""
    other_projects: tuple[str, ...]
    """StudyDescription and AccessionNumber: a project whose name they are is meant, too."""
    subject: str
    session: str
    auto_archive: str
    """``true``, ``false`` or empty, as ``AA:`` says."""

    @property
    def scan(self) -> str:
        """The scan's ID: SeriesNumber, without one SeriesInstanceUID."""
        return in_path(self.series_number or self.series_uid)

    @property
    def file_name(self) -> str:
        """The name the file gets."""
        hashed = zlib.crc32((self.sop_class + self.sop_uid).encode())
        return in_path(f"{self.study_uid}-{self.series_number}-{self.instance_number}-{hashed:x}.dcm")


def read_header(path: Path) -> Header:
    """Return the header of a file (PS3.10).

    Raises
    ------
    UnparsableError
        It is no DICOM file, or has no study, series or instance.
    """
    try:
        dataset = dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise UnparsableError(str(type(error).__name__)) from None
    header = header_of(dataset)
    if not (header.study_uid and header.series_uid and header.sop_uid and header.sop_class):
        raise UnparsableError("no study, series or instance")
    return header


def header_of(dataset: Dataset) -> Header:
    """Return the header of a data set."""

    def say(keyword: str) -> str:
        return _text(dataset.get(keyword))

    return Header(
        study_uid=say("StudyInstanceUID"),
        series_uid=say("SeriesInstanceUID"),
        sop_uid=say("SOPInstanceUID"),
        sop_class=say("SOPClassUID"),
        series_number=say("SeriesNumber"),
        instance_number=say("InstanceNumber"),
        modality=say("Modality"),
        series_description=say("SeriesDescription"),
        study_date=say("StudyDate"),
        study_time=say("StudyTime"),
        patient_id=say("PatientID"),
        patient_name=say("PatientName"),
        project=_assigned(dataset, "Project", _ROUTES),
        other_projects=tuple(text for name in _PLAIN_PROJECTS if (text := say(name))),
        subject=_assigned(dataset, "Subject", _ROUTES) or say("PatientName"),
        session=_assigned(dataset, "Session", _ROUTES) or say("PatientID"),
        auto_archive=_assigned(dataset, "AA", _ROUTES).lower(),
    )


def _assigned(dataset: Dataset, name: str, keywords: tuple[str, ...]) -> str:
    """Return what ``name:`` is followed by in the first of some attributes that has it."""
    pattern = re.compile(rf"(?:^|[\s,;]){name}\s*:\s*([\w\-]+)", re.IGNORECASE)
    for keyword in keywords:
        if match := pattern.search(_text(dataset.get(keyword))):
            return match[1]
    return ""


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def in_path(text: str) -> str:
    """Return a text out of a file as part of a path that leads nowhere else.

    >>> in_path("../2"), in_path("1.2.3")
    ('_._2', '1.2.3')
    """
    return re.sub(r"^\.|[^A-Za-z0-9_.-]", "_", text)
