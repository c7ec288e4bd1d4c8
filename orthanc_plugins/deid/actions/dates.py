"""Dates moved by the patient's offset (PS3.15 E.3.6, Longitudinal Temporal Information, modified dates)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.dates import is_tm, shifted_da, shifted_dt

if TYPE_CHECKING:
    from orthanc_plugins.deid.actions.by_type import ByType
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


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
