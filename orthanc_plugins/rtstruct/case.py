"""A structure set and its images as one object, for use in memory: ``load(folder)["GTV"].mask()``."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from orthanc_plugins.errors import GeometryError, InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rtstruct.contours import read_structure_set
from orthanc_plugins.rtstruct.finding import find_files, series_of
from orthanc_plugins.rtstruct.fit import strangers
from orthanc_plugins.rtstruct.grid import build_grid, grid_from_contours
from orthanc_plugins.rtstruct.images import series_from_datasets
from orthanc_plugins.rtstruct.measures import intensity_statistics, measure
from orthanc_plugins.rtstruct.mesh import mesh
from orthanc_plugins.rtstruct.nifti import mask_nifti
from orthanc_plugins.rtstruct.pipeline import extract
from orthanc_plugins.rtstruct.placing import place
from orthanc_plugins.rtstruct.raster import rasterise
from orthanc_plugins.rtstruct.selection import RegionChoice
from orthanc_plugins.rtstruct.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.contours import Region, StructureSet
    from orthanc_plugins.rtstruct.grid import VoxelGrid
    from orthanc_plugins.rtstruct.images import ImageSeries
    from orthanc_plugins.rtstruct.measures import ContourMeasures, IntensityStatistics
    from orthanc_plugins.rtstruct.mesh import Mesh
    from orthanc_plugins.rtstruct.placing import PlacedRegion
    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.raster import RegionMask
    from orthanc_plugins.rtstruct.results import Results
    from orthanc_plugins.rtstruct.stack import Stack


@runtime_checkable
class Readable(Protocol):
    """An open binary file."""

    def read(self) -> bytes:
        """Return what it holds."""


type CaseSource = str | Path | bytes | Readable | Dataset
"""A file or folder by its path, a file's content, an open binary file, or a data set in memory."""


def load(
    *sources: CaseSource | Iterable[CaseSource],
    structure_set_uid: str | None = None,
    allow_other_frame: bool = False,
) -> Case:
    """Return a structure set and the images it was drawn on.

    Parameters
    ----------
    sources
        Files, folders, contents of files and data sets, in any mixture, also as lists: what holds the
        structure set and its images. Other files and other series among them are left aside. Without the
        images contours can be measured, and there are no masks.
    structure_set_uid
        SOP Instance UID of the structure set meant, where the sources hold several.
    allow_other_frame
        Take contours drawn in another frame of reference than the images' for drawn in theirs.

    Raises
    ------
    InvalidDicom
        The sources hold no structure set or several, or it is damaged, or one of its images is.
    GeometryError
        The structure set does not fit the images, or these form no volume (PS3.3 C.7.6.2).
    OSError
        A file cannot be read.
    """
    paths, datasets = _sorted(sources)
    found = find_files(paths)
    sets = {one.sop_instance_uid: one.path for one in found.structure_sets}
    held = {str(one.get("SOPInstanceUID", "")): one for one in datasets if _is_structure_set(one)}
    uid = _chosen([*(one.sop_instance_uid for one in found.structure_sets), *held], structure_set_uid)
    structure_set = read_structure_set(_written(held[uid]) if uid in held else sets[uid])
    images = [one for one in datasets if not _is_structure_set(one)]
    series = _series_among(images, structure_set) or series_of(structure_set, found)
    return Case(structure_set, series, allow_other_frame=allow_other_frame)


@dataclass(eq=False)
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

    Raises
    ------
    GeometryError
        The structure set does not fit the images, or these form no volume.
    """

    structure_set: StructureSet
    series: ImageSeries | None
    allow_other_frame: bool = False
    problems: list[Problem] = field(default_factory=list, init=False)
    _strangers: list[Region] = field(default_factory=list, init=False)
    _layout: tuple[VoxelGrid, Stack | None] = field(init=False)

    def __post_init__(self) -> None:
        self.problems.extend(self.structure_set.problems)
        rings = [ring.points_lps_mm for region in self.structure_set.regions for ring in region.contours]
        if self.series is None:
            self._layout = grid_from_contours(rings), None
            return
        self._strangers, odd = strangers(
            self.structure_set, self.series, allow_other_frame=self.allow_other_frame
        )
        grid, stack, unusual = build_grid(self.series.images, rings)
        self._layout = grid, stack
        self.problems.extend((*odd, *unusual))

    @property
    def grid(self) -> VoxelGrid:
        """Where voxels lie: shape (slices, rows, columns), and the way from indices to LPS mm and back."""
        return self._layout[0]

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
        if isinstance(key, int):
            found = [region for region in self.regions if region.number == key]
        else:
            found = [region for region in self.regions if region.name == key] or [
                region for region in self.regions if region.name.strip().casefold() == key.strip().casefold()
            ]
        if len(found) != 1:
            numbers = ", ".join(str(region.number) for region in found)
            what = f"regions {numbers} are all called so: use a number" if found else "`names` lists all"
            raise KeyError(f"{key!r}: {what}")
        return found[0]

    def __iter__(self) -> Iterator[CaseRegion]:
        return iter(self.regions)

    def __len__(self) -> int:
        return len(self.regions)

    def matching(self, *patterns: str) -> list[CaseRegion]:
        """Return the regions that match any pattern, as ``GTV*`` or ``Lung_?`` (see `RegionChoice`)."""
        choice = RegionChoice(patterns)
        return [region for region in self.regions if choice.takes(region.region)]

    def labels(self, *regions: CaseRegion) -> NDArray[np.uint16]:
        """Return the grid with each voxel's region: 1 for the first one given, 2 for the second, 0 outside.

        All regions when none is given. Where regions overlap the later one is kept. Shape ``grid.shape``.
        """
        volume = np.zeros(self.grid.shape, dtype=np.uint16)
        for value, region in enumerate(regions or self.regions, 1):
            mask = region.box()
            volume[mask.slices][mask.voxels] = value
        return volume

    def intensities(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the images' rescaled intensities in the order of the grid, (images, rows, columns).

        As many as ``grid.shape`` says but where images are missing or unevenly spaced: see
        ``grid.image_of_plane``. The unit is ``series.unit``.

        Raises
        ------
        InvalidDicom
            There are no images, or their pixels cannot be decoded.
        """
        stack = self._layout[1]
        if self.series is None or stack is None:
            raise InvalidDicom("The structure set was loaded without its images.")
        return self.series.intensities([image.sop_instance_uid for image in stack.images])

    def extract(self, output: Path, **options: Any) -> Results:
        """Write masks, meshes, pictures and ``results.json`` below a folder; options as of `extract`."""
        options.setdefault("allow_other_frame", self.allow_other_frame)
        return extract(self.structure_set, self.series, output, **options)


