"""In which order steps of workflows about repairs run, and that nobody else acts on the study meanwhile."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import PacsSuiteError, RepairError
from orthanc_plugins.store import RepairState
from orthanc_plugins.transfers import held_study
from orthanc_plugins.workflows.plan_repair import RepairPlanning
from orthanc_plugins.workflows.repair_study import Means, StudyRepair
from orthanc_plugins.workflows.steps import run_step
from orthanc_plugins.workflows.undo_repair import RepairUndoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.transfers import Limiter

type Guard = Callable[[], None]
type Result = dict[str, JsonValue]

WAITS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0, 60.0)
"""Seconds between looks whether a transfer has given the study back; after the last, whoever wants the repair
asks again."""


def plan_repair(services: Services, repair_id: str, then: str) -> Result:
    """Plan a repair; with ``then`` being ``apply`` have it carried out at once."""
    planning = RepairPlanning(services)
    try:
        planned = run_step("plan", planning.plan, repair_id)
    except PacsSuiteError as error:
        run_step("give_up", planning.give_up, repair_id, type(error).__name__, str(error))
        raise
    if then == "apply":
        run_step("ask_to_apply", planning.apply_at_once, repair_id)
    return planned


def repair_study(services: Services, limiter: Limiter, holder: str, repair_id: str) -> Result:
    """Carry out a repair's plan.

    Parameters
    ----------
    holder
        Who does it, the same again only when nobody else can be doing it under this name.
    """

    def work(guard: Guard) -> Result:
        repair = StudyRepair(services, repair_id, Means(limiter, guard))
        begun: dict[str, Any] = run_step("check", repair.check)
        for number in range(begun["operations"]):
            run_step("carry_out", repair.carry_out, number, begun["done"])
        return run_step("verify", repair.verify)

    def give_up(name: str, message: str) -> Result:
        record = services.store.repairs.repair(repair_id)
        touched = record.done or services.store.repairs.changes(repair_id)
        state = RepairState.PARTLY if touched else RepairState.FAILED
        services.store.repairs.end(repair_id, state, (name, message))
        return {"outcome": state.value}

    return _alone(services, holder, repair_id, work, give_up)


def undo_repair(services: Services, limiter: Limiter, holder: str, repair_id: str) -> Result:
    """Undo what a repair has changed; ``holder`` as in `repair_study`."""

    def work(guard: Guard) -> Result:
        undoing = RepairUndoing(services, repair_id, Means(limiter, guard))
        begun: dict[str, Any] = run_step("count", undoing.count)
        failures: list[str] = []
        for number in range(begun["batches"]):
            ended: dict[str, Any] = run_step("put_back", undoing.put_back, number)
            failures += ended["told"]
        return run_step("verify", undoing.verify, failures)

    def give_up(name: str, message: str) -> Result:
        services.store.repairs.end(repair_id, RepairState.UNDO_FAILED, (name, message))
        return {"outcome": RepairState.UNDO_FAILED.value}

    return _alone(services, holder, repair_id, work, give_up)


def _alone(
    services: Services,
    holder: str,
    repair_id: str,
    work: Callable[[Guard], Result],
    give_up: Callable[[str, str], Result],
) -> Result:
    """Do work on a repair's study that nobody else acts on meanwhile; why it ended early is remembered."""
    study_uid = run_step("read", lambda: services.store.repairs.repair(repair_id).study_uid)
    try:
        with _held(services, study_uid, holder) as guard:
            return work(guard)
    except PacsSuiteError as error:
        name, message = type(error).__name__, str(error)
        run_step("give_up", lambda: give_up(name, message))
        raise


@contextmanager
def _held(services: Services, study_uid: StudyUid, holder: str) -> Iterator[Guard]:
    """Hold a study inside the block, and yield what raises once it is no longer held.

    A worker that begins again is the same holder and has the study at once; another one that takes the job
    over has it when the lease of the first has run out.

    Raises
    ------
    RepairError
        A transfer has it for too long.
    """
    for wait_s in (*WAITS_S, None):
        with held_study(services.store.leases, study_uid, holder, _awake_s) as lease:
            if lease is not None:
                yield lease.guard
                return
        if wait_s is not None:
            time.sleep(wait_s)
    raise RepairError("Another transfer or repair acts on the study for longer now: ask again later.")


def _awake_s() -> float:
    """Return seconds that only grow, also while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
