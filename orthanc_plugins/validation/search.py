"""Many patterns in many bytes at once.

Bytes are looked at as words of two, once. Only where the last words of some pattern stand, one after the
other, is a place looked at more closely, so that images cost two passes of numpy and hardly more.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orthanc_plugins.validation.writings import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from orthanc_plugins.validation.patterns import Pattern

_WORD = 2
_BITS = 16
_WORDS = 1 << _BITS
_LONG = 4
"""Words by which patterns of nine bytes on are met; shorter ones by two."""
_SHORT = 2


class Hit(NamedTuple):
    """A pattern, and where in the data it begins."""

    pattern: Pattern
    start: int


class _Table:
    """Patterns by their last words, as they stand when they end at an even place, and at an odd one."""

    def __init__(self, patterns: Iterable[Pattern], count: int) -> None:
        self._count = count
        self._at: dict[int, list[tuple[Pattern, int]]] = defaultdict(list)
        for pattern in patterns:
            for odd in (0, 1):
                stop = len(pattern.code) - odd
                tail = pattern.code[stop - count * _WORD : stop]
                self._at[int.from_bytes(tail, "little")].append((pattern, odd))
        self._keys = np.array(sorted(self._at), np.uint64)
        self._may_be = np.zeros((count, _WORDS), np.bool_)
        for place, words in enumerate(self._may_be):
            words[self._keys >> np.uint64(_BITS * place) & np.uint64(_WORDS - 1)] = True

    def hits(self, data: bytes, words: NDArray[np.uint16]) -> Iterator[Hit]:
        """Yield where patterns are in data, in lower case."""
        if not len(self._keys) or len(words) < self._count:
            return
        last = np.flatnonzero(self._may_be[-1][words[self._count - 1 :]]) + self._count - 1
        for back in range(1, self._count):
            last = last[self._may_be[self._count - 1 - back][words[last - back]]]
        keys = np.zeros(len(last), np.uint64)
        for back in range(self._count):
            keys |= words[last - back].astype(np.uint64) << np.uint64(_BITS * (self._count - 1 - back))
        found = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[found] == keys
        for place, key in zip(last[known].tolist(), keys[known].tolist(), strict=True):
            stop = (place + 1) * _WORD
            for pattern, odd in self._at[key]:
                if pattern.is_at(data, stop + odd):
                    yield Hit(pattern, stop + odd - len(pattern.code))


class Index:
    """Patterns of at least `ANYWHERE` bytes, made ready to be searched for."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        long: list[Pattern] = []
        short: list[Pattern] = []
        for pattern in patterns:
            if len(pattern.code) < ANYWHERE:
                raise ValueError("a pattern is too short to be searched for in every byte")
            (long if len(pattern.code) > _LONG * _WORD else short).append(pattern)
        self._tables = (_Table(long, _LONG), _Table(short, _SHORT))

    def search(self, data: bytes) -> Iterator[Hit]:
        """Yield where patterns are in data, whatever the case of ASCII letters."""
        lowered = data.lower()
        words = np.frombuffer(lowered, "<u2", len(lowered) // _WORD)
        for table in self._tables:
            yield from table.hits(lowered, words)
