"""Removed, emptied or replaced by a dummy, as the attribute's Type in the object asks (PS3.15 E.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.actions.dummies import dummy_value
from orthanc_plugins.deid.rules import Fate, fate

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

FALLEN = "X/Z/D"
"""What becomes of an element that the policy keeps, but whose value may not stay."""


class ByType:
    """X, Z, D and their combinations in Table E.1-1.

    Parameters
    ----------
    letter
        As the table writes it.
    """

    def __init__(self, letter: str) -> None:
        self.letter = letter
        self._known: dict[tuple[str, tuple[int, ...], int], Fate] = {}

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return nothing, an empty value, or a dummy; what is empty already stays so if it may."""
        found = self.fate(rule, place, job)
        if found is Fate.REMOVED:
            return None
        if found is Fate.EMPTIED or not value:
            return b"" if value else value
        return dummy_value(rule.vr, value, job)

    def fate(self, rule: Rule, place: Place, job: Job) -> Fate:
        """Return which of the ways is taken for an element that stands here."""
        key = (job.sop_class_uid, place.path, rule.tag)
        found = self._known.get(key)
        if found is None:
            found = fate(self.letter, *key)
            if rule.vr == b"SQ" and self.letter == "X" and found is Fate.REPLACED:
                found = Fate.REMOVED  # nobody can say what a dummy of it would hold
            self._known[key] = found
        return found

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "X, Z, D and combinations: removed, emptied or replaced by a dummy; of a combination what the "
            "attribute's Type in the object allows at least"
        )


class Removed(ByType):
    """Removed whatever the object's definition demands: what the engine writes itself, or nobody knows."""

    def __init__(self) -> None:
        super().__init__("X")

    def fate(self, rule: Rule, place: Place, job: Job) -> Fate:
        """Return that it is removed."""
        del rule, place, job
        return Fate.REMOVED

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "always removed: marks of earlier de-identifications, which are written anew, lengths that no "
            "longer hold, groups that are no part of a data set, overlays, curves, what the dictionary lacks"
        )
