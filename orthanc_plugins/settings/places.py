"""Says where in the settings something stands, and what a name that is none of theirs may have meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic.fields import FieldInfo

_LONGEST_NAME = 64
_ENTRIES = {"rules": "rule", "projects": "project"}
"""What an entry of a list is called."""


def place_told(place: Sequence[str | int], section: Any) -> str:
    """Return where a setting stands; one of a list by its name, or by its number from 1.

    Parameters
    ----------
    place
        Keys, and places in lists from 0, as pydantic tells them.
    section
        What the settings are read from, looked at for the names; None where it is not known.

    >>> place_told(("Forwarding", "Rules", 0, "Window"), {"Forwarding": {"Rules": [{"Name": "night"}]}})
    'Forwarding.Rules, rule night, Window'
    >>> place_told(("Forwarding", "Rules", 1), None)
    'Forwarding.Rules, rule 2'
    """
    told, inside = "", section
    is_of_list = False
    for number, part in enumerate(place):
        inside = _inside(inside, part)
        if isinstance(part, int):
            what = _ENTRIES.get(str(place[number - 1]).lower(), "entry")
            told += f", {what} {_name(inside) or part + 1}"
        else:
            told += f"{'' if not number else ', ' if is_of_list else '.'}{part}"
        is_of_list = isinstance(part, int)
    return told


def unknown_told(place: Sequence[str | int], section: Any, model: type[BaseModel]) -> str:
    """Return in a sentence that there is no such setting, and which one may be meant.

    ``model`` is that of the whole section; `place_told` has the other parameters.
    """
    name = str(place[-1])
    close = closest(name, [field.alias or name for name, field in known_fields(model, place[:-1]).items()])
    hint = f"; did you mean {close}?" if close else "."
    if any(isinstance(part, int) for part in place):
        what = "rule" if "Rules" in place else "project"
        return f"{place_told(place[:-1], section)}: there is no field {name} in a {what}{hint}"
    return f"{place_told(place, section)}: there is no such setting{hint}"


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one may mean, None where none is close; case says nothing.

    >>> closest("Windw", ["Window", "Verify"]), closest("X", ["Window"])
    ('Window', None)
    """
    by_lower = {one.lower(): one for one in known}
    close = get_close_matches(name.lower(), by_lower, 1)
    return by_lower[close[0]] if close else None


def known_fields(model: type[BaseModel] | None, place: Sequence[str | int]) -> Mapping[str, FieldInfo]:
    """Return the fields of the settings at a place, by the names that the model gives them."""
    for part in place:
        if isinstance(part, int) or model is None:
            continue
        fields = model.model_fields.items()
        kinds = (field.annotation for name, field in fields if part in {name, field.alias})
        model = _model_of(next(kinds, None))
    return {} if model is None else model.model_fields


def _model_of(kind: Any) -> type[BaseModel] | None:
    """Return the model that a type is, or that it is a tuple of."""
    found = (one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, BaseModel))
    return next(found, None)


def _inside(held: Any, part: str | int) -> Any:
    """Return what stands at a part of a place, None where that is not known."""
    if isinstance(held, list | tuple) and isinstance(part, int):
        return held[part] if part < len(held) else None
    if isinstance(held, dict):
        return next((value for key, value in held.items() if str(key).lower() == str(part).lower()), None)
    return None


def _name(held: Any) -> str | None:
    """Return the name of an entry of a list, None where it has none that can be told."""
    name = _inside(held, "Name")
    return name if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST_NAME else None
