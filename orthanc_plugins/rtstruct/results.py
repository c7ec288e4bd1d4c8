"""What an extraction found, as records and as ``results.json``.

The JSON is the records, key for key. At the top: ``schema`` (name and version), ``software``, ``sources``
(UIDs of what was read), ``grid`` (where masks lie), ``regions``, ``label_map``, ``overview_path``,
``comparison`` (every pair of regions, null where it was not asked for), ``problems``, ``phases``,
``fingerprint`` (null but on the command line). The problems at the top are all there are, each once:
those of the whole set first, with ``region`` and ``region_name`` null, then each region's; a region
repeats its own. Units stand in the keys: ``_cc`` millilitres, ``_cm2``, ``_mm``, ``_s``; ``_lps`` says
LPS, x left, y back, z to the head. Paths are relative to the folder of ``results.json``, with ``/``. A
value that could not be had is null, never zero. ``volume_cc`` is planimetric; the other volumes name
their method. ``volume_partial_cc``, the sum of all partial volumes, and ``partial_path``, where they are,
are null unless they were asked for (see `partial`).

``mesh_unit``, ``mesh_frame`` and ``mesh_detail`` say in what the files of meshes are written and how fine
their cells are (see `mesh`). ``tunnels`` are the holes that go through a region, ``cavities`` those inside
it.

Shape, by the definitions of the Image Biomarker Standardisation Initiative (IBSI) where it has one:

- Of the contours: ``extent_lps_mm``, how far their slabs reach along x, y and z, half a slice beyond the
  first and the last contour (``bounding_box_lps_mm`` of a region is that of the contours' points alone, and
  so one slice shorter across: 39 mm where this is 42 mm); ``major_axis_mm``, ``minor_axis_mm`` and
  ``least_axis_mm``, four times the square root of the variances along the principal axes ``axes_lps`` (unit
  vectors, in that order); ``elongation`` minor by major, ``flatness`` least by major. All are of the solid
  that ``volume_cc`` measures, each section as thick as its slab, by exact integrals, as is
  ``centroid_lps_mm``. A full ellipsoid's axes come out as 0.894 of its diameters, as the definition has it.
- ``diameter_in_slice``: the longest distance between two points of one outline on its plane, and the longest
  chord of that outline perpendicular to it (1,024 are looked at). Parts drawn apart are not bridged; the long
  one may leave an outline that is bent. ``contour_holes``: how many contours are holes in their section.
- Of the mesh: ``diameter_3d`` between any two of its corners (its flat ends lie half a slice beyond the last
  contours, which can make it one slice too long); ``surface_to_volume_per_mm``, ``sphericity``,
  ``asphericity``, ``spherical_disproportion``, ``compactness_1`` and ``compactness_2`` from its area A and
  volume V; null where there is no closed mesh.

Dose: ``doses`` at the top are the RT Doses that could be used, the whole plan's first; a region's ``dose``
holds what it receives of each, in that order, ``dvh_path`` its histograms, ``dvh_picture_path`` at the top
all curves.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.brief import Brief

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct.choices import MeshDetail, MeshFrame
    from orthanc_plugins.rtstruct.comparison import PairTable
    from orthanc_plugins.rtstruct.dose import DoseSummary, RegionDose
    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import StructureSet

type Vector = tuple[float, float, float]
type State = Literal["done", "empty", "failed", "points", "lines"]

SCHEMA = "orthanc-pacs-suite/rtstruct-results"
SCHEMA_VERSION = 1


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

    @classmethod
    def of(cls, structure_set: StructureSet, images: ImageSeries | None) -> Self:
        """Return those of a structure set and the series it was laid on."""
        return cls(
            structure_set_uid=structure_set.sop_instance_uid,
            structure_series_uid=structure_set.series_uid,
            study_uid=structure_set.study_uid,
            structure_set_label=structure_set.label,
            image_series_uid=images.series_uid if images is not None else None,
            frame_of_reference_uid=structure_set.frame_of_reference_uid,
            images=len(images.images) if images is not None else 0,
        )


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
    """Lowest and highest x, y, z of a region's contour points.

    They lie on the planes of the first and the last contour; `Shape.extent_lps_mm` has half a slice more at
    either end.
    """

    low: Vector
    high: Vector


@dataclass(frozen=True, repr=False)
class Statistics(Brief):
    """Intensities inside the mask, all in ``unit`` but for ``voxels``, skewness and kurtosis.

    ``sd`` divides by the number of voxels; ``percentiles`` by number, linear between voxel values; ``iqr`` is
    the 75th less the 25th. ``skewness`` and ``kurtosis_excess`` (0 for a normal distribution) are null where
    all voxels are equal.
    """

    unit: str
    voxels: int
    mean: float
    sd: float
    min: float
    max: float
    median: float
    iqr: float
    skewness: float | None
    kurtosis_excess: float | None
    percentiles: dict[str, float]


@dataclass(frozen=True)
class Diameter:
    """A longest distance and its two ends."""

    length_mm: float
    ends_lps_mm: tuple[Vector, Vector]


@dataclass(frozen=True, repr=False)
class SliceDiameter(Brief):
    """The longest diameter in a slice, and the longest chord perpendicular to it.

    ``slice_index`` counts the slices of the grid from zero; None where the contour lies on none.
    """

    length_mm: float
    ends_lps_mm: tuple[Vector, Vector]
    short_axis_mm: float
    short_axis_ends_lps_mm: tuple[Vector, Vector]
    slice_index: int | None


@dataclass(frozen=True, repr=False)
class Shape(Brief):
    """Size and form of a region; how each value is taken stands at the top.

    ``extent_lps_mm`` is the size of the slabs that the volume is of, larger than `BoundingBox` by half a
    slice at either end.
    """

    extent_lps_mm: Vector
    major_axis_mm: float
    minor_axis_mm: float
    least_axis_mm: float
    axes_lps: tuple[Vector, Vector, Vector]
    elongation: float | None
    flatness: float | None
    surface_to_volume_per_mm: float | None
    sphericity: float | None
    asphericity: float | None
    spherical_disproportion: float | None
    compactness_1: float | None
    compactness_2: float | None
    diameter_3d: Diameter | None
    diameter_in_slice: SliceDiameter
    contour_holes: int


@dataclass(frozen=True, repr=False)
class OpenContour(Brief):
    """A point or line of a region, as drawn."""

    geometric_type: str
    points_lps_mm: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, repr=False)
class RegionResult(Brief):
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
    volume_partial_cc: float | None = None
    surface_cm2: float | None = None
    surface_method: str = "smoothed mesh"
    mesh_closed: bool | None = None
    mesh_triangles: int | None = None
    voxels: int | None = None
    parts: int | None = None
    cavities: int | None = None
    tunnels: int | None = None
    centroid_lps_mm: Vector | None = None
    bounding_box_lps_mm: BoundingBox | None = None
    shape: Shape | None = None
    statistics: Statistics | None = None
    open_contours: tuple[OpenContour, ...] = ()
    dose: tuple[RegionDose, ...] = ()
    mask_path: str | None = None
    partial_path: str | None = None
    stl_path: str | None = None
    obj_path: str | None = None
    ply_path: str | None = None
    glb_path: str | None = None
    preview_path: str | None = None
    dvh_path: str | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Label:
    """One value of the label map."""

    value: int
    number: int
    name: str


@dataclass(frozen=True, repr=False)
class LabelMap(Brief):
    """All masks in one volume; 0 is outside every region."""

    path: str
    rule: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, repr=False)
class Results(Brief):
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
    doses: tuple[DoseSummary, ...] = ()
    dvh_picture_path: str | None = None
    fingerprint: str | None = None
    mesh_unit: str = "mm"
    mesh_frame: MeshFrame = "LPS"
    mesh_detail: MeshDetail = "full"
    comparison: PairTable | None = None

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
