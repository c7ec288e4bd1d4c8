"""Decides by the rules what of a study is sent on, and asks for the transfer: the step of the workflow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX, OrthancId
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.orthanc_facts import study_in_orthanc
from orthanc_plugins.rules import decide, keywords_asked
from orthanc_plugins.store import TransferRequest
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.transfers import ask_for_transfer
from orthanc_plugins.workflows.overwritten import CLOCK_DOUBT, OrthancClock, Overwritten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.orthanc_facts import Arrival, StudyInOrthanc
    from orthanc_plugins.rules import Decision, ForwardingRule
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import Depth

_SOURCE = ArchiveName.ORTHANC
_DESTINATION = ArchiveName.DCM4CHEE


class StudyForwarder:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rules = services.forwarding.rules
        self._guard = LoopGuard(services)
        self._overwritten = Overwritten(services)

    def forward(self, job_id: JobId, study: str) -> dict[str, JsonValue]:
        """Decide what of a study is sent on, and ask for it; the result tells why, rule by rule.

        Done again it asks for the same transfers.
        """
        try:
            held = study_in_orthanc(
                self._services.orthanc, OrthancId(study), sorted(keywords_asked(self._rules))
            )
        except NotFound:
            return {"outcome": "gone"}
        if held.facts.tags.get("PatientID", "").startswith(BENCHMARK_PATIENT_PREFIX):
            return {"outcome": "nothing to send", "reason": "It is the benchmark's."}
        decisions = decide(self._rules, held.facts, self._services.forwarding.match)
        told: dict[str, JsonValue] = {
            "study_uid": held.facts.study_uid,
            "rules": [_told(decision) for decision in decisions],
        }
        sending = [decision for decision in decisions if decision.sends]
        if not sending:
            return {"outcome": "nothing to send", "reason": "No rule asks for it.", **told}
        series = {uid for decision in sending for uid in decision.series_uids}
        chosen = [one for one in held.arrivals if one.series_uid in series]
        allowed = self._guard.allowed(held, chosen)
        told["kept_back"] = len(chosen) - len(allowed)
        if not allowed:
            return {
                "outcome": "nothing to send",
                "reason": "The archive had sent it, or it was removed from there since it came.",
                **told,
            }
        requests = self._overwritten.compared(held, _requests(job_id, held, sending, frozenset(allowed)))
        for request in requests:
            ask_for_transfer(self._services.store.transfers, self._services.queue, request)
        asked: list[JsonValue] = [_asked(one) for one in requests]
        return {"outcome": "asked", "transfers": asked, "instances": len(allowed), **told}


class LoopGuard:
    """Keeps back what came from the archive, and what was taken out of it.

    ``now`` returns the time of the suite's clock, which tombstones are dated by.
    """

    def __init__(self, services: Services, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = OrthancClock(services, now)
        self._store = services.store
        self._archive_aet = services.forwarding.archive_aet

    def allowed(self, held: StudyInOrthanc, chosen: Sequence[Arrival]) -> tuple[SopInstanceUid, ...]:
        """Return those of the chosen instances that may be sent to the archive.

        Not what the archive itself sent to Orthanc, nor what the suite brought from there; a copy that a
        modality sent since may. Not what was deleted or rejected in the archive, unless it came to Orthanc
        after that was noted. When it came is told by Orthanc's clock, which may differ from the suite's: it
        is asked how late it is now.
        """
        study_uid = held.facts.study_uid
        brought = self._store.transfers.brought(study_uid, _DESTINATION, _SOURCE)
        buried = self._store.inventory.buried(_DESTINATION, [study_uid]).get(study_uid)
        noted_at = None if buried is None else self._by_orthanc(buried.noted_at)

        def may_go(one: Arrival) -> bool:
            if one.remote_aet == self._archive_aet:
                return False
            if not one.remote_aet and one.sop_instance_uid in brought:
                return False
            if buried is None or noted_at is None or not buried.covers(instance_key(one.sop_instance_uid)):
                return True
            return one.received_at is not None and one.received_at > noted_at

        return tuple(one.sop_instance_uid for one in chosen if may_go(one))

    def _by_orthanc(self, at: datetime) -> datetime:
        """Return what Orthanc's clock showed at a time of the suite's, or a little later."""
        return at + self._clock.ahead() + CLOCK_DOUBT


def _asked(request: TransferRequest) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "transfer_id": request.transfer_id,
        "instances": len(request.wanted or ()),
    }
    return {**told, "remark": request.remark} if request.remark else told


def _told(decision: Decision) -> dict[str, JsonValue]:
    return {
        "name": decision.rule.name,
        "matched": decision.matched,
        "sends": decision.sends,
        "series": len(decision.series_uids),
        "reasons": list(decision.reasons),
    }


@dataclass(frozen=True)
class _Way:
    """How and when instances go; what goes otherwise is another transfer."""

    transport: str
    window: str | None
    priority: int


def _way(rules: Sequence[ForwardingRule]) -> _Way:
    """Return how instances go that all of these rules ask for: in the hours of any, so the soonest.

    Rules without hours win over those with; of what is left, the first one's transport counts, and the most
    urgent one's priority.
    """
    soonest = [rule for rule in rules if rule.window is None] or rules
    windows = dict.fromkeys(rule.window for rule in soonest if rule.window is not None)
    return _Way(soonest[0].transport, ", ".join(windows) or None, max(rule.priority for rule in rules))


def _requests(
    job_id: JobId, held: StudyInOrthanc, sending: Sequence[Decision], allowed: frozenset[SopInstanceUid]
) -> list[TransferRequest]:
    """Return the transfers that rules ask for: each instance in one, by the way of the rules that want it.

    What any of a transfer's rules demands as proof is asked for all of it.
    """
    asking: dict[_Way, tuple[dict[str, ForwardingRule], list[SopInstanceUid]]] = {}
    for one in held.arrivals:
        rules = [decision.rule for decision in sending if one.series_uid in decision.series_uids]
        if one.sop_instance_uid in allowed and rules:
            of_way, instances = asking.setdefault(_way(rules), ({}, []))
            of_way.update({rule.name: rule for rule in rules})
            instances.append(one.sop_instance_uid)
    return [
        _request(job_id, held.facts.study_uid, way, list(rules.values()), tuple(instances))
        for way, (rules, instances) in asking.items()
    ]


def _request(
    job_id: JobId,
    study_uid: StudyUid,
    way: _Way,
    rules: Sequence[ForwardingRule],
    wanted: tuple[SopInstanceUid, ...],
) -> TransferRequest:
    verify: Depth = "content" if any(rule.verify == "content" for rule in rules) else "instances"
    digest = hashlib.sha256(f"{job_id}|{_DESTINATION}|{way}".encode()).hexdigest()[:16]
    transfer_id = f"forward.{study_uid}.{digest}"
    return TransferRequest(
        transfer_id=transfer_id,
        job_id=transfer_job_id(transfer_id),
        study_uid=study_uid,
        source=_SOURCE,
        destination=_DESTINATION,
        cause=f"rule:{rules[0].name}",
        transport=way.transport,
        wanted=wanted,
        priority=way.priority,
        verify=verify,
        storage_commitment=any(rule.storage_commitment for rule in rules),
        window=way.window,
    )
