"""What was found against what was planted: all of it, in its class, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.archives.encoded import study_number
from tests.bench.archives.plant import plant_of, side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum

    from orthanc_plugins.identifiers import StudyUid

_NOT_ALTERED = "not altered"
_SHOWN = 20


@dataclass
class Verdict:
    """How many studies of which kind were judged rightly, and what is wrong with the others.

    Parameters
    ----------
    right
        By the name of the plant, studies told as they were to be told.
    missed
        Planted differences of which nothing was said.
    invented
        Studies that are the same on both sides and said to differ.
    misjudged
        Planted differences that were found and told as something else.
    """

    right: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    misjudged: list[str] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        """Whether everything was found and nothing invented."""
        return not (self.missed or self.invented or self.misjudged)

    def lines(self) -> Iterable[str]:
        """Yield what went wrong, the first of each kind."""
        for name in ("missed", "invented", "misjudged"):
            wrong: list[str] = getattr(self, name)
            yield f"{len(wrong)} {name}"
            yield from (f"  {line}" for line in wrong[:_SHOWN])


def judge[Kind: StrEnum](
    numbers: Iterable[int],
    expected: Callable[[int], Kind | None],
    found: Mapping[StudyUid, Iterable[Kind]],
) -> Verdict:
    """Return how what was found of studies compares with what was planted.

    Parameters
    ----------
    expected
        The class of what was planted in the study of a number, None where its copies say the same.
    found
        Classes of what was found, for each study in which something was.
    """
    verdict = Verdict()
    told = {study_number(uid): frozenset(kinds) for uid, kinds in found.items()}
    for number in numbers:
        plant, wanted, kinds = plant_of(number), expected(number), told.pop(number, frozenset())
        name = plant.name if plant else _NOT_ALTERED
        line = f"study {number} ({name}{f', {side_of(number)}' if plant else ''}): {', '.join(sorted(kinds))}"
        if kinds == ({wanted} if wanted is not None else frozenset()):
            verdict.right[name] += 1
        elif wanted is None:
            verdict.invented.append(line)
        elif not kinds:
            verdict.missed.append(f"{line}{wanted}")
        else:
            verdict.misjudged.append(f"{line} instead of {wanted}")
    verdict.invented += [f"study {number} is in neither archive" for number in told]
    return verdict
