"""Tries a rule on the studies that came to Orthanc last, and sends nothing: the step of the workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives import Order
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import NotFound, TransferError
from orthanc_plugins.orthanc_facts import study_in_orthanc
from orthanc_plugins.rules import ForwardingRule, decide, keywords_asked
from orthanc_plugins.rules.trials import TriedStudy, load_of, trial_to_json
from orthanc_plugins.store import RuleTrialFiles
from orthanc_plugins.workflows.forward_study import LoopGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        content = trial_to_json(rule.name, studies, load_of(studies, self._bytes_per_s()))
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
        return TriedStudy(
            study_uid=facts.study_uid,
            received_at=held.received_at,
            matched=decision.matched,
            reasons=decision.reasons,
            series=len({one.series_uid for one in going}),
            instances=len(going),
            stored_bytes=sum(one.size_bytes for one in going),
            kept_back=len(chosen) - len(going),
            also=tuple(one.rule.name for one in decide(others, facts, "all") if one.matched),
        )

    def _newest(self, count: int) -> Iterator[OrthancId]:
        """Yield the studies to which something was added last, the newest first."""
        capabilities = self._orthanc.system().get("Capabilities", {})
        by_log = not capabilities.get("HasExtendedFind", False)
        found = self._newest_by_log() if by_log else self._newest_by_time()
        for _, study in zip(range(count), found, strict=False):
            yield study

    def _newest_by_time(self) -> Iterator[OrthancId]:
        since = 0
        while page := self._orthanc.find_studies({}, since=since, limit=_PAGE, order=Order.NEWEST_FIRST):
            yield from (record.orthanc_id for record in page)
            since += len(page)

    def _newest_by_log(self) -> Iterator[OrthancId]:
        """Read the change log backwards, for an Orthanc that cannot order what it finds."""
        end = self._orthanc.last_change()
        seen: set[OrthancId] = set()
        while end > 0:
            begin = max(0, end - _LOG_PAGE)
            entries = [
                entry for entry in self._orthanc.changes(begin, _LOG_PAGE).entries if entry.sequence <= end
            ]
            added = [entry.orthanc_id for entry in entries if entry.kind in _ADDED]
            for study in self._orthanc.studies_of(added) if added else ():
                if study not in seen:
                    seen.add(study)
                    yield study
            end = begin

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
