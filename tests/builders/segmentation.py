"""Segmentations (DICOM SEG) of a case's own regions, by highdicom."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes

from tests.builders.uids import UidSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import FileDataset

    from tests.builders.case import Case
    from tests.builders.phantom import RegionSpec


def build_segmentation(case: Case, regions: Sequence[RegionSpec], *, seed: int = 0) -> FileDataset:
    """Return a binary segmentation of regions, one segment each, on every image of the case."""
    made = _made(case, regions, seed)
    file = io.BytesIO()
    made.save_as(file)
    made._db_con.close()  # highdicom leaves its index open, and Python warns of it
    file.seek(0)
    return pydicom.dcmread(file)


def _made(case: Case, regions: Sequence[RegionSpec], seed: int) -> hd.seg.Segmentation:
    source = UidSource(seed)
    masks = np.stack([_mask(case, region) for region in regions], axis=-1)
    return hd.seg.Segmentation(
        source_images=case.images,
        pixel_array=masks.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(number, region) for number, region in enumerate(regions, 1)],
        series_instance_uid=source.uid("segmentation series"),
        series_number=900,
        sop_instance_uid=source.uid("segmentation"),
        instance_number=1,
        manufacturer="Synthetic",
        manufacturer_model_name="Phantom",
        software_versions="1",
        device_serial_number="1",
        series_description="Segmentation",
        omit_empty_frames=True,
    )


def _mask(case: Case, region: RegionSpec) -> NDArray[np.bool_]:
    """Return which voxels, (slices, rows, columns), have their centre in a region."""
    low, high = region.shape.bounds_mm
    mask = np.zeros(case.frame.size, dtype=np.bool_)
    for index, w in enumerate(case.frame.w_mm):
        if low[2] <= w <= high[2]:
            u, v = case.frame.pixel_axes(float(w))
            mask[index] = region.shape.contains(u[None, :], v[:, None], float(w))
    return mask


def _description(number: int, region: RegionSpec) -> hd.seg.SegmentDescription:
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=region.name,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.Organ,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    description.RecommendedDisplayCIELabValue = list(hd.color.CIELabColor.from_rgb(*region.colour).value)
    return description
