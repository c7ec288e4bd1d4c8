"""CT, MR and PET series of a phantom, in any position and orientation."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.builders.phantom import RegionSpec
    from tests.builders.shapes import Points

STORAGE_CLASSES = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
}
IMPLEMENTATION_UID = "2.25.205411268345670147810921837215423190241"

PATIENT_POSITIONS: dict[str, tuple[float, ...]] = {
    "HFS": (1, 0, 0, 0, 1, 0),
    "HFP": (-1, 0, 0, 0, -1, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "HFDR": (0, 1, 0, -1, 0, 0),
    "HFDL": (0, -1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "SAGITTAL": (0, 1, 0, 0, 0, -1),
    "CORONAL": (1, 0, 0, 0, 0, -1),
}
"""Image orientation (LPS direction of a row, then of a column) for each patient position."""


def rotated(a_deg: float, b_deg: float, c_deg: float) -> tuple[float, ...]:
    """Return the orientation of axial images turned about x, then y, then z."""
    a, b, c = (math.radians(angle) for angle in (a_deg, b_deg, c_deg))
    about_x = np.array([(1, 0, 0), (0, math.cos(a), -math.sin(a)), (0, math.sin(a), math.cos(a))])
    about_y = np.array([(math.cos(b), 0, math.sin(b)), (0, 1, 0), (-math.sin(b), 0, math.cos(b))])
    about_z = np.array([(math.cos(c), -math.sin(c), 0), (math.sin(c), math.cos(c), 0), (0, 0, 1)])
    turned = about_z @ about_y @ about_x
    return (*turned[:, 0].tolist(), *turned[:, 1].tolist())


@dataclass(frozen=True)
class ImageFrame:
    """Where the images lie.

    ``size`` is (slices, rows, columns); ``spacing_mm`` is (between rows, between columns), as DICOM orders
    Pixel Spacing; ``slices_mm`` overrides the even positions w of the slices; ``tilt_deg`` shifts each slice
    down its columns, as a tilted gantry does; ``missing`` are slices without an image.
    """

    size: tuple[int, int, int] = (40, 128, 128)
    spacing_mm: tuple[float, float] = (2.0, 2.0)
    gap_mm: float = 3.0
    centre_lps_mm: tuple[float, float, float] = (3.7, -118.4, 412.9)
    orientation: tuple[float, ...] = PATIENT_POSITIONS["HFS"]
    patient_position: str = "HFS"
    slices_mm: tuple[float, ...] | None = None
    tilt_deg: float = 0.0
    missing: tuple[int, ...] = ()

    def positioned(self, name: str) -> ImageFrame:
        """Return the same frame for a patient position or plane of `PATIENT_POSITIONS`."""
        label = name if len(name) <= 4 else "HFS"
        return replace(self, orientation=PATIENT_POSITIONS[name], patient_position=label)

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Full size of the stack: across the rows (v), across the columns (u), along the normal (w)."""
        count, rows, columns = self.size
        height = count * self.gap_mm
        if self.slices_mm is not None:
            height = max(self.slices_mm) - min(self.slices_mm)
        return (rows * self.spacing_mm[0], columns * self.spacing_mm[1], height)

    @property
    def w_mm(self) -> Points:
        """Shape (slices,): position of each slice along the normal."""
        if self.slices_mm is not None:
            return np.array(self.slices_mm)
        return (np.arange(self.size[0], dtype=np.float64) - (self.size[0] - 1) / 2) * self.gap_mm

    @property
    def axes(self) -> Points:
        """Shape (3, 3): the unit vectors u, v, w as rows, in LPS."""
        u, v = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        return np.array((u, v, np.cross(u, v)))

    def to_patient(self, points_mm: Points) -> Points:
        """Return LPS positions of points (n, 3) given as u, v, w."""
        placed: Points = points_mm @ self.axes + np.array(self.centre_lps_mm)
        return placed

    def pixel_axes(self, w: float) -> tuple[Points, Points]:
        """Return u of each column and v of each row for the slice at w."""
        _, rows, columns = self.size
        u = (np.arange(columns, dtype=np.float64) - (columns - 1) / 2) * self.spacing_mm[1]
        v = (np.arange(rows, dtype=np.float64) - (rows - 1) / 2) * self.spacing_mm[0]
        return u, v + math.tan(math.radians(self.tilt_deg)) * w

    def origin_lps_mm(self, w: float) -> Points:
        """Return the position (3,) of the centre of the first pixel of the slice at w."""
        u, v = self.pixel_axes(w)
        origin: Points = self.to_patient(np.array([(u[0], v[0], w)]))[0]
        return origin


