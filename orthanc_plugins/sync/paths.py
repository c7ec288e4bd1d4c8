"""Where an element stands in a data set, as differences tell it: ``30060020[3].30060026``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_STEP = re.compile(
    r"(?:(?P<tag>[0-9A-Fa-f]{8})|(?P<group>[0-9A-Fa-f]{4})\[(?P<creator>.{1,64}?)\](?P<element>[0-9A-Fa-f]{2}))"
    r"(?:\[(?P<item>\d+)\])?(?=\.|$)"
)


@dataclass(frozen=True)
class Step:
    """One element of a path, and which of its items the path goes on in.

    Parameters
    ----------
    tag
        Eight hexadecimal digits in capitals; of a private element the four of its group and the two after
        the block that its creator has reserved (PS3.5 7.8.1).
    creator
        Private creator, None for an element of the standard.
    item
        Counted from 0; None where the path ends in the element itself.
    """

    tag: str
    creator: str | None = None
    item: int | None = None

    @property
    def name(self) -> str:
        """The element as a path tells it, without an item."""
        return self.tag if self.creator is None else f"{self.tag[:4]}[{self.creator}]{self.tag[4:]}"


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the elements of a path from the top.

    Raises
    ------
    ValueError
        The text is no path.

    >>> [(step.tag, step.item) for step in parse_path("30060020[3].30060026")]
    [('30060020', 3), ('30060026', None)]
    >>> parse_path("0029[SIEMENS CSA HEADER]10")
    (Step(tag='002910', creator='SIEMENS CSA HEADER', item=None),)
    """
    steps: list[Step] = []
    position = 0
    while found := _STEP.match(text, position):
        item = None if found["item"] is None else int(found["item"])
        tag = found["tag"] or found["group"] + found["element"]
        steps.append(Step(tag.upper(), found["creator"], item))
        position = found.end() + 1
    if position != len(text) + 1:
        raise ValueError("The text is no path of an element.")
    return tuple(steps)


def without_items(steps: tuple[Step, ...]) -> str:
    """Return the path without item numbers.

    >>> without_items(parse_path("300a00b0[0].300a00c2"))
    '300A00B0.300A00C2'
    """
    return ".".join(step.name for step in steps)
