"""RT Dose objects (PS3.3 A.18) whose values are a function of place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import RTDoseStorage

from tests.builders.images import ds_text, new_file
from tests.builders.uids import UidSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tests.builders.case import Case
    from tests.builders.shapes import Points

type DoseFunction = Callable[[Points], NDArray[np.float64]]
"""Gives the dose in Gy (n,) at places (n, 3): u, v, w in mm, as shapes are given."""

_SHARED = (
    "SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
    "FrameOfReferenceUID", "PositionReferenceIndicator",
)  # fmt: skip


def uniform(gy: float) -> DoseFunction:
    """Return the same dose everywhere."""
    return lambda points: np.full(len(points), gy)


def linear(at_middle_gy: float, per_mm: Sequence[float]) -> DoseFunction:
    """Return a dose that rises by so many Gy a mm along u, v and w."""
    return lambda points: at_middle_gy + points @ np.array(per_mm)


def ball(highest_gy: float, sigma_mm: float, centre: Sequence[float] = (0, 0, 0)) -> DoseFunction:
    """Return a dose that falls off as a Gaussian of the distance from a point."""

    def dose(points: Points) -> NDArray[np.float64]:
        squared = ((points - np.array(centre)) ** 2).sum(axis=1)
        fallen: NDArray[np.float64] = highest_gy * np.exp(-squared / (2 * sigma_mm**2))
        return fallen

    return dose


def build_dose(
    case: Case,
    dose: DoseFunction,
    *,
    spacing_mm: tuple[float, float, float] = (2.5, 2.5, 2.5),
    extent_mm: tuple[float, float, float] | None = None,
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    axes: Points | None = None,
    offsets: Literal["relative", "absolute"] = "relative",
    descending: bool = False,
    uneven: bool = False,
    bits: Literal[16, 32] = 32,
    units: str = "GY",
    summation_type: str = "PLAN",
    seed: int = 0,
) -> FileDataset:
    """Return a dose in the frame of reference of a case.

    Parameters
    ----------
    spacing_mm, extent_mm
        Between frames, rows and columns, and full size in that order; the images' own size by default.
    centre_mm
        Middle of the grid: u, v, w.
    axes
        Shape (3, 3): unit vectors along a row, down a column, across the frames, as rows in u, v, w; those of
        the images by default.
    uneven
        Leave every fourth frame out.
    """
    frame = case.frame
    if extent_mm is None:
        down, along, across = frame.extent_mm
        extent_mm = (across, down, along)
    size = [max(1, round(side / step)) for side, step in zip(extent_mm, spacing_mm, strict=True)]
    turned = np.eye(3) if axes is None else np.asarray(axes, dtype=np.float64)
    places = [
        (np.arange(count) - (count - 1) / 2) * step for count, step in zip(size, spacing_mm, strict=True)
    ]
    if uneven:
        places[0] = places[0][np.arange(size[0]) % 4 != 1]
    if descending:
        places[0] = places[0][::-1]
    k, j, i = np.meshgrid(*places, indexing="ij")
    points = np.column_stack((i.ravel(), j.ravel(), k.ravel())) @ turned + np.array(centre_mm)
    values = dose(points).reshape(k.shape)
    dataset = new_file(RTDoseStorage, UidSource(seed).uid(f"dose {summation_type}"))
    for keyword in _SHARED:
        setattr(dataset, keyword, copy.deepcopy(getattr(case.structure_set, keyword)))
    directions = turned @ frame.axes
    first = frame.to_patient(points[:1])[0]
    _describe(dataset, seed, units, summation_type)
    dataset.ImagePositionPatient = [ds_text(value) for value in first]
    dataset.ImageOrientationPatient = [ds_text(value) for value in directions[:2].ravel()]
    dataset.PixelSpacing = [ds_text(value) for value in spacing_mm[1:]]
    dataset.SliceThickness = ds_text(spacing_mm[0])
    away = places[0] - places[0][0]
    dataset.GridFrameOffsetVector = [
        ds_text(value) for value in (away if offsets == "relative" else first[2] + away * directions[2][2])
    ]
    _store(dataset, values, bits)
    return dataset


def _describe(dataset: Dataset, seed: int, units: str, summation_type: str) -> None:
    dataset.Modality = "RTDOSE"
    dataset.SeriesInstanceUID = UidSource(seed).uid("dose series")
    dataset.SeriesNumber = 3
    dataset.InstanceNumber = 1
    dataset.Manufacturer = "Synthetic"
    dataset.OperatorsName = ""
    dataset.DoseUnits = units
    dataset.DoseType = "PHYSICAL"
    dataset.DoseSummationType = summation_type
    plan = Dataset()
    plan.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
    plan.ReferencedSOPInstanceUID = UidSource(seed).uid("plan")
    dataset.ReferencedRTPlanSequence = DicomSequence([plan])


def _store(dataset: Dataset, values: NDArray[np.float64], bits: int) -> None:
    """Store doses as unsigned whole numbers times a scaling that uses most of their range."""
    highest = float(values.max()) or 1.0
    steps = 60_000 if bits == 16 else 1_000_000_000
    scaling = float(ds_text(highest / steps))
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape
    dataset.FrameIncrementPointer = 0x3004000C
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.DoseGridScaling = ds_text(scaling)
    dataset.PixelData = np.rint(np.maximum(values, 0) / scaling).astype(f"<u{bits // 8}").tobytes()
