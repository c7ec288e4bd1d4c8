"""What was found wrong, as records that travel into ``results.json``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

type Severity = Literal["warning", "error"]

DOSE_MISSING = "dose_missing"
"""Code of the problem that a dose could not be had."""
_LISTED = 20


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a structure set, a region or the images.

    Parameters
    ----------
    code
        Stable word for programs, such as ``not_a_number``.
    message
        What is wrong and what was done about it. It speaks of regions by number, never by name: messages
        end up in logs.
    severity
        ``error`` when something could not be done, ``warning`` when it was done all the same.
    region
        ROI Number (3006,0022), None when the whole set is meant.
    contours
        Zero-based places in the region's Contour Sequence, the first twenty at most; messages count from 1.
    region_name
        ROI Name (3006,0026), None when the whole set is meant; it stands in results, see `of_region`.
    """

    code: str
    message: str
    severity: Severity = "warning"
    region: int | None = None
    contours: tuple[int, ...] = ()
    region_name: str | None = None


def no_images(because: str, *, masks_are_lost: bool = False) -> Problem:
    """Return that a set has no images; ``because`` says why, empty where none at all are there.

    It is an error where masks were asked for, which are not made then.
    """
    text = "contours and surfaces are measured; no masks, intensities or pictures."
    text = f"No images are used: {text} {because}" if because else f"The images are not there: {text}"
    return Problem("no_images", text, "error" if masks_are_lost else "warning")


def of_region(problems: Iterable[Problem], name: str) -> tuple[Problem, ...]:
    """Return a region's problems as they stand in results, with the region's name."""
    return tuple(replace(problem, region_name=name) for problem in problems)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return how many there are, in words that agree.

    >>> counted(1, "slice is", "slices are"), counted(3, "plane")
    ('1 slice is', '3 planes')
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def contour_problem(code: str, contours: list[int], what: str, region: int, *, at: str = "") -> Problem:
    """Return one problem for all contours of a region that share a fault; ``at`` is where they lie.

    >>> contour_problem("empty_contour", [4, 7], "without points, left out", 3).message
    'Region 3: 2 contours without points, left out (items 5, 8 of its Contour Sequence, counted from 1).'
    """
    listed = ", ".join(str(index + 1) for index in contours[:_LISTED])
    more = ", …" if len(contours) > _LISTED else ""
    item = "item" if len(contours) == 1 else "items"
    place = f", {at}" if at else ""
    message = (
        f"Region {region}: {counted(len(contours), 'contour')} {what} "
        f"({item} {listed}{more} of its Contour Sequence, counted from 1{place})."
    )
    return Problem(code, message, region=region, contours=tuple(contours[:_LISTED]))
