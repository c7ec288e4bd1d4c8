"""How a step of a workflow is run: what is tried again, and what may be said of a failure."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING

from dbos import DBOS, StepOptions
from dbos import error as dbos_error

from orthanc_plugins.errors import ArchiveUnavailable, JobError, PacsSuiteError, StoreError
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

ATTEMPTS = 8
FIRST_PAUSE_S = 0.5
"""Pauses of 0.5, 1, 2 … 32 s: about a minute, longer than Orthanc takes to start again."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

WORKER_DEATHS = 3
"""A workflow that was cut off so often by its worker's end is given up."""


def passes_by_itself(error: BaseException) -> bool:
    """Return whether the same step may succeed later without anyone doing anything."""
    return isinstance(error, ArchiveUnavailable | StoreError)


def run_step[**P, R](name: str, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step, remember its result, and try again what can pass by itself.

    Raises
    ------
    PacsSuiteError
        The step failed for good. Errors of libraries become JobError without their text, which may
        quote a patient's data.
    """

    def guarded() -> R:
        try:
            return step(*args, **kwargs)
        except PacsSuiteError:
            raise
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise _unknown(name, error) from None
            raise StoreError(
                "The disk of the data directory is full: make room there. The step is tried again for a "
                "minute; ask again after that."
            ) from None
        except Exception as error:  # noqa: BLE001 - the edge: any fault must be told, safely
            raise _unknown(name, error) from None

    options = StepOptions(
        name=name,
        retries_allowed=True,
        interval_seconds=FIRST_PAUSE_S,
        max_attempts=ATTEMPTS,
        backoff_rate=2.0,
        should_retry=passes_by_itself,
    )
    try:
        return DBOS.run_step(options, guarded)
    except dbos_error.DBOSMaxStepRetriesExceeded as error:
        raise error.errors[-1] from None


def _unknown(name: str, error: Exception) -> JobError:
    """Return the error of a fault that nobody has foreseen, once the log has told where it was."""
    logger.error("Step %s met a fault: %s", name, describe_exception(error))
    return JobError(
        f"The suite met a fault it does not know ({type(error).__name__}): the worker's log tells "
        "where. Please report it together with the kind of planning system the file comes from."
    )
