"""Meanings of codes: those of a site's own schemes are free text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import cleaned_code

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


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
        meaning = decoded(value, place.character_set).strip("\0 ")
        code = cleaned_code(place.scheme, place.code, meaning, job.echoes)
        if code is None or not code.meaning.isascii():
            return self.otherwise(value, rule, place, job)
        if code.meaning == meaning:
            return value
        new = code.meaning.encode()
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "meanings of codes: of a standard's schemes they stay, of a site's own only where no word is "
            "personal"
        )
