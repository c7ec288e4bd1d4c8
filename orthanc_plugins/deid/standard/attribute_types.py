"""The Types of attributes in the standard's information objects (PS3.5 7.4, PS3.3 annexes A and C).

They settle the combined actions of Table E.1-1, such as X/Z/D: what may be removed, emptied or must have a
value depends on the object it is in (PS3.15 E.1.1). Only attributes of which that is asked are listed.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from orthanc_plugins.deid.standard.lines import read_lines
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

type AttributeType = Literal["1", "1C", "2", "2C", "3"]
type _Places = Mapping[tuple[tuple[int, ...], int], AttributeType]
"""Types by the path of sequences from the top of the data set, and the tag."""

_DEMANDING: tuple[AttributeType, ...] = get_args(AttributeType.__value__)
"""The most demanding first."""
EVERYWHERE = "*"
"""Stands in the table for every module and path: attributes of Type 3 wherever the standard has them.

They are so at any other place, too: what is added to a standard object is of Type 3 (PS3.2 7.3).
"""
_DATA = files("orthanc_plugins.deid.standard")


def attribute_type(sop_class_uid: str, path: tuple[int, ...], tag: int) -> AttributeType | None:
    """Return the Type of an attribute in the objects of a SOP Class, the most demanding of its modules.

    Modules that an object may leave out count like the rest.

    Parameters
    ----------
    sop_class_uid
        The SOP Class of the object.
    path
        The tags of the sequences around the attribute, outermost first; empty at the top level.
    tag
        The attribute, its group in the upper 16 bits.

    Returns
    -------
    attribute_type
        None where the tables say nothing: of a SOP Class, a path or an attribute they do not list.

    >>> attribute_type("1.2.840.10008.5.1.4.1.1.2", (), 0x0018_1000)
    '3'
    >>> attribute_type("1.2.840.10008.5.1.4.1.1.2", (0x0010_1002,), 0x0010_0020)
    '1'
    """
    modules = _iods().get(sop_class_uid)
    if modules is None:
        return None
    return _types_of(modules).get((path, tag), _module_types()[EVERYWHERE].get(((), tag)))


@cache
def _iods() -> Mapping[str, tuple[str, ...]]:
    """Return the modules of the information object of each SOP Class."""
    iods: dict[str, tuple[str, ...]] = {}
    for _iod, sop_classes, modules in read_lines(
        _DATA / "iod_modules.tsv", ("iod", "sop_classes", "modules")
    ):
        iods |= dict.fromkeys(sop_classes.split(), tuple(modules.split()))
    return MappingProxyType(iods)


@cache
def _types_of(modules: tuple[str, ...]) -> _Places:
    """Return the types in an object of these modules."""
    types: dict[tuple[tuple[int, ...], int], AttributeType] = {}
    for module in modules:
        for place, found in _module_types()[module].items():
            types[place] = min(found, types.get(place, found), key=_DEMANDING.index)
    return MappingProxyType(types)


@cache
def _module_types() -> Mapping[str, _Places]:
    return _read_types(_DATA / "iod_types.tsv")


def _read_types(path: Traversable) -> Mapping[str, _Places]:
    """Return the types by module.

    Raises
    ------
    ProfileError
        The table has other columns, or a type that PS3.5 does not have.
    """
    modules: dict[str, dict[tuple[tuple[int, ...], int], AttributeType]] = {}
    for module, steps, tag, found in read_lines(path, ("module", "path", "tag", "type")):
        if found not in _DEMANDING:
            raise ProfileError(f"The table {path.name} has a type for {tag} that PS3.5 7.4 lacks")
        types = modules.setdefault(module, {})
        place = tuple(int(step, 16) for step in steps.split(">") if step), int(tag, 16)
        types[place] = min(found, types.get(place, found), key=_DEMANDING.index)
    return MappingProxyType(modules)
