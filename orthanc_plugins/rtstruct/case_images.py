"""The images of a case in memory: what they hold on its grid, and why they are not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from orthanc_plugins.errors import GeometryError, InvalidDicom
from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.geometry.grid import build_grid, grid_from_contours
from orthanc_plugins.rtstruct.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.stack import Stack
    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.reading.images import ImageSeries


@dataclass(eq=False, repr=False)
class CaseImages(Brief):
    """The images of a case, and the grid they make.

    ``problems`` is the list to which is added which images cannot be read. ``none_because`` says why there
    are none, empty where that is not known.
    """

    series: ImageSeries | None
    stack: Stack | None
    grid: VoxelGrid
    problems: list[Problem]
    none_because: str

    @classmethod
    def of(
        cls,
        series: ImageSeries | None,
        rings_lps_mm: Sequence[NDArray[np.float64]],
        problems: list[Problem],
        none_because: str,
    ) -> Self:
        """Return the images of a series, and the grid that it, or without it the contours, make.

        Raises
        ------
        GeometryError
            The images form no volume; or there is neither a series nor a contour that encloses area.
        """
        if series is None:
            return cls(None, None, grid_from_contours(rings_lps_mm), problems, none_because)
        grid, stack, unusual = build_grid(series.images, rings_lps_mm)
        problems.extend(unusual)
        return cls(series, stack, grid, problems, none_because)

    def intensities(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the intensities of the grid's voxels, shape ``grid.shape``; see `Shown.on_grid`.

        Raises
        ------
        InvalidDicom
            There are no images, or none of them can be decoded.
        """
        if self.series is None or self.stack is None:
            raise InvalidDicom(f"There are no intensities. {self._absence}")
        shown = Shown.whole(self.series, self.stack, self.grid)
        self._tell(shown)
        return shown.on_grid()

    def under(self, placed: PlacedRegion) -> Shown | None:
        """Return the pixels of the images that a region reaches, None where it reaches none.

        Raises
        ------
        InvalidDicom
            None of them can be decoded.
        """
        if self.series is None or self.series.load_pixels is None or self.stack is None:
            return None
        shown = Shown.load(self.series, self.stack, self.grid, [placed])
        if shown is not None:
            self._tell(shown)
        return shown

    def needed(self) -> None:
        """Raise where there are none to make a mask on.

        Raises
        ------
        GeometryError
            There are no images.
        """
        if self.series is None:
            raise GeometryError(f"There is no grid to make a mask on. {self._absence}")

    @property
    def _absence(self) -> str:
        return self.none_because or "Load the images with the structure set."

    def _tell(self, shown: Shown) -> None:
        self.problems.extend(one for one in shown.problems if one not in self.problems)
