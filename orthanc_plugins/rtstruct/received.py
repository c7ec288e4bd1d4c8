"""What regions on their way through the pipeline receive of doses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import ConfigurationError, GeometryError
from orthanc_plugins.rtstruct import dose as rt_dose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from orthanc_plugins.rtstruct.dose import Dose, DoseSummary, UsableDoses
    from orthanc_plugins.rtstruct.work import RegionWork

WHOLLY_INSIDE = 0.999
"""A region of which a larger share lies inside the dose grid counts as inside."""


def refuse_unknown(metrics: Sequence[str]) -> None:
    """Raise where a name is no metric: no region would have a dose.

    Raises
    ------
    ConfigurationError
        A name is that of none.
    """
    if unknown := [name for name in metrics if not rt_dose.is_metric(name)]:
        named = ", ".join(map(repr, unknown))
        raise ConfigurationError(f"There is no dose metric {named}: {rt_dose.METRIC_FORMS}.")


def receive_doses(
    works: Sequence[RegionWork], doses: UsableDoses, metrics: Sequence[str], pool: Executor
) -> tuple[DoseSummary, ...]:
    """Note with every region what it receives of each dose, and return the doses, the whole plan's first."""
    found = []
    for dose in doses:
        found.append(rt_dose.summary(dose))
        list(pool.map(lambda work, one=dose: work.attempt(lambda own: _receive(own, one, metrics)), works))
    order = {
        one.sop_instance_uid: (rt_dose.preference(one.summation_type), place)
        for place, one in enumerate(found)
    }
    for work in works:
        work.doses.sort(key=lambda received: order[received[0].dose_uid])
    return tuple(sorted(found, key=lambda one: order[one.sop_instance_uid]))


def _receive(work: RegionWork, dose: Dose, metrics: Sequence[str]) -> None:
    if work.placed is None or work.measures is None:
        return
    try:
        received, histogram = rt_dose.evaluate(work.placed, work.measures.volume_ml, dose, metrics)
    except GeometryError as error:
        work.note("dose_impossible", f"no histogram of RT Dose {dose.sop_instance_uid}: {error}")
        return
    work.doses.append((received, histogram))
    share = received.volume_in_dose_cc / received.volume_cc
    if histogram is None:
        work.note("outside_dose", f"it lies wholly outside the grid of RT Dose {dose.sop_instance_uid}.")
    elif share < WHOLLY_INSIDE:
        work.note(
            "partly_outside_dose",
            f"only {100 * share:.1f} % of it lies inside the grid of RT Dose {dose.sop_instance_uid}; all "
            "values of its dose are of that part.",
        )
