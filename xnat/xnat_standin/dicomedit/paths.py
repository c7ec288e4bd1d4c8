"""DicomEdit 6: which attributes of a data set a path means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from xnat_standin.dicomedit.language import DicomEditError, Level, TagPath, Wildcard

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGITS = {"X": "[0-9A-F]", "@": "[02468ACE]", "#": "[13579BDF]"}


class Place(NamedTuple):
    """An attribute and the data set or item it is in."""

    dataset: Dataset
    tag: BaseTag


def found(dataset: Dataset, path: TagPath) -> list[Place]:
    """Return the attributes that are there, each once, the outermost first."""
    places = {(id(place.dataset), place.tag): place for place in _found(dataset, path.steps)}
    return list(places.values())


def made(dataset: Dataset, path: TagPath) -> list[Place]:
    """Return the attributes an assignment writes; without wildcards in its path they need not be there."""
    if not path.is_exact:
        return found(dataset, path)
    *outer, last = (step for step in path.steps if isinstance(step, Level))
    parents = [dataset]
    for level in outer:
        parents = [item for parent in parents for item in _made_items(parent, level)]
    return [Place(parent, _made_tag(parent, last)) for parent in parents]


def _found(dataset: Dataset, steps: tuple[Wildcard | Level, ...]) -> Iterator[Place]:
    first, *rest = steps
    remaining = tuple(rest)
    if isinstance(first, Wildcard):
        if first.sign == "*":
            yield from _found(dataset, remaining)
        for item in _items(dataset):
            yield from _found(item, remaining if first.sign == "." else (Wildcard("*"), *remaining))
        return
    for tag in _matching(dataset, first):
        if not remaining:
            yield Place(dataset, tag)
            continue
        for item in _chosen(dataset, tag, first):
            yield from _found(item, remaining)


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for tag in list(dataset.keys()):
        yield from _sequence(dataset, tag)


def _sequence(dataset: Dataset, tag: BaseTag) -> Sequence | list[Dataset]:
    """Return the items of an attribute; none when it is no sequence."""
    if dataset.get_item(tag).VR not in {"SQ", "UN", None}:
        return []
    element = dataset[tag]
    return element.value if element.VR == "SQ" else []


def _chosen(dataset: Dataset, tag: BaseTag, level: Level) -> list[Dataset]:
    items = list(_sequence(dataset, tag))
    return items if level.item is None else items[level.item : level.item + 1]


def _matching(dataset: Dataset, level: Level) -> list[BaseTag]:
    group = re.compile(_pattern(level.group))
    block = _block(dataset, level)
    if level.creator is not None and block is None:
        return []
    element = re.compile((f"{block:02X}" if block is not None else "") + _pattern(level.element))
    return [
        tag
        for tag in list(dataset.keys())
        if group.fullmatch(f"{tag.group:04X}") and element.fullmatch(f"{tag.element:04X}")
    ]


def _pattern(digits: str) -> str:
    return "".join(_DIGITS.get(digit, digit) for digit in digits)


def _block(dataset: Dataset, level: Level) -> int | None:
    """Return the block a private creator has reserved (PS3.5 7.8.1), None when it has none."""
    if level.creator is None:
        return None
    group = int(level.group, 16)
    for block in range(0x10, 0x100):
        tag = Tag(group, block)
        if tag in dataset and str(dataset[tag].value).strip() == level.creator.strip():
            return block
    return None


def _made_tag(dataset: Dataset, level: Level) -> BaseTag:
    group, element = int(level.group, 16), int(level.element, 16)
    if level.creator is None:
        return Tag(group, element)
    block = _block(dataset, level)
    if block is None:
        raise DicomEditError(f"no private creator of its name in group {level.group}")
    return Tag(group, block << 8 | element)


def _made_items(dataset: Dataset, level: Level) -> list[Dataset]:
    tag = _made_tag(dataset, level)
    if tag not in dataset:
        if dictionary_VR(tag) != "SQ":
            raise DicomEditError(f"{tag} is no sequence")
        dataset.add_new(tag, "SQ", Sequence([Dataset()]))
    return _chosen(dataset, tag, level)
