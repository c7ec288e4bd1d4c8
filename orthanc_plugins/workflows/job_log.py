"""What the log tells of a job: that it begins, how it ends, and which job every line between belongs to."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from dbos import DBOS
from dbos import error as dbos_error

from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.logs import FACTS, log_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orthanc_plugins.jobs import JobKind, JsonValue

logger = logging.getLogger(__name__)

_TOLD = (PacsSuiteError, dbos_error.DBOSAwaitedWorkflowCancelledError)


def run_job[R: Mapping[str, JsonValue]](kind: JobKind, work: Callable[[JobId], R]) -> R:
    """Do the work of the workflow at hand and return its result, with ``outcome``.

    One line tells that the job begins, one how it ended and after how long; both and every line
    between carry its identifier. A job that goes on after its worker's end begins once more.
    """
    job_id = JobId(str(DBOS.workflow_id))
    with log_context(job_id=job_id):
        logger.info("Job %s begins.", kind)
        began = time.perf_counter()
        try:
            result = work(job_id)
        except (dbos_error.DBOSWorkflowCancelledError, dbos_error.DBOSWorkflowConflictIDError):
            logger.info("Job %s was cancelled or taken over after %.1f s.", kind, time.perf_counter() - began)
            raise
        except PacsSuiteError as error:
            told = f"{type(error).__name__}: {error}"
            logger.error("Job %s failed after %.1f s. %s", kind, time.perf_counter() - began, told)  # noqa: TRY400 - the text says it all
            raise
        logger.info("Job %s ended after %.1f s: %s.", kind, time.perf_counter() - began, result["outcome"])
        return result


def adapt_engine_line(record: logging.LogRecord) -> bool:
    """Give a line of the durable engine the job it belongs to; return whether it is worth a line.

    The engine logs once more, as its own error, the failure or cancellation of a workflow that `run_job`
    has told in the suite's words.
    """
    if DBOS.workflow_id is not None:
        setattr(record, FACTS, {"job_id": DBOS.workflow_id})
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, _TOLD) and record.levelno >= logging.ERROR)
