"""One thing to search for."""

from __future__ import annotations

from typing import NamedTuple


class Needle(NamedTuple):
    """A pattern, and what stands in every text that it is found in.

    Parameters
    ----------
    essential
        Letters and digits without separators, to look for in a compact text: a glance before the search.
    pattern
        A regular expression for the folded text.
    """

    essential: str
    pattern: str

    def __repr__(self) -> str:
        """Return nothing of what is searched for: it is somebody's."""
        return "Needle()"
