"""What is said of doses in ``results.json``: each dose once, and what every region receives of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orthanc_plugins.rtstruct.brief import Brief

type Unit = Literal["Gy", "relative"]


@dataclass(frozen=True, repr=False)
class DoseSummary(Brief):
    """One RT Dose that histograms were made of.

    ``summation_type`` and ``dose_type`` are DICOM's (3004,000A) and (3004,0004). ``unit`` is that of every
    dose value: ``Gy``, or ``relative`` to a value that the file does not state. ``maximum`` is the largest
    value anywhere on the grid, whose ``shape`` is (frames, rows, columns), spacing in that order, the median
    where frames are uneven.
    """

    sop_instance_uid: str
    series_uid: str
    plan_uid: str | None
    summation_type: str
    dose_type: str
    unit: Unit
    maximum: float
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class DoseMetric:
    """One number of a histogram, such as ``D95%`` or ``V20Gy``; None where it does not exist.

    ``unit`` is the dose's for D, ``%`` of the region's volume or ``cc`` for V.
    """

    name: str
    value: float | None
    unit: str


@dataclass(frozen=True, repr=False)
class RegionDose(Brief):
    """What a region receives of one dose.

    ``volume_cc`` is the region's planimetric volume, ``volume_in_dose_cc`` the part of it inside the dose
    grid: all other values are of that part, None where there is none. ``sampled_every_mm`` is the side of the
    cells that the region was cut into.
    """

    dose_uid: str
    unit: Unit
    volume_cc: float
    volume_in_dose_cc: float
    sampled_every_mm: float
    min: float | None
    max: float | None
    mean: float | None
    median: float | None
    metrics: tuple[DoseMetric, ...]
