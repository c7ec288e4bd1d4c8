"""From a structure set and its images to files and results, phase by phase.

Phases: ``read_contours`` (numbers, grid, contours put on planes), ``measure`` (planimetry), ``rasterise``
(masks, surfaces, intensities), ``dose`` where doses are given (histograms), ``compare`` (regions against
each other, while the first files are written), ``export`` (the other files). Callers time what comes before
and after and hand it in.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import comparison as comparison_of
from orthanc_plugins.rtstruct import dose, surfaces
from orthanc_plugins.rtstruct.choices import (
    DEFAULT_FORMATS,
    DOSE_METRICS,
    WITH_DOSES,
    WITH_INTENSITIES,
    WITH_SHAPES,
    WITH_SURFACES,
    with_needed,
)
from orthanc_plugins.rtstruct.export import file_stems
from orthanc_plugins.rtstruct.faults import Sparing
from orthanc_plugins.rtstruct.files import Exporter
from orthanc_plugins.rtstruct.geometry.fit import HOW_TO_ALLOW, strangers
from orthanc_plugins.rtstruct.geometry.grid import build_grid, grid_from_contours
from orthanc_plugins.rtstruct.geometry.placing import place
from orthanc_plugins.rtstruct.geometry.raster import rasterise
from orthanc_plugins.rtstruct.measures.region import (
    half_layer_ml,
    intensity_statistics,
    measure,
    volume_ml,
    volumes_agree,
)
from orthanc_plugins.rtstruct.measures.shape import shape_of
from orthanc_plugins.rtstruct.problems import Problem, no_images
from orthanc_plugins.rtstruct.reading.contours import read_structure_set
from orthanc_plugins.rtstruct.reading.structure_set import StructureSet
from orthanc_plugins.rtstruct.received import receive_doses, refuse_unknown
from orthanc_plugins.rtstruct.results import GridSummary, Phase, Results, Sources
from orthanc_plugins.rtstruct.shown import Shown
from orthanc_plugins.rtstruct.work import RegionWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.choices import Format, MeshDetail, MeshFrame
    from orthanc_plugins.rtstruct.comparison import PairTable
    from orthanc_plugins.rtstruct.dose import DoseSource, DoseSummary
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.geometry.stack import Stack
    from orthanc_plugins.rtstruct.reading.contours import Source
    from orthanc_plugins.rtstruct.reading.images import ImageSeries


@dataclass
class _Clock:
    """Times phases and tells when each begins."""

    now: Callable[[], float]
    on_phase: Callable[[str], None] | None
    phases: list[Phase] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        if self.on_phase is not None:
            self.on_phase(name)
        start = self.now()
        yield
        self.phases.append(Phase(name, self.now() - start))


@dataclass(eq=False)
class _Scene:
    """What all regions share: the grid and its images, both None where there is nothing to lay out."""

    grid: VoxelGrid | None
    stack: Stack | None
    shown: Shown | None = None


def extract(  # noqa: PLR0913 - the options of the product's main job
    structure_set: StructureSet | Source,
    images: ImageSeries | None,
    output: str | PathLike[str],
    *,
    formats: Sequence[Format] = DEFAULT_FORMATS,
    doses: Iterable[DoseSource] = (),
    dose_metrics: Sequence[str] = DOSE_METRICS,
    on_phase: Callable[[str], None] | None = None,
    on_region: Callable[[RegionWork], None] | None = None,
    earlier_phases: Sequence[Phase] = (),
    allow_other_frame: bool = False,
    how_to_allow: str = HOW_TO_ALLOW,
    no_images_because: str = "",
    partial_volume: bool = False,
    mesh_detail: MeshDetail = "full",
    mesh_frame: MeshFrame = "LPS",
    comparison: bool = True,
    jobs: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> Results:
    """Return what a structure set holds, and write it below a folder.

    Files: ``masks/NNN_name.nii.gz``, ``masks/labels.nii.gz``, ``meshes/NNN_name.stl``,
    ``previews/NNN_name.png``, ``previews/overview.png``, with doses ``dose/NNN_name.json`` and
    ``dose/dvh.png``, and last ``results.json``. What is made of the results is not written here: see
    `write_documents`.

    Parameters
    ----------
    structure_set
        The file (bytes, path or stream), or what `read_structure_set` made of it.
    images
        The series it was drawn on; None when it is not to be had: then only contours and surfaces are
        measured.
    output
        Folder to write to; made when absent.
    formats
        Which files to write. ``results.json`` is always written; ``json`` asks for all measures in it,
        without it surfaces and intensities are taken only where another format needs them. ``pdf`` asks for
        pictures and ``html`` for meshes, which `write_documents` shows.
    doses
        RT Doses of its frame of reference: files, what `read_dose` made of them, or a `MissingDose`; asked
        for one by one, so that only one is in memory. One that cannot be used is a problem of the set.
    dose_metrics
        What to read from each histogram, such as ``D95%``, ``D2cc``, ``V20Gy`` or ``V20Gy[cc]``.
    on_phase
        Called with the name of each phase as it begins.
    on_region
        Called with each region once its files are written, from several threads at a time: see
        `Documents.add`. What it raises is a problem of the region.
    earlier_phases
        What the caller has timed already; put before this function's own in the results.
    allow_other_frame
        Place contours drawn in another frame of reference than the images', with a warning.
    how_to_allow
        How whoever asks can allow that, as it ends a message.
    no_images_because
        Why there are no images and what to do, in whole sentences; empty where there are none to choose from.
    partial_volume
        Take partial volumes too, and write them as ``masks/NNN_name.partial.nii.gz`` where masks are written.
    mesh_detail
        How fine the surfaces are that are written and measured: see `mesh`.
    mesh_frame
        Directions of x, y and z in files of meshes.
    comparison
        Compare every region with every other (see `comparison`); only where ``json`` is asked for.
    jobs
        How many regions are worked on at a time.
    clock
        Gives seconds; only differences count.

    Raises
    ------
    ConfigurationError
        One of ``dose_metrics`` is none.
    InvalidDicom
        The structure set cannot be used at all.
    GeometryError
        It does not fit the images, or the images form no volume.
    OSError
        The folder cannot be written to.
    """
    refuse_unknown(dose_metrics if doses else ())
    timer = _Clock(clock, on_phase, list(earlier_phases))
    wanted = with_needed(formats)
    with timer.phase("read_contours"):
        if not isinstance(structure_set, StructureSet):
            structure_set = read_structure_set(structure_set)
        absence = no_images(no_images_because, masks_are_lost="nifti" in wanted)
        scene, works, problems = _lay_out(
            structure_set, images or absence, how_to_allow, allow_other_frame=allow_other_frame
        )
    with timer.phase("measure"):
        for work in works:
            work.attempt(_measure)
    with timer.phase("rasterise"), ThreadPoolExecutor(jobs) as pool:
        if wanted & WITH_INTENSITIES:
            problems.extend(_load_images(scene, images, works))
        detail = mesh_detail if wanted & WITH_SURFACES else None
        shaped = bool(wanted & WITH_SHAPES)
        list(pool.map(lambda work: work.attempt(lambda one: _fill(one, scene, detail, shaped=shaped)), works))
    received: tuple[DoseSummary, ...] = ()
    if doses and wanted & WITH_DOSES:
        usable = dose.UsableDoses(
            doses, structure_set.frame_of_reference_uid, allow_other_frame=allow_other_frame
        )
        with timer.phase("dose"), ThreadPoolExecutor(jobs) as pool:
            received = receive_doses(works, usable, dose_metrics, pool)
        problems.extend(usable.problems)
    pairs: PairTable | None = None
    exporter = Exporter(Path(output), wanted, scene.grid, scene.shown, partial_volume, mesh_frame)
    with ThreadPoolExecutor(jobs) as pool:  # files are written while regions are compared
        whole = [work for work in works if not work.failed]
        overview = pool.submit(exporter.write_overview, whole)
        labels = pool.submit(exporter.write_label_map, whole)
        exported = pool.map(lambda work: _export(work, exporter, on_region), works)
        if comparison and "json" in wanted:
            with timer.phase("compare"):
                pairs, odd = _compare(whole, scene.grid)
                problems.extend(odd)
        with timer.phase("export"):
            deque(exported, maxlen=0)
            label_map, overview_path = labels.result(), overview.result()
            curves_path = exporter.write_curves(works, received) if received else None
    regions = tuple(work.result(scene.grid, with_mask=images is not None) for work in works)
    results = Results(
        sources=Sources.of(structure_set, images),
        regions=regions,
        problems=(
            *structure_set.problems,
            *problems,
            *exporter.problems,
            *chain.from_iterable(one.problems for one in regions),
        ),
        phases=tuple(timer.phases),
        grid=_summary(scene.grid) if images is not None else None,
        label_map=label_map,
        overview_path=overview_path,
        doses=received,
        dvh_picture_path=curves_path,
        mesh_frame=mesh_frame,
        mesh_detail=mesh_detail,
        comparison=pairs,
    )
    exporter.write_results(results)
    return results


def _lay_out(
    structure_set: StructureSet, images: ImageSeries | Problem, how_to_allow: str, *, allow_other_frame: bool
) -> tuple[_Scene, list[RegionWork], list[Problem]]:
    """Return the grid, every region placed on it, and what is odd: above all that there are no images."""
    stems = file_stems(structure_set.regions)
    works = [RegionWork(region, stem) for region, stem in zip(structure_set.regions, stems, strict=True)]
    if isinstance(images, Problem):
        problems = [images]
        scene = _Scene(_grid_of_contours(works, structure_set.rings_lps_mm()), None)
    else:
        others, problems = strangers(structure_set, images, how_to_allow, allow_other_frame=allow_other_frame)
        for work in works:
            if work.region in others:
                text = f"drawn in another frame of reference than the images'; {how_to_allow}."
                work.fail("other_frame_of_reference", text)
        grid, stack, odd = build_grid(images.images, structure_set.rings_lps_mm(without=others))
        problems.extend(odd)
        scene = _Scene(grid, stack)
    if scene.grid is not None:
        grid = scene.grid
        for work in works:
            if work.region.contours:
                work.attempt(lambda one: _place(one, grid))
    return scene, works, problems


def _grid_of_contours(works: list[RegionWork], rings: list[NDArray[np.float64]]) -> VoxelGrid | None:
    """Return a grid that holds the contours, None where none encloses an area: then regions have failed."""
    try:
        return grid_from_contours(rings) if rings else None
    except GeometryError:
        for work in works:
            if work.region.contours:
                work.fail("no_area", "none of its contours can be used.")
        return None


def _place(work: RegionWork, grid: VoxelGrid) -> None:
    work.placed, problems = place(work.region, grid)
    work.placing_problems(problems)


def _measure(work: RegionWork) -> None:
    """Take the measures of the contours; a region whose contours enclose nothing has failed."""
    if work.placed is None:
        return
    work.measures = measure(work.placed, work.region)
    if work.measures is None:
        work.fail("no_area", "none of its contours can be used.")
    elif not work.placed.is_placed:
        work.fail("outside_images", "all its contours lie beyond the images; only measured.")


def _load_images(scene: _Scene, images: ImageSeries | None, works: list[RegionWork]) -> list[Problem]:
    """Load the pixels of the planes that any region lies on; without pixels the rest goes on."""
    placed = [work.placed for work in works if work.placed is not None and not work.failed]
    if images is None or images.load_pixels is None or scene.grid is None or scene.stack is None:
        return []
    odd: list[str] = []
    with Sparing("the images", odd.append):
        scene.shown = Shown.load(images, scene.stack, scene.grid, placed)
    if odd:
        text = f"{odd[0]}. Intensities and pictures are left out."
        return [Problem("no_pixels", text, "error")]
    return scene.shown.problems if scene.shown is not None else []


def _fill(work: RegionWork, scene: _Scene, detail: MeshDetail | None, *, shaped: bool) -> None:
    """Make the mask of a region and, where wanted, its surface, and look at the intensities inside."""
    if work.placed is None or scene.grid is None:
        return
    work.mask = rasterise(work.placed)
    if detail is not None:
        work.surface = surfaces.mesh(work.placed, detail)
    if shaped and work.measures is not None:
        work.shape = shape_of(work.measures, work.surface, work.placed)
    if scene.stack is not None and not work.mask.count:
        work.note("no_voxels", "no voxel centre lies inside it; there is no mask.")
    elif detail is not None and work.surface is None:
        work.note("no_surface", "it covers half of no voxel; there is no surface.")
    if scene.stack is not None and work.mask.count:
        _compare_volumes(work, work.placed, work.mask)
    if scene.shown is not None:
        _look_inside(work, work.placed, work.mask, scene.shown)


def _compare(works: list[RegionWork], grid: VoxelGrid | None) -> tuple[PairTable | None, list[Problem]]:
    """Return regions that have not failed against each other; those that enclose nothing take no part."""
    if grid is None:
        return None, []
    bodies = [
        comparison_of.Body(work.region.number, work.region.name, mask, work.surface)
        for work in works
        if (mask := work.mask_on(grid)) is not None
    ]
    faults: list[str] = []
    with Sparing("the table of pairs", faults.append):
        table = comparison_of.pair_table(bodies, grid)
    if faults:
        text = f"The regions cannot be compared with each other ({faults[0]})."
        return None, [Problem("not_compared", text, "error")]
    if table.too_many:
        text = (
            f"There are too many pairs among {len(bodies)} regions to compare them all: ask for single ones."
        )
        return table, [Problem("too_many_pairs", text)]
    return table, []


def _compare_volumes(work: RegionWork, placed: PlacedRegion, mask: RegionMask) -> None:
    """Warn where the mask does not hold what the contours enclose, and nothing said so far tells how much."""
    if work.measures is None or work.has_noted("outside_image"):
        return
    contours_ml, mask_ml = work.measures.volume_ml, volume_ml(mask, placed.grid)
    if work.has_noted("outside_stack"):
        reason = "as it ends where the images do"
    elif not volumes_agree(contours_ml, mask_ml, half_layer_ml(placed)):
        reason = "which whole voxels do not explain"
    else:
        return
    work.note(
        "volumes_differ",
        f"its contours enclose {contours_ml:.2f} cc, its mask holds {mask_ml:.2f} cc, {reason}; "
        "intensities are those of the mask.",
    )


def _look_inside(work: RegionWork, placed: PlacedRegion, mask: RegionMask, shown: Shown) -> None:
    """Take the intensities of the voxels that lie on an image the region was drawn on."""
    work.statistics = intensity_statistics(mask, shown.pixels, shown.images_of(placed), shown.unit)
    seen = work.statistics.voxels if work.statistics else 0
    if seen < mask.count and not work.has_noted("between_planes"):
        work.note(
            "partial_intensities",
            f"intensities are those of {seen} of its {mask.count} voxels; on the planes of the others there "
            "is no image, none that can be read, or none that it was drawn on.",
        )


def _export(work: RegionWork, exporter: Exporter, on_region: Callable[[RegionWork], None] | None) -> None:
    work.attempt(exporter.write_region)
    if on_region is not None:
        with Sparing(work.called, work.not_taken_over):
            on_region(work)


def _summary(grid: VoxelGrid | None) -> GridSummary | None:
    if grid is None:
        return None
    affine = tuple(tuple(row) for row in np.round(grid.affine_ras, 9).tolist())
    return GridSummary(grid.kind, grid.shape, grid.spacing_mm, affine)