def new_file(sop_class: str, sop_uid: str) -> FileDataset:
    """Return an empty Part 10 data set, explicit VR little endian."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class  # type: ignore[assignment]
    meta.MediaStorageSOPInstanceUID = sop_uid  # type: ignore[assignment]
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID  # type: ignore[assignment]
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)  # type: ignore[arg-type]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = sop_uid
    return dataset


def ds_text(value: float) -> str:
    """Return a number as a decimal string of at most 16 characters (PS3.5 6.2)."""
    return f"{value:.10g}"[:16]


def paint(
    frame: ImageFrame, regions: Sequence[RegionSpec], w: float, background: float
) -> NDArray[np.float64]:
    """Return the intensities (rows, columns) of the slice at w; later regions cover earlier ones."""
    u, v = frame.pixel_axes(w)
    image = np.full((len(v), len(u)), background)
    for region in regions:
        low, high = region.shape.bounds_mm
        if region.value is None or not low[2] <= w <= high[2]:
            continue
        rows = slice(*np.searchsorted(v, (low[1], high[1] + 1e-9)))
        columns = slice(*np.searchsorted(u, (low[0], high[0] + 1e-9)))
        inside = region.shape.contains(u[None, columns], v[rows, None], w)
        image[rows, columns][inside] = region.value
    return image


def build_images(
    frame: ImageFrame,
    regions: Sequence[RegionSpec],
    uids: Sequence[str],
    shared: Dataset,
    modality: str = "CT",
    noise: float = 0.0,
    seed: int = 0,
) -> list[FileDataset]:
    """Return one data set per slice of the frame, missing ones included, in the order of w."""
    rng = np.random.default_rng(seed)
    background = -1000.0 if modality == "CT" else 0.0
    made = []
    for index, w in enumerate(frame.w_mm):
        image = paint(frame, regions, float(w), background)
        if noise:
            image += rng.normal(0, noise, image.shape)
        dataset = new_file(STORAGE_CLASSES[modality], uids[index])
        dataset.update(copy.deepcopy(shared))
        _describe(dataset, frame, index, modality)
        _store_pixels(dataset, image, modality)
        made.append(dataset)
    return made


def _describe(dataset: Dataset, frame: ImageFrame, index: int, modality: str) -> None:
    """Fill the image plane module (PS3.3 C.7.6.2) and what the modality wants beside it."""
    w = float(frame.w_mm[index])
    dataset.Modality = modality
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber = index + 1
    dataset.PatientPosition = frame.patient_position
    dataset.ImagePositionPatient = [ds_text(value) for value in frame.origin_lps_mm(w)]
    dataset.ImageOrientationPatient = [ds_text(value) for value in frame.orientation]
    dataset.PixelSpacing = [ds_text(value) for value in frame.spacing_mm]
    dataset.SliceThickness = ds_text(frame.gap_mm)
    dataset.SliceLocation = ds_text(w)
    if modality == "CT":
        dataset.KVP = "120"
        dataset.RescaleType = "HU"
    elif modality == "PT":
        dataset.Units = "BQML"
        dataset.CorrectedImage = ["DECY", "ATTN"]
        dataset.DecayCorrection = "START"
    else:
        dataset.ScanningSequence = "SE"
        dataset.SequenceVariant = "NONE"
        dataset.MRAcquisitionType = "2D"


def _store_pixels(dataset: Dataset, image: NDArray[np.float64], modality: str) -> None:
    """Store intensities as 16-bit pixels with their rescaling."""
    intercept = -1024 if modality == "CT" else 0
    signed = modality == "MR"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = image.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(signed)
    if modality != "MR":
        dataset.RescaleIntercept = str(intercept)
        dataset.RescaleSlope = "1"
        dataset.WindowCenter = "40"
        dataset.WindowWidth = "400"
    stored = np.clip(np.rint(image - intercept), -32768 if signed else 0, 32767)
    dataset.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()
