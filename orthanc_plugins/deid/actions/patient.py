"""The patient's pseudonym in the place of name and identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


class NewPatient:
    """For Patient's Name (0010,0010) and Patient ID (0010,0020), which Table E.1-1 lets be a dummy."""

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the pseudonym, of even length."""
        del value, rule, place
        new = job.patient.encode()
        return new + b" " * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "Patient's Name and Patient ID: the patient's pseudonym in the project"
