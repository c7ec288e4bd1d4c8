"""The objects of one extraction: regions are taken while they are worked on, objects written at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from orthanc_plugins.rtstruct.objects.measurement_report import build_measurement_report
from orthanc_plugins.rtstruct.objects.origin import DrawnRegion, Origin
from orthanc_plugins.rtstruct.objects.segmentation import build_segmentations
from orthanc_plugins.rtstruct.objects.surface import build_surface

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from pydicom.dataset import Dataset

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.reading.images import ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import StructureSet
    from orthanc_plugins.rtstruct.work import RegionWork

ObjectKind = Literal["seg", "sr", "stl"]
FOLDER = "dicom"
"""Where the objects stand in the folder of the results."""


class RegionCollection:
    """Takes regions as they come, from several threads at a time, and writes the objects of them all.

    Parameters
    ----------
    kinds
        Which objects are wanted: segmentations, the report of measurements (which comes with these, for it
        refers to them), surfaces.
    """

    def __init__(self, kinds: Collection[ObjectKind]) -> None:
        self._kinds = frozenset(kinds)
        self._works: dict[int, RegionWork] = {}

    def add(self, work: RegionWork) -> None:
        """Take a region once its files are written."""
        if self._kinds and work.mask is not None and work.placed is not None:
            self._works[id(work.region)] = work

    def write(
        self,
        structure_set: StructureSet,
        images: ImageSeries,
        image_header: Dataset,
        folder: Path,
        created: datetime,
    ) -> int:
        """Write the objects below ``folder`` as ``dicom/NN.dcm`` and return how many there are.

        Parameters
        ----------
        structure_set, images
            What the regions are of.
        image_header
            The header of one image, for patient, study and storage class.
        folder
            Folder of the results.
        created
            When they are made.
        """
        works = sorted(self._works.values(), key=lambda work: work.stem)
        if not works or works[0].placed is None:
            return 0
        grid = works[0].placed.grid
        origin = Origin(structure_set, images, grid, image_header, created)
        count = 0
        for count, made in enumerate(self._objects(origin, works, grid), 1):
            path = folder / FOLDER / f"{count:02d}.dcm"
            path.parent.mkdir(exist_ok=True)
            made.save_as(path, enforce_file_format=True)
        return count

    def _objects(self, origin: Origin, works: list[RegionWork], grid: VoxelGrid) -> Iterator[Dataset]:
        regions = [
            DrawnRegion(
                work.region,
                mask,
                work.surface,
                work.measures.volume_ml if work.measures is not None else None,
                work.statistics,
            )
            for work in works
            if (mask := work.mask_on(grid)) is not None
        ]
        segmentations = build_segmentations(origin, regions) if self._kinds & {"seg", "sr"} else []
        yield from segmentations
        report = build_measurement_report(origin, regions, segmentations) if "sr" in self._kinds else None
        if report is not None:
            yield report
        if "stl" in self._kinds:
            surfaces = [one for one in regions if one.surface is not None]
            for number, one in enumerate(surfaces, 1):
                yield build_surface(origin, one, number, sources=segmentations)
