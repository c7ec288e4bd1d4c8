"""The session document: what XNAT reads out of the files when a session is built, and keeps.

Project scripts change files after it was made: what it says stays as it was before them.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from xnat_standin.header import UnparsableError, read_header
from xnat_standin.kinds import scan_type, session_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xnat_standin.header import Header


@dataclass(frozen=True)
class ScanDocument:
    """A scan of a session."""

    id: str
    xsi_type: str
    uid: str
    type: str
    modality: str
    frames: int


@dataclass(frozen=True)
class SessionDocument:
    """A session."""

    xsi_type: str
    uid: str
    date: str
    time: str
    dcm_patient_id: str
    dcm_patient_name: str
    scans: list[ScanDocument] = field(default_factory=list)

    def to_json(self) -> str:
        """Return it to be kept."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SessionDocument:
        """Return what was kept."""
        values = json.loads(text)
        return cls(**values | {"scans": [ScanDocument(**scan) for scan in values["scans"]]})

    def to_xml(self, project: str, label: str) -> str:
        """Return it as the XML of a session."""
        name = self.xsi_type.removeprefix("xnat:").removesuffix("SessionData").upper()
        scans = "".join(
            f'<xnat:scan ID={quoteattr(scan.id)} UID="{scan.uid}" type={quoteattr(scan.type)}'
            f' xsi:type="{scan.xsi_type}"><xnat:frames>{scan.frames}</xnat:frames></xnat:scan>'
            for scan in self.scans
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<xnat:{name}Session project={quoteattr(project)}'
            f' label={quoteattr(label)} UID="{self.uid}" xmlns:xnat="http://nrg.wustl.edu/xnat"'
            f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<xnat:date>{self.date}</xnat:date><xnat:time>{self.time}</xnat:time>"
            f"<xnat:dcmPatientId>{escape(self.dcm_patient_id)}</xnat:dcmPatientId>"
            f"<xnat:dcmPatientName>{escape(self.dcm_patient_name)}</xnat:dcmPatientName>"
            f"<xnat:scans>{scans}</xnat:scans></xnat:{name}Session>"
        )


def build_document(folder: Path) -> SessionDocument | None:
    """Return what the files of a session's folder say; None when there are none that can be read."""
    by_scan = {scan.name: list(_headers(scan)) for scan in sorted((folder / "SCANS").glob("*"))}
    headers = [one for found in by_scan.values() for one in found]
    if not headers:
        return None
    first = headers[0]
    return SessionDocument(
        xsi_type=session_type(one.sop_class for one in headers),
        uid=first.study_uid,
        date=dashed_date(first.study_date),
        time=colon_time(first.study_time),
        dcm_patient_id=first.patient_id,
        dcm_patient_name=first.patient_name,
        scans=[_scan(name, found) for name, found in by_scan.items() if found],
    )


def _scan(name: str, headers: list[Header]) -> ScanDocument:
    first = headers[0]
    return ScanDocument(
        id=name,
        xsi_type=scan_type(first.sop_class),
        uid=first.series_uid,
        type=first.series_description or first.modality,
        modality=first.modality,
        frames=len(headers),
    )


def _headers(scan: Path) -> Iterator[Header]:
    for path in sorted(scan.rglob("*.dcm")):
        try:
            yield read_header(path)
        except UnparsableError:
            continue


def dashed_date(text: str) -> str:
    """Return a DICOM date as XML has it, nothing when it is none.

    >>> dashed_date("20260229")
    '2026-02-29'
    """
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if re.fullmatch(r"\d{8}", text) else ""


def colon_time(text: str) -> str:
    """Return a DICOM time as XML has it, nothing when it is none.

    >>> colon_time("120501.25")
    '12:05:01'
    """
    return f"{text[:2]}:{text[2:4]}:{text[4:6]}" if re.match(r"\d{6}", text) else ""
