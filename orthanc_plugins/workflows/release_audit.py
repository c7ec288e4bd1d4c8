"""What the audit trail is told of a release (PS3.15 A.5.3): before it leaves, and how it ended."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orthanc_plugins.audit.codes import Action, EventKind, Outcome
from orthanc_plugins.audit.events import Occasion, export, instances_accessed
from orthanc_plugins.audit.parties import AuditSource, Evidence, Participant, PatientObject, StudyObject
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.projects import SUITE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.audit.trail import AuditTrail

_READING = "deidentification"
_NO_WORD = re.compile(r"[^A-Za-z0-9._+-]")


@dataclass(frozen=True)
class Told:
    """What is recorded of a release, all of the released side.

    Parameters
    ----------
    study_uid, pseudonym
        Keyed ones, also where nothing was released.
    destination
        Its address, a URI without credentials.
    report
        Of the run (`orthanc_plugins.release.report_of`); empty while there is none.
    began
        When the work on it began.
    asker
        The account that asked for it, or the rule; empty where nobody had signed in.
    """

    study_uid: str
    pseudonym: str
    destination: str
    began: datetime
    report: Mapping[str, Any] = field(default_factory=dict)
    asker: str = ""


class ReleaseAudit:
    """Records of one release; done again, what was recorded since the work began is not recorded twice."""

    def __init__(self, trail: AuditTrail, told: Told) -> None:
        self._trail = trail
        self._told = told

    def read(self) -> None:
        """Record that the originals were read to be de-identified (A.5.3.6).

        It comes before anything leaves: where it cannot be recorded, nothing does.
        """
        if self._recorded(EventKind.INSTANCES_ACCESSED, reason=_READING):
            return
        self._trail.append(
            instances_accessed(
                Occasion(datetime.now(UTC), AuditSource(SUITE), reason=_READING),
                action=Action.READ,
                people=self._people(),
                studies=[replace(self._study(), anonymised=False)],
                patient=PatientObject(self._told.pseudonym),
            )
        )

    def exported(self, outcome: Outcome = Outcome.SUCCESS, reason: str = "") -> None:
        """Record that the study left, or by another outcome that it did not (A.5.3.4)."""
        if self._recorded(EventKind.EXPORT, outcome):
            return
        self._trail.append(
            export(
                Occasion(datetime.now(UTC), AuditSource(SUITE), outcome, reason),
                exporters=self._people(),
                destination=self._told.destination,
                studies=[self._study()],
                patients=[PatientObject(self._told.pseudonym)],
                evidence=evidence_of(self._told.report) if self._told.report else None,
            )
        )

    def _people(self) -> list[Participant]:
        """Return the process that did it, and who asked."""
        return [Participant(SUITE), Participant(self._told.asker or "unknown", is_requestor=True)]

    def _study(self) -> StudyObject:
        classes = Counter(file["sop_class_uid"] for file in _files(self._told.report))
        return StudyObject(self._told.study_uid, classes, anonymised=bool(classes))

    def _recorded(
        self, kind: EventKind, outcome: Outcome = Outcome.SUCCESS, *, reason: str | None = None
    ) -> bool:
        asked = TrailQuery(since=self._told.began, kind=kind, study_uid=self._told.study_uid, outcome=outcome)
        return any(reason in {None, one.event["reason"]} for one in self._trail.records(asked))


def evidence_of(report: Mapping[str, Any]) -> Evidence:
    """Return how a study was de-identified and checked, of the report of its run."""
    (study,) = report["studies"]
    counts = Counter({"instances": study["instances"], "looked_at": study["pixels"]["looked_at"]})
    counts["masked"] = study["pixels"]["masked"]
    for one in study["actions"]:
        counts[f"action_{_NO_WORD.sub('_', one['action'])}"] += one["times"]
    counts.update(f"decision_{one['decide']}" for one in study.get("decisions", ()))
    for name, found in (study["check"] or {}).get("counts", {}).items():
        counts[f"check_{_NO_WORD.sub('_', name)}"] = found
    return Evidence(
        profile=report["profile"],
        edition=report["edition"],
        engine=report["suite"],
        policy_digest=report["policy"],
        key_id=report["key_id"],
        options=tuple(report["method_codes"]),
        counts=counts,
        file_digests=tuple(file["sha256"] for file in _files(report)),
    )


def _files(report: Mapping[str, Any]) -> list[Mapping[str, str]]:
    return [file for study in report.get("studies", ()) for file in study["files"]]
