"""Two copies of one study, as two archives list and give them."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.uid import RLELossless

from orthanc_plugins.archives.base import ArchiveName, DicomFile
from orthanc_plugins.content import StudyCopy, compare_studies
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from tests.builders.objects import SOP_INSTANCE, image, text_of
from tests.builders.uids import UidSource
from tests.builders.writing import Elements, Writing, part_10
from tests.unit.content.copies import dicom_file, entry_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.sync.differences import Comparison

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
UID = StudyUid(UidSource(0).uid("study"))
SERIES = [SeriesUid(UidSource(0).uid(f"series {number}")) for number in range(5)]


def elements(series: int, instance: int) -> Elements:
    return image(np.full((4, 4), instance, np.uint16), series=series, instance=instance)


def made(found: Elements, writing: Writing | None = None) -> DicomFile:
    return dicom_file(part_10(found, writing, sop_uid=text_of(found, SOP_INSTANCE)))


def whole(sizes: Sequence[int]) -> dict[SopInstanceUid, DicomFile]:
    """Return the files of a study of so many instances in each series."""
    files = [made(elements(series, k)) for series, size in enumerate(sizes, 1) for k in range(1, size + 1)]
    return {file.sop_instance_uid: file for file in files}


@dataclass
class Pair:
    """Both copies of a study, and which files were asked for once more."""

    left: dict[SopInstanceUid, DicomFile]
    right: dict[SopInstanceUid, DicomFile]

    def __post_init__(self) -> None:
        self.fetched: list[tuple[ArchiveName, SopInstanceUid]] = []

    def fetch(self, side: ArchiveName, uid: SopInstanceUid) -> DicomFile:
        self.fetched.append((side, uid))
        return (self.left if side is ArchiveName.ORTHANC else self.right)[uid]

    def compared(self, left: StudyCopy | None = None, right: StudyCopy | None = None) -> Comparison:
        return compare_studies(
            UID, left or copy_of(self.left), right or copy_of(self.right), fetch=self.fetch, compared_at=NOW
        )


def copy_of(files: dict[SopInstanceUid, DicomFile], order: Sequence[int] | None = None) -> StudyCopy:
    held = list(files.values())
    given_ = held if order is None else [held[k] for k in order]
    return StudyCopy([entry_of(file) for file in held], iter(given_))


def told(found: Comparison) -> list[tuple[str, str, str | None, str | None, str | None]]:
    return [
        (one.kind.value, one.level, one.series_uid, one.sop_instance_uid, one.tag)
        for one in found.differences
    ]


def changed(file: DicomFile, tag: int, value: str | bytes) -> DicomFile:
    data_set = pydicom.dcmread(io.BytesIO(file.content))
    if isinstance(value, bytes):
        data_set.PixelData = value
    else:
        data_set[tag].value = value
    out = io.BytesIO()
    data_set.save_as(out)
    return replace(file, content=out.getvalue())


def compressed(file: DicomFile) -> DicomFile:
    data_set = pydicom.dcmread(io.BytesIO(file.content))
    data_set.compress(RLELossless, generate_instance_uid=False)
    out = io.BytesIO()
    data_set.save_as(out)
    return dicom_file(out.getvalue())
