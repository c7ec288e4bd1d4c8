"""Tries a rule on the studies that came to Orthanc last, and sends nothing: the step of the workflow."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from orthanc_plugins.archives import Order
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import NotFound, TransferError
from orthanc_plugins.orthanc_facts import study_in_orthanc
from orthanc_plugins.rules import ForwardingRule, decide, keywords_asked
from orthanc_plugins.rules.trials import TriedStudy, load_of, trial_to_json
from orthanc_plugins.store import RuleTrialFiles
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.workflows.forward_study import LoopGuard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.orthanc_facts import StudyInOrthanc
    from orthanc_plugins.services import Services

_PAGE = 100
_LOG_PAGE = 500
_ADDED = frozenset({"NewStudy", "NewSeries", "StableStudy"})
_MEASURED = 50
"""So many transfers tell how fast the destination takes what is sent."""


class RuleTrial:
    """The step of the workflow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._orthanc = services.orthanc
        self._files = RuleTrialFiles(services.data)
        self._guard = LoopGuard(services)

    def run(self, token: str) -> dict[str, JsonValue]:
        """Try the rule of a trial; its outcome is in a file beside it."""
        asked = self._files.read(token, "rule")
        if asked is None:
            raise TransferError("The rule that was to be tried is no longer kept: ask for the trial again.")
        rule = ForwardingRule.model_validate(asked["rule"]).model_copy(update={"enabled": True})
        others = tuple(
            one for one in self._services.forwarding.rules if one.enabled and one.name != rule.name
        )
        keywords = sorted(keywords_asked([rule, *others]))
        studies: list[TriedStudy] = []
        for study in self._newest(int(asked["last"])):
            try:
                held = study_in_orthanc(self._orthanc, study, keywords)
            except NotFound:
                continue  # it was deleted meanwhile
            studies.append(self._tried(rule, others, held))
        content = trial_to_json(rule.name, rule.window, studies, load_of(studies, self._bytes_per_s()))
        self._files.write(token, "outcome", content)
        return {"outcome": "done", "studies": len(studies), "matched": sum(one.matched for one in studies)}

    def _tried(
        self, rule: ForwardingRule, others: tuple[ForwardingRule, ...], held: StudyInOrthanc
    ) -> TriedStudy:
        facts = held.facts
        (decision,) = decide([rule], facts)
        chosen = [one for one in held.arrivals if one.series_uid in decision.series_uids]
        allowed = frozenset(self._guard.allowed(held, chosen))
        going = [one for one in chosen if one.sop_instance_uid in allowed]
        goes_at = _goes_at(rule, held) if going else None
        return TriedStudy(
            study_uid=facts.study_uid,
            received_at=held.received_at,
            matched=decision.matched,
            reasons=(*decision.reasons, *_further(rule, held, len(chosen) - len(going), goes_at)),
            series=len({one.series_uid for one in going}),
            instances=len(going),
            stored_bytes=sum(one.size_bytes for one in going),
            kept_back=len(chosen) - len(going),
            also=tuple(one.rule.name for one in decide(others, facts, "all") if one.matched),
            goes_at=goes_at,
        )

    def _newest(self, count: int) -> list[OrthancId]:
        """Return the studies to which something was added last, the newest first."""
        capabilities = self._orthanc.system().get("Capabilities", {})
        if capabilities.get("HasExtendedFind", False):
            return list(islice(self._newest_by_time(), count))
        return self._newest_by_log(count)

    def _newest_by_time(self) -> Iterator[OrthancId]:
        since = 0
        while page := self._orthanc.find_studies({}, since=since, limit=_PAGE, order=Order.NEWEST_FIRST):
            yield from (record.orthanc_id for record in page)
            since += len(page)

    def _newest_by_log(self, count: int) -> list[OrthancId]:
        """Read the change log backwards, for an Orthanc that cannot order what it finds."""
        end = self._orthanc.last_change()
        updated: dict[OrthancId, str] = {}
        while end > 0 and len(updated) < count:
            begin = max(0, end - _LOG_PAGE)
            entries = self._orthanc.changes(begin, _LOG_PAGE).entries
            added = [one.orthanc_id for one in entries if one.kind in _ADDED and one.sequence <= end]
            for study in self._orthanc.studies_of(added) if added else ():
                updated[study] = self._last_update(study)
            end = begin
        return sorted(updated, key=lambda study: updated[study], reverse=True)[:count]

    def _last_update(self, study: OrthancId) -> str:
        try:
            return self._orthanc.study(study).last_update
        except NotFound:
            return ""  # it was deleted meanwhile, which is noticed again

    def _bytes_per_s(self) -> float | None:
        """Return how fast DCM4CHEE took what was sent lately without an interruption, within the limit."""
        newest = self._services.store.transfers.newest_verified(ArchiveName.DCM4CHEE, _MEASURED)
        measured = [
            (one.bytes_sent, (one.ended_at - one.started_at).total_seconds())
            for one in newest
            if one.attempts == 1 and one.ended_at is not None and one.started_at is not None
        ]
        seconds = sum(took for _, took in measured)
        if seconds <= 0:
            return None
        rate = sum(size for size, _ in measured) / seconds
        limit = self._services.forwarding.bandwidth_limit_bytes_s
        return rate if limit is None else min(rate, limit)


def _goes_at(rule: ForwardingRule, held: StudyInOrthanc) -> datetime | None:
    """Return when a study would have been sent, None where it is not known when it came."""
    if held.received_at is None or rule.hours is None:
        return held.received_at
    return rule.hours.opens_at(held.received_at)


def _further(
    rule: ForwardingRule, held: StudyInOrthanc, kept_back: int, goes_at: datetime | None
) -> Iterator[str]:
    """Yield why less of a study goes than the rule asks for, and why later."""
    if kept_back:
        told = "kept back: the archive had sent them, or they were removed from there"
        yield f"{counted(kept_back, 'instance')} {told}."
    if goes_at is not None and goes_at != held.received_at:
        yield f"It waits for its hours, {rule.window}, until {goes_at:%Y-%m-%d %H:%M} UTC."
