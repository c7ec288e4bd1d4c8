"""Private creators of the attributes that PS3.15 calls safe (Table E.3.10-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


class SafeCreator:
    """For private creators (gggg,00xx) under the option Retain Safe Private.

    Parameters
    ----------
    names
        The creators in the table, as they write themselves.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the creator's name if it is in the table, and remember its block (PS3.5 7.8.1)."""
        del job
        name = value.strip(b"\0 ").decode("ascii", "replace")
        if name not in self.names:
            return None
        place.creators[rule.tag >> 16 << 8 | rule.tag & 0xFF] = name
        return value

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "private elements: those that PS3.15 Table E.3.10-1 calls safe stay under the option, matched by "
            "their creator; all others go"
        )
