"""Where devices are known to write into pictures, as a table that a site can add to.

Columns of a table, divided by tabs: modality, manufacturer, model, rows, columns, image_type, series, boxes,
source. The first seven say which images: a cell that is empty says nothing, a text is to be part of the
value, in whatever capitals. A box is x,y,width,height; several are divided by spaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Self

from orthanc_plugins.deid.pixels.boxes import Box
from orthanc_plugins.deid.pixels.header import text, whole_number
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_COLUMNS = ("modality", "manufacturer", "model", "rows", "columns", "image_type", "series", "boxes", "source")


@dataclass(frozen=True)
class KnownRegion:
    """Boxes that images of one kind of device have text in."""

    modality: str
    manufacturer: str
    model: str
    rows: int | None
    columns: int | None
    image_type: str
    series: str
    boxes: tuple[Box, ...]
    source: str

    def fits(self, dataset: Dataset) -> bool:
        """Return whether an instance is of that kind."""
        parts = {
            "Modality": self.modality,
            "Manufacturer": self.manufacturer,
            "ManufacturerModelName": self.model,
            "ImageType": self.image_type,
            "SeriesDescription": self.series,
        }
        return (
            all(part in text(dataset, name).casefold() for name, part in parts.items())
            and self.rows in {None, whole_number(dataset, "Rows")}
            and self.columns in {None, whole_number(dataset, "Columns")}
        )


@dataclass(frozen=True)
class KnownRegions:
    """All of a table."""

    regions: tuple[KnownRegion, ...]

    @classmethod
    def shipped(cls) -> Self:
        """Return those that come with this package."""
        return cls(_shipped())

    @classmethod
    def read(cls, table: str) -> Self:
        """Return those of a table.

        Raises
        ------
        ProfileError
            A line is not as the columns want it; the line's number is told, not what it says.
        """
        return cls(_regions(table))

    def and_also(self, others: KnownRegions) -> KnownRegions:
        """Return these and others, such as a site's own."""
        return KnownRegions(self.regions + others.regions)

    def boxes(self, dataset: Dataset) -> tuple[Box, ...]:
        """Return where text is known to be in an instance."""
        return tuple(box for region in self.regions if region.fits(dataset) for box in region.boxes)


@cache
def _shipped() -> tuple[KnownRegion, ...]:
    return _regions((resources.files(__package__) / "known.tsv").read_text(encoding="ascii"))


def _regions(table: str) -> tuple[KnownRegion, ...]:
    lines = ((number, line) for number, line in enumerate(table.splitlines(), 1) if _is_row(line))
    return tuple(_region(number, line.split("\t")) for number, line in lines)


def _is_row(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#") and tuple(line.split("\t")) != _COLUMNS


def _region(number: int, cells: list[str]) -> KnownRegion:
    try:
        modality, manufacturer, model, rows, columns, image_type, series, boxes, source = (
            one.strip() for one in cells
        )
        return KnownRegion(
            modality.casefold(),
            manufacturer.casefold(),
            model.casefold(),
            int(rows) if rows else None,
            int(columns) if columns else None,
            image_type.casefold(),
            series.casefold(),
            tuple(_box(one) for one in boxes.split()),
            source,
        )
    except ValueError as error:
        raise ProfileError(
            f"line {number} of a table of known regions is not as its columns want it"
        ) from error


def _box(cell: str) -> Box:
    x, y, width, height = (int(part) for part in cell.split(","))
    if min(x, y, width - 1, height - 1) < 0:
        raise ValueError("a box has pixels, and they are in the image")
    return Box(x, y, x + width, y + height)
