"""The pixels that regions lie on, loaded once for statistics and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.problems import Problem, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion
    from orthanc_plugins.rtstruct.geometry.stack import Stack
    from orthanc_plugins.rtstruct.reading.images import ImageSeries


@dataclass(frozen=True, eq=False, repr=False)
class Shown(Brief):
    """Rescaled pixels of consecutive images.

    ``pixels`` has shape (images, rows, columns). ``image_of_plane`` (planes,) and ``image_of_slice``
    (slices,) give the place in it of each plane and slice of the grid, -1 for none; slices that are filled in
    where images are missing have none. ``unit`` is that of the intensities. ``damage`` tells of images that
    cannot be read, one sentence each.
    """

    pixels: NDArray[np.int16] | NDArray[np.float32]
    image_of_plane: NDArray[np.intp]
    image_of_slice: NDArray[np.intp]
    unit: str
    damage: tuple[str, ...] = ()

    @classmethod
    def load(
        cls, images: ImageSeries, stack: Stack, grid: VoxelGrid, placed: Sequence[PlacedRegion]
    ) -> Self | None:
        """Return the pixels of the images that regions reach, None when they reach none.

        Images that cannot be read are left out as if they were missing: see ``damage``.

        Raises
        ------
        InvalidDicom
            No image's pixels can be had or decoded.
        """
        planes = np.concatenate([np.zeros(0, dtype=np.intp), *(region.plane for region in placed)])
        planes = planes[planes >= 0]
        reached = grid.image_of_plane[planes.min() : planes.max() + 1] if len(planes) else planes
        reached = reached[reached >= 0]
        if not len(reached):
            return None
        return cls._between(images, stack, grid, int(reached[0]), int(reached[-1]))

    @classmethod
    def whole(cls, images: ImageSeries, stack: Stack, grid: VoxelGrid) -> Self:
        """Return the pixels of all images; what is raised as of `load`."""
        return cls._between(images, stack, grid, 0, len(stack.images) - 1)

    @classmethod
    def _between(cls, images: ImageSeries, stack: Stack, grid: VoxelGrid, first: int, last: int) -> Self:
        uids = [image.sop_instance_uid for image in stack.images[first : last + 1]]
        own = grid.image_of_plane
        image_of_plane = np.where((own >= first) & (own <= last), own - first, -1)
        pixels, damage = images.readable(uids)
        place = np.cumsum([index not in damage for index in range(len(uids))]) - 1
        place[list(damage)] = -1
        image_of_plane = np.where(image_of_plane >= 0, place[image_of_plane], -1)
        image_of_slice = np.where(grid.filled_in, -1, image_of_plane[grid.plane_of_slice])
        return cls(pixels, image_of_plane, image_of_slice, images.unit, tuple(map(str, damage.values())))

    @property
    def problems(self) -> list[Problem]:
        """One problem for all images that cannot be read."""
        if not self.damage:
            return []
        more = (
            f" The same holds for {counted(len(self.damage) - 1, 'other image')}." if self.damage[1:] else ""
        )
        text = f"{self.damage[0]}{more} Intensities and pictures are those of the other images."
        return [Problem("image_without_pixels", text)]

    def images_of(self, placed: PlacedRegion) -> NDArray[np.intp]:
        """Return the image of each slice (slices,), -1 also where a region was drawn beside its plane.

        What an image holds where its plane's contours were drawn half a gap away is not the region.
        """
        beside = np.isin(placed.grid.plane_of_slice, placed.planes_between)
        return np.where(beside, -1, self.image_of_slice)

    def on_grid(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the intensities of the grid's voxels (slices, rows, columns).

        A slice has those of the image it is filled from. Where it has none they are NaN, and all are float32.
        """
        images = self.image_of_slice
        if np.array_equal(images, np.arange(len(self.pixels))):
            return self.pixels
        dtype = self.pixels.dtype if (images >= 0).all() else np.float32
        volume = np.empty((len(images), *self.pixels.shape[1:]), dtype)
        for place, image in enumerate(images.tolist()):  # one by one: together they would be there twice
            volume[place] = np.nan if image < 0 else self.pixels[image]
        return volume

    def near(self, plane: int) -> NDArray[np.int16] | NDArray[np.float32]:
        """Return the image (rows, columns) of a plane, or of the nearest plane that has one."""
        there = np.flatnonzero(self.image_of_plane >= 0)
        nearest = there[np.abs(there - plane).argmin()]
        image: NDArray[np.int16] | NDArray[np.float32] = self.pixels[self.image_of_plane[nearest]]
        return image
