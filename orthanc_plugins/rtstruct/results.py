"""What an extraction found, as records and as ``results.json``.

The JSON is the records, key for key. At the top: ``schema`` (name and version), ``software``, ``sources``
(UIDs of what was read), ``grid`` (where masks lie), ``regions``, ``label_map``, ``overview_path``,
``problems``, ``phases``, ``fingerprint`` (null but on the command line). The problems at the top are all
there are, each once: those of the whole set first,
with ``region`` and ``region_name`` null, then each region's; a region repeats its own. Units stand in the
keys: ``_cc`` millilitres, ``_cm2``, ``_mm``, ``_s``; ``_lps`` says LPS, x left, y back, z to the
head. Paths are relative to the folder of ``results.json``, with ``/``. A value that could not be had is null,
never zero. ``volume_cc`` is planimetric; the other two volumes name their method.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from orthanc_plugins import __version__

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct.problems import Problem

type Vector = tuple[float, float, float]
type State = Literal["done", "empty", "failed", "points", "lines"]

SCHEMA = "orthanc-pacs-suite/rtstruct-results"
SCHEMA_VERSION = 1
LABEL_RULE = "where regions overlap, a voxel belongs to the region of the smaller volume"


@dataclass(frozen=True)
class Phase:
    """One named part of the work and how long it took."""

    name: str
    duration_s: float


@dataclass(frozen=True)
class Sources:
    """The UIDs of what was read."""

    structure_set_uid: str
    structure_series_uid: str
    study_uid: str
    structure_set_label: str
    image_series_uid: str | None
    frame_of_reference_uid: str
    images: int


@dataclass(frozen=True)
class GridSummary:
    """Where masks lie: (slices, rows, columns), spacing in that order.

    The affine takes (column, row, slice) to RAS mm.
    """

    kind: str
    shape: tuple[int, int, int]
    spacing_mm: Vector
    affine_ras: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class BoundingBox:
    """Lowest and highest x, y, z of a region's contour points."""

    low: Vector
    high: Vector


@dataclass(frozen=True)
class Statistics:
    """Intensities inside the mask; ``percentiles`` by number, linear between voxel values."""

    unit: str
    voxels: int
    mean: float
    sd: float
    min: float
    max: float
    percentiles: dict[str, float]


@dataclass(frozen=True)
class OpenContour:
    """A point or line of a region, as drawn."""

    geometric_type: str
    points_lps_mm: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class RegionResult:
    """What is known of one region.

    ``state``: ``done``; ``empty`` (no contours, or smaller than a voxel); ``points`` or ``lines`` (nothing to
    fill); ``failed``, with a problem of severity ``error`` that says why.
    """

    number: int
    name: str
    state: State
    colour: tuple[int, int, int] | None
    interpreted_type: str
    contours: int = 0
    slices: int = 0
    volume_cc: float | None = None
    volume_method: str = "planimetric"
    volume_voxels_cc: float | None = None
    volume_mesh_cc: float | None = None
    surface_cm2: float | None = None
    surface_method: str = "smoothed mesh"
    mesh_closed: bool | None = None
    voxels: int | None = None
    parts: int | None = None
    cavities: int | None = None
    centroid_lps_mm: Vector | None = None
    bounding_box_lps_mm: BoundingBox | None = None
    statistics: Statistics | None = None
    open_contours: tuple[OpenContour, ...] = ()
    mask_path: str | None = None
    stl_path: str | None = None
    preview_path: str | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Label:
    """One value of the label map."""

    value: int
    number: int
    name: str


@dataclass(frozen=True)
class LabelMap:
    """All masks in one volume; 0 is outside every region."""

    path: str
    rule: str
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class Results:
    """Everything an extraction found; regions in the order of the structure set.

    ``problems`` are all there are, each once: those of the whole set, then those of each region, which
    repeats its own. ``fingerprint`` is a digest of what the results were made from and how, where the caller
    states one: equal fingerprints mean equal results.
    """

    sources: Sources
    regions: tuple[RegionResult, ...]
    problems: tuple[Problem, ...]
    phases: tuple[Phase, ...]
    grid: GridSummary | None = None
    label_map: LabelMap | None = None
    overview_path: str | None = None
    fingerprint: str | None = None

    @property
    def processing_time_s(self) -> float:
        """The sum of all phases."""
        return sum(phase.duration_s for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``results.json``."""
        return {
            "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
            "software": {"name": "orthanc-pacs-suite", "version": __version__},
            **asdict(self),
            "processing_time_s": self.processing_time_s,
        }

    def to_json_bytes(self) -> bytes:
        """Return ``results.json``: UTF-8, indented, strict JSON without NaN."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
        return f"{text}\n".encode()
