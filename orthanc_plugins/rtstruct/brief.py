"""How large records are printed: on a line that says what they are, never with all that they hold."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 200
"""Characters of a record when it is printed."""
_LONGEST_TEXT = 40
_MOST_VALUES = 6


class Brief:
    """A data class (declared with ``repr=False``) whose ``repr`` is one line.

    Arrays are told by their shape, sequences by how many of what they hold, records inside by their name;
    fields that have their default, and private ones, are left out. UIDs stand at the end, as they are long.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        uids_last = sorted(
            fields(self),  # type: ignore[arg-type] # those who inherit are data classes
            key=lambda one: one.name.endswith(("_uid", "_uids")),
        )
        told = ", ".join(
            f"{one.name}={brief(getattr(self, one.name))}"
            for one in uids_last
            if not (one.name.startswith("_") or _is_default(one, getattr(self, one.name)))
        )
        return clipped(f"{type(self).__name__}({told})", LONGEST)


def _is_default(one: Field[Any], value: object) -> bool:
    """Return whether a field has what it has when nothing is said."""
    if isinstance(value, tuple | list | dict | str) and not value:
        return True
    return one.default is not MISSING and type(value) is type(one.default) and value == one.default


def brief(value: object) -> str:
    """Return a value in few characters.

    >>> brief(np.zeros((28, 3))), brief((1.0, 2 / 3)), brief(["a"] * 20), brief("1.2.840." * 9)
    ('28 x 3 float64', '(1, 0.666667)', '20 x str', "'1.2.840.1.2.840.1.2.840.1.2.840.1.2.840…'")
    """
    if isinstance(value, np.ndarray):
        return f"{' x '.join(map(str, value.shape))} {value.dtype}"
    if isinstance(value, str):
        return repr(clipped(value, _LONGEST_TEXT))
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple | list):
        return _sequence(value)
    if value is None or isinstance(value, int):
        return repr(value)
    return f"{type(value).__name__}(…)"


def _sequence(values: Sequence[object]) -> str:
    if len(values) <= _MOST_VALUES and all(isinstance(one, int | float) for one in values):
        return f"({', '.join(map(brief, values))})"
    return f"{len(values)} x {type(values[0]).__name__}"


def clipped(text: str, longest: int) -> str:
    """Return a text of no more than so many characters, with … for what was cut off.

    >>> clipped("Lung", 4), clipped("Lung_L", 4)
    ('Lung', 'Lun…')
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
