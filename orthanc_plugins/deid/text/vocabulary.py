"""The closed vocabulary: words that tell of anatomy and technique, and of nobody.

``vocabulary.txt`` holds one entry a line, folded and sorted: a word, or two words that may only stay
together, because one of them alone is a common surname ("long axis", "white matter"). It was gathered from
the meanings of codes in pydicom 3.0.2 (DICOM 2025 context groups: anatomy, procedures, findings,
technique), from the names of AAPM TG-263, and from what scanners and clinics call sequences, kernels,
phases and body parts in English, German, French, Spanish and Italian, and from how these and Dutch say that
something is not there, or not certain: a finding whose "kein" is dropped says the opposite. Taken out by
hand, with lists of surnames, given names and cities of many countries beside it: words that are common
names (May, Young, Stern, Iris), eponyms, places, institutions, professions, relations, origins, months and
weekdays. Some anatomy stays though a few people are called so (head, hand, heart, Kopf, Herz): such a word
is dropped after a title, and where it repeats a name that the object itself tells.
"""

from __future__ import annotations

from importlib.resources import files


def _entries() -> list[list[str]]:
    listed = files(__package__).joinpath("vocabulary.txt").read_text("ascii")
    return [line.split() for line in listed.splitlines()]


_ENTRIES = _entries()

WORDS = frozenset(entry[0] for entry in _ENTRIES if len(entry) == 1)
"""Folded words that may stay alone; of two letters or more."""

PAIRS = frozenset((entry[0], entry[1]) for entry in _ENTRIES if len(entry) == 2)  # noqa: PLR2004 - a pair is two
"""Folded words that may stay only one after the other."""


def words_of(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a text."""
    return frozenset(text.split())
