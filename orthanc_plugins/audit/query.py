"""Questions to the audit trail: by time, kind, study, actor and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.audit.codes import EventKind, Outcome


@dataclass(frozen=True)
class TrailQuery:
    """Which records are asked for, the newest first; what is None is not asked about.

    Attributes
    ----------
    since, until
        Times with their offset from UTC; the first is included, the second is not.
    study_uid
        Keyed Study Instance UID of a study in the event.
    actor
        Who took part, as named in the event.
    before
        Number of a record: those that were written before it, for the next page.
    limit
        At most so many.
    """

    since: datetime | None = None
    until: datetime | None = None
    kind: EventKind | None = None
    study_uid: str | None = None
    actor: str | None = None
    outcome: Outcome | None = None
    before: int | None = None
    limit: int = 100

    def asks_for(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event, as the trail holds it, is asked for."""
        return (
            self.kind in {None, event["kind"]}
            and self.outcome in {None, event["outcome"]}
            and self._is_of_time(datetime.fromisoformat(event["time"]))
            and (self.study_uid is None or _has(event["objects"], "study_uid", self.study_uid))
            and (self.actor is None or _has(event["participants"], "user_id", self.actor))
        )

    def _is_of_time(self, time: datetime) -> bool:
        return (self.since is None or time >= self.since) and (self.until is None or time < self.until)


def _has(parts: list[Mapping[str, Any]], name: str, value: str) -> bool:
    return any(part.get(name) == value for part in parts)
