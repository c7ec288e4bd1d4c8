"""One region of a case in memory: ``case["GTV"]``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import comparison, dose
from orthanc_plugins.rtstruct.brief import clipped
from orthanc_plugins.rtstruct.choices import DOSE_METRICS
from orthanc_plugins.rtstruct.geometry.fit import HOW_TO_ALLOW
from orthanc_plugins.rtstruct.geometry.gaps import with_placing
from orthanc_plugins.rtstruct.geometry.partial import fractions
from orthanc_plugins.rtstruct.geometry.placing import place
from orthanc_plugins.rtstruct.geometry.raster import rasterise
from orthanc_plugins.rtstruct.measures.region import intensity_statistics, measure
from orthanc_plugins.rtstruct.measures.shape import shape_of
from orthanc_plugins.rtstruct.nifti import mask_nifti
from orthanc_plugins.rtstruct.surfaces.meshes import mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.case_images import CaseImages
    from orthanc_plugins.rtstruct.comparison import RegionComparison
    from orthanc_plugins.rtstruct.dose import Dose, Histogram, RegionDose
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.measures.region import ContourMeasures, IntensityStatistics
    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.structure_set import Region
    from orthanc_plugins.rtstruct.results import Shape
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh


class Ground(Protocol):
    """What a region needs of its case."""

    @property
    def images(self) -> CaseImages:
        """The images, and why they are not there."""

    @property
    def grid(self) -> VoxelGrid:
        """Where voxels lie."""

    def chosen_dose(self, of: Dose | None = None) -> Dose:
        """Return a dose to use, the whole plan's unless another one is given."""


@dataclass(eq=False, repr=False)
class CaseRegion:
    """One region of a `Case`; ``region`` holds its contours as drawn."""

    case: Ground
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
