"""Side by side with plastimatch 1.10: where it agrees, and exactly how it differs where it does not.

plastimatch too asks whether a pixel's centre lies inside: what has no holes is the same voxel for voxel, and
so is what has some with ``--xor-contours``. Without that option it fills holes; with it, it erases what is
stored twice.
"""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import distribution
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes

from orthanc_plugins.rtstruct import place
from tests.builders import Box, Case, Ellipsoid, Fork, ImageFrame, RegionSpec, Torus, build_case
from tests.builders.damage import stored_twice
from tests.unit.rtstruct.cases import grid_of, mask_of, read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

type Mask = NDArray[np.bool_]

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="plastimatch is built for x86_64 only")

FRAME = ImageFrame(size=(12, 64, 64), spacing_mm=(2.0, 2.0), gap_mm=3.0)
SPHERE, BOX, FORK, RING = range(4)
SPECS = (
    RegionSpec("sphere", Ellipsoid((3.3, 1.7, 0.4), (15.0, 15.0, 15.0))),
    RegionSpec("box", Box((1.3, -3.1, 0.0), (31.0, 21.0, 24.0))),
    RegionSpec("fork", Fork((0.7, 0.3, 0.0), 5.0, 12.0, 14.0)),
    RegionSpec("ring", Torus((1.1, 0.4, 0.3), 36.0, 14.0)),
)


@pytest.fixture(scope="module")
def case() -> Case:
    return build_case(frame=FRAME, regions=SPECS)


def by_plastimatch(case: Case, folder: Path, *options: str) -> list[Path]:
    """Return the mask files that plastimatch makes of the regions."""
    case.write(folder)
    program = distribution("plastimatch").locate_file("plastimatch/bin/plastimatch")
    given = ("--input", folder / "rtstruct.dcm", "--referenced-ct", folder / "images")
    wanted = ("--output-prefix", folder / "masks", "--prefix-format", "nii.gz")
    subprocess.run([str(program), "convert", *given, *wanted, *options], check=True, capture_output=True)
    return [folder / "masks" / f"{spec.name}.nii.gz" for spec in SPECS]


def voxels(path: Path) -> Mask:
    """Return a mask file as slices, rows, columns."""
    image = nibabel.load(path)
    assert isinstance(image, nibabel.Nifti1Image)
    return np.asarray(image.dataobj).astype(bool).transpose()


def ours(case: Case, number: int) -> Mask:
    return mask_of(place(read(case).regions[number], grid_of(case))[0])


@pytest.mark.parametrize("options", [(), ("--xor-contours",)])
def test_plastimatch_agrees_voxel_for_voxel_where_nothing_is_odd(
    case: Case, tmp_path: Path, options: tuple[str, ...]
) -> None:
    theirs = by_plastimatch(case, tmp_path, *options)
    for number in (SPHERE, BOX, FORK, *((RING,) if options else ())):
        assert ours(case, number).any()
        np.testing.assert_array_equal(voxels(theirs[number]), ours(case, number), SPECS[number].name)


def test_plastimatch_puts_masks_where_ours_are(case: Case, tmp_path: Path) -> None:
    theirs = nibabel.load(by_plastimatch(case, tmp_path)[SPHERE])
    assert isinstance(theirs, nibabel.Nifti1Image)
    np.testing.assert_allclose(theirs.affine, grid_of(case).affine_ras, atol=1e-3)


def test_plastimatch_fills_holes_and_differs_by_nothing_else(case: Case, tmp_path: Path) -> None:
    theirs = voxels(by_plastimatch(case, tmp_path)[RING])
    ring = ours(case, RING)
    filled = np.stack([binary_fill_holes(plane) for plane in ring])
    assert filled.sum() > 1.3 * ring.sum()
    np.testing.assert_array_equal(theirs, filled)


def test_plastimatch_erases_with_xor_what_is_stored_twice(case: Case, tmp_path: Path) -> None:
    damaged = case.copied_structure_set()
    stored_twice(damaged, SPHERE)
    doubled = case.with_structure_set(damaged)
    assert not voxels(by_plastimatch(doubled, tmp_path / "xor", "--xor-contours")[SPHERE]).any()
    plain = voxels(by_plastimatch(doubled, tmp_path / "plain")[SPHERE])
    np.testing.assert_array_equal(plain, ours(doubled, SPHERE))
    np.testing.assert_array_equal(plain, ours(case, SPHERE))
