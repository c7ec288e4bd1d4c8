"""Which of two values stays, by the strategy that is set for it. Nothing is ever guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.rules.repair import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

_CLOCKS_APART = timedelta(minutes=15)
"""Clocks of two systems may differ by so much; times closer than that tell nothing."""
_ZONES_APART = timedelta(hours=26)
"""A time without its offset from UTC may be so much earlier or later: zones go from -12 to +14 hours."""

_NAMES = {ArchiveName.ORTHANC: "Orthanc", ArchiveName.DCM4CHEE: "DCM4CHEE"}
_PREFERRED = {
    Strategy.PREFER_ORTHANC: ArchiveName.ORTHANC,
    Strategy.PREFER_DCM4CHEE: ArchiveName.DCM4CHEE,
}


def archive_title(archive: ArchiveName) -> str:
    """Return the archive's name as it is written in a sentence."""
    return _NAMES[archive]


@dataclass(frozen=True)
class Moments:
    """What one copy of an instance tells of when it was made and changed; naive where no zone is known.

    Parameters
    ----------
    created
        Instance Creation Date and Time (0008,0012 and 0013).
    content
        Content Date and Time (0008,0023 and 0033).
    corrected
        By tag of the top level: when it was last corrected (Attribute Modification DateTime, 0400,0562, of an
        item of the Original Attributes Sequence whose reason is CORRECT, PS3.3 C.12.1.1.9.1).
    coerced
        Tags of the top level that an archive has changed by its own rules (reason COERCE); when, is no
        evidence: it does so with whatever it is sent.

    When an archive received a copy is no evidence: the copy that was sent on later is not the newer one.
    """

    created: datetime | None = None
    content: datetime | None = None
    corrected: Mapping[str, datetime] = field(default_factory=dict)
    coerced: frozenset[str] = frozenset()

    def records(self, tag: str) -> bool:
        """Return whether the copy records that an attribute has been changed."""
        return tag in self.corrected or tag in self.coerced


@dataclass(frozen=True)
class Verdict:
    """What becomes of a difference.

    Parameters
    ----------
    keep
        Whose value stays, None when nothing is changed.
    by_person
        Whether a person has to decide.
    reason
        One sentence, without values.
    """

    keep: ArchiveName | None
    by_person: bool
    reason: str


type Copies[T] = Mapping[ArchiveName, T]
"""One of each archive."""


def judge(
    strategy: Strategy,
    values: Copies[str | None],
    moments: Copies[Moments] | None = None,
    top_tag: str | None = None,
    *,
    explained: bool = False,
) -> Verdict:
    """Return what becomes of two values that differ.

    Parameters
    ----------
    strategy
        That of the attribute.
    values
        None or blank where a copy has no value.
    moments
        What the copies tell of their times; asked by `Strategy.NEWEST` only.
    top_tag
        Tag, at the top level, of the attribute or of the sequence it is in; None for the instance as a whole.
    explained
        Whether one copy records that it was changed from the value that the other has.
    """
    if (preferred := _PREFERRED.get(strategy)) is not None:
        return Verdict(preferred, by_person=False, reason=f"{_NAMES[preferred]} is preferred.")
    if strategy is Strategy.NEVER_OVERWRITE:
        return _filled_only(values)
    if strategy is Strategy.NEWEST:
        copies = {archive: (moments or {}).get(archive, Moments()) for archive in ArchiveName}
        derived = [name for name, copy in copies.items() if top_tag is not None and copy.records(top_tag)]
        if explained and len(derived) == 1:
            return _newer(derived[0], "it was made from the other's value")
        return _newest(copies, top_tag)
    return Verdict(None, by_person=True, reason="A person decides.")


def _filled_only(values: Copies[str | None]) -> Verdict:
    holders = [archive for archive in ArchiveName if (values.get(archive) or "").strip()]
    if len(holders) == 1:
        return Verdict(holders[0], by_person=False, reason=f"Only {_NAMES[holders[0]]} has a value.")
    return Verdict(None, by_person=False, reason="Both have a value, and none is to be overwritten.")


def _newest(copies: Copies[Moments], top_tag: str | None) -> Verdict:
    corrected = {
        name: None if top_tag is None else copy.corrected.get(top_tag) for name, copy in copies.items()
    }
    for why, times in (
        ("it was corrected later", corrected),
        ("its instance was created later", {name: copy.created for name, copy in copies.items()}),
        ("its content was made later", {name: copy.content for name, copy in copies.items()}),
    ):
        if (found := _later(times)) is not None:
            return _newer(found, why)
    return Verdict(
        None,
        by_person=True,
        reason="Nothing proves which is the newer: dates of correction, creation and content are absent, "
        "equal or too close.",
    )


def _newer(archive: ArchiveName, why: str) -> Verdict:
    return Verdict(archive, by_person=False, reason=f"{_NAMES[archive]} has the newer one: {why}.")


def _later(times: Copies[datetime | None]) -> ArchiveName | None:
    """Return which archive's time is the later beyond doubt, None when there is doubt or one is missing."""
    (one, first), (other, second) = times.items()
    if first is None or second is None:
        return None
    known = first.tzinfo is not None and second.tzinfo is not None
    apart = _utc(first) - _utc(second)
    if abs(apart) <= (_CLOCKS_APART if known else _CLOCKS_APART + _ZONES_APART):
        return None
    return one if apart > timedelta() else other


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
