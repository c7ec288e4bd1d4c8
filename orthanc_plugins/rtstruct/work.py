"""One region on its way through the pipeline; a fault stops that region and no other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from orthanc_plugins.errors import PacsSuiteError
from orthanc_plugins.rtstruct import comparison
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.faults import Sparing
from orthanc_plugins.rtstruct.geometry.gaps import with_placing
from orthanc_plugins.rtstruct.problems import Problem, of_region
from orthanc_plugins.rtstruct.results import (
    BoundingBox,
    OpenContour,
    RegionResult,
    State,
    Statistics,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.rtstruct.choices import MeshFormat
    from orthanc_plugins.rtstruct.dose import Histogram, RegionDose
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.measures.region import ContourMeasures, IntensityStatistics
    from orthanc_plugins.rtstruct.reading.structure_set import Region
    from orthanc_plugins.rtstruct.results import Shape
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

_MOST_OPEN_POINTS = 10_000


@dataclass(eq=False, repr=False)
class RegionWork(Brief):
    """What is known of a region so far.

    ``stem`` is its file name without ending. ``doses`` has what it receives of each dose that could be used,
    the whole plan's first, with the histogram, None where none of the region lies on the dose grid.
    """

    region: Region
    stem: str
    problems: list[Problem] = field(default_factory=list)
    failed: bool = False
    placed: PlacedRegion | None = None
    measures: ContourMeasures | None = None
    mask: RegionMask | None = None
    surface: Mesh | None = None
    shape: Shape | None = None
    statistics: IntensityStatistics | None = None
    volume_partial_ml: float | None = None
    doses: list[tuple[RegionDose, Histogram | None]] = field(default_factory=list)
    mask_path: str | None = None
    partial_path: str | None = None
    mesh_paths: dict[MeshFormat, str] = field(default_factory=dict)
    preview_path: str | None = None
    dvh_path: str | None = None

    @property
    def called(self) -> str:
        """What logs call it."""
        return f"region {self.region.number}"

    @property
    def stl_path(self) -> str | None:
        """Where the mesh is as STL."""
        return self.mesh_paths.get("stl")

    def mask_on(self, grid: VoxelGrid) -> RegionMask | None:
        """Return the mask on a grid that all share: without images it may be on one of its own planes."""
        if self.mask is None or self.placed is None or self.placed.grid is grid:
            return self.mask
        return comparison.on_grid(self.mask, self.placed.grid, grid)

    def note(self, code: str, text: str) -> None:
        """Add a warning."""
        number = self.region.number
        self.problems.append(Problem(code, f"Region {number}: {text}", region=number))

    def placing_problems(self, problems: Sequence[Problem]) -> None:
        """Take over what placing found; what the region's left out contours leave empty is told with them."""
        told, own = with_placing(self.region.problems, problems), len(self.region.problems)
        self.region = replace(self.region, problems=tuple(told[:own]))
        self.problems.extend(told[own:])

    def has_noted(self, code: str) -> bool:
        """Return whether a problem was told already: what follows from it need not be."""
        return any(problem.code == code for problem in self.problems)

    def fail(self, code: str, text: str) -> None:
        """Add an error; the region takes part in nothing further."""
        self._lacks(code, text)
        self.failed = True

    def attempt(self, step: Callable[[RegionWork], None]) -> None:
        """Do a step unless the region has failed; an error of the step fails this region only."""
        if self.failed:
            return
        with Sparing(self.called, lambda why: self.fail("unexpected", f"it cannot be processed ({why}).")):
            try:
                step(self)
            except PacsSuiteError as error:
                self.fail("impossible", str(error))

    def not_written(self, what: str, why: str) -> None:
        """Add the error that one of its files could not be made; the others are."""
        self._lacks("not_written", f"its file {what} cannot be made ({why}).")

    def not_taken_over(self, why: str) -> None:
        """Add the error that what is made of it beside its files could not be prepared."""
        self._lacks("not_taken_over", f"what documents show of it cannot be prepared ({why}).")

    def _lacks(self, code: str, text: str) -> None:
        number = self.region.number
        self.problems.append(Problem(code, f"Region {number}: {text}", "error", number))

    @property
    def state(self) -> State:
        """Where the region ended (see `RegionResult`)."""
        if self.failed:
            return "failed"
        if self.region.contours:
            return "empty" if self._is_below_a_voxel else "done"
        if any(problem.severity == "error" for problem in self.region.problems):
            return "failed"
        if not self.region.open_contours:
            return "empty"
        kinds = {contour.geometric_type for contour in self.region.open_contours}
        return "points" if kinds == {"POINT"} else "lines"

    @property
    def _is_below_a_voxel(self) -> bool:
        """Whether no voxel's centre lies inside; a grid made of contours has pixels, but no one's voxels."""
        if self.mask is None or self.placed is None or self.placed.grid.kind == "contours_only":
            return False
        return not self.mask.count

    def result(self, grid: VoxelGrid | None, *, with_mask: bool) -> RegionResult:
        """Return what goes into the results; its files alone where JSON cannot hold what was measured."""
        with Sparing(
            self.called, lambda why: self.fail("unexpected", f"what was measured cannot be told ({why}).")
        ):
            found = self._measured(grid, with_mask=with_mask)
            json.dumps(asdict(found), allow_nan=False)
            return found
        bare = RegionWork(
            self.region,
            self.stem,
            self.problems,
            failed=True,
            mask_path=self.mask_path,
            partial_path=self.partial_path,
            mesh_paths=self.mesh_paths,
            preview_path=self.preview_path,
            dvh_path=self.dvh_path,
        )
        return bare._measured(grid, with_mask=with_mask)

    def _measured(self, grid: VoxelGrid | None, *, with_mask: bool) -> RegionResult:
        region, measures, surface = self.region, self.measures, self.surface
        mask = self.mask if with_mask else None
        return RegionResult(
            number=region.number,
            name=region.name,
            state=self.state,
            colour=region.colour_rgb,
            interpreted_type=region.interpreted_type,
            contours=measures.contours if measures else 0,
            slices=measures.slices if measures else 0,
            volume_cc=measures.volume_ml if measures else None,
            volume_voxels_cc=mask.count * grid.voxel_ml if mask and grid else None,
            volume_mesh_cc=surface.volume_ml if surface else None,
            volume_partial_cc=self.volume_partial_ml,
            surface_cm2=surface.surface_cm2 if surface else None,
            mesh_closed=surface.closed if surface else None,
            mesh_triangles=len(surface.faces) if surface else None,
            voxels=mask.count if mask else None,
            parts=surface.parts if surface else None,
            cavities=surface.cavities if surface else None,
            tunnels=surface.tunnels if surface else None,
            centroid_lps_mm=measures.centroid_lps_mm if measures else None,
            bounding_box_lps_mm=BoundingBox(*measures.bounding_box_lps_mm) if measures else None,
            shape=self.shape,
            statistics=_statistics(self.statistics),
            open_contours=_open_contours(region),
            dose=tuple(received for received, _ in self.doses),
            mask_path=self.mask_path,
            partial_path=self.partial_path,
            stl_path=self.stl_path,
            obj_path=self.mesh_paths.get("obj"),
            ply_path=self.mesh_paths.get("ply"),
            glb_path=self.mesh_paths.get("glb"),
            preview_path=self.preview_path,
            dvh_path=self.dvh_path,
            problems=of_region((*region.problems, *self.problems), region.name),
        )


def _statistics(found: IntensityStatistics | None) -> Statistics | None:
    if found is None:
        return None
    return Statistics(
        unit=found.unit,
        voxels=found.voxels,
        mean=found.mean,
        sd=found.sd,
        min=found.minimum,
        max=found.maximum,
        median=found.median,
        iqr=found.iqr,
        skewness=found.skewness,
        kurtosis_excess=found.kurtosis_excess,
        percentiles={str(rank): value for rank, value in found.percentiles.items()},
    )


def _open_contours(region: Region) -> tuple[OpenContour, ...]:
    """Return the region's points and lines, as many as a report can hold."""
    kept, points = [], 0
    for contour in region.open_contours:
        points += len(contour.points_lps_mm)
        if points > _MOST_OPEN_POINTS:
            break
        places = tuple(tuple(point) for point in contour.points_lps_mm.tolist())
        kept.append(OpenContour(contour.geometric_type, places))
    return tuple(kept)
