"""Dates moved by the patient's offset (PS3.15 E.3.6, Longitudinal Temporal Information, modified dates)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.dates import is_tm, shifted_da, shifted_dt

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


_DATES_OF_REPORTS = frozenset({0x0040A120, 0x0040A121})
_OF_LIFE = frozenset(
    {("DCM", "121031"), ("SCT", "184099003"), ("LN", "21112-8"), ("SCT", "399753006"), ("LN", "81954-0")}
)
"""Concepts of birth and death: in a report they are dates as of any finding (PS3.16 TID 1007)."""


class Shifted:
    """C of the option with modified dates, for what happened to the patient.

    Parameters
    ----------
    otherwise
        What is done with a value that is no date.
    """

    def __init__(self, otherwise: ByType) -> None:
        self.otherwise = otherwise

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the date moved, a time of day as it is."""
        if not value.rstrip(b"\0 "):
            return b"" if value else value
        if rule.tag in _DATES_OF_REPORTS and _is_of_life(value, place, job):
            return self.otherwise(value, rule, place, job)
        if rule.vr == b"TM":
            new = value if is_tm(value) else None
        else:
            new = (shifted_da if rule.vr == b"DA" else shifted_dt)(value, job.days)
        return self.otherwise(value, rule, place, job) if new is None else new

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return (
            "C for dates: moved by whole weeks into the past, the same for all of a patient's studies; times "
            "of day stay; dates of devices and vocabularies, and what is no date, go as without the option"
        )


def _is_of_life(value: bytes, place: Place, job: Job) -> bool:
    """Return whether a date in a report is that of birth or death: moved, it would tell the offset."""
    is_said = place.concept is not None and place.concept[:2] in _OF_LIFE
    born = job.birth_date.replace(".", "").encode("ascii", "replace")
    return is_said or (bool(born) and value.replace(b".", b"", 2).startswith(born))
