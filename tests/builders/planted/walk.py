"""Walk the encoded elements of a file, sequences of every kind opened."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag


class Place(NamedTuple):
    """An element that is no sequence: where it is, the data set that holds it, its bytes."""

    path: str
    tag: BaseTag
    holder: Dataset
    value: bytes


def written(tag: int, path: str = "") -> str:
    """Return a tag as the standard prints it, behind the path of the item it is in."""
    return f"{path}({tag >> 16:04X},{tag & 0xFFFF:04X})"


def places(dataset: Dataset, path: str = "") -> Iterator[Place]:
    """Yield every element in order of tags; items are counted from 1, as in '(3006,0020)[2]/(3006,0026)'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # much of what is planted is wrong on purpose
        for tag in sorted(dataset.keys()):
            element = dataset.get_item(tag)
            here = written(tag, path)
            if _is_sequence(dataset, tag):
                for number, item in enumerate(dataset[tag].value, 1):
                    yield from places(item, f"{here}[{number}]/")
            elif isinstance(element, RawDataElement):
                yield Place(here, tag, dataset, element.value or b"")
            else:
                value = dataset[tag].value
                yield Place(here, tag, dataset, value if isinstance(value, bytes) else str(value).encode())


def _is_sequence(dataset: Dataset, tag: BaseTag) -> bool:
    """Return whether an element is one, also where VR is not written or UN (PS3.5 6.2.2)."""
    representation = dataset.get_item(tag).VR
    if representation in {None, "UN"}:
        try:
            representation = dictionary_VR(tag)
        except KeyError:
            return False
    return representation == "SQ"
