"""Segments of a SEG and regions of an RTSTRUCT, as rows; their geometry stays where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.annotations.content_items import coded
from orthanc_plugins.annotations.origins import author_of, made_at
from orthanc_plugins.annotations.records import Annotation, AnnotationKind, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset


def rows_of_segmentation(data_set: Dataset) -> Iterator[Annotation]:
    """Yield a row for each segment of a segmentation (PS3.3 C.8.20.4)."""
    author = author_of(data_set, ("ContentCreatorName", "OperatorsName"))
    made = made_at(data_set, ("Content", "Series", "InstanceCreation"))
    sources = tuple(_series(data_set.get("ReferencedSeriesSequence") or ()))
    for number, segment in enumerate(data_set.get("SegmentSequence") or (), 1):
        site = coded(segment, "AnatomicRegionSequence")
        yield Annotation(
            number=number,
            kind=AnnotationKind.SEGMENT,
            author=author[0],
            author_source=author[1],
            made_at=made[0],
            made_source=made[1],
            label=str(segment.get("SegmentLabel") or ""),
            text=str(segment.get("SegmentDescription") or ""),
            finding=coded(segment, "SegmentedPropertyTypeCodeSequence"),
            sites=() if site is None else (site,),
            tracking_identifier=str(segment.get("TrackingID") or ""),
            tracking_uid=str(segment.get("TrackingUID") or ""),
            sources=sources,
        )


def rows_of_structure_set(data_set: Dataset) -> Iterator[Annotation]:
    """Yield a row for each region of a structure set (PS3.3 C.8.8.5, C.8.8.8)."""
    author = author_of(data_set, ("ContentCreatorName", "OperatorsName"))
    made = made_at(data_set, ("StructureSet", "Series", "InstanceCreation"))
    sources = tuple(_series(_referenced_series(data_set)))
    observed = {
        str(item.get("ReferencedROINumber")): item for item in data_set.get("RTROIObservationsSequence") or ()
    }
    for number, region in enumerate(data_set.get("StructureSetROISequence") or (), 1):
        observation = observed.get(str(region.get("ROINumber")))
        drawn_by = author
        finding = None
        if observation is not None:
            interpreter = author_of(observation, ("ROIInterpreter",))
            drawn_by = interpreter if interpreter[0] else author
            finding = coded(observation, "RTROIIdentificationCodeSequence")
        yield Annotation(
            number=number,
            kind=AnnotationKind.REGION,
            author=drawn_by[0],
            author_source=drawn_by[1],
            made_at=made[0],
            made_source=made[1],
            label=str(region.get("ROIName") or ""),
            text=str(region.get("ROIDescription") or ""),
            finding=finding,
            sources=sources,
        )


def _referenced_series(data_set: Dataset) -> Iterator[Dataset]:
    for frame in data_set.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            yield from study.get("RTReferencedSeriesSequence") or ()


def _series(items: Iterator[Dataset] | tuple[Dataset, ...]) -> Iterator[Source]:
    for item in items:
        yield Source(series_uid=str(item.get("SeriesInstanceUID") or ""))
