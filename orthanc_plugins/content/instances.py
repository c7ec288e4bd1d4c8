"""One instance: its digest, and what two copies of it differ in."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

from orthanc_plugins.content.attributes import compare_attributes
from orthanc_plugins.content.coded import PixelDigest, Pixels
from orthanc_plugins.content.coercion import with_coercions
from orthanc_plugins.content.datasets import DIGEST_BYTES, UNORDERED, digest_of, form_of
from orthanc_plugins.content.encoding import body_of, read_object
from orthanc_plugins.content.findings import Finding, Findings, side
from orthanc_plugins.content.pixels import compare_pixels
from orthanc_plugins.content.structures import told_by_regions
from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.sync.differences import Difference, DifferenceClass

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.content.encoding import DataSet, DicomObject

_STRUCTURES = sorted(UNORDERED)
_SOP_CLASS, _STUDY, _SERIES = 0x00080016, 0x0020000D, 0x0020000E
_MOST_FINDINGS = 1000
"""Of one instance, more differences are counted together."""


@dataclass(frozen=True, slots=True)
class InstanceDigest:
    """An instance in short, to be compared with another without its file.

    Parameters
    ----------
    attributes
        Digest of the data set but its pixels, hexadecimal; of an unreadable file, of its bytes.
    pixels
        Digest of the pixels.
    structures
        Digest of a structure set's regions and contours, hexadecimal; empty of other objects.
    unreadable
        Why the file cannot be read as DICOM, empty when it can.
    """

    sop_instance_uid: SopInstanceUid
    series_uid: SeriesUid
    study_uid: StudyUid
    sop_class_uid: str
    transfer_syntax_uid: str
    attributes: str
    pixels: PixelDigest = field(default_factory=PixelDigest)
    structures: str = ""
    unreadable: str = ""

    def same_as(self, other: InstanceDigest) -> bool:
        """Return whether both are surely of instances that say the same, coded in the same way."""
        return (
            self._comparable_with(other)
            and self.pixels.coding == other.pixels.coding
            and self.pixels.code == other.pixels.code
        )

    def recoded_as(self, other: InstanceDigest) -> bool:
        """Return whether both surely differ in nothing but the coding of their pixels."""
        return (
            self._comparable_with(other)
            and self.pixels.coding != other.pixels.coding
            and self.pixels.values == other.pixels.values != ""
        )

    def _comparable_with(self, other: InstanceDigest) -> bool:
        """Return whether the attributes are the same, and nothing is wrong that is to be told."""
        whole = not any(one.unreadable or one.pixels.damage for one in (self, other))
        return whole and self.attributes == other.attributes


def instance_digest(file: DicomFile, *, decode: bool = False) -> InstanceDigest:
    """Return the digest of an instance; one that cannot be read has a digest too, which says so.

    Parameters
    ----------
    file
        The instance.
    decode
        Tell the values of compressed pixels too, so that they compare with those of another coding.
    """
    try:
        found = read_object(file.content, file.transfer_syntax_uid)
    except InvalidDicom as error:
        return InstanceDigest(
            file.sop_instance_uid,
            SeriesUid(""),
            StudyUid(""),
            file.sop_class_uid,
            file.transfer_syntax_uid,
            blake2b(body_of(file.content), digest_size=DIGEST_BYTES).hexdigest(),
            unreadable=str(error),
        )
    data_set = found.data_set
    return InstanceDigest(
        file.sop_instance_uid,
        SeriesUid(data_set.text(_SERIES)),
        StudyUid(data_set.text(_STUDY)),
        data_set.text(_SOP_CLASS),
        found.transfer_syntax_uid,
        digest_of(data_set).hex(),
        _pixels(found).digest(decode=decode),
        _structures_digest(data_set),
    )


def _structures_digest(data_set: DataSet) -> str:
    if data_set.text(_SOP_CLASS) != RT_STRUCTURE_SET_STORAGE:
        return ""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for tag in _STRUCTURES:
        if (place := data_set.places.get(tag)) is not None:
            digest.update(form_of(data_set, tag, place))
    return digest.hexdigest()


def _pixels(found: DicomObject) -> Pixels:
    return Pixels(found.data_set, found.transfer_syntax_uid, found.damage)


def compare_files(left: DicomFile, right: DicomFile) -> Findings:
    """Return everything that two copies of an instance differ in.

    Parameters
    ----------
    left, right
        Orthanc's and DCM4CHEE's.
    """
    read: list[DicomObject] = []
    errors: dict[bool, str] = {}
    for is_left, file in ((True, left), (False, right)):
        try:
            read.append(read_object(file.content, file.transfer_syntax_uid))
        except InvalidDicom as error:
            errors[is_left] = str(error)
    if errors:
        return _unreadable(left, right, errors)
    found = Findings()
    found.differences.extend(_attribute_findings((left, right), (read[0], read[1]), found))
    pixels = compare_pixels(_pixels(read[0]), _pixels(read[1]))
    found.differences.extend(pixels.differences)
    found.incomplete.extend(pixels.incomplete)
    found.notes.extend(pixels.notes)
    return found


def _attribute_findings(
    files: tuple[DicomFile, DicomFile], read: tuple[DicomObject, DicomObject], found: Findings
) -> list[Finding]:
    """Return what the data sets differ in, no more than are worth listing."""
    left, right = read
    apart = list(compare_attributes(left, right, found))
    if left.data_set.text(_SOP_CLASS) == RT_STRUCTURE_SET_STORAGE:
        apart = told_by_regions(apart, files[0].content, files[1].content)
    listed = [
        one.finding for one in islice(with_coercions(apart, left.data_set, right.data_set), _MOST_FINDINGS)
    ]
    if (more := len(apart) - len(listed)) > 0:
        detail = f"{more:,} more elements differ, which are not listed."
        listed.append(Finding(DifferenceClass.METADATA, None, None, None, None, detail))
    return listed


def _unreadable(left: DicomFile, right: DicomFile, errors: dict[bool, str]) -> Findings:
    """Return what is to be said of copies of which at least one is no DICOM that can be read."""
    found = Findings()
    told = [f"{side(left=is_left)}'s: {errors[is_left]}" for is_left in (True, False) if is_left in errors]
    reasons = " ".join(told)
    if len(errors) == 1:
        detail = f"One copy cannot be read, the other can. {reasons}"
        found.differences.append(Finding(DifferenceClass.PIXEL, None, None, None, None, detail))
    elif body_of(left.content) == body_of(right.content):
        found.notes.append(f"neither copy can be read, and both are the same bytes. {reasons}")
    else:
        found.incomplete.append(f"neither copy can be read, and their bytes differ. {reasons}")
    return found


def same_content(left: DicomFile, right: DicomFile) -> tuple[Difference, ...]:
    """Return what two copies of an instance differ in, nothing when they are surely the same.

    What cannot be compared is a difference here: a transfer whose outcome cannot be told is not verified.

    Parameters
    ----------
    left, right
        Orthanc's and DCM4CHEE's, whichever of them was sent.
    """
    if left.transfer_syntax_uid == right.transfer_syntax_uid and body_of(left.content) == body_of(
        right.content
    ):
        return ()
    found = compare_files(left, right)
    untold = [f"{reason[0].upper()}{reason[1:]}" for reason in found.incomplete]
    listed = [
        *found.differences,
        *(Finding(DifferenceClass.PIXEL, None, None, None, None, reason) for reason in untold),
    ]
    digest = instance_digest(left)
    return tuple(
        Difference(one.kind, "instance", digest.study_uid, digest.series_uid, left.sop_instance_uid, *one[1:])
        for one in listed
    )
