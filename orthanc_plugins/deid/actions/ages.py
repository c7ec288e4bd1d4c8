"""Ages, of which those over 89 years would tell who it is (45 CFR 164.514(b)(2)(i)(C))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.dates import capped_age

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


class Capped:
    """K of the option for patient characteristics, for ages.

    Parameters
    ----------
    otherwise
        What is done with a value that is no age.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the age, of more than 89 years as 090Y."""
        if not value.rstrip(b"\0 "):
            return b"" if value else value
        new = capped_age(value)
        return self.otherwise(value, rule, place, job) if new is None else new

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "K for ages: kept, but more than 89 years become 090Y"
