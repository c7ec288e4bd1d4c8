"""Small studies of invented patients, whose every identity is a word to search for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders import Identity, ImageFrame, build_case
from tests.builders.writing import Element, part_10

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

SECRETS = (
    "Zoltanyi", "Annegret", "HOSP-778812", "19590312", "ACC-55190", "Lindqvist", "Nordheim", "SN-4471-X",
    "LINAC7", "Vogelsang",
)  # fmt: skip
"""Words that only originals hold."""
ANNE = Identity(
    patient_name="Zoltanyi^Annegret",
    patient_id="HOSP-778812",
    birth_date="19590312",
    sex="F",
    accession_number="ACC-55190",
    referring_physician="Lindqvist^Bo",
    extra={
        "InstitutionName": "Nordheim Klinikum",
        "DeviceSerialNumber": "SN-4471-X",
        "StationName": "LINAC7",
        "StudyDescription": "Thorax for Vogelsang",
    },
)


def objects(seed: int = 0, identity: Identity = ANNE, images: int = 2) -> list[FileDataset]:
    """Return images and their structure set; other seeds are other studies."""
    case = build_case(frame=ImageFrame(size=(images, 16, 16)), regions=2, identity=identity, seed=seed)
    return [*case.images, case.structure_set]


def write(folder: Path, made: list[FileDataset], label: str = "a") -> list[Path]:
    """Write objects to a folder, and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{label}{number}.dcm" for number in range(len(made))]
    for path, one in zip(paths, made, strict=True):
        one.save_as(path, enforce_file_format=True)
    return paths


def uids_of(made: list[FileDataset]) -> set[str]:
    """Return all UIDs of objects but those that the standard assigns."""
    found = {str(element.value) for one in made for element in one.iterall() if element.VR == "UI"}
    return {uid for uid in found if not uid.startswith("1.2.840.10008.")}


def directory() -> bytes:
    """Return a DICOMDIR: its class stands in the File Meta Information alone (PS3.10 8.6)."""
    whole = part_10((Element(0x00041130, "CS", "CDROM"), Element(0x00041220, "SQ", ())))
    return whole.replace(b"1.2.840.10008.5.1.4.1.1.7\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0", 1)
