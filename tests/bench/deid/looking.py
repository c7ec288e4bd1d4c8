"""What of the planted values can still be found in a file, and where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tests.builders.planted.finder import Finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from tests.bench.deid.opened import Opened
    from tests.builders.planted import Corpus, Plant

ELSEWHERE = "outside every element"
_LEGIBLE = 0.5
"""Least correlation of a line of letters with what it was; noise and flat ground have none."""


class Leak(NamedTuple):
    """A planted value in a file that was released as another's successor."""

    value: str
    kind: str
    file: str
    location: str


class Search:
    """Looks for all values of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._issued = {plant.value: (plant.kind, plant.encodings) for plant in corpus.plants}
        self._finder = Finder(self._issued)
        self._drawn = [plant for plant in corpus.plants if plant.within == "drawn"]

    def leaks(self, file: str, released: Opened, original: Opened) -> Iterator[Leak]:
        """Yield the values in a released file, each once for each place."""
        everywhere = {value for haystack in released.haystacks for value in self._in(haystack)}
        seen = set()
        for place in released.places:
            for value in self._in(place.value):
                seen.add(value)
                yield Leak(value, self._issued[value][0], file, place.path)
        for value in sorted(everywhere - seen):
            yield Leak(value, self._issued[value][0], file, ELSEWHERE)
        for plant in self._drawn:
            if plant.file == file and legible(
                original.picture(plant.location), released.picture(plant.location)
            ):
                yield Leak(plant.value, plant.kind, file, f"{plant.location} drawn")

    def _in(self, data: bytes) -> Iterator[str]:
        for value in self._finder.found_in(data):
            kind, encodings = self._issued[value]
            if any(is_there(encoding, data, is_date="date" in kind) for encoding in encodings):
                yield value


def is_there(encoding: bytes, data: bytes, *, is_date: bool = False) -> bool:
    """Return whether a value is in some bytes; a number as a whole run of digits, a date as a run's begin.

    >>> is_there(b"9123456", b"2.25.8891234567"), is_there(b"20200131", b"20200131081500")
    (False, False)
    >>> is_there(b"9123456", b"ID 9123456"), is_there(b"20200131", b"20200131081500", is_date=True)
    (True, True)
    """
    if not encoding.isdigit():
        return encoding in data
    end = b"" if is_date else rb"(?![0-9])"
    return re.search(rb"(?<![0-9])" + encoding + end, data) is not None


def legible(original: NDArray[np.bool_], released: NDArray[np.bool_]) -> bool:
    """Return whether any line of what was drawn still looks as it did; arrays of shape (rows, columns)."""
    if original.shape != released.shape:
        return False
    return any(_alike(original[rows], released[rows]) > _LEGIBLE for rows in _lines(original))


def _lines(drawn: NDArray[np.bool_]) -> Iterable[slice]:
    """Return the runs of rows in which something is drawn."""
    inked = np.flatnonzero(np.diff(np.concatenate(([0], drawn.any(axis=1).astype(int), [0]))))
    return [slice(int(begin), int(end)) for begin, end in inked.reshape(-1, 2)]


def _alike(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the correlation of two pictures; 0 where one of them is flat."""
    if one.all() or not one.any() or other.all() or not other.any():
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def by_kind(leaks: Iterable[Leak]) -> Mapping[str, int]:
    """Return how many different values of each kind were found."""
    counts: dict[str, int] = {}
    for kind, _ in sorted({(leak.kind, leak.value) for leak in leaks}):
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def planted(plants: Iterable[Plant], files: Iterable[str]) -> Mapping[str, int]:
    """Return how many different values of each kind were planted in some files."""
    some = set(files)
    return by_kind(Leak(plant.value, plant.kind, "", "") for plant in plants if plant.file in some)
