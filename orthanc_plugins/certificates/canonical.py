"""Values as JSON of which there is one form (RFC 8785), and back into dataclasses that refuse all else.

Texts, whole numbers, times, lists and dataclasses are all there is: of fractions there would be many forms.
A field that has its default is left out, so that forms grow and what was signed before stays as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

from orthanc_plugins.errors import DeidError

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field

LONGEST_TEXT = 2000
MOST_EXACT = 2**53 - 1
"""Whole numbers up to this are the same for every reader of JSON (RFC 8785 section 3.2.2.3)."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"


def canonical(content: object) -> bytes:
    r"""Return JSON of which there is one form: names in order, no insignificant space, UTF-8.

    >>> canonical({"b": 1, "a": "\u20ac"}).decode()
    '{"a":"€","b":1}'
    """
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def plain(value: object) -> Any:
    """Return a dataclass as JSON has it.

    Raises
    ------
    DeidError
        It holds a time that is not UTC, or what JSON has no one form of.
    """
    if is_dataclass(value) and not isinstance(value, type):
        given = {one.name: getattr(value, one.name) for one in fields(value) if not _is_default(value, one)}
        return {name: plain(one) for name, one in given.items()}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime):
        if value.tzinfo is not UTC or value.microsecond:
            raise DeidError("A certificate has times in whole seconds of UTC alone.")
        return value.strftime(_TIME)
    if isinstance(value, StrEnum):
        return value.value
    if value is None or type(value) in {str, int}:
        return value
    raise DeidError("A certificate has no values of this kind.")


def parsed(text: bytes) -> Any:
    """Return what JSON says; a name that is given twice, and numbers that are none, are refused.

    Raises
    ------
    DeidError
        It is no such JSON.
    """
    try:
        return json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise DeidError("It is no certificate, or was altered: it is not the JSON of one.") from None


def restored[Kind](kind: type[Kind], content: object, place: str) -> Kind:
    """Return the dataclass that `plain` made such content of.

    Parameters
    ----------
    place
        What the content is, for messages; they quote nothing of it.

    Raises
    ------
    DeidError
        The content is not exactly that of such a dataclass: a field is missing, unknown or of another form.
    """
    value: Kind = _value(kind, content, place)
    if plain(value) != content:
        raise _refused(place, "is written in another form than certificates are")
    return value


def _is_default(record: object, one: Field[Any]) -> bool:
    """Return whether a field has the value that it has where nothing is said."""
    return one.default is not MISSING and getattr(record, one.name) == one.default


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _value(kind: Any, content: object, place: str) -> Any:
    """Return the value of a type that content stands for."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _formed(arguments, content, place)
    if origin is tuple:
        return tuple(
            _value(arguments[0], one, f"{place}[{number}]")
            for number, one in enumerate(_typed(list, content, place))
        )
    if origin in {UnionType, Union}:  # the latter is what an annotated type and None give
        (other,) = set(arguments) - {NoneType}
        return None if content is None else _value(other, content, place)
    if is_dataclass(kind):
        return _record(kind, content, place)
    reader: Callable[[Any, object, str], Any] = _READERS.get(kind, _choice)
    return reader(kind, content, place)


def _typed[Kind](kind: type[Kind], content: object, place: str) -> Kind:
    if type(content) is not kind:
        raise _refused(place, "is of another kind")
    return content


def _formed(arguments: tuple[Any, ...], content: object, place: str) -> str:
    """Return a text that has the form of its kind."""
    base, form = arguments
    text: str = _value(base, content, place)
    if re.fullmatch(form, text) is None:
        raise _refused(place, "has not the form it should have")
    return text


def _record(kind: Any, content: object, place: str) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    given = _typed(dict, content, place)
    needed = {one.name for one in fields(kind) if one.default is MISSING}
    if not needed <= set(given) <= set(hints):
        raise _refused(place, "lacks a field, or has one that certificates do not have")
    return kind(**{name: _value(hints[name], one, f"{place}.{name}") for name, one in given.items()})


def _text(_: Any, content: object, place: str) -> str:
    text = _typed(str, content, place)
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise _refused(place, "is too long, or does not print")
    return text


def _number(_: Any, content: object, place: str) -> int:
    number = _typed(int, content, place)
    if not 0 <= number <= MOST_EXACT:
        raise _refused(place, "is out of range")
    return number


def _time(_: Any, content: object, place: str) -> datetime:
    try:
        return datetime.strptime(_typed(str, content, place), _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise _refused(place, "is no time") from None


def _choice(kind: Any, content: object, place: str) -> StrEnum:
    try:
        chosen: StrEnum = kind(_typed(str, content, place))
    except ValueError:
        raise _refused(place, "is none of what it can be") from None
    return chosen


_READERS: dict[Any, Callable[[Any, object, str], Any]] = {str: _text, int: _number, datetime: _time}


def _refused(place: str, why: str) -> DeidError:
    return DeidError(f"It is no certificate, or was altered: {place} {why}.")
