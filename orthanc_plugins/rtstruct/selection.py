"""Choose regions by name or number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol, Self

from orthanc_plugins.rtstruct.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orthanc_plugins.rtstruct.reading.structure_set import Region, StructureSet


class Named(Protocol):
    """What has the number and the name of a region."""

    @property
    def number(self) -> int:
        """ROI Number (3006,0022)."""

    @property
    def name(self) -> str:
        """ROI Name (3006,0026)."""


@dataclass(frozen=True)
class RegionChoice:
    """Patterns of which a region must match one.

    A pattern is a name, without regard to capitals, in which ``*`` stands for any letters, ``?`` for any one
    and ``[…]`` for one of several; or an ROI Number. A region whose name is the pattern itself matches too.

    >>> from orthanc_plugins.rtstruct.reading.contours import Region
    >>> choice = RegionChoice(("gtv*", "7"))
    >>> [choice.takes(region) for region in (Region(1, "GTV 1"), Region(7, "Lung_L"), Region(2, "PTV"))]
    [True, True, False]
    """

    patterns: tuple[str, ...]

    @classmethod
    def of(cls, regions: str | int | Iterable[str | int]) -> Self:
        """Return the choice of one pattern or ROI Number, or of several."""
        several = (regions,) if isinstance(regions, str | int) else regions
        return cls(tuple(dict.fromkeys(map(str, several))))

    def takes(self, region: Region) -> bool:
        """Return whether any pattern matches a region."""
        return any(matches(pattern, region.number, region.name) for pattern in self.patterns)

    def apply(self, structure_set: StructureSet) -> StructureSet:
        """Return the structure set with the regions that match, and a warning for patterns of none.

        The other regions become its ``left_out``.
        """
        chosen = tuple(region for region in structure_set.regions if self.takes(region))
        others = tuple(region for region in structure_set.regions if not self.takes(region))
        problems = [
            Problem("no_such_region", f"No region matches {pattern!r}, which was asked for.")
            for pattern in self.unmatched(structure_set.regions)
        ]
        return replace(
            structure_set,
            regions=chosen,
            problems=(*structure_set.problems, *problems),
            left_out=(*structure_set.left_out, *others),
        )

    def unmatched(self, regions: Sequence[Region]) -> list[str]:
        """Return the patterns that match none of these regions."""
        return [
            pattern
            for pattern in self.patterns
            if not any(matches(pattern, region.number, region.name) for region in regions)
        ]


def matches(pattern: str, number: int, name: str) -> bool:
    """Return whether a pattern (see `RegionChoice`) matches a region of this number and name.

    >>> matches("lung_?", 2, "Lung_L"), matches("2", 2, "Lung_L"), matches("a[1]", 3, "A[1]")
    (True, True, True)
    """
    name, pattern = name.strip().casefold(), pattern.strip().casefold()
    return name == pattern or str(number) == pattern or fnmatchcase(name, pattern)


def only[One: Named](regions: Sequence[One], key: str | int) -> One:
    """Return the one region of a number or of a name, as it stands or else without regard to capitals.

    Raises
    ------
    KeyError
        No region, or more than one, is called so.
    """
    if isinstance(key, int):
        found = [region for region in regions if region.number == key]
    else:
        found = [region for region in regions if region.name == key] or [
            region for region in regions if region.name.strip().casefold() == key.strip().casefold()
        ]
    if len(found) != 1:
        numbers = ", ".join(str(region.number) for region in found)
        what = f"regions {numbers} are all called so: use a number" if found else "`names` lists all"
        raise KeyError(f"{key!r}: {what}")
    return found[0]
