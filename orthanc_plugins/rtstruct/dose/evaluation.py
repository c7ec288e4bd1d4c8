"""Doses over regions: which can be used, and what every region receives of each."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.dose.histogram import metric
from orthanc_plugins.rtstruct.dose.reading import Dose, read_dose
from orthanc_plugins.rtstruct.dose.records import DoseSummary, RegionDose
from orthanc_plugins.rtstruct.dose.sampling import sample
from orthanc_plugins.rtstruct.faults import described
from orthanc_plugins.rtstruct.problems import DOSE_MISSING, Problem, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from orthanc_plugins.rtstruct.dose.histogram import Histogram
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.reading.contours import Source

_log = logging.getLogger(__name__)

MOST_DOSES = 20
"""More of one structure set are left out, with a problem: a plan may bring one for every control point."""

DOSE_OTHER_FRAME = "dose_other_frame"
"""Code of the problem that a dose is of another frame of reference."""

_FIRST = ("PLAN", "MULTI_PLAN", "PLAN_OVERVIEW", "RECORD", "FRACTION", "FRACTION_SESSION", "BRACHY", "BEAM")


type DoseSource = Source | Dose | MissingDose


def preference(summation_type: str) -> int:
    """Return where a dose stands among several, by its Dose Summation Type: the whole plan's first."""
    return _FIRST.index(summation_type) if summation_type in _FIRST else len(_FIRST)


@dataclass(frozen=True)
class MissingDose:
    """Stands for a dose that there is and that is not used; ``reason`` says which and why.

    ``code`` is that of the problem: `DOSE_MISSING` where it could not be had, and may be some other time.
    """

    reason: str
    code: str = DOSE_MISSING


def in_other_frame(count: int) -> MissingDose:
    """Return what stands for doses of the study that lie in another frame of reference.

    >>> in_other_frame(1).reason.partition(":")[0]
    '1 RT Dose of the study lies in another Frame of Reference than the structure set'
    """
    lie = counted(count, "RT Dose of the study lies", "RT Doses of the study lie")
    text = (
        f"{lie} in another Frame of Reference than the structure set: no dose-volume histogram is made of "
        f"{'it' if count == 1 else 'them'}. Send the dose that was calculated on the structure set's images."
    )
    return MissingDose(text, DOSE_OTHER_FRAME)


@dataclass(eq=False, repr=False)
class UsableDoses(Brief):
    """Doses of a frame of reference, read one at a time: only one is in memory.

    Parameters
    ----------
    sources
        Files, doses that were read already, or what stands for one that is missing; asked for one by one.
    frame_of_reference_uid
        The structure set's; empty when it states none.
    allow_other_frame
        Use doses of another frame of reference, with a warning.
    problems
        What was odd about them, once they have been gone through.
    """

    sources: Iterable[DoseSource]
    frame_of_reference_uid: str
    allow_other_frame: bool = False
    problems: list[Problem] = field(default_factory=list)

    def __iter__(self) -> Iterator[Dose]:
        """Yield each usable dose once; what is wrong with the others is noted."""
        seen: set[str] = set()
        for source in self.sources:
            if isinstance(source, MissingDose):
                absent = " It is not in the results." if source.code == DOSE_MISSING else ""
                self.problems.append(Problem(source.code, f"{source.reason}{absent}"))
                continue
            if len(seen) == MOST_DOSES:
                text = f"More than {MOST_DOSES} doses were given; the others are left out."
                self.problems.append(Problem("too_many_doses", text))
                return
            try:
                dose = source if isinstance(source, Dose) else read_dose(source)
                self._check_frame(dose)
            except InvalidDicom as error:
                self._refuse(str(error))
                continue
            except OSError as error:
                self._refuse(f"The file of an RT Dose cannot be read ({error.strerror}).")
                continue
            except Exception as error:  # noqa: BLE001 - it costs this dose, and is told
                _log.error("An RT Dose cannot be read.", exc_info=error)
                self._refuse(f"An RT Dose cannot be read ({described(error)}).")
                continue
            if dose.sop_instance_uid not in seen:
                seen.add(dose.sop_instance_uid)
                yield dose

    def _refuse(self, why: str) -> None:
        self.problems.append(Problem("dose_unusable", f"{why} No histogram is made of it.", "error"))

    def _check_frame(self, dose: Dose) -> None:
        own, other = self.frame_of_reference_uid, dose.frame_of_reference_uid
        name = f"RT Dose {dose.sop_instance_uid}"
        if not own or not other:
            text = f"{name} or the structure set states no frame of reference; they are taken to share one."
            self.problems.append(Problem("dose_frame_unknown", text))
        elif own != other and self.allow_other_frame:
            text = f"{name} is of another frame of reference than the structure set; it was used, as asked."
            self.problems.append(Problem(DOSE_OTHER_FRAME, text))
        elif own != other:
            raise InvalidDicom(
                f"{name} is of frame of reference {other}, the structure set of {own}: give the dose that "
                "was calculated on the structure set's images."
            )


def summary(dose: Dose) -> DoseSummary:
    """Return what results say of a dose."""
    return DoseSummary(
        sop_instance_uid=dose.sop_instance_uid,
        series_uid=dose.series_uid,
        plan_uid=dose.plan_uid,
        summation_type=dose.summation_type,
        dose_type=dose.dose_type,
        unit=dose.unit,
        maximum=dose.maximum,
        shape=dose.placement.shape,
        spacing_mm=dose.placement.spacing_mm,
    )


def evaluate(
    placed: PlacedRegion, volume_ml: float, dose: Dose, metrics: Sequence[str]
) -> tuple[RegionDose, Histogram | None]:
    """Return what a region receives of a dose.

    Parameters
    ----------
    placed
        As `place` gives it; it must enclose a volume. All its contours count, also beyond the images.
    volume_ml
        The region's planimetric volume.
    dose
        In the region's frame of reference; that is not looked at here.
    metrics
        Names as `is_metric` knows them.

    Raises
    ------
    GeometryError
        The contours are too entangled to be filled.
    ValueError
        A name is none of a metric.
    """
    histogram, cell_mm = sample(placed, volume_ml, dose)
    found = RegionDose(
        dose_uid=dose.sop_instance_uid,
        unit=dose.unit,
        volume_cc=volume_ml,
        volume_in_dose_cc=histogram.volume_ml if histogram else 0.0,
        sampled_every_mm=cell_mm,
        min=histogram.minimum if histogram else None,
        max=histogram.maximum if histogram else None,
        mean=histogram.mean if histogram else None,
        median=histogram.dose_to(histogram.volume_ml / 2) if histogram else None,
        metrics=tuple(metric(name, histogram, dose.unit) for name in metrics),
    )
    return found, histogram
