"""A structure set and its images as one object, for use in memory: ``load(folder)["GTV"].mask()``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from orthanc_plugins.rtstruct import comparison
from orthanc_plugins.rtstruct.brief import clipped
from orthanc_plugins.rtstruct.case_doses import CaseDoses
from orthanc_plugins.rtstruct.case_images import CaseImages
from orthanc_plugins.rtstruct.case_region import CaseRegion
from orthanc_plugins.rtstruct.geometry.fit import strangers
from orthanc_plugins.rtstruct.labels import larger_first, paint
from orthanc_plugins.rtstruct.pipeline import extract
from orthanc_plugins.rtstruct.problems import no_images
from orthanc_plugins.rtstruct.selection import RegionChoice, only

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.comparison import Comparison
    from orthanc_plugins.rtstruct.dose import Dose, DoseSource
    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.stack import Stack
    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import Region, StructureSet
    from orthanc_plugins.rtstruct.results import Results


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

    def extract(
        self,
        output: str | PathLike[str],
        *,
        regions: str | int | Iterable[str | int] | None = None,
        **options: Any,
    ) -> Results:
        """Write masks, meshes, pictures, doses and ``results.json`` below a folder; options as of `extract`.

        ``regions`` are names, patterns or ROI Numbers, as `RegionChoice` has them; one that matches none is a
        problem of the results. ``doses`` are those that were loaded, where nothing else is given;
        ``doses=()`` leaves them out.
        """
        chosen = self.structure_set
        if regions is not None:
            chosen = RegionChoice.of(regions).apply(chosen)
        options.setdefault("allow_other_frame", self.allow_other_frame)
        options.setdefault("doses", self.dose_sources)
        options.setdefault("no_images_because", self.no_images_because)
        return extract(chosen, self.series, output, **options)

    def __repr__(self) -> str:
        images = "no images" if self.series is None else f"{len(self.series.images)} images"
        label = clipped(self.structure_set.label, 40)
        return f"Case(structure set {label!r}, {len(self.structure_set.regions)} regions, {images})"
