"""Segmentations (PS3.3 A.51) of regions, by highdicom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom.valuerep import format_number_as_ds

from orthanc_plugins.rtstruct.drawing import region_colour
from orthanc_plugins.rtstruct.objects.origin import (
    MANUFACTURER,
    MODEL,
    SEGMENTATION_SERIES,
    SERIAL_NUMBER,
    SOFTWARE,
    DrawnRegion,
    Origin,
    digest,
)
from orthanc_plugins.rtstruct.objects.terms import category_and_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid

SERIES_NUMBER = 9001
DESCRIPTION = "Regions of the structure set (segmentation)"
_MOST_BYTES = 512 * 2**20
"""highdicom takes all segments of an object as one array of bytes: more regions make further objects."""
_ALGORITHM = "Contours of an RT Structure Set, voxel centres inside"


def build_segmentations(
    origin: Origin, regions: Sequence[DrawnRegion], *, most_bytes: int = _MOST_BYTES
) -> list[hd.seg.Segmentation]:
    """Return the segmentations of regions: one object, or several of one series where memory asks for it.

    Parameters
    ----------
    origin
        What they come from.
    regions
        In the order of their segments; those without a voxel are left out.
    most_bytes
        How large the masks of one object may be together, a byte a voxel.
    """
    filled = [one for one in regions if one.mask.count]
    if not filled:
        return []
    plane = origin.grid.shape[1] * origin.grid.shape[2]
    at_once = max(1, most_bytes // (len(_slices(filled)) * plane))
    groups = [filled[begin : begin + at_once] for begin in range(0, len(filled), at_once)]
    series_uid = origin.uid(SEGMENTATION_SERIES)
    return [_build(origin, group, series_uid, number) for number, group in enumerate(groups, 1)]


def _build(
    origin: Origin, regions: Sequence[DrawnRegion], series_uid: str, instance_number: int
) -> hd.seg.Segmentation:
    grid = origin.grid
    masks, first = _masks(regions, grid)
    made = hd.seg.Segmentation(
        source_images=origin.sources(),
        pixel_array=masks,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=list(_descriptions(origin, regions)),
        series_instance_uid=series_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=origin.uid("segmentation", digest(*regions, grid=grid)),
        instance_number=instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL,
        software_versions=SOFTWARE,
        device_serial_number=SERIAL_NUMBER,
        content_label="REGIONS",
        content_description=DESCRIPTION,
        pixel_measures=_pixel_measures(grid),
        plane_orientation=hd.PlaneOrientationSequence(
            coordinate_system=hd.CoordinateSystemNames.PATIENT, image_orientation=_orientation(grid)
        ),
        plane_positions=[_position(grid, first + index) for index in range(len(masks))],
        omit_empty_frames=True,
    )
    _close_index(made)
    origin.stamp(made, DESCRIPTION)
    return made


def _close_index(made: hd.seg.Segmentation) -> None:
    """Close the index of frames that highdicom keeps open in memory."""
    made._db_con.close()  # noqa: SLF001 - there is no other way, and Python warns of what stays open


def _masks(regions: Sequence[DrawnRegion], grid: VoxelGrid) -> tuple[NDArray[np.uint8], int]:
    """Return the masks, shape (slices, rows, columns, regions), and the slice of the grid they begin at."""
    slices = _slices(regions)
    masks = np.zeros((len(slices), *grid.shape[1:], len(regions)), dtype=np.uint8)
    for index, one in enumerate(regions):
        k, j, i = one.mask.slices
        masks[k.start - slices.start : k.stop - slices.start, j, i, index] = one.mask.voxels
    return masks, slices.start


def _slices(regions: Sequence[DrawnRegion]) -> range:
    """Return the slices of the grid that regions reach over together."""
    return range(
        min(one.mask.offset[0] for one in regions),
        max(one.mask.offset[0] + one.mask.shape[0] for one in regions),
    )


def _orientation(grid: VoxelGrid) -> list[float]:
    _, down, across = (step / np.linalg.norm(step) for step in grid.steps_lps_mm)
    return [float(format_number_as_ds(value)) for value in (*across.tolist(), *down.tolist())]


def _position(grid: VoxelGrid, index: int) -> hd.PlanePositionSequence:
    corner = grid.to_patient(np.array([[float(index), 0.0, 0.0]]))[0]
    return hd.PlanePositionSequence(
        coordinate_system=hd.CoordinateSystemNames.PATIENT,
        image_position=[float(format_number_as_ds(value)) for value in corner.tolist()],
    )


def _pixel_measures(grid: VoxelGrid) -> hd.PixelMeasuresSequence:
    between, down, across = (float(format_number_as_ds(value)) for value in grid.spacing_mm)
    return hd.PixelMeasuresSequence(
        pixel_spacing=[down, across], slice_thickness=between, spacing_between_slices=between
    )


def _descriptions(origin: Origin, regions: Sequence[DrawnRegion]) -> Iterator[hd.seg.SegmentDescription]:
    for number, one in enumerate(regions, 1):
        category, kind = category_and_type(one.region)
        description = hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=one.label,
            segmented_property_category=category,
            segmented_property_type=kind,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
            algorithm_identification=hd.AlgorithmIdentificationSequence(
                name=_ALGORITHM, family=_family(), version=SOFTWARE
            ),
            tracking_uid=tracking_uid(origin, one),
            tracking_id=one.label,
        )
        colour = region_colour(one.region.colour_rgb, one.region.number)
        description.RecommendedDisplayCIELabValue = list(hd.color.CIELabColor.from_rgb(*colour).value)
        yield description


def _family() -> hd.sr.CodedConcept:
    """Return the family of the algorithm (CID 7162)."""
    return hd.sr.CodedConcept("123109", "DCM", "Manual Processing")


def tracking_uid(origin: Origin, one: DrawnRegion) -> str:
    """Return the UID that ties a region's segment, surface and measurements together."""
    return origin.uid("region", str(one.region.number), one.label)
