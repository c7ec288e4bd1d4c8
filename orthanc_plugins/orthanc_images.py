"""The images a structure set refers to, found in Orthanc.

Geometry comes from Orthanc's index; a file is opened only where the index does not hold it, and for
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import ArchiveRefused, GeometryError, InvalidDicom
from orthanc_plugins.identifiers import OrthancId, SeriesUid
from orthanc_plugins.rtstruct import ImageSeries, intensity_unit, read_pixels
from orthanc_plugins.rtstruct.reading.finding import choose_series, drawn_on, frame_drawn_in, is_image
from orthanc_plugins.rtstruct.reading.headers import frames_of
from orthanc_plugins.rtstruct.reading.images import usable_images

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from orthanc_plugins.archives import InstanceRecord, OrthancRest, SeriesRecord
    from orthanc_plugins.rtstruct import StructureSet
    from orthanc_plugins.rtstruct.reading.headers import Header

_NOT_IMAGES = frozenset(
    {"RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "SR", "PR", "KO", "SEG", "REG", "DOC", "OT", "M3D"}
)
_SHARED = ("FrameOfReferenceUID", "SliceThickness")
_INDEXED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


@dataclass(frozen=True)
class FoundImages:
    """Which series holds the images of a structure set, and how complete it is.

    ``series`` is None and ``reason`` says why when the job must wait. ``wanted_series`` is the Series
    Instance UID that is meant, None when it is not known which.
    """

    series: OrthancId | None
    wanted_series: SeriesUid | None
    images_present: int
    images_missing: int
    reason: str


@dataclass(frozen=True)
class _Referenced:
    """A series that a structure set refers to, as Orthanc holds it.

    ``held`` are the SOP Instance UIDs of its instances, ``image_uids`` of those of one slice.
    """

    record: SeriesRecord
    frame_of_reference_uid: str
    held: frozenset[str]
    image_uids: frozenset[str]

    @property
    def series_uid(self) -> SeriesUid:
        """Its Series Instance UID."""
        return self.record.series_uid

    def found(self, missing: int) -> FoundImages:
        """Return that it is used, though so many images are missing."""
        return FoundImages(self.record.orthanc_id, self.series_uid, len(self.held), missing, "")

    def awaited(self, missing: int) -> FoundImages:
        """Return that the job waits for it."""
        reason = "The series it refers to is still arriving."
        return FoundImages(None, self.series_uid, len(self.held), missing, reason)


def find_images(
    orthanc: OrthancRest, structure_set: StructureSet, instance: InstanceRecord, *, wait: bool = True
) -> FoundImages:
    """Find the series whose images the contours were drawn on, by the rule of `drawn_on`.

    A series that is still arriving is waited for, unless all images the structure set refers to are
    there; one of another frame of reference than the regions' is not. A series that Orthanc takes for
    complete is used even when some of these images are absent: many planning systems refer to images that
    were never exported. Who cannot ``wait`` gets what is there now: an incomplete series, or in place of an
    absent one the largest of the frame of reference.
    """
    own_study = orthanc.series(instance.series_orthanc_id).study_orthanc_id
    if not structure_set.referenced_series_uids:
        return _by_frame_of_reference(orthanc, structure_set, own_study, wait=wait)
    there = _referenced(orthanc, structure_set, own_study, wait=wait)
    chosen = drawn_on(structure_set, there)
    if chosen is not None:
        return _judge(structure_set, chosen, there, wait=wait)
    frames = {frame_drawn_in(structure_set), ""}
    absent = set(structure_set.referenced_series_uids) - {one.series_uid for one in there}
    if wait and absent and all(one.image_uids or one.frame_of_reference_uid not in frames for one in there):
        return _nothing_yet(structure_set, there, absent)
    stand_in = _by_frame_of_reference(orthanc, structure_set, own_study, wait=wait)
    fallback = choose_series(structure_set, there)
    return stand_in if stand_in.series is not None or fallback is None else fallback.found(0)


def _referenced(
    orthanc: OrthancRest, structure_set: StructureSet, own_study: OrthancId, *, wait: bool
) -> list[_Referenced]:
    """Return the series a set refers to that are there; of copies the own study's, if it is ready."""
    wanted = frozenset(structure_set.referenced_sop_instance_uids)
    chosen = []
    for series_uid in structure_set.referenced_series_uids:
        records = [orthanc.series(found) for found in orthanc.lookup(series_uid, "Series")]
        records.sort(key=lambda record: record.study_orthanc_id != own_study)
        copies = [_looked_into(orthanc, record, structure_set) for record in records]
        ready = (one for one in copies if one.record.stable or not wait or (wanted and wanted <= one.held))
        best = next(ready, None) or max(copies, key=lambda one: len(one.held), default=None)
        if best is not None:
            chosen.append(best)
    return chosen


