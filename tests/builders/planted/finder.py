"""Find issued values in bytes, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD = 6
"""Bytes by which a value is recognised at first; none is shorter."""


class Finder:
    """Looks for values in their encodings.

    >>> list(Finder({"Kubatomi": ("name", (b"Kubatomi",))}).found_in(b"Mr Kubatomi"))
    ['Kubatomi']
    """

    def __init__(self, issued: Mapping[str, tuple[str, tuple[bytes, ...]]]) -> None:
        self._known: set[str] = set()
        self._by_head: dict[bytes, list[tuple[bytes, str]]] = {}
        self.learn(issued)

    def learn(self, issued: Mapping[str, tuple[str, tuple[bytes, ...]]]) -> None:
        """Look for the values that were issued since, too."""
        for value in issued.keys() - self._known:
            self._known.add(value)
            for encoding in issued[value][1]:
                assert len(encoding) >= _HEAD, "shorter values are found by chance"
                self._by_head.setdefault(encoding[:_HEAD], []).append((encoding, value))

    def found_in(self, data: bytes) -> Iterator[str]:
        """Yield each value that occurs, once."""
        seen = set()
        for at in range(len(data) - _HEAD + 1):
            for encoding, value in self._by_head.get(data[at : at + _HEAD], ()):
                if value not in seen and data.startswith(encoding, at):
                    seen.add(value)
                    yield value
