"""A structure set and its images as one object, for use in memory: ``load(folder)["GTV"].mask()``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import comparison, dose
from orthanc_plugins.rtstruct.brief import clipped
from orthanc_plugins.rtstruct.case_doses import CaseDoses
from orthanc_plugins.rtstruct.case_images import CaseImages
from orthanc_plugins.rtstruct.choices import DOSE_METRICS
from orthanc_plugins.rtstruct.geometry.fit import HOW_TO_ALLOW, strangers
from orthanc_plugins.rtstruct.geometry.gaps import with_placing
from orthanc_plugins.rtstruct.geometry.partial import fractions
from orthanc_plugins.rtstruct.geometry.placing import place
from orthanc_plugins.rtstruct.geometry.raster import rasterise
from orthanc_plugins.rtstruct.labels import larger_first, paint
from orthanc_plugins.rtstruct.measures.region import intensity_statistics, measure
from orthanc_plugins.rtstruct.measures.shape import shape_of
from orthanc_plugins.rtstruct.nifti import mask_nifti
from orthanc_plugins.rtstruct.pipeline import extract
from orthanc_plugins.rtstruct.problems import no_images
from orthanc_plugins.rtstruct.selection import RegionChoice, only
from orthanc_plugins.rtstruct.surfaces.meshes import mesh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.comparison import Comparison, RegionComparison
    from orthanc_plugins.rtstruct.dose import Dose, DoseSource, Histogram, RegionDose
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.geometry.stack import Stack
    from orthanc_plugins.rtstruct.measures.region import ContourMeasures, IntensityStatistics
    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.contours import Region, StructureSet
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.results import Results, Shape
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh


@dataclass(eq=False, repr=False)
class Case:
    """A structure set on its images.

    ``case["GTV"]`` is a region by its name, ``case[3]`` by its ROI Number; iterating gives all in the order
    of the file. Nothing is computed before it is asked for; what is placed on the grid is kept, masks and
    meshes are made anew at each call.

    Parameters
    ----------
    structure_set
        As `read_structure_set` gives it.
    series
        The images, None where they are not to be had: contours are then measured on a grid of their own.
    allow_other_frame
        Take contours drawn in another frame of reference than the images' for drawn in theirs.
    dose_sources
        RT Doses of its frame of reference, as `extract` takes them; `doses` reads them.
    no_images_because
        Why there is no series, as a problem says it; empty where that is not known.

    Attributes
    ----------
    images
        The images and what they hold on the grid.
    problems
        What was odd about the structure set, its place on the images and, once read, pixels and doses.

    Raises
    ------
    GeometryError
        The structure set does not fit the images, or these form no volume; or there are neither images nor a
        contour that encloses area.
    """

    structure_set: StructureSet
    series: ImageSeries | None
    allow_other_frame: bool = False
    dose_sources: Sequence[DoseSource] = ()
    no_images_because: str = ""
    problems: list[Problem] = field(default_factory=list, init=False)
    _strangers: list[Region] = field(default_factory=list, init=False)
    images: CaseImages = field(init=False)
    _doses: CaseDoses = field(init=False)

    def __post_init__(self) -> None:
        self._doses = CaseDoses(
            self.dose_sources,
            self.structure_set.frame_of_reference_uid,
            self.allow_other_frame,
            self.problems,
        )
        self.problems.extend(self.structure_set.problems)
        if self.series is None:
            self.problems.append(no_images(self.no_images_because))
        else:
            self._strangers, odd = strangers(
                self.structure_set, self.series, allow_other_frame=self.allow_other_frame
            )
            self.problems.extend(odd)
        rings = self.structure_set.rings_lps_mm(without=self._strangers)
        self.images = CaseImages.of(self.series, rings, self.problems, self.no_images_because)

    @property
    def grid(self) -> VoxelGrid:
        """Where voxels lie: shape (slices, rows, columns), and the way from indices to LPS mm and back."""
        return self.images.grid

    @property
    def stack(self) -> Stack | None:
        """The images in the order of their position, None without images."""
        return self.images.stack

    @cached_property
    def regions(self) -> tuple[CaseRegion, ...]:
        """All regions, in the order of the file."""
        return tuple(
            CaseRegion(self, region, is_stranger=region in self._strangers)
            for region in self.structure_set.regions
        )

    @property
    def names(self) -> list[str]:
        """The regions' names in the order of the file; one name may occur twice."""
        return [region.name for region in self.regions]

    def __getitem__(self, key: str | int) -> CaseRegion:
        """Return the region of a name or, for a whole number, of an ROI Number (3006,0022).

        A name is taken as it stands, or else without regard to capitals.

        Raises
        ------
        KeyError
            No region, or more than one, is called so.
        """
        return only(self.regions, key)

    def __iter__(self) -> Iterator[CaseRegion]:
        return iter(self.regions)

    def __len__(self) -> int:
        return len(self.regions)

    def matching(self, *patterns: str) -> list[CaseRegion]:
        """Return the regions that match any pattern, as ``GTV*`` or ``Lung_?`` (see `RegionChoice`)."""
        choice = RegionChoice(patterns)
        return [region for region in self.regions if choice.takes(region.region)]

    def labels(self, *regions: CaseRegion | str | int) -> NDArray[np.uint16]:
        """Return the grid with each voxel's region: 1 for the first one given, 2 for the second, 0 outside.

        Where regions overlap, a voxel belongs to the one of fewer voxels, as in ``labels.nii.gz``; of two of
        as many to the later one. Shape ``grid.shape``.

        Parameters
        ----------
        regions
            Regions, their names or ROI Numbers, as for ``case[…]``; all in the order of `names` when none is
            given.

        Raises
        ------
        KeyError
            A name or number is of no region, or of several.
        GeometryError
            As of `CaseRegion.mask`.
        """
        chosen = [one if isinstance(one, CaseRegion) else self[one] for one in regions] or self.regions
        volume = np.zeros(self.grid.shape, dtype=np.uint16)
        paint(volume, larger_first((value, region.box()) for value, region in enumerate(chosen, 1)))
        return volume

    def intensities(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the images' rescaled intensities on the grid: shape ``grid.shape``, as masks have it.

        A slice has those of the image that masks are filled from. Where it has none, because an image is
        missing or its pixels cannot be read (`problems` then says so), they are **NaN** and all are float32.
        The unit is ``series.unit``.

        Raises
        ------
        InvalidDicom
            There are no images, or none whose pixels can be decoded.
        """
        return self.images.intensities()

    @property
    def doses(self) -> tuple[Dose, ...]:
        """The RT Doses of its frame of reference, the whole plan's first.

        Read when they are first asked for, and kept. `problems` then tells what is wrong with the others.
        """
        return self._doses.usable

    def chosen_dose(self, of: Dose | None = None) -> Dose:
        """Return the first of `doses`, or another one if it can be used with this case; see `CaseDoses`."""
        return self._doses.chosen(of)

    def compare(self, other: Case, **options: Any) -> Comparison:
        """Return its regions against those of another case; options as of `compare_structure_sets`."""
        options.setdefault("allow_other_frame", self.allow_other_frame)
        return comparison.compare_structure_sets(
            self.structure_set, other.structure_set, self.series, other.series, **options
        )

    def extract(self, output: Path, **options: Any) -> Results:
        """Write masks, meshes, pictures, doses and ``results.json`` below a folder; options as of `extract`.

        ``doses`` are those that were loaded, where nothing else is given: ``doses=()`` leaves them out.
        """
        options.setdefault("allow_other_frame", self.allow_other_frame)
        options.setdefault("doses", self.dose_sources)
        options.setdefault("no_images_because", self.no_images_because)
        return extract(self.structure_set, self.series, output, **options)

    def __repr__(self) -> str:
        images = "no images" if self.series is None else f"{len(self.series.images)} images"
        label = clipped(self.structure_set.label, 40)
        return f"Case(structure set {label!r}, {len(self.structure_set.regions)} regions, {images})"


@dataclass(eq=False, repr=False)
class CaseRegion:
    """One region of a `Case`; ``region`` holds its contours as drawn."""

    case: Case
    region: Region
    is_stranger: bool = False

    @property
    def number(self) -> int:
        """ROI Number (3006,0022)."""
        return self.region.number

    @property
    def name(self) -> str:
        """ROI Name (3006,0026)."""
        return self.region.name

    @cached_property
    def _placed(self) -> tuple[PlacedRegion, list[Problem]]:
        if self.is_stranger:
            what = f"Region {self.number} is drawn in another frame of reference than the images'"
            raise GeometryError(f"{what}; {HOW_TO_ALLOW}.")
        return place(self.region, self.case.grid)

    @property
    def placed(self) -> PlacedRegion:
        """The region's contours on the planes of the grid.

        Raises
        ------
        GeometryError
            It is drawn in another frame of reference than the images'.
        """
        return self._placed[0]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was odd about the contours, and about placing them."""
        return tuple(with_placing(self.region.problems, self._placed[1]))

    def mask(self) -> NDArray[np.bool_]:
        """Return the voxels whose centre lies inside, on the whole grid: shape ``grid.shape``, axes k, j, i.

        `box` is smaller where the region is.

        Raises
        ------
        GeometryError
            There are no images to make a mask on, or the contours are too entangled to be filled.
        """
        return self.box().on_grid(self.case.grid.shape)

    def box(self) -> RegionMask:
        """Return the same mask in the region's own box, with the box's place on the grid.

        Raises
        ------
        GeometryError
            As of `mask`.
        """
        self.case.images.needed()
        return rasterise(self.placed)

    def fractions(self) -> NDArray[np.uint8]:
        """Return which share of each voxel the region fills, on the whole grid: 0 none to 255 all of it.

        Shape ``grid.shape``, axes k, j, i; exact to half a step in plane, whole slices across.

        Raises
        ------
        GeometryError
            As of `mask`.
        """
        self.case.images.needed()
        found = fractions(self.placed)
        shape = self.case.grid.shape
        return np.zeros(shape, dtype=np.uint8) if found is None else found.on_grid(shape)

    def nifti(self) -> bytes:
        """Return the mask as NIfTI-1, compressed (``.nii.gz``): 0 and 1, affine in RAS mm."""
        return mask_nifti(self.box(), self.case.grid)

    def mesh(self) -> Mesh | None:
        """Return the closed, smooth surface in LPS mm, None where the region covers half of no voxel."""
        return mesh(self.placed)

    def measures(self) -> ContourMeasures | None:
        """Return what the contours say: volume (planimetric, ml), centroid and extent (LPS mm), counts.

        None where no contour encloses area. They need no images.
        """
        return measure(self.placed, self.region)

    def shape(self) -> Shape | None:
        """Return axes, diameters, sphericity and more, by contours and surface; None without measures."""
        measures = self.measures()
        return None if measures is None else shape_of(measures, self.mesh(), self.placed)

    def statistics(self) -> IntensityStatistics | None:
        """Return the intensities inside, on images the region was drawn on; None where there are none.

        Raises
        ------
        InvalidDicom
            No image's pixels can be decoded. Some that cannot are left out, and ``case.problems`` says so.
        """
        shown = self.case.images.under(self.placed)
        if shown is None:
            return None
        return intensity_statistics(self.box(), shown.pixels, shown.images_of(self.placed), shown.unit)

    def dose(self, of: Dose | None = None, metrics: Sequence[str] = DOSE_METRICS) -> RegionDose | None:
        """Return what the region receives of a dose: mean, lowest, highest, median, D95%, V20Gy and more.

        None where no contour encloses area; its values are None where none of it lies on the dose grid.

        Parameters
        ----------
        of
            One of ``case.doses``, or what `read_dose` gives; the first of ``case.doses``, the whole plan's
            where there is one, when left out.
        metrics
            What to read from the histogram, such as ``D95%``, ``D2cc``, ``V20Gy`` or ``V20Gy[cc]``.

        Raises
        ------
        InvalidDicom
            There is no dose, or none that can be used.
        GeometryError
            As of `placed`, or its contours are too entangled to be filled.
        ValueError
            A name is none of a metric.
        """
        received = self._received(of, metrics)
        return None if received is None else received[0]

    def dose_volume_histogram(self, of: Dose | None = None) -> Histogram | None:
        """Return how much of the region receives which dose; ``of`` and what is raised as of `dose`.

        None where no contour encloses area, or none of the region lies on the dose grid.
        """
        received = self._received(of, ())
        return None if received is None else received[1]

    def _received(
        self, of: Dose | None, metrics: Sequence[str]
    ) -> tuple[RegionDose, Histogram | None] | None:
        measures = self.measures()
        if measures is None:
            return None
        return dose.evaluate(self.placed, measures.volume_ml, self.case.chosen_dose(of), metrics)

    def compare(self, other: CaseRegion) -> RegionComparison:
        """Return the region against another of the same case: Dice, distances of surfaces, relation.

        Raises
        ------
        GeometryError
            The other belongs to another case, or as of `mask`.
        """
        if other.case is not self.case:
            raise GeometryError("The two regions are of different cases: compare these, case.compare(other).")
        return comparison.compare_regions(self._body(), other._body(), self.case.grid)

    def _body(self) -> comparison.Body:
        return comparison.Body(self.number, self.name, self.box(), self.mesh())

    def __repr__(self) -> str:
        return f"CaseRegion({self.number} {clipped(self.name, 40)!r}, {len(self.region.contours)} contours)"
