"""What the maker of released objects says that it did; the check holds it to that."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

type Longitudinal = Literal["removed", "modified", "unmodified"]
"""What became of dates (PS3.15 E.3.6), as Longitudinal Temporal Information Modified says it."""

CLEAN_PIXELS, CLEAN_FACE, CLEAN_GRAPHICS, CLEAN_CONTENT = "113101", "113102", "113103", "113104"
CLEAN_DESCRIPTORS = "113105"
FULL_DATES, MODIFIED_DATES = "113106", "113107"
RETAIN_PATIENT, RETAIN_DEVICE, RETAIN_UIDS = "113108", "113109", "113110"
RETAIN_PRIVATE, RETAIN_INSTITUTION = "113111", "113112"
"""Codes of options in CID 7050 (PS3.16)."""

_CODE_OF: dict[str, frozenset[str]] = {
    "removed": frozenset(),
    "modified": frozenset({MODIFIED_DATES}),
    "unmodified": frozenset({FULL_DATES}),
}


class Box(NamedTuple):
    """Pixels of every frame that may differ: rows ``top`` to ``bottom``, columns ``left`` to ``right``.

    Zero-based, the ends left out, so ``Box(0, 0, 2, 5)`` is two rows of five columns.
    """

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Claims:
    """What is said of the released objects.

    Parameters
    ----------
    method_codes
        Codes of CID 7050 that stand in De-identification Method Code Sequence (0012,0064) of every object;
        113101 only of those whose pixels were cleaned.
    longitudinal
        What became of dates; agrees with the codes.
    pixels_cleaned
        Whether burned-in text was looked for and masked (113101).
    masked
        Of each original SOP Instance UID whose pixels were cleaned, the boxes in which they may differ: none
        where there was nothing to mask. Pixels of other objects stay as they are.
    """

    method_codes: frozenset[str]
    longitudinal: Longitudinal
    pixels_cleaned: bool = False
    masked: Mapping[str, tuple[Box, ...]] = field(default=MappingProxyType({}), repr=False)

    def __post_init__(self) -> None:
        """Refuse claims that contradict each other.

        Raises
        ------
        ProfileError
            Codes say otherwise than ``longitudinal`` or ``pixels_cleaned``, or pixels are masked uncleaned.
        """
        if self.method_codes & {FULL_DATES, MODIFIED_DATES} != _CODE_OF[self.longitudinal]:
            raise ProfileError("the codes claimed say otherwise of dates than is claimed of them")
        if (CLEAN_PIXELS in self.method_codes) != self.pixels_cleaned:
            raise ProfileError("the codes claimed say otherwise of cleaned pixels than is claimed of them")
        if self.masked and not self.pixels_cleaned:
            raise ProfileError("pixels are masked, and cleaning them (113101) is not claimed")

    def __reduce__(self) -> tuple[type[Claims], tuple[object, ...]]:
        """Return what another process makes the claims of; the default mapping cannot be sent to one."""
        return Claims, (self.method_codes, self.longitudinal, self.pixels_cleaned, dict(self.masked))

    def has(self, code: str) -> bool:
        """Return whether an option is claimed."""
        return code in self.method_codes

    def codes_of(self, original_uid: str) -> frozenset[str]:
        """Return the codes that stand in the object made of an original."""
        return self.method_codes if original_uid in self.masked else self.method_codes - {CLEAN_PIXELS}


@dataclass(frozen=True)
class Pair:
    """An object, and what is to leave of it. The original's path may name the patient: it is never shown."""

    original: Path = field(repr=False)
    released: Path
