"""A report of measurements (TID 1500) of regions, by highdicom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom as hd
from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from orthanc_plugins.rtstruct.objects.origin import (
    MANUFACTURER,
    MEASUREMENT_SERIES,
    MODEL,
    DrawnRegion,
    Origin,
    digest,
    uid_of,
)
from orthanc_plugins.rtstruct.objects.segmentation import tracking_uid
from orthanc_plugins.rtstruct.objects.terms import INTENSITY, category_and_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.rtstruct.measures.region import IntensityStatistics

SERIES_NUMBER = 9002
DESCRIPTION = "Measurements of the structure set"
_ML = Code("cm3", "UCUM", "cubic centimeter")
_CM2 = Code("cm2", "UCUM", "square centimeter")
_UNITS = {
    "HU": (codes.DCM.AttenuationCoefficient, Code("[hnsf'U]", "UCUM", "Hounsfield unit")),
    "BQML": (INTENSITY, Code("Bq/ml", "UCUM", "Becquerels/milliliter")),
}
_NO_UNIT = (INTENSITY, Code("1", "UCUM", "no units"))
_DEVICE_UID = uid_of(f"{MANUFACTURER} {MODEL}")


def build_measurement_report(
    origin: Origin, regions: Sequence[DrawnRegion], segmentations: Sequence[hd.seg.Segmentation]
) -> sr.Comprehensive3DSR | None:
    """Return the report of regions that have a segment, None where no region has one.

    Parameters
    ----------
    origin
        What it comes from.
    regions
        In the order that the segments were made in.
    segmentations
        As `build_segmentations` made them of these regions.
    """
    filled = [one for one in regions if one.mask.count]
    segments = [(made, number) for made in segmentations for number in _numbers(made)]
    if not filled:
        return None
    groups = [_group(origin, one, made, number) for one, (made, number) in zip(filled, segments, strict=True)]
    content = sr.MeasurementReport(
        observation_context=_context(),
        procedure_reported=Code("77477000", "SCT", "Computerized axial tomography")
        if origin.images.modality == "CT"
        else Code("363679005", "SCT", "Imaging"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    found = digest(*filled, grid=origin.grid)
    made = sr.Comprehensive3DSR(
        evidence=[*segmentations, origin.structure_set_reference(), *origin.sources()],
        content=content,
        series_instance_uid=origin.uid(MEASUREMENT_SERIES),
        series_number=SERIES_NUMBER,
        sop_instance_uid=origin.uid("measurements", found),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
    )
    origin.stamp(made, DESCRIPTION)
    return made


def _numbers(made: hd.seg.Segmentation) -> Sequence[int]:
    return [int(segment.SegmentNumber) for segment in made.SegmentSequence]


def _context() -> sr.ObservationContext:
    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=_DEVICE_UID),
        )
    )


def _group(
    origin: Origin, one: DrawnRegion, made: hd.seg.Segmentation, number: int
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=tracking_uid(origin, one), identifier=one.label),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=made.SOPClassUID,
            sop_instance_uid=made.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(origin.images.series_uid),
        ),
        finding_type=category_and_type(one.region)[1],
        measurements=list(_measurements(one)),
    )


def _measurements(one: DrawnRegion) -> Iterator[sr.Measurement]:
    if one.volume_ml is not None:
        yield sr.Measurement(name=codes.SCT.Volume, value=one.volume_ml, unit=_ML)
    if one.surface is not None:
        yield sr.Measurement(name=codes.cid7471.SurfaceAreaOfMesh, value=one.surface.surface_cm2, unit=_CM2)
    if one.statistics is not None:
        yield from _statistics(one.statistics)


def _statistics(found: IntensityStatistics) -> Iterator[sr.Measurement]:
    quantity, unit = _UNITS.get(found.unit, _NO_UNIT)
    for value, derivation in (
        (found.mean, codes.SCT.Mean),
        (found.sd, codes.SCT.StandardDeviation),
        (found.minimum, codes.SCT.Minimum),
        (found.median, codes.SCT.Median),
        (found.maximum, codes.SCT.Maximum),
    ):
        yield sr.Measurement(name=quantity, value=value, unit=unit, derivation=derivation)
