"""An original and what is to leave of it, element by element, as every check of a file sees them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orthanc_plugins.validation.attributes import DROPPABLE, REWRITTEN
from orthanc_plugins.validation.claims import CLEAN_CONTENT, CLEAN_GRAPHICS, CLEAN_PIXELS
from orthanc_plugins.validation.reading import SOP_INSTANCE, shown
from orthanc_plugins.validation.report import Finding, Severity

if TYPE_CHECKING:
    from orthanc_plugins.validation.claims import Claims
    from orthanc_plugins.validation.reading import Instance, Leaf, Place


@dataclass(frozen=True)
class Comparison:
    """Both, and what is claimed.

    ``instance`` is how findings name the object, ``name`` that of the released file.
    """

    original: Instance
    released: Instance
    claims: Claims
    instance: str
    name: str

    @property
    def codes(self) -> frozenset[str]:
        """The codes of CID 7050 that are claimed of this object."""
        return self.claims.codes_of(self.original.plain(SOP_INSTANCE))

    @property
    def is_cleaned(self) -> bool:
        """Whether its pixels are claimed to be cleaned."""
        return CLEAN_PIXELS in self.codes

    @cached_property
    def aligned(self) -> tuple[tuple[Leaf, Leaf], ...]:
        """Elements that stand at the same place in both and have a value in both."""
        after = self.released.leaves
        return tuple(
            (leaf, after[place])
            for place, leaf in self.original.leaves.items()
            if place in after and leaf.stripped and after[place].stripped
        )

    @cached_property
    def both(self) -> tuple[tuple[Leaf, Leaf], ...]:
        """Those of the aligned that de-identification neither writes itself nor may drop or make anew."""
        return tuple((one, other) for one, other in self.aligned if not is_remade(one.place))

    def finding(
        self, check: str, place: Place | str, text: str, severity: Severity = Severity.ERROR
    ) -> Finding:
        """Return a finding on the released object."""
        return Finding(
            check, self.instance, place if isinstance(place, str) else shown(place), text, severity
        )


def is_remade(place: Place) -> bool:
    """Return whether an element is, or is in, what de-identification may drop or write as a whole."""
    return any(tag in _REMADE for tag in place[::2])


def is_kept_alive(place: Place, claims: Claims) -> bool:
    """Return whether the sequences that an element is in are cleaned, as is claimed, and not made anew."""
    return all(claims.has(code) for tag, code in _KEPT_ALIVE_BY.items() if tag in place[::2])


_REMADE = REWRITTEN | DROPPABLE
CONTENT = 0x0040A730
_KEPT_ALIVE_BY = {0x00700001: CLEAN_GRAPHICS, CONTENT: CLEAN_CONTENT}
"""Sequences that the Basic Profile replaces (D), and the option that keeps them alive."""


def is_private(place: Place) -> bool:
    """Return whether an element is, or is in, a private one (PS3.5 7.8)."""
    return any(tag >> 16 & 1 for tag in place[::2])
