"""What a comparison of two structure sets found, as records, as ``comparison.json`` and as a table.

The JSON is the records, key for key, below ``schema`` and ``software``. Units stand in the keys: ``_cc``
millilitres, ``_mm``; ``_lps`` says LPS. A value that could not be had is null, never zero. The table has
one line for each pair.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.problems import Problem
from orthanc_plugins.spreadsheets import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.rtstruct.comparison.regions import RegionComparison

SCHEMA = "orthanc-pacs-suite/rtstruct-comparison"
SCHEMA_VERSION = 1

_OVERLAP = (
    "volume_voxels_cc",
    "other_volume_voxels_cc",
    "intersection_cc",
    "union_cc",
    "only_region_cc",
    "only_other_cc",
    "dice",
    "jaccard",
    "region_inside_other",
    "other_inside_region",
    "volume_ratio",
    "centroid_distance_mm",
)
_SURFACE = ("mean_mm", "rms_mm", "hd95_mm", "hausdorff_mm")


type Which = Literal["first", "second"]
type UnmatchedReason = Literal["no_counterpart", "no_closed_contours", "not_asked_for"]


@dataclass(frozen=True)
class SetSource:
    """One of the structure sets."""

    structure_set_uid: str
    structure_series_uid: str
    study_uid: str
    structure_set_label: str
    frame_of_reference_uid: str
    image_series_uid: str | None


@dataclass(frozen=True)
class GridUsed:
    """The grid both sets were laid on: (slices, rows, columns) and spacing in that order."""

    kind: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Unmatched:
    """A region of the ``first`` or ``second`` structure set that was compared with none, and why."""

    structure_set: Which
    number: int
    name: str
    reason: UnmatchedReason


@dataclass(frozen=True)
class SetProblem(Problem):
    """A problem, and in which of the two structure sets (or its images) it lies; None where in both."""

    structure_set: Which | None = None


def in_set(problems: Iterable[Problem], which: Which | None) -> list[SetProblem]:
    """Return problems as those of one of the two structure sets."""
    return [
        SetProblem(one.code, one.message, one.severity, one.region, one.contours, one.region_name, which)
        for one in problems
    ]


@dataclass(frozen=True, repr=False)
class Comparison(Brief):
    """Two structure sets against each other; pairs in the order of the first.

    ``problems`` are those of reading the sets, of their images, of laying regions on the grid, and of
    comparing; only of regions that were to be compared, where pairs were asked for.
    """

    first: SetSource
    second: SetSource
    grid: GridUsed
    match: Literal["name", "overlap", "pairs"]
    pairs: tuple[RegionComparison, ...]
    unmatched: tuple[Unmatched, ...]
    problems: tuple[SetProblem, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``comparison.json``."""
        return {
            "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
            "software": {"name": "orthanc-pacs-suite", "version": __version__},
            **asdict(self),
        }

    def to_json_bytes(self) -> bytes:
        """Return ``comparison.json``: UTF-8, indented, strict JSON without NaN."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
        return f"{text}\n".encode()

    def to_csv_bytes(self) -> bytes:
        """Return ``comparison.csv``: UTF-8 without a byte order mark, one line for each pair."""
        out = io.StringIO(newline="")
        rows = [_row(pair) for pair in self.pairs]
        table = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        return out.getvalue().encode()


def _row(pair: RegionComparison) -> dict[str, object]:
    """Return a line of the table; what is not known stays empty."""
    found = asdict(pair)
    overlap, surface = found["overlap"] or {}, found["surface"] or {}
    row: dict[str, object] = {
        "region": pair.region,
        "region_name": harmless(pair.region_name),
        "other": pair.other,
        "other_name": harmless(pair.other_name),
        "relation": pair.relation,
        **{key: overlap.get(key) for key in _OVERLAP},
        "nearest_mm": pair.nearest_mm,
        **{f"surface_{key}": surface.get(key) for key in _SURFACE},
    }
    for mm, share in surface.get("surface_dice", {}).items():
        row[f"surface_dice_{mm}_mm"] = share
    return row
