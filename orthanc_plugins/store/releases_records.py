"""What is remembered of releases: plain records, without the database's library. The released side alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

JOB_TELLS = "The job failed; its error says why."
"""Reason of a release that has none of its own: it names no job, which would name the original."""


class ReleaseState(StrEnum):
    """Where a release stands. `CERTIFIED` alone is success."""

    WORKING = "working"
    HELD = "held"
    """A person has to look; nothing left."""
    REFUSED = "refused"
    """It is not to leave, and why; nothing left."""
    RELEASED = "released"
    """It has passed the check and is on its way."""
    DELIVERED = "delivered"
    """The destination holds it, and was asked."""
    CERTIFIED = "certified"
    FAILED = "failed"
    """It may leave, and the destination did not take it, or no more; asked again, it goes on."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {ReleaseState.HELD, ReleaseState.REFUSED, ReleaseState.CERTIFIED, ReleaseState.FAILED}


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A release as it stands now.

    Parameters
    ----------
    release_id
        Keyed digest of what was asked for: only who has the project's key can tell of which study it is.
    policy_digest
        Of the profile; empty until it is known.
    pseudonym, study_uid
        The new ones; empty while they are not known.
    destination, address, labels
        Kind and name, where a person finds it, and by which names.
    changes
        What the destination changed by itself: how often, by attribute.
    certificate_sha256
        Of the file of the signed certificate; empty until there is one.
    looked_at, look_found
        When the destination was looked at again after the release, None where it never was, and what was
        otherwise there than was certified; empty for nothing.
    begun_at, ended_at
        To the minute: finer times would tell which job it was, and so which original.
    """

    release_id: str
    project: str
    profile: str
    state: ReleaseState
    begun_at: datetime
    policy_digest: str = ""
    pseudonym: str = ""
    study_uid: str = ""
    instances: int = 0
    destination: str = ""
    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    certificate_sha256: str = ""
    reason: str = ""
    ended_at: datetime | None = None
    looked_at: datetime | None = None
    look_found: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseAsker:
    """That somebody asked for a release.

    Parameters
    ----------
    asker
        An account of the site's staff; empty where nobody had signed in.
    begins
        Whether work on it began for this; otherwise it was begun for somebody else.
    asked_at
        To the minute, as the times of `ReleaseRecord`.
    """

    asker: str
    begins: bool
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseFilter:
    """Which releases are asked for; what is None is not asked about."""

    project: str | None = None
    state: ReleaseState | None = None
    pseudonym: str | None = None
