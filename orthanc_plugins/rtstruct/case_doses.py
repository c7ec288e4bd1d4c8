"""The doses of a case in memory: which can be used, and which is meant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct import dose
from orthanc_plugins.rtstruct.brief import Brief

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.rtstruct.dose import Dose, DoseSource
    from orthanc_plugins.rtstruct.problems import Problem


@dataclass(eq=False, repr=False)
class CaseDoses(Brief):
    """RT Doses of a frame of reference, read when they are first asked for; parameters as of `UsableDoses`.

    ``problems`` is the list to which is added what is wrong with some.
    """

    sources: Sequence[DoseSource]
    frame_of_reference_uid: str
    allow_other_frame: bool
    problems: list[Problem]

    @cached_property
    def usable(self) -> tuple[Dose, ...]:
        """Those that can be used, the whole plan's first."""
        found = self._usable(self.sources, self.problems)
        return tuple(sorted(found, key=lambda one: dose.preference(one.summation_type)))

    def chosen(self, of: Dose | None) -> Dose:
        """Return a dose that was given, or the first one of all, if it can be used.

        Raises
        ------
        InvalidDicom
            There is none, or it cannot be used.
        """
        if of is None and not self.sources:
            raise InvalidDicom(
                "No RT Dose of the structure set's frame of reference was loaded with it: load them together."
            )
        if of is None and self.usable:
            return self.usable[0]
        problems: list[Problem] = []
        found = self._usable(self.sources if of is None else (of,), problems)
        if not found:
            raise InvalidDicom(" ".join(problem.message for problem in problems))
        return found[0]

    def _usable(self, sources: Sequence[DoseSource], problems: list[Problem]) -> list[Dose]:
        return list(
            dose.UsableDoses(
                sources,
                self.frame_of_reference_uid,
                allow_other_frame=self.allow_other_frame,
                problems=problems,
            )
        )
