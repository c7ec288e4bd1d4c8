"""Descriptions of which the harmless words stay (PS3.15 E.3.5, Clean Descriptors)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import cleaned_description

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_LONGEST = {b"SH": 16, b"LO": 64, b"ST": 1024, b"LT": 10240}
_UNLIMITED = 2**16 - 2
_ONE_VALUE = frozenset({b"ST", b"LT", b"UT"})
"""In these a backslash is a letter (PS3.5 6.2)."""


class CleanedText:
    """C of Clean Descriptors, for texts.

    Parameters
    ----------
    otherwise
        What is done when no word may stay.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the words of the closed vocabulary, in their order."""
        text = decoded(value, place.character_set)
        parts = [text] if rule.vr in _ONE_VALUE else text.split("\\")
        longest = _LONGEST.get(rule.vr, _UNLIMITED)
        words = "\\".join(cleaned_description(part, job.echoes, max_length=longest) for part in parts)
        if not words.strip("\\") or not words.isascii():
            return self.otherwise(value, rule, place, job)
        new = words.encode()
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "C for descriptions: words of a closed vocabulary of anatomy and technique stay, in their order, "
            "with small numbers; others go, and so does what repeats the patient's or the staff's identity"
        )
