"""The images a structure set refers to, found in Orthanc.

Geometry comes from Orthanc's index; a file is opened only where the index does not hold it, and for
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import ArchiveRefused, GeometryError, InvalidDicom
from orthanc_plugins.identifiers import OrthancId, SeriesUid
from orthanc_plugins.rtstruct import ImageRecord, ImageSeries, intensity_unit, read_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.archives import InstanceRecord, OrthancRest, SeriesRecord
    from orthanc_plugins.rtstruct import StructureSet

_NOT_IMAGES = frozenset(
    {"RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "SR", "PR", "KO", "SEG", "REG", "DOC", "OT"}
)
_INDEXED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


@dataclass(frozen=True)
class FoundImages:
    """Which series holds the images of a structure set, and how complete it is.

    ``series`` is None and ``reason`` says why when the job must wait. ``wanted_series`` is the Series
    Instance UID the structure set refers to, None when it names none.
    """

    series: OrthancId | None
    wanted_series: SeriesUid | None
    images_present: int
    images_missing: int
    reason: str


def find_images(
    orthanc: OrthancRest, structure_set: StructureSet, instance: InstanceRecord, *, wait: bool = True
) -> FoundImages:
    """Find the series whose images the contours were drawn on.

    A series that is still arriving is waited for, unless all images the structure set refers to are
    there. A series that Orthanc takes for complete is used even when some of these images are absent:
    many planning systems refer to images that were never exported. Who cannot ``wait`` gets what is there
    now: an incomplete series, or in place of an absent one the largest of the frame of reference.
    """
    own_study = orthanc.series(instance.series_orthanc_id).study_orthanc_id
    referenced = [SeriesUid(uid) for uid in structure_set.referenced_series_uids]
    if not referenced:
        return _by_frame_of_reference(orthanc, structure_set, own_study, wait=wait)
    wanted = frozenset(structure_set.referenced_sop_instance_uids)
    best = FoundImages(
        None, referenced[0], 0, len(wanted), "No image of the series it refers to has arrived yet."
    )
    for series_uid in referenced:
        candidates = [orthanc.series(found) for found in orthanc.lookup(series_uid, "Series")]
        for series in sorted(candidates, key=lambda found: found.study_orthanc_id != own_study):
            found = _judge(orthanc, series, wanted, wait=wait)
            if found.series is not None:
                return found
            best = max(best, found, key=lambda one: one.images_present)
    return best if wait else _by_frame_of_reference(orthanc, structure_set, own_study, wait=False)


def _judge(orthanc: OrthancRest, series: SeriesRecord, wanted: frozenset[str], *, wait: bool) -> FoundImages:
    held = {record.sop_instance_uid for record in orthanc.instances_of_series(series.orthanc_id)}
    missing = len(wanted - held)
    if series.stable or not wait or (wanted and not missing):
        return FoundImages(series.orthanc_id, series.series_uid, len(held), missing, "")
    reason = "The series it refers to is still arriving."
    return FoundImages(None, series.series_uid, len(held), missing, reason)


def _by_frame_of_reference(
    orthanc: OrthancRest, structure_set: StructureSet, study: OrthancId, *, wait: bool
) -> FoundImages:
    frame = structure_set.frame_of_reference_uid
    candidates = [
        series
        for series in orthanc.series_of_study(study)
        if series.modality not in _NOT_IMAGES and _frame_of_reference(orthanc, series) == frame
    ]
    ready = [series for series in candidates if series.stable or not wait]
    if not ready:
        reason = "It names no series of images, and its study holds none of its frame of reference yet."
        return FoundImages(None, None, 0, 0, reason)
    chosen = max(ready, key=lambda series: len(series.instances))
    return FoundImages(chosen.orthanc_id, None, len(chosen.instances), 0, "")


def _frame_of_reference(orthanc: OrthancRest, series: SeriesRecord) -> str:
    """Return the series' frame of reference: from the index where it is configured to hold it."""
    if indexed := series.tags.get("FrameOfReferenceUID"):
        return indexed
    return str(orthanc.header(series.instances[0]).get("FrameOfReferenceUID", "")) if series.instances else ""


def load_series(orthanc: OrthancRest, series_id: OrthancId) -> ImageSeries:
    """Return the images of a series, geometry from the index, pixels on demand.

    Raises
    ------
    GeometryError
        No instance of the series is an image with a position in space.
    """
    series = orthanc.series(series_id)
    records = orthanc.instances_of_series(series_id)
    places = {str(record.sop_instance_uid): record.orthanc_id for record in records}
    header = orthanc.header(records[0].orthanc_id) if records else {}
    images = [image for record in records if (image := _image(orthanc, record, header)) is not None]
    if not images:
        raise GeometryError(
            "The series the structure set refers to holds no image with position, orientation and spacing."
        )
    return ImageSeries(
        images=tuple(images),
        series_uid=series.series_uid,
        study_uid=orthanc.study_uid(series.study_orthanc_id),
        modality=series.modality,
        unit=intensity_unit(
            series.modality, str(header.get("RescaleType", "")), str(header.get("Units", ""))
        ),
        load_pixels=lambda uid: read_pixels(_file(orthanc, places[uid])),
    )


def _file(orthanc: OrthancRest, instance: OrthancId) -> bytes:
    try:
        return orthanc.file(instance)
    except ArchiveRefused as error:
        raise InvalidDicom(
            "Orthanc no longer gives an image of the series: was it deleted meanwhile?"
        ) from error


def _image(orthanc: OrthancRest, record: InstanceRecord, header: Mapping[str, Any]) -> ImageRecord | None:
    """Return where an image lies, None for an instance that is not an image in space."""
    tags: Mapping[str, Any] = record.tags
    if any(keyword not in tags for keyword in _INDEXED):
        tags = orthanc.header(record.orthanc_id)
    try:
        position = _numbers(tags["ImagePositionPatient"], 3)
        orientation = _numbers(tags["ImageOrientationPatient"], 6)
        spacing = _numbers(tags["PixelSpacing"], 2)
        rows, columns = int(tags["Rows"]), int(tags["Columns"])
    except (KeyError, ValueError):
        return None
    return ImageRecord(
        sop_instance_uid=record.sop_instance_uid,
        position_lps_mm=(position[0], position[1], position[2]),
        orientation=(
            orientation[0],
            orientation[1],
            orientation[2],
            orientation[3],
            orientation[4],
            orientation[5],
        ),
        rows=rows,
        columns=columns,
        pixel_spacing_mm=(spacing[0], spacing[1]),
        frame_of_reference_uid=str(tags.get("FrameOfReferenceUID", header.get("FrameOfReferenceUID", ""))),
        thickness_mm=_number(str(tags.get("SliceThickness", header.get("SliceThickness", "")))),
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _numbers(text: str, count: int) -> list[float]:
    numbers = [float(part) for part in text.split("\\")]
    if len(numbers) != count:
        raise ValueError(f"{count} numbers expected")
    return numbers
