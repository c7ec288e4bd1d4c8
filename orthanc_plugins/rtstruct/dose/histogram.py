"""Dose-volume histograms, and the numbers read from them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.dose.records import DoseMetric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.dose.records import Unit

type Floats = NDArray[np.float64]

BIN_GY = 0.01
MOST_BINS = 30_000
"""A grid that reaches higher than `BIN_GY` times this gets wider bins."""
_RELATIVE_BINS = 10_000
FEWEST_BINS = 10_000
"""Bins are split until as many lie below the highest dose that a region can receive."""
_TIE = 1e-9
ON_EDGE = 1e-3
"""A dose within this share of a bin below its edge is on the edge: 32-bit numbers are no finer."""
_METRIC = re.compile(
    r"D(?P<dose_of>\d+(?:\.\d+)?)(?P<measure>%|cc)|V(?P<above>\d+(?:\.\d+)?)Gy(?P<absolute>\[cc\])?"
)
_WHOLE = 100.0


@dataclass(frozen=True, eq=False, repr=False)
class Histogram(Brief):
    """How much of a region receives which dose.

    Parameters
    ----------
    bin_width
        In the dose's unit; bin b spans b to b + 1 times this. As narrow as the region's own doses need.
    volumes_ml
        Shape (bins,): differential, the volume in each bin.
    minimum, maximum, mean
        Of the samples themselves, not of bins.
    split
        How many of these bins make one of those that the whole dose grid has.
    """

    bin_width: float
    volumes_ml: Floats
    minimum: float
    maximum: float
    mean: float
    split: int = 1

    @cached_property
    def cumulative_ml(self) -> Floats:
        """Shape (bins + 1,): the volume that receives at least the dose of each edge."""
        whole: Floats = np.concatenate((np.cumsum(self.volumes_ml[::-1])[::-1], [0.0]))
        return whole

    @property
    def volume_ml(self) -> float:
        """The volume that has a dose."""
        return float(self.cumulative_ml[0])

    def dose_to(self, volume_ml: float) -> float | None:
        """Return the dose that the hottest part of this volume receives at least, None beyond the whole.

        Linear within a bin. Where no dose lies between a colder and a hotter part, the hotter one's least.
        """
        if not 0 <= volume_ml <= self.volume_ml * (1 + 1e-9):
            return None
        if volume_ml >= self.volume_ml:
            return self.minimum
        volume_ml = max(volume_ml - _TIE * self.volume_ml, 0.0)
        edge = len(self.cumulative_ml) - 1 - int(np.searchsorted(self.cumulative_ml[::-1], volume_ml))
        if edge >= len(self.volumes_ml):
            return self.maximum
        held = float(self.volumes_ml[edge])
        within = (float(self.cumulative_ml[edge]) - volume_ml) / held if held else 0.0
        return float(np.clip((edge + within) * self.bin_width, self.minimum, self.maximum))

    def volume_above(self, dose: float) -> float:
        """Return the volume in ml that receives at least a dose; linear within a bin."""
        if dose > self.maximum + ON_EDGE * self.bin_width:
            return 0.0
        if dose <= self.minimum:
            return self.volume_ml
        edge = min(math.floor(dose / self.bin_width + ON_EDGE), len(self.volumes_ml) - 1)
        within = min(max(dose / self.bin_width - edge, 0.0), 1.0)
        return float(self.cumulative_ml[edge] - within * self.volumes_ml[edge])


def bins_for(maximum: float, unit: Unit) -> tuple[float, int]:
    """Return the width and the number of bins for a grid that reaches up to a dose.

    >>> bins_for(2.0, "Gy"), bins_for(600.0, "Gy"), bins_for(1.0, "relative")
    ((0.01, 201), (0.02, 30001), (0.0001, 10001))
    """
    width = max(BIN_GY, maximum / MOST_BINS) if unit == "Gy" else (maximum or 1.0) / _RELATIVE_BINS
    return width, math.floor(maximum / width + ON_EDGE) + 1


def split_for(width: float, highest: float) -> int:
    """Return into how many parts bins are split for a region that receives no more than a dose.

    >>> split_for(0.01, 200.0), split_for(0.01, 60.0), split_for(0.01, 0.02), split_for(0.01, 0.0)
    (1, 2, 5000, 1)
    """
    return math.ceil(width * FEWEST_BINS / highest) if highest > 0 else 1


METRIC_FORMS = "give D and % or cc (D95%, D2cc), or V and Gy (V20Gy in %, V20Gy[cc] in cc)"
"""Which names are those of metrics, as it ends a message."""


def is_metric(name: str) -> bool:
    """Return whether a name is one of a metric.

    D and a share of the volume or a volume: the dose that the hottest so much receives. V and a dose: the
    share of the volume, or with ``[cc]`` the volume, that receives at least so much.

    >>> [is_metric(name) for name in ("D95%", "D0.03cc", "V20Gy", "V20Gy[cc]", "D101%", "V20", "D2")]
    [True, True, True, True, False, False, False]
    """
    found = _METRIC.fullmatch(name)
    return found is not None and not (found["measure"] == "%" and float(found["dose_of"]) > _WHOLE)


def metric(name: str, histogram: Histogram | None, unit: Unit) -> DoseMetric:
    """Return a metric by its name, with None where the histogram cannot give it."""
    found = _METRIC.fullmatch(name)
    if found is None or not is_metric(name):
        raise ValueError(
            f"{name!r} is no metric of a dose-volume histogram: {METRIC_FORMS}. Mean, median, "
            "min and max need no name: they are always told."
        )
    if found["above"] is None:
        return DoseMetric(name, _dose(found, histogram), unit)
    if histogram is None or unit != "Gy":
        return DoseMetric(name, None, "cc" if found["absolute"] else "%")
    volume = histogram.volume_above(float(found["above"]))
    if found["absolute"]:
        return DoseMetric(name, volume, "cc")
    return DoseMetric(name, _WHOLE * volume / histogram.volume_ml, "%")


def _dose(found: re.Match[str], histogram: Histogram | None) -> float | None:
    if histogram is None:
        return None
    amount = float(found["dose_of"])
    return histogram.dose_to(amount if found["measure"] == "cc" else amount / _WHOLE * histogram.volume_ml)
