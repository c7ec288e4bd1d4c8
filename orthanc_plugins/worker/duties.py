"""What a worker looks after in turns, and how often."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.forwarding import OFFERING, StudyForwarding
from orthanc_plugins.present_rules import PresentRules
from orthanc_plugins.store.retention import Tidying
from orthanc_plugins.sync.content_pass import ContentPass
from orthanc_plugins.synchronisation import Rounds, Timetable
from orthanc_plugins.transfers import Retrying, Waking
from orthanc_plugins.workflows.label_studies import StudyLabels
from orthanc_plugins.workflows.release_retrying import ReleaseRetrying
from orthanc_plugins.workflows.release_work import Sweeping
from orthanc_plugins.workflows.watch_trail import TrailWatch

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.worker.watch import Duty

_WAKE_S = 2.0
_TIDY_S = 300.0
"""How often transfers that may have been forgotten are looked at, and whether it is time for the rest."""


def duties(services: Services, sweep_interval_s: float) -> dict[Duty, float]:
    """Return what else the watch does; most of it where there is a second archive."""
    tidying = Tidying(services.store, services.data, services.retention)
    rules = services.deidentification.rules
    offering = StudyForwarding(services.orthanc, services.store, services.queue, rules, OFFERING)
    sweeping = Sweeping(services.data, services.queue)
    again = ReleaseRetrying(services.queue, lambda: datetime.now(UTC))
    trail = TrailWatch(services.deidentification.custodian, lambda: datetime.now(UTC))
    kept: tuple[Duty, ...] = (tidying.tidy, tidying.forget_shown, sweeping.sweep, again.try_again, trail.look)
    labels = StudyLabels(services, f"{platform.node()}:{os.getpid()}")
    everywhere = {
        **dict.fromkeys(kept, _TIDY_S),
        offering.sweep: sweep_interval_s,
        labels.keep: sweep_interval_s,
    }
    if ArchiveName.DCM4CHEE not in services.archives:
        return everywhere
    rounds = Timetable(Rounds(services), services.store.inventory, services.synchronisation)
    waking = Waking(services.store.transfers, services.queue, lambda: datetime.now(UTC))
    switched_on = [rule.name for rule in services.forwarding.rules if rule.enabled]
    retrying = Retrying(services.store, switched_on, lambda: datetime.now(UTC))
    forwarding = StudyForwarding(services.orthanc, services.store, services.queue, services.forwarding.rules)
    hours = services.synchronisation.content_pass
    content_pass: dict[Duty, float] = {}
    if hours is not None:
        content_pass[ContentPass(services.queue, hours).keep] = _TIDY_S
    return {
        **everywhere,
        **content_pass,
        rounds.keep: services.synchronisation.interval_s,
        waking.wake: _WAKE_S,
        waking.tidy: _TIDY_S,
        retrying.retry: _TIDY_S,
        forwarding.sweep: sweep_interval_s,
        PresentRules(services).apply: _TIDY_S,
    }