def _looked_into(orthanc: OrthancRest, record: SeriesRecord, structure_set: StructureSet) -> _Referenced:
    """Return a series with what it holds; its frame of reference is asked for where there is a choice."""
    instances = orthanc.instances_of_series(record.orthanc_id)
    return _Referenced(
        record,
        _frame_of_reference(orthanc, record) if len(structure_set.referenced_series_uids) > 1 else "",
        frozenset(one.sop_instance_uid for one in instances),
        frozenset(one.sop_instance_uid for one in instances if frames_of(one.tags) == 1),
    )


def _judge(
    structure_set: StructureSet, chosen: _Referenced, there: Sequence[_Referenced], *, wait: bool
) -> FoundImages:
    """Return whether a series can be used now: it, and what could go before it, has arrived."""
    wanted = frozenset(structure_set.referenced_sop_instance_uids)
    elsewhere = frozenset(uid for one in there if one is not chosen for uid in one.held)
    missing = len(wanted - chosen.held - elsewhere)
    if not wait or (wanted and not missing):
        return chosen.found(missing)
    frame = chosen.frame_of_reference_uid
    rivals = [chosen, *(one for one in there if one.frame_of_reference_uid == frame)]
    arriving = next((one for one in rivals if not one.record.stable), None)
    return chosen.found(missing) if arriving is None else arriving.awaited(missing)


def _nothing_yet(
    structure_set: StructureSet, there: Sequence[_Referenced], absent: Collection[str]
) -> FoundImages:
    """Return that the series is waited for; where several may be it, any of the study's is looked at."""
    held = frozenset(uid for one in there for uid in one.held)
    missing = len(frozenset(structure_set.referenced_sop_instance_uids) - held)
    reason = "No image of the series it refers to has arrived yet."
    if there:
        reason = "The series it was drawn on has not arrived yet, though another it refers to has."
    wanted = SeriesUid(next(iter(absent))) if len(absent) == 1 else None
    return FoundImages(None, wanted, 0, missing, reason)


def _by_frame_of_reference(
    orthanc: OrthancRest, structure_set: StructureSet, study: OrthancId, *, wait: bool
) -> FoundImages:
    frame = frame_drawn_in(structure_set)
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
    InvalidDicom
        None of its images can be used: each has several frames, or its geometry is damaged.
    """
    series = orthanc.series(series_id)
    records = orthanc.instances_of_series(series_id)
    places = {str(record.sop_instance_uid): record.orthanc_id for record in records}
    first = _texts(orthanc.header(records[0].orthanc_id)) if records else {}
    headers = [header for record in records if is_image(header := _header(orthanc, record, first))]
    if not headers:
        raise GeometryError(
            "The series the structure set refers to holds no image with position, orientation and spacing."
        )
    images, problems = usable_images(headers)
    return ImageSeries(
        images=images,
        series_uid=series.series_uid,
        study_uid=orthanc.study_uid(series.study_orthanc_id),
        modality=series.modality,
        unit=intensity_unit(series.modality, first.get("RescaleType", ""), first.get("Units", "")),
        load_pixels=lambda uid: read_pixels(_file(orthanc, places[uid])),
        problems=problems,
    )


def _file(orthanc: OrthancRest, instance: OrthancId) -> bytes:
    try:
        return orthanc.file(instance)
    except ArchiveRefused as error:
        raise InvalidDicom(
            "Orthanc no longer gives an image of the series: was it deleted meanwhile?"
        ) from error


def _header(orthanc: OrthancRest, record: InstanceRecord, first: Header) -> Header:
    """Return what places an image: from the index, from the file where that does not hold it.

    ``first`` is the header of the series' first instance, for what all have in common.
    """
    tags: Header = record.tags
    if any(keyword not in tags for keyword in _INDEXED):
        tags = _texts(orthanc.header(record.orthanc_id))
    shared = {keyword: first[keyword] for keyword in _SHARED if keyword in first}
    return {**shared, **tags, "SOPInstanceUID": record.sop_instance_uid}


def _texts(header: Mapping[str, Any]) -> Header:
    """Return the elements of a header that are text; sequences are not."""
    return {keyword: value for keyword, value in header.items() if isinstance(value, str)}
