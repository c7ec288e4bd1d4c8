"""Two copies of an instance, and what is found between them, from either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import DicomFile, InstanceEntry
from orthanc_plugins.content import compare_files, instance_digest
from orthanc_plugins.content.encoding import read_object
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from tests.builders.objects import SERIES, SOP_CLASS, SOP_INSTANCE, STUDY

if TYPE_CHECKING:
    from orthanc_plugins.content.findings import Finding, Findings


def dicom_file(content: bytes, uid: str = "") -> DicomFile:
    """Return content as an archive gives it."""
    found = read_object(content)
    return DicomFile(
        SopInstanceUid(uid or found.data_set.text(SOP_INSTANCE)),
        found.data_set.text(SOP_CLASS),
        found.transfer_syntax_uid,
        content,
    )


def unreadable_file(content: bytes, uid: str = "1.2.3") -> DicomFile:
    return DicomFile(SopInstanceUid(uid), "", "1.2.840.10008.1.2.1", content)


def entry_of(file: DicomFile) -> InstanceEntry:
    """Return how an archive lists a file."""
    found = read_object(file.content).data_set
    return InstanceEntry(
        file.sop_instance_uid,
        SeriesUid(found.text(SERIES)),
        StudyUid(found.text(STUDY)),
        file.sop_class_uid,
        found.text(0x00080060),
        file.transfer_syntax_uid,
        len(file.content),
    )


def compared(left: bytes, right: bytes) -> Findings:
    """Return what two files differ in, having seen that it is the same from the other side."""
    files = (dicom_file(left), dicom_file(right))
    found, back = compare_files(*files), compare_files(*reversed(files))
    assert sorted(map(mirrored, back.differences)) == sorted(map(essence, found.differences))
    assert len(back.incomplete) == len(found.incomplete)
    assert len(back.notes) == len(found.notes)
    return found


def essence(finding: Finding) -> tuple[str, ...]:
    return (finding.kind, str(finding.tag), str(finding.left), str(finding.right))


def mirrored(finding: Finding) -> tuple[str, ...]:
    return (finding.kind, str(finding.tag), str(finding.right), str(finding.left))


def told(left: bytes, right: bytes) -> list[tuple[str, str | None]]:
    """Return class and element of everything that two files differ in."""
    found = compared(left, right)
    assert not found.incomplete
    return [(finding.kind.value, finding.tag) for finding in found.differences]


def alike(left: bytes, right: bytes) -> bool:
    """Return whether two files say the same, by their digests as well as element by element."""
    digests = [instance_digest(dicom_file(content)) for content in (left, right)]
    found = told(left, right)
    assert not (digests[0].same_as(digests[1]) and found), "equal digests are of equal files"
    return not found
