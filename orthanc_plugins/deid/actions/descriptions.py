"""Descriptions of which the harmless words stay (PS3.15 E.3.5, Clean Descriptors)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import cleaned_description

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_LONGEST = {b"SH": 16, b"LO": 64, b"ST": 1024, b"LT": 10240}
_UNLIMITED = 2**16 - 2
_ONE_VALUE = frozenset({b"ST", b"LT", b"UT"})
"""In these a backslash is a letter (PS3.5 6.2)."""


_LONGEST_KNOWN, _MOST_KNOWN = 256, 1 << 14


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
        key = (rule.vr, place.character_set, value)
        new = job.cleaned.get(key)
        if new is None:
            new = _cleaned(decoded(value, place.character_set), rule.vr, job.echoes)
            if len(value) <= _LONGEST_KNOWN and len(job.cleaned) < _MOST_KNOWN:
                job.cleaned[key] = new
        return new or self.otherwise(value, rule, place, job)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "C for descriptions: words of a closed vocabulary of anatomy and technique stay, in their order, "
            "with small numbers; others go, and so does what repeats the patient's or the staff's identity"
        )


def _cleaned(text: str, vr: bytes, echoes: Callable[[str], bool]) -> bytes:
    """Return the words of a text that may stay, as they are encoded; nothing where none may."""
    parts = [text] if vr in _ONE_VALUE else text.split("\\")
    longest = _LONGEST.get(vr, _UNLIMITED)
    words = "\\".join(cleaned_description(part, echoes, max_length=longest) for part in parts)
    if not words.strip("\\") or not words.isascii():
        return b""
    new = words.encode()
    return new + b" " * (len(new) % 2)
