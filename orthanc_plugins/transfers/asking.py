"""Asking for a transfer: first in the ledger, then of the queue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobActive
from orthanc_plugins.jobs import JobState, transfer_study_request
from orthanc_plugins.store import WaitsFor

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JobQueue
    from orthanc_plugins.store import TransferRecord, TransferRequest, Transfers

logger = logging.getLogger(__name__)

RULES_CHANGED = "RulesChanged"
"""Name of the error of a transfer that was cancelled because no rule has its hours any more."""


def ask_for_transfer(transfers: Transfers, queue: JobQueue, request: TransferRequest) -> TransferRecord:
    """Remember a transfer and have the queue do it; asking again for one that is under way changes nothing.

    Should the process end between the two, the watch asks the queue.

    Raises
    ------
    StoreError, JobError
        A database cannot be used; of what JobError leaves the watch takes care.
    """
    record = transfers.request(request)
    hand_over(transfers, queue, record)
    return record


def hand_over(transfers: Transfers, queue: JobQueue, record: TransferRecord) -> None:
    """Have the queue do a transfer that waits: for the first time, or once more."""
    if record.not_before is None:
        return
    queue.submit(transfer_study_request(record.transfer_id, record.priority))
    state = queue.job(record.job_id).state
    if state is JobState.RUNNING:
        return  # it has just begun, or is about to pause; a later look tells
    if state is JobState.CANCELLED and record.waits_for is not WaitsFor.HAND_OVER:
        transfers.cancel(record.transfer_id)
        return
    if state is not JobState.QUEUED:
        try:
            queue.run_again(record.job_id)
        except JobActive as error:
            logger.debug("Transfer %s is not handed over: %s", record.transfer_id, error)
            return
    transfers.handed_over(record.transfer_id, record.not_before)
