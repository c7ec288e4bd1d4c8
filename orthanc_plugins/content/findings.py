"""What was found between two copies of one instance, before it is known how many instances it concerns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.sync.differences import LEFT, RIGHT

if TYPE_CHECKING:
    from orthanc_plugins.sync.differences import DifferenceClass

_LONGEST = 120
_CONTEXT = 20
"""Of a long value, so many characters ahead of the first that differs are shown."""


class Finding(NamedTuple):
    """One difference; the parts are those of `Difference`."""

    kind: DifferenceClass
    tag: str | None
    keyword: str | None
    left: str | None
    right: str | None
    detail: str


@dataclass
class Findings:
    """Everything that was found between two copies.

    ``incomplete`` says what could not be compared and why, ``notes`` what is worth saying although nothing
    differs; each a sentence.
    """

    differences: list[Finding] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def side(*, left: bool) -> str:
    """Return the name of the archive on a side."""
    return LEFT if left else RIGHT


def shortened(left: str | None, right: str | None) -> tuple[str | None, str | None]:
    """Return two values, of long ones the part where they begin to differ.

    >>> shortened("a" * 200, "a" * 150 + "b")[1]
    '…aaaaaaaaaaaaaaaaaaaab'
    """
    if max(len(left or ""), len(right or "")) <= _LONGEST:
        return left, right
    alike = 0
    for one, other in zip(left or "", right or "", strict=False):
        if one != other:
            break
        alike += 1
    begin = max(0, alike - _CONTEXT) if left and right else 0
    return _cut(left, begin), _cut(right, begin)


def _cut(text: str | None, begin: int) -> str | None:
    if text is None:
        return None
    kept = text[begin : begin + _LONGEST]
    return f"{'…' if begin else ''}{kept}{'…' if begin + _LONGEST < len(text) else ''}"
