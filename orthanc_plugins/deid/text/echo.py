"""Whether a text repeats something of a known identity: the patient's, the staff's, the institution's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from orthanc_plugins.deid.text import needles
from orthanc_plugins.deid.text.folding import compact, folded
from orthanc_plugins.deid.text.transliteration import in_latin, unmasked
from orthanc_plugins.deid.text.vocabulary import WORDS
from orthanc_plugins.deid.text.written_dates import date_of, written_forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.deid.text.needle import Needle

_MUCH_LONGER = 2
_LONGEST_KNOWN, _MOST_KNOWN = 256, 1 << 14


@dataclass(frozen=True, slots=True)
class Echo:
    """Everything to search for. Its representation shows nothing of it."""

    _needles: tuple[Needle, ...] = field(repr=False)
    _known: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)
    """Answers given before: slices of a series have the same texts."""

    @classmethod
    def of(
        cls, values: Iterable[str], *, names: Iterable[str], dates: Iterable[str], initials: bool = False
    ) -> Self:
        """Return the echo of an identity.

        Parameters
        ----------
        values
            Identifiers, accession numbers, telephone numbers, addresses, names of institutions. An identifier
            of fewer than four digits is not searched for: it would be found in every measure.
        names
            Persons, plain or of VR PN with components and representations. Words of four letters are found
            inside others ("Schmidt" in "PTVSchmidt2"), shorter ones as whole words unless they are technical
            ("CT", "PA"), single letters never; ideographs from two on.
        dates
            Of VR DA or DT. What is no day is searched for as a value.
        initials
            Search for the initials of the names, too.
        """
        persons = [name for name in names if name.strip()]
        days = {written: date_of(written) for written in dates}
        unread = [written for written, day in days.items() if day is None]
        found = {*needles.of_names(persons), *needles.of_values([*values, *unread])}
        found.update(needles.of_initials(persons) if initials else ())
        found.update(needle for day in days.values() if day is not None for needle in written_forms(day))
        return cls(tuple(sorted(found)))

    def found_in(self, text: str) -> bool:
        """Return whether the text repeats something of the identity.

        A word of the vocabulary that merely holds a name ("patella", of Ella) repeats nothing.
        """
        answer = self._known.get(text)
        if answer is None:
            answer = self._is_found_in(text)
            if len(text) <= _LONGEST_KNOWN and len(self._known) < _MOST_KNOWN:
                self._known[text] = answer
        return answer

    def _is_found_in(self, text: str) -> bool:
        if text.isascii():
            return self._is_met_in(text.lower(), compact(text))
        ways = [unmasked(folded(text)), *in_latin(text)]
        return any(self._is_met_in(way, compact(way)) for way in ways)

    def _is_met_in(self, searched: str, glance: str) -> bool:
        hits = [needle.pattern for needle in self._needles if needle.essential in glance]
        return any(
            not _inside_a_word(searched, found) for pattern in hits for found in _all_found(pattern, searched)
        )


def _all_found(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Yield every match, also those that overlap."""
    compiled = re.compile(pattern)
    place = 0
    while (found := compiled.search(text, place)) is not None:
        yield found
        place = found.start() + 1


def _inside_a_word(text: str, found: re.Match[str]) -> bool:
    """Return whether the match is a part of a word of the vocabulary that is longer by two letters."""
    if not found[0].isalpha():
        return False
    start, stop = found.span()
    while start and text[start - 1].isalpha():
        start -= 1
    while stop < len(text) and text[stop].isalpha():
        stop += 1
    return stop - start >= len(found[0]) + _MUCH_LONGER and text[start:stop] in WORDS
