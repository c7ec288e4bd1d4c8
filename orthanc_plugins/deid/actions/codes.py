"""Codes: those of a site's own schemes are free text, in their meaning and in their value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import cleaned_code, is_scheme

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


class CleanedValue:
    """For Code Value (0008,0100), Long Code Value (0008,0119) and URN Code Value (0008,0120).

    Parameters
    ----------
    otherwise
        What is done with a code that may not stay.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the value of a code that may stay; of two values in one code the one that is judged."""
        code = place.code
        if code is None or decoded(value, place.character_set).strip("\0 ") != code.value:
            return self.otherwise(value, rule, place, job)
        cleaned = cleaned_code(code.scheme, code.value, code.meaning, job.echoes)
        return self.otherwise(value, rule, place, job) if cleaned is None else value

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "codes: of a standard's schemes they stay, of a site's own where they look like codes"


class CleanedScheme:
    """For Coding Scheme Designator (0008,0102).

    Parameters
    ----------
    otherwise
        What is done with a name that no scheme has.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the name of a standard's scheme, or of a site's that does not name somebody."""
        name = decoded(value, place.character_set).strip("\0 ")
        if not is_scheme(name) or (name.startswith("99") and job.echoes(name)):
            return self.otherwise(value, rule, place, job)
        return value

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "schemes of codes: those of standards stay, and those named as a site names its own (99...)"


class CleanedMeaning:
    """For Code Meaning (0008,0104).

    Parameters
    ----------
    otherwise
        What is done with a meaning that may not stay.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the meaning of a standard's code, of others what may stay of it."""
        code = place.code
        cleaned = code and cleaned_code(code.scheme, code.value, code.meaning, job.echoes)
        if code is None or cleaned is None:
            return self.otherwise(value, rule, place, job)
        meaning = cleaned.meaning if cleaned.meaning.isascii() else cleaned.value
        if meaning == code.meaning:
            return value
        if not meaning.isascii():
            return self.otherwise(value, rule, place, job)
        new = meaning.encode()
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "meanings of codes: of a standard's schemes they stay, of a site's own only where no word is "
            "personal"
        )
