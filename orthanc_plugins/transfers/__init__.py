"""From one archive into the other, with evidence: what forwarding, synchronisation and repair send by.

What it is for: ask the destination what it has, send only what is missing, ask it for everything back. It
knows archives as `archives.base.Archive` only; the ledger, the clock and the limits are handed in.

Public: ``Transfer`` with its ``Effects`` and ``TransferOutcome``, ``Recorder``, ``Limiter``, ``held_study``
(one transfer at a time for a study) and ``held`` with ``LeaseLostError``, ``ask_for_transfer`` and
``hand_over`` (ledger and queue), ``RULES_CHANGED``, ``Commit``, ``SameContent``, ``Waking`` (transfers that
wait), ``Retrying`` (those that failed).

Decisions
---------
2026-11: nothing an archive answers is believed that can be asked: after each answer that leaves a doubt, and
    at the end for every instance, the destination's list is read. DCM4CHEE says 200 of what it throws away.
2026-11: that instances leave is written down before they do. A run that is cut off begins anew, and what may
    have arrived is given time to appear before it is sent again.
2026-11: one batch at a time for a study, images before what refers to them: DCM4CHEE makes patients twice
    when their first instances come in parallel, and loses files when one instance does.
2026-11: an archive that does not answer, or has no space, ends the run, not the transfer: whoever runs it
    waits without holding a worker, seven days (`workflows.transfer_study.GIVEN_UP_AFTER`).
2026-11: a byte limit waits inside a request for seconds only and pays the rest before the next: a silent
    connection is cut by what stands between.
"""

from orthanc_plugins.transfers.asking import RULES_CHANGED, ask_for_transfer, hand_over
from orthanc_plugins.transfers.effects import Commit, Effects, Recorder, SameContent
from orthanc_plugins.transfers.lease import Lease, LeaseLostError, held, held_study
from orthanc_plugins.transfers.limiter import Limiter
from orthanc_plugins.transfers.retrying import Retrying
from orthanc_plugins.transfers.transfer import Transfer, TransferOutcome
from orthanc_plugins.transfers.waking import Waking

__all__ = [
    "RULES_CHANGED",
    "Commit",
    "Effects",
    "Lease",
    "LeaseLostError",
    "Limiter",
    "Recorder",
    "Retrying",
    "SameContent",
    "Transfer",
    "TransferOutcome",
    "Waking",
    "ask_for_transfer",
    "hand_over",
    "held",
    "held_study",
]
