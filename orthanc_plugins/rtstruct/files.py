"""The files of an extraction: which are written, from what, under which name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import dose, drawing, surfaces
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.choices import MESH_FORMATS
from orthanc_plugins.rtstruct.export import DOSE, MASKS, MESHES, PREVIEWS, write_whole
from orthanc_plugins.rtstruct.geometry.partial import WHOLE, fractions
from orthanc_plugins.rtstruct.labels import LABEL_RULE
from orthanc_plugins.rtstruct.measures.region import largest_plane
from orthanc_plugins.rtstruct.nifti import box_nifti, labels_nifti, mask_nifti, needs_nifti_2
from orthanc_plugins.rtstruct.problems import Problem
from orthanc_plugins.rtstruct.results import Label, LabelMap

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    """

    folder: Path
    formats: frozenset[Format]
    grid: VoxelGrid | None
    shown: Shown | None
    partial_volume: bool = False
    mesh_frame: MeshFrame = "LPS"

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
            return []
        text = (
            f"The images have {max(self.grid.shape)} voxels along an axis, more than NIfTI-1 can tell: masks "
            "are NIfTI-2, which nibabel and FSL read; for ITK and 3D Slicer, which do not, ask for meshes."
        )
        return [Problem("nifti_2", text)]

    def write_region(self, work: RegionWork) -> None:
        """Write the region's mask, mesh, picture and histograms, and note where they are."""
        if self.grid is None or work.placed is None:
            return
        if self._with_masks and work.mask is not None and work.mask.count:
            work.mask_path = self._write(MASKS, f"{work.stem}.nii.gz", mask_nifti(work.mask, self.grid))
        if self.partial_volume and self._with_voxels:
            self._write_partial(work, work.placed, self.grid)
        if work.surface is not None:
            self._write_meshes(work, work.surface)
        if "png" in self.formats and self.shown is not None:
            work.preview_path = self._write(PREVIEWS, f"{work.stem}.png", self._picture(work, self.shown))
        if "json" in self.formats and work.doses:
            content = dose.histogram_file(work.region.number, work.region.name, work.doses)
            work.dvh_path = self._write(DOSE, f"{work.stem}.json", content)

    def _write_meshes(self, work: RegionWork, surface: Mesh) -> None:
        colour = drawing.region_colour(work.region.colour_rgb, work.region.number)
        name = f"region {work.region.number}"
        for kind in MESH_FORMATS:
            if kind in self.formats:
                content = surfaces.mesh_bytes(kind, surface, name, colour, self.mesh_frame)
                work.mesh_paths[kind] = self._write(MESHES, f"{work.stem}.{kind}", content)

    def _write_partial(self, work: RegionWork, placed: PlacedRegion, grid: VoxelGrid) -> None:
        """Take the partial volumes, and write them where masks are written; they are not kept."""
        try:
            partial = fractions(placed)
        except GeometryError as error:
            work.note("no_partial_volume", f"partial volumes are left out. {error}")
            return
        if partial is None:
            return
        work.volume_partial_ml = partial.volume_ml(grid)
        if self._with_masks:
            content = box_nifti(partial.fractions, partial.offset, grid, 1 / WHOLE)
            work.partial_path = self._write(MASKS, f"{work.stem}.partial.nii.gz", content)

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
        if not self._with_masks or self.grid is None or not filled:
            return None
        values = _label_values([work for work, _ in filled])
        masks = [mask for _, mask in filled]
        path = self._write(MASKS, LABELS_NAME, labels_nifti(list(zip(values, masks, strict=True)), self.grid))
        table = tuple(
            Label(value, work.region.number, work.region.name)
            for value, (work, _) in zip(values, filled, strict=True)
        )
        return LabelMap(path, LABEL_RULE, table)

    def write_overview(self, works: Sequence[RegionWork]) -> str | None:
        """Write a montage of all regions over the images."""
        if "png" not in self.formats or self.shown is None or self.grid is None:
            return None
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
            (plane, self.shown.near(plane))
            for plane in drawing.overview_planes(region.placed for region in drawn)
        ]
        window = drawing.window_for(planes[len(planes) // 2][1], self.shown.unit)
        return self._write(PREVIEWS, OVERVIEW_NAME, drawing.overview(drawn, self.grid, planes, window))

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
        curves = [
            dose.Curve(
                histogram,
                drawing.region_colour(region.colour_rgb, region.number),
                f"{region.number} {region.name}",
            )
            for region, _, histogram in found
        ]
        content = dose.curves_picture(curves, found[0][1], dose.curves_title(doses))
        return self._write(DOSE, DVH_NAME, content)

    def write_results(self, results: Results) -> None:
        """Write ``results.json``, last of all: when it is there, everything it names is."""
        write_whole(self.folder / RESULTS_NAME, results.to_json_bytes())

    def _write(self, room: str, name: str, content: bytes) -> str:
        write_whole(self.folder / room / name, content)
        return f"{room}/{name}"


def _label_values(works: Sequence[RegionWork]) -> list[int]:
    """Return the region numbers where they can be labels (unique, 1 to 65535), else 1, 2, 3, …."""
    numbers = [work.region.number for work in works]
    usable = (
        len(set(numbers)) == len(numbers) and min(numbers) > 0 and max(numbers) <= np.iinfo(np.uint16).max
    )
    return numbers if usable else list(range(1, len(numbers) + 1))
