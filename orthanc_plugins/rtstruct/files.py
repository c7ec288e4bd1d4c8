"""The files of an extraction: which are written, from what, under which name."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import dose, drawing, surfaces
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.choices import MESH_FORMATS
from orthanc_plugins.rtstruct.export import DOSE, MASKS, MESHES, PREVIEWS, write_whole
from orthanc_plugins.rtstruct.faults import Sparing
from orthanc_plugins.rtstruct.geometry.partial import WHOLE, fractions
from orthanc_plugins.rtstruct.labels import LABEL_RULE
from orthanc_plugins.rtstruct.measures.region import largest_plane
from orthanc_plugins.rtstruct.nifti import box_nifti, labels_nifti, mask_nifti, needs_nifti_2
from orthanc_plugins.rtstruct.problems import Problem
from orthanc_plugins.rtstruct.results import Label, LabelMap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from orthanc_plugins.rtstruct.choices import Format, MeshFrame
    from orthanc_plugins.rtstruct.dose import DoseSummary
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.results import Results
    from orthanc_plugins.rtstruct.shown import Shown
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh
    from orthanc_plugins.rtstruct.work import RegionWork

LABELS_NAME = "labels.nii.gz"
OVERVIEW_NAME = "overview.png"
DVH_NAME = "dvh.png"
RESULTS_NAME = "results.json"
CONTOURS_NAME = "contours.json"
REPORT_NAME = "report.pdf"
SCENE_NAME = "scene.html"


@dataclass(frozen=True, eq=False, repr=False)
class Exporter(Brief):
    """Writes below ``folder`` what ``formats`` ask for.

    ``shown`` is None where there are no pixels: no pictures then. A grid made from contours only gets no
    masks. ``partial_volume`` asks for partial volumes beside the masks; ``mesh_frame`` is that of the meshes.

    A file that cannot be made is a problem of its region, or of the whole, and no other file is lost by it; a
    folder that cannot be written to raises `OSError`.
    """

    folder: Path
    formats: frozenset[Format]
    grid: VoxelGrid | None
    shown: Shown | None
    partial_volume: bool = False
    mesh_frame: MeshFrame = "LPS"
    _not_made: list[Problem] = field(default_factory=list, init=False)

    @property
    def _with_voxels(self) -> bool:
        return self.grid is not None and self.grid.kind != "contours_only"

    @property
    def _with_masks(self) -> bool:
        return "nifti" in self.formats and self._with_voxels

    @property
    def problems(self) -> list[Problem]:
        """What is odd about the files as a whole."""
        if not (self._with_masks and self.grid is not None and needs_nifti_2(self.grid)):
            return self._not_made
        text = (
            f"The images have {max(self.grid.shape)} voxels along an axis, more than NIfTI-1 can tell: masks "
            "are NIfTI-2, which nibabel and FSL read; for ITK and 3D Slicer, which do not, ask for meshes."
        )
        return [Problem("nifti_2", text), *self._not_made]

    def write_region(self, work: RegionWork) -> None:
        """Write the region's mask, mesh, picture and histograms, and note where they are."""
        grid, shown, mask, region = self.grid, self.shown, work.mask, work.region
        if grid is None or work.placed is None:
            return
        if self._with_masks and mask is not None and mask.count:
            work.mask_path = self._file(MASKS, f"{work.stem}.nii.gz", lambda: mask_nifti(mask, grid), work)
        if self.partial_volume and self._with_voxels:
            self._write_partial(work, work.placed, grid)
        if work.surface is not None:
            self._write_meshes(work, work.surface)
        if "png" in self.formats and shown is not None:
            name = f"{work.stem}.png"
            work.preview_path = self._file(PREVIEWS, name, lambda: self._picture(work, shown), work)
        if "json" in self.formats and work.doses:
            work.dvh_path = self._file(
                DOSE,
                f"{work.stem}.json",
                lambda: dose.histogram_file(region.number, region.name, work.doses),
                work,
            )

    def _write_meshes(self, work: RegionWork, surface: Mesh) -> None:
        colour = drawing.region_colour(work.region.colour_rgb, work.region.number)
        name = f"region {work.region.number}"
        for kind in MESH_FORMATS:
            if kind in self.formats:
                make = partial(surfaces.mesh_bytes, kind, surface, name, colour, self.mesh_frame)
                path = self._file(MESHES, f"{work.stem}.{kind}", make, work)
                if path is not None:
                    work.mesh_paths[kind] = path

    def _write_partial(self, work: RegionWork, placed: PlacedRegion, grid: VoxelGrid) -> None:
        """Take the partial volumes, and write them where masks are written; they are not kept."""
        name = f"{work.stem}.partial.nii.gz"
        found = None
        with Sparing(work.called, lambda why: work.not_written(f"{MASKS}/*.partial.nii.gz", why), passing=()):
            try:
                found = fractions(placed)
            except GeometryError as error:
                work.note("no_partial_volume", f"partial volumes are left out. {error}")
        if found is None:
            return
        work.volume_partial_ml = found.volume_ml(grid)
        if self._with_masks:
            make = partial(box_nifti, found.fractions, found.offset, grid, 1 / WHOLE)
            work.partial_path = self._file(MASKS, name, make, work)

    def _picture(self, work: RegionWork, shown: Shown) -> bytes:
        assert work.placed is not None
        plane = largest_plane(work.placed)
        pixels = shown.near(plane)
        window = drawing.window_for(pixels, shown.unit, work.statistics.mean if work.statistics else None)
        colour = drawing.region_colour(work.region.colour_rgb, work.region.number)
        return drawing.region_picture(work.placed, plane, pixels, window, colour)

    def write_label_map(self, works: Sequence[RegionWork]) -> LabelMap | None:
        """Write all masks as one volume, by `LABEL_RULE` where they overlap."""
        filled = [(work, work.mask) for work in works if work.mask is not None and work.mask.count]
        grid = self.grid
        if not self._with_masks or grid is None or not filled:
            return None
        values = _label_values([work for work, _ in filled])
        labelled = list(zip(values, (mask for _, mask in filled), strict=True))
        path = self._file(MASKS, LABELS_NAME, lambda: labels_nifti(labelled, grid))
        if path is None:
            return None
        table = tuple(
            Label(value, work.region.number, work.region.name)
            for value, (work, _) in zip(values, filled, strict=True)
        )
        return LabelMap(path, LABEL_RULE, table)

    def write_overview(self, works: Sequence[RegionWork]) -> str | None:
        """Write a montage of all regions over the images."""
        grid, shown = self.grid, self.shown
        if "png" not in self.formats or shown is None or grid is None:
            return None
        return self._file(PREVIEWS, OVERVIEW_NAME, lambda: _overview(works, grid, shown))

    def write_curves(self, works: Sequence[RegionWork], doses: Sequence[DoseSummary]) -> str | None:
        """Write the histograms of all regions for the first dose as curves; a region may have none."""
        found = [
            (work.region, received.unit, histogram)
            for work in works
            for received, histogram in work.doses
            if received.dose_uid == doses[0].sop_instance_uid and histogram is not None
        ]
        if "png" not in self.formats or not found:
            return None

        def make() -> bytes:
            curves = [
                dose.Curve(
                    histogram,
                    drawing.region_colour(region.colour_rgb, region.number),
                    f"{region.number} {region.name}",
                )
                for region, _, histogram in found
            ]
            return dose.curves_picture(curves, found[0][1], dose.curves_title(doses))

        return self._file(DOSE, DVH_NAME, make)

    def write_results(self, results: Results) -> None:
        """Write ``results.json``, last of all: when it is there, everything it names is."""
        write_whole(self.folder / RESULTS_NAME, results.to_json_bytes())

    def _file(
        self, room: str, name: str, make: Callable[[], bytes | None], work: RegionWork | None = None
    ) -> str | None:
        """Make and write a file; None where there is none, or where making it met a fault, which is told."""
        path = f"{room}/{name}"

        def tell(why: str) -> None:
            if work is not None:
                work.not_written(f"{room}/*{name.removeprefix(work.stem)}", why)
            else:
                self._not_made.append(Problem("not_written", f"{path} cannot be made ({why}).", "error"))

        content = None
        with Sparing(path if work is None else f"a file of {work.called}", tell, passing=()):
            content = make()
        if content is None:
            return None
        write_whole(self.folder / path, content)
        return path


def _overview(works: Sequence[RegionWork], grid: VoxelGrid, shown: Shown) -> bytes | None:
    """Return the montage, None where no region lies on a plane."""
    drawn = [
        drawing.Drawn(
            work.placed,
            drawing.region_colour(work.region.colour_rgb, work.region.number),
            f"{work.region.number} {work.region.name}",
        )
        for work in works
        if work.placed is not None and work.placed.is_placed
    ]
    if not drawn:
        return None
    planes = [
        (plane, shown.near(plane)) for plane in drawing.overview_planes(region.placed for region in drawn)
    ]
    window = drawing.window_for(planes[len(planes) // 2][1], shown.unit)
    return drawing.overview(drawn, grid, planes, window)


def _label_values(works: Sequence[RegionWork]) -> list[int]:
    """Return the region numbers where they can be labels (unique, 1 to 65535), else 1, 2, 3, …."""
    numbers = [work.region.number for work in works]
    usable = (
        len(set(numbers)) == len(numbers) and min(numbers) > 0 and max(numbers) <= np.iinfo(np.uint16).max
    )
    return numbers if usable else list(range(1, len(numbers) + 1))
