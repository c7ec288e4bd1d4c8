"""Texts of reports (PS3.15 E.3.4, Clean Structured Content)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.text import allowed_text

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


class CleanedContentText:
    """C of Clean Structured Content, for Text Value (0040,A160).

    Parameters
    ----------
    otherwise
        What is done with a text that may not stay.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return what may stay of a text of its concept, else a dummy."""
        scheme, concept = (place.concept.scheme, place.concept.value) if place.concept else ("", "")
        text = decoded(value, place.character_set).rstrip("\0 ")
        kept = allowed_text(scheme, concept, text, job.echoes)
        if not kept or not kept.isascii():
            return self.otherwise(value, rule, place, job)
        new = kept.encode()
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "C for reports: numbers, codes, references and coordinates stay; a text stays only where its "
            "concept is a technical one, all others, and names of persons, become a dummy"
        )
