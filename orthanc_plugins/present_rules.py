"""What waits for hours that no rule has any more is decided on anew, when a worker starts.

Settings change only then. A transfer keeps the hours that it was asked for with: were it left to wait for
them, nothing else would copy the study meanwhile, whatever the rules say now.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.errors import JobNotFound
from orthanc_plugins.jobs import forward_study_request
from orthanc_plugins.store import TransferState
from orthanc_plugins.transfers import RULES_CHANGED, held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.rules import ForwardingRule, SyncRule
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord

logger = logging.getLogger(__name__)

LEASE = "present-rules"
"""Name of the lease that one worker holds: two would have the same studies decided on twice."""

_ANOTHER_S = 5.0
"""While another worker does it, it is asked again so many seconds later."""

_SYNC = "sync"
_BY_RULE = "rule:"


class PresentRules:
    """Cancels transfers that wait for hours that no rule has any more, and has their studies decided on anew.

    Several workers may do so at the same time.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._transfers = services.store.transfers
        self._forwarding = services.forwarding
        self._sync_rules = services.synchronisation.rules
        self._applied = False

    def apply(self) -> float | None:
        """Do so once; return after how many seconds to try again, None when it is done.

        Cut off, or raising, it may be done again.

        Raises
        ------
        StoreError, JobError
            A database cannot be used.
        ArchiveError
            Orthanc does not tell whether it holds a study.
        """
        if self._applied:
            return None
        with held(self._services.store.leases, LEASE, uuid.uuid4().hex, time.monotonic) as lease:
            if lease is None:
                return _ANOTHER_S
            given_up: dict[StudyUid, list[TransferRecord]] = defaultdict(list)
            for one in self._transfers.with_hours():
                if not self._is_asked_for(one):
                    given_up[one.study_uid].append(one)
            for study_uid, records in given_up.items():
                self._decide_anew(study_uid, records)
        self._applied = True
        return None

    def _is_asked_for(self, record: TransferRecord) -> bool:
        """Return whether a rule that is switched on has a transfer's hours; others have none of a rule."""
        if record.cause == _SYNC:
            return any(_copies(rule, record) for rule in self._sync_rules)
        if not record.cause.startswith(_BY_RULE):
            return True
        enabled = [rule for rule in self._forwarding.rules if rule.enabled]
        named = [rule for rule in enabled if record.cause == f"{_BY_RULE}{rule.name}"]
        if self._forwarding.match == "first":
            return any(rule.window == record.window for rule in named)
        return any(_is_made_of(record.window, rule, enabled) for rule in named)

    def _decide_anew(self, study_uid: StudyUid, records: Sequence[TransferRecord]) -> None:
        """Ask anew what of a study is sent, and only then cancel what is asked for no more."""
        by_rule = any(one.cause != _SYNC for one in records)
        if by_rule and any(rule.enabled for rule in self._forwarding.rules):
            waits = sorted(f"{one.transfer_id} {one.updated_at.isoformat()}" for one in records)
            content = hashlib.sha256("|".join(waits).encode()).hexdigest()[:32]
            for study in self._services.orthanc.lookup(study_uid, "Study"):
                self._services.queue.submit(forward_study_request(study, content))
        for one in records:
            with suppress(JobNotFound):  # it was not asked for yet
                self._services.queue.cancel(one.job_id)
            self._transfers.end(one.transfer_id, TransferState.CANCELLED, (RULES_CHANGED, _reason(one)))
            logger.info("Transfer %s is cancelled: no rule has its hours any more.", one.transfer_id)
        self._services.store.inventory.unsettle([study_uid], datetime.now(UTC))


def _copies(rule: SyncRule, record: TransferRecord) -> bool:
    """Return whether a rule has studies copied this way, in these hours."""
    ways = {"both", f"{record.source}_to_{record.destination}"}
    return rule.enabled and rule.direction in ways and rule.window == record.window


def _is_made_of(window: str | None, rule: ForwardingRule, rules: Sequence[ForwardingRule]) -> bool:
    """Return whether hours are those of a rule and, where several decided, of others beside it."""
    hours = _hours(window)
    parts = [_hours(one.window) for one in rules if one.window is not None and _hours(one.window) <= hours]
    return rule.window is not None and _hours(rule.window) <= hours and frozenset().union(*parts) == hours


def _hours(window: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in (window or "").split(","))


def _reason(record: TransferRecord) -> str:
    which = "of synchronisation" if record.cause == _SYNC else record.cause.removeprefix(_BY_RULE)
    return (
        f"No rule {which} that is switched on has these hours, {record.window}, any more. What it was to "
        "bring is asked for anew where the rules there are now, or synchronisation, want it."
    )
