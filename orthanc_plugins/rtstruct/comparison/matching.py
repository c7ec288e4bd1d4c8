"""Which region of one structure set is to be compared with which of another."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.errors import ComparisonError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.rtstruct.reading.structure_set import Region

type Match = Literal["name", "overlap"]
type Named = str | int
type Wanted = Sequence[tuple[Named, Named]]
type Places = list[tuple[int, int]]

_SAME_PLACE = 1e-9


def named_pairs(regions: Sequence[Region], others: Sequence[Region], wanted: Wanted) -> Places:
    """Return the places of the regions that are asked for, by ROI Number or by name.

    Raises
    ------
    ComparisonError
        A set has no such region, or several of the name.
    """
    return [(_place(regions, one, "first"), _place(others, other, "second")) for one, other in wanted]


def _place(regions: Sequence[Region], wanted: Named, which: str) -> int:
    """Return the place of a region; texts name no region by its name, which may tell of a patient."""
    found = [place for place, region in enumerate(regions) if _is(region, wanted)]
    if len(found) == 1:
        return found[0]
    told = f"region {wanted}" if isinstance(wanted, int) else "region of the name asked for"
    numbers = ", ".join(str(region.number) for region in regions)
    if not found:
        raise ComparisonError(
            f"The {which} structure set has no {told} with closed contours; it has numbers {
                numbers or 'none'
            }."
        )
    raise ComparisonError(
        f"The {which} structure set has {len(found)} of the {told}: name it by its number, one of {numbers}."
    )


def _is(region: Region, wanted: Named) -> bool:
    return region.number == wanted if isinstance(wanted, int) else _plain(region.name) == _plain(wanted)


def same_names(regions: Sequence[Region], others: Sequence[Region]) -> Places:
    """Return the places of regions whose names agree but for case and blanks; equal names go in order."""
    free: dict[str, list[int]] = defaultdict(list)
    for place, region in enumerate(others):
        free[_plain(region.name)].append(place)
    return [
        (place, free[_plain(region.name)].pop(0))
        for place, region in enumerate(regions)
        if free[_plain(region.name)]
    ]


def most_alike(count: int, others: int, dice: Callable[[int, int], float]) -> Places:
    """Return the places of regions in pairs of the greatest Dice, each region once, in the first's order."""
    found = [(dice(one, other), one, other) for one in range(count) for other in range(others)]
    pairs: dict[int, int] = {}
    for share, one, other in sorted(found, key=lambda candidate: (-candidate[0], *candidate[1:])):
        if share > _SAME_PLACE and one not in pairs and other not in pairs.values():
            pairs[one] = other
    return sorted(pairs.items())


def _plain(name: str) -> str:
    """Return a name as it is compared.

    >>> _plain(" Lung_L ") == _plain("LUNG_l")
    True
    """
    return " ".join(name.split()).casefold()
