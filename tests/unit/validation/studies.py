"""A study and what a flawless de-identification makes of it, both in memory: tests plant one fault each.

What is made is written here by hand for these few objects; it is no engine.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ComprehensiveSRStorage, GrayscaleSoftcopyPresentationStateStorage

from orthanc_plugins.validation import Claims, Finding, Pair, Report, check_study
from tests.builders import Identity, ImageFrame, build_case
from tests.builders.images import new_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataelem import DataElement

SHIFT = timedelta(weeks=-60)
CODES = frozenset({"113100", "113103", "113104", "113105", "113107"})
CLAIMS = Claims(CODES, "modified")
SR, PR = "sr", "pr"
_WHO = Identity(
    patient_name="Oberhuber^Änne",
    patient_id="HOSP-778812",
    birth_date="19471231",
    accession_number="ACC-55190",
    study_id="77",
    referring_physician="Lindqvist^Bo",
    extra={
        "InstitutionName": "Nordheim Klinikum",
        "DeviceSerialNumber": "SN-4471-X",
        "StationName": "LINAC7",
    },
)
_EMPTIED = (
    "PatientName", "PatientBirthDate", "AccessionNumber", "StudyID", "ReferringPhysicianName", "PersonName",
)  # fmt: skip
_REMOVED = ("InstitutionName", "DeviceSerialNumber", "StationName")


@dataclass
class Study:
    """Originals and what is made of them, by name; ``claims`` and ``files`` may be changed too."""

    originals: dict[str, FileDataset]
    released: dict[str, FileDataset]
    claims: Claims = CLAIMS
    bytes_of: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)

    def write(self, folder: Path) -> list[Pair]:
        """Write all files; what stands in ``bytes_of`` changes the bytes of a released one."""
        pairs = []
        for side in ("originals", "released"):
            (folder / side).mkdir(exist_ok=True)
        for number, (name, original) in enumerate(self.originals.items(), 1):
            pair = Pair(folder / "originals" / f"{name}.dcm", folder / "released" / f"{number:04d}.dcm")
            original.save_as(pair.original, enforce_file_format=True)
            if name in self.released:
                self.released[name].save_as(pair.released, enforce_file_format=True)
            if name in self.bytes_of:
                pair.released.write_bytes(self.bytes_of[name](pair.released.read_bytes()))
            pairs.append(pair)
        return pairs

    def check(self, folder: Path) -> Report:
        """Write all files and check them."""
        return check_study(self.write(folder), self.claims)

    def findings(self, folder: Path) -> list[Finding]:
        return list(self.check(folder).findings)


def new_study() -> Study:
    """Return two images, their structure set, a report and a presentation state."""
    case = build_case(frame=ImageFrame(size=(2, 16, 16)), regions=2, identity=_WHO)
    first = case.images[0]
    originals = {"ct1": first, "ct2": case.images[1], "rtstruct": case.structure_set}
    originals[SR] = _report(first)
    originals[PR] = _presentation(first)
    study = Study(originals, {})
    study.released = {name: de_identified(one) for name, one in originals.items()}
    return study


def new_uid(uid: str) -> str:
    """Return what becomes of a UID; registered ones stay."""
    if uid.startswith("1.2.840.10008."):
        return uid
    return f"2.25.{int.from_bytes(hashlib.sha256(uid.encode()).digest()[:15])}"


def shifted(day: str) -> str:
    return (date.fromisoformat(day[:8]) + SHIFT).strftime("%Y%m%d") + day[8:]


def de_identified(original: FileDataset) -> FileDataset:
    """Return what a flawless de-identification makes of an object of `new_study`."""
    made = copy.deepcopy(original)
    made.walk(_act)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.PatientID = "RESEARCH-1"
    mark(made)
    return made


def mark(made: Dataset, codes: frozenset[str] = CODES, longitudinal: str = "MODIFIED") -> None:
    """Write what says that it is de-identified."""
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "by hand, for a test"
    made.DeidentificationMethodCodeSequence = DicomSequence([code(one, "DCM", "x") for one in sorted(codes)])
    made.LongitudinalTemporalInformationModified = longitudinal


def _act(dataset: Dataset, element: DataElement) -> None:
    if element.keyword in _REMOVED:
        del dataset[element.tag]
    elif element.keyword in _EMPTIED:
        element.value = ""
    elif element.VR == "UI" and "Class" not in element.keyword:
        element.value = new_uid(element.value)
    elif element.VR in {"DA", "DT"}:
        element.value = shifted(element.value)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _like(image: FileDataset, sop_class: str, uid: str, modality: str) -> FileDataset:
    """Return an object of the image's study."""
    made = new_file(sop_class, uid)
    for element in image:
        if element.tag.group in {0x0008, 0x0010} or element.keyword in {"StudyInstanceUID", "StudyID"}:
            made[element.tag] = copy.deepcopy(element)
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = sop_class, uid, modality
    made.SeriesInstanceUID = f"{uid}.5"
    return made


def _reference(image: FileDataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _content(relation: str, kind: str, name: Dataset) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = DicomSequence([name])
    return item


def _report(image: FileDataset) -> FileDataset:
    """Return a measurement of a place in an image, and who observed it."""
    made = _like(image, ComprehensiveSRStorage, "1.2.826.0.1.3680043.2.1125.9001", "SR")
    observer = _content("HAS OBS CONTEXT", "PNAME", code("121008", "DCM", "Person Observer Name"))
    observer.PersonName = "Lindqvist^Bo"
    picture = _content("SELECTED FROM", "IMAGE", code("121191", "DCM", "Referenced Segment"))
    picture.ReferencedSOPSequence = DicomSequence([_reference(image)])
    place = _content("INFERRED FROM", "SCOORD", code("111030", "DCM", "Image Region"))
    place.GraphicType, place.GraphicData = "POLYLINE", [1.5, 2.5, 7.25, 8.5]
    place.ContentSequence = DicomSequence([picture])
    number = _content("CONTAINS", "NUM", code("410668003", "SCT", "Length"))
    value = Dataset()
    value.NumericValue = "42.5"
    value.MeasurementUnitsCodeSequence = DicomSequence([code("mm", "UCUM", "mm")])
    number.MeasuredValueSequence = DicomSequence([value])
    number.ContentSequence = DicomSequence([place])
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = DicomSequence([code("126000", "DCM", "Imaging Measurement Report")])
    made.ContentSequence = DicomSequence([observer, number])
    return made


def _presentation(image: FileDataset) -> FileDataset:
    """Return a line drawn on an image."""
    made = _like(image, GrayscaleSoftcopyPresentationStateStorage, "1.2.826.0.1.3680043.2.1125.9002", "PR")
    line = Dataset()
    line.GraphicAnnotationUnits, line.GraphicType = "PIXEL", "POLYLINE"
    line.GraphicDimensions, line.NumberOfGraphicPoints, line.GraphicFilled = 2, 2, "N"
    line.GraphicData = [1.0, 2.0, 3.0, 4.0]
    annotation = Dataset()
    annotation.GraphicLayer = "LINES"
    annotation.ReferencedImageSequence = DicomSequence([_reference(image)])
    annotation.GraphicObjectSequence = DicomSequence([line])
    made.GraphicAnnotationSequence = DicomSequence([annotation])
    return made