@dataclass(eq=False)
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
            raise GeometryError(
                f"Region {self.number} is drawn in another frame of reference than the images': "
                "load the case with allow_other_frame=True if the two are known to agree."
            )
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
        return (*self.region.problems, *self._placed[1])

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
        if self.case.series is None:
            raise GeometryError("There is no grid to make a mask on: load the images with the structure set.")
        return rasterise(self.placed)

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

    def statistics(self) -> IntensityStatistics | None:
        """Return the intensities inside, on images the region was drawn on; None where there are none.

        Raises
        ------
        InvalidDicom
            The pixels cannot be decoded.
        """
        series, (grid, stack) = self.case.series, self.case._layout  # noqa: SLF001 - of one module
        if series is None or series.load_pixels is None or stack is None:
            return None
        shown = Shown.load(series, stack, grid, [self.placed])
        if shown is None:
            return None
        return intensity_statistics(self.box(), shown.pixels, shown.images_of(self.placed), shown.unit)


def _sorted(sources: Iterable[CaseSource | Iterable[CaseSource]]) -> tuple[list[Path], list[Dataset]]:
    """Return the paths among sources, and the rest as data sets."""
    paths: list[Path] = []
    datasets: list[Dataset] = []
    for source in sources:
        if isinstance(source, str | Path):
            path = Path(source)
            path.stat()  # an absent file is said by the system's own error
            paths.append(path)
        elif isinstance(source, Dataset):
            datasets.append(source)
        elif isinstance(source, bytes):
            datasets.append(_parsed(source))
        elif isinstance(source, Readable):
            datasets.append(_parsed(source.read()))
        else:
            inner_paths, inner_datasets = _sorted(source)
            paths.extend(inner_paths)
            datasets.extend(inner_datasets)
    return paths, datasets


def _parsed(content: bytes) -> Dataset:
    try:
        dataset: Dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    except (EOFError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise InvalidDicom("A source is not DICOM, or is damaged.") from error
    return dataset


def _is_structure_set(dataset: Dataset) -> bool:
    return str(dataset.get("SOPClassUID", "")) == RT_STRUCTURE_SET_STORAGE


def _chosen(uids: Sequence[str], wanted: str | None) -> str:
    """Return the UID of the one structure set that is meant."""
    fitting = [uid for uid in uids if wanted in {None, uid}]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        which = f"RT Structure Set {wanted}" if wanted else "RT Structure Set"
        raise InvalidDicom(f"The sources hold no {which}.")
    raise InvalidDicom(
        f"The sources hold {len(fitting)} RT Structure Sets: name one by structure_set_uid, of "
        f"{', '.join(sorted(fitting))}."
    )


def _written(dataset: Dataset) -> bytes:
    """Return a data set as it would stand in a file, for the reader of structure sets."""
    stream = io.BytesIO()
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and "TransferSyntaxUID" in meta:
        pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    else:
        pydicom.dcmwrite(stream, dataset, implicit_vr=True, little_endian=True)
    return stream.getvalue()


def _series_among(datasets: Sequence[Dataset], structure_set: StructureSet) -> ImageSeries | None:
    """Return the series in memory the set refers to, else the largest of its frame of reference."""
    by_series: dict[str, list[Dataset]] = {}
    for dataset in datasets:
        if "ImagePositionPatient" in dataset:
            by_series.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append(dataset)
    frame = structure_set.frame_of_reference_uid
    candidates = [uid for uid in by_series if uid in structure_set.referenced_series_uids] or [
        uid for uid, held in by_series.items() if frame and held[0].get("FrameOfReferenceUID") == frame
    ]
    if not candidates:
        return None
    return series_from_datasets(by_series[max(candidates, key=lambda uid: len(by_series[uid]))])
