"""Side by side with rt-utils 1.2: where it agrees, and exactly how it differs where it does not.

rt-utils rounds every point to a pixel and fills with the border (OpenCV's ``fillPoly``): its masks are too
large by half a pixel all around. It draws masks as paths through the centres of their border pixels, which
makes regions half a pixel too small all around; by the theorem of Pick the two relate exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from rt_utils import RTStructBuilder

from orthanc_plugins.rtstruct import Contour, Region, StructureSet, VoxelGrid, place, read_structure_set
from tests.builders import Box, Case, Ellipsoid, ImageFrame, RegionSpec, Torus, build_case
from tests.unit.rtstruct.cases import grid_of, mask_of, read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

type Mask = NDArray[np.bool_]

FRAME = ImageFrame(size=(12, 64, 64), spacing_mm=(2.0, 2.0), gap_mm=3.0)
SPECS = (
    RegionSpec("sphere", Ellipsoid((3.3, 1.7, 0.4), (15.0, 15.0, 15.0))),
    RegionSpec("box", Box((1.3, -3.1, 0.0), (31.0, 21.0, 24.0))),
    RegionSpec("ring", Torus((1.1, 0.4, 0.3), 36.0, 14.0)),
)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path]:
    folder = tmp_path_factory.mktemp("case")
    made = build_case(frame=FRAME, regions=SPECS)
    made.write(folder)
    return made, folder


def by_rt_utils(folder: Path, name: str) -> Mask:
    """Return the mask (slices, rows, columns) that rt-utils makes of a region."""
    structures = RTStructBuilder.create_from(str(folder / "images"), str(folder / "rtstruct.dcm"))
    return np.moveaxis(np.asarray(structures.get_roi_mask_by_name(name), dtype=bool), 2, 0)


@pytest.mark.parametrize("number", range(3))
def test_rt_utils_differs_by_its_filled_border_and_by_nothing_else(
    case: tuple[Case, Path], number: int
) -> None:
    built, folder = case
    placed, _ = place(read(built).regions[number], grid_of(built))
    ours, theirs = mask_of(placed), by_rt_utils(folder, SPECS[number].name)
    assert not (ours & ~theirs).any(), "a voxel that rt-utils does not hold"
    assert theirs.sum() > ours.sum()
    around_px = 0.0
    for plane in range(len(ours)):
        rings = [shapely.LinearRing(ring) for ring in placed.rings_on(plane)]
        around_px += sum(ring.length for ring in rings)
        for row, column in np.argwhere(theirs[plane] & ~ours[plane]):
            assert min(shapely.distance(ring, shapely.Point(column, row)) for ring in rings) <= 2**0.5
    extra = int((theirs & ~ours).sum())
    assert 0.3 * around_px < extra < 0.75 * around_px


def random_mask(seed: int, *, discs: int = 4, holes: bool = False) -> Mask:
    """Return blobs (slices, rows, columns), thicker than a pixel, with or without holes."""
    rng = np.random.default_rng(seed)
    _, rows, columns = np.mgrid[: FRAME.size[0], :64, :64]
    mask = np.zeros(FRAME.size, dtype=bool)
    for _ in range(discs):
        row, column, radius = rng.uniform(14, 50), rng.uniform(14, 50), rng.uniform(5, 12)
        mask |= (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    if holes:
        row, column = np.argwhere(mask[0]).mean(axis=0)
        mask |= (rows - row) ** 2 + (columns - column) ** 2 < 100
        mask &= (rows - row) ** 2 + (columns - column) ** 2 > 20
    mask[[0, -1]] = False
    return mask


def written(folder: Path, mask: Mask, target: Path, **options: Any) -> StructureSet:
    """Return the structure set that rt-utils writes of a mask."""
    structures = RTStructBuilder.create_new(str(folder / "images"))
    structures.add_roi(mask=np.moveaxis(mask, 0, 2), name="drawn", **options)
    structures.save(str(target / "drawn.dcm"))
    return read_structure_set(target / "drawn.dcm")


def moved(region: Region, grid: VoxelGrid, column: float, row: float) -> Region:
    """Return the region moved by parts of a pixel."""
    step = column * grid.steps_lps_mm[2] + row * grid.steps_lps_mm[1]
    contours = [Contour(c.index, c.geometric_type, c.points_lps_mm + step) for c in region.contours]
    return Region(region.number, region.name, tuple(contours))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("holes", [False, True])
def test_a_mask_comes_back_from_rt_utils_whole(
    case: tuple[Case, Path], tmp_path: Path, seed: int, holes: bool
) -> None:
    """The path through the border's centres, moved a quarter of a pixel each way, holds the mask again.

    As it stands it loses the border on the right and below, as half-open edges have it, and nothing else.
    """
    built, folder = case
    mask = random_mask(seed, holes=holes)
    region = written(folder, mask, tmp_path).regions[0]
    grid = grid_of(built)
    found = mask_of(place(region, grid)[0])
    assert not (found & ~mask).any()
    quarters = [(a, b) for a in (-0.25, 0.25) for b in (-0.25, 0.25)]
    around = [mask_of(place(moved(region, grid, *by), grid)[0]) for by in quarters]
    np.testing.assert_array_equal(np.logical_or.reduce(around), mask)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(4))
def test_volumes_of_what_rt_utils_draws_follow_the_theorem_of_pick(
    case: tuple[Case, Path], tmp_path: Path, seed: int
) -> None:
    """A polygon on pixel centres: centres in it and on it are its area, half of those on it, and one."""
    built, folder = case
    mask = random_mask(seed, discs=1)
    structure_set = written(folder, mask, tmp_path, approximate_contours=False)
    placed, problems = place(structure_set.regions[0], grid_of(built))
    assert not problems
    area_px = placed.area_mm2 / float(np.prod(FRAME.spacing_mm))
    on_path = np.diff(placed.starts)
    assert area_px + on_path / 2 + 1 == pytest.approx(mask.sum(axis=(1, 2))[1:-1])
