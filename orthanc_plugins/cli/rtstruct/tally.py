"""How many problems a structure set has, and of which kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Tally:
    """Problems of one structure set; ``codes`` are their kinds, those of errors first.

    >>> str(Tally(2, 1, ("no_pixels", "absent_images")))
    '2 errors, 1 warning: no_pixels, absent_images'
    """

    errors: int = 0
    warnings: int = 0
    codes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.errors or self.warnings)

    def __str__(self) -> str:
        counts = ((self.errors, "error"), (self.warnings, "warning"))
        told = [f"{count} {word}{'s' * (count > 1)}" for count, word in counts if count]
        return f"{', '.join(told)}: {', '.join(self.codes)}"


def tally_of(results: Mapping[str, Any] | None) -> Tally:
    """Return the tally of the content of ``results.json``."""
    problems = results["problems"] if results is not None else []
    ordered = sorted(problems, key=lambda problem: problem["severity"] != "error")
    errors = sum(problem["severity"] == "error" for problem in problems)
    codes = tuple(dict.fromkeys(problem["code"] for problem in ordered))
    return Tally(errors, len(problems) - errors, codes)
