"""Asking for a transfer: first in the ledger, then of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.jobs import transfer_study_request

if TYPE_CHECKING:
    from orthanc_plugins.jobs import JobQueue
    from orthanc_plugins.store import TransferRecord, TransferRequest, Transfers


def ask_for_transfer(transfers: Transfers, queue: JobQueue, request: TransferRequest) -> TransferRecord:
    """Remember a transfer and have the queue do it; asking again for the same one changes nothing.

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
    """Have the queue do a transfer that it has not been asked for."""
    if record.not_before is not None:
        queue.submit(transfer_study_request(record.transfer_id, record.priority))
        transfers.handed_over(record.transfer_id, record.not_before)
