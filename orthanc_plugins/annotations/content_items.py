"""Content items of an SR document, read as they stand (PS3.3 C.17.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from orthanc_plugins.annotations.records import Coded, Shape
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_DEEPEST = 32
"""How deep items may stand: TID 1500 needs seven levels."""

_PLANE = 2
_SPACE = 3


@dataclass(frozen=True)
class ContentItem:
    """One item, with its place in the tree as DICOM counts it (1 is the root, 1.2 its second child)."""

    data_set: Dataset
    place: str

    @property
    def children(self) -> list[ContentItem]:
        """The items below, in their order."""
        if self.place.count(".") >= _DEEPEST:
            raise InvalidDicom(f"The content tree is deeper than {_DEEPEST} levels at item {self.place}.")
        items = self.data_set.get("ContentSequence") or ()
        return [ContentItem(item, f"{self.place}.{number}") for number, item in enumerate(items, 1)]

    @property
    def value_type(self) -> str:
        """NUM, CODE, SCOORD, ...; empty where the item has none."""
        return str(self.data_set.get("ValueType") or "")

    @property
    def concept(self) -> Coded | None:
        """The item's name."""
        return coded(self.data_set, "ConceptNameCodeSequence")

    def is_named(self, *codes: tuple[str, str]) -> bool:
        """Return whether the item's name is one of these codes and schemes."""
        concept = self.concept
        return concept is not None and (concept.value, concept.scheme) in codes

    def below(self) -> Iterator[ContentItem]:
        """Yield all items below, parents first."""
        for child in self.children:
            yield child
            yield from child.below()

    def number(self) -> tuple[float, Coded | None] | None:
        """Return the value of a NUM item and its unit; None where it has none, as a point of dcmjs."""
        measured = self.data_set.get("MeasuredValueSequence") or ()
        if not measured or measured[0].get("NumericValue") in (None, ""):
            return None
        value = float(measured[0].NumericValue)
        if not math.isfinite(value):
            raise InvalidDicom(f"NumericValue of item {self.place} is not a finite number.")
        return value, coded(measured[0], "MeasurementUnitsCodeSequence")

    def shape(self) -> Shape:
        """Return the geometry of a SCOORD or SCOORD3D item."""
        per_point = _SPACE if self.value_type == "SCOORD3D" else _PLANE
        numbers = self.data_set.get("GraphicData")
        flat = [] if numbers is None else [float(one) for one in numbers]
        if not flat or len(flat) % per_point or not all(map(math.isfinite, flat)):
            raise InvalidDicom(
                f"GraphicData of item {self.place} is not a list of points of {per_point} finite numbers."
            )
        return Shape(
            graphic_type=str(self.data_set.get("GraphicType") or ""),
            points=tuple(batched(flat, per_point, strict=True)),
            frame_of_reference_uid=str(self.data_set.get("ReferencedFrameOfReferenceUID") or ""),
        )


def coded(data_set: Dataset, keyword: str) -> Coded | None:
    """Return the first code of a sequence; None where there is none."""
    found = data_set.get(keyword) or ()
    if not found:
        return None
    item = found[0]
    value = next((str(item[name].value) for name in _VALUES if item.get(name)), "")
    return Coded(value, str(item.get("CodingSchemeDesignator") or ""), str(item.get("CodeMeaning") or ""))


_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
