"""Do our measures agree with the IBSI's reference values? ``scripts/bench ibsi --folder PATH``.

PATH is a copy of the initiative's data sets (theibsi/data_sets), which are not part of this repository: the
folders ``ibsi_1_digital_phantom`` and ``ibsi_1_ct_radiomics_phantom`` are read where they lie. Compared are,
first, features by the IBSI's own representations (mesh without smoothing, voxel centres), made by the
engine's functions on the masks of the data sets, in the five configurations of the manual; second, what the
product says of the CT phantom's RT-STRUCT. Exit code 1 when a feature of the first kind disagrees.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from scipy.ndimage import map_coordinates

from orthanc_plugins.rtstruct import extract, read_structure_set, series_from_files
from tests.ibsi import CT_PHANTOM, DIGITAL_PHANTOM, NOT_PRODUCED, Reference, Triple, Voxels, agrees, features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct import RegionResult

DIGITAL, CT = "ibsi_1_digital_phantom", "ibsi_1_ct_radiomics_phantom"
_HALF = 0.5 - 1e-6
"""A mask holds a voxel from one half on; single precision may say a little less."""


@dataclass(frozen=True)
class Configuration:
    """How the manual has the CT phantom processed before features are taken.

    ``new_spacing_mm`` between slices, rows and columns (None: as it was), ``order`` of the image's spline,
    ``range_hu`` and ``outliers`` (three standard deviations) say which voxels' intensities count.
    """

    new_spacing_mm: tuple[float | None, float, float] | None
    order: int
    range_hu: tuple[float, float] | None
    outliers: bool


CONFIGURATIONS = {
    "A": Configuration(None, 1, (-500, 400), outliers=False),
    "B": Configuration((None, 2.0, 2.0), 1, (-500, 400), outliers=False),
    "C": Configuration((2.0, 2.0, 2.0), 1, (-1000, 400), outliers=False),
    "D": Configuration((2.0, 2.0, 2.0), 1, None, outliers=True),
    "E": Configuration((2.0, 2.0, 2.0), 3, (-1000, 400), outliers=True),
}


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench ibsi", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the copy of theibsi/data_sets")
    folder = parser.parse_args().folder
    image, mask, spacing_mm = _data_set(folder / DIGITAL)
    wrong = _compare("digital phantom", features(mask, image, mask, spacing_mm), DIGITAL_PHANTOM)
    image, mask, spacing_mm = _data_set(folder / CT)
    for name, configuration in CONFIGURATIONS.items():
        found = features(*_processed(image, mask, spacing_mm, configuration))
        wrong += _compare(f"CT phantom, configuration {name}", found, CT_PHANTOM[name])
    _product(folder / CT, mask)
    sys.exit(1 if wrong else 0)


def _data_set(folder: Path) -> tuple[NDArray[np.int16], Voxels, Triple]:
    """Return image and mask (slices, rows, columns) of a data set, and the spacing in that order."""
    image: Any = nibabel.load(folder / "nifti/image/phantom.nii.gz")
    mask: Any = nibabel.load(folder / "nifti/mask/mask.nii.gz")
    columns, rows, slices = (round(float(size), 4) for size in image.header.get_zooms())
    values = np.rint(np.asarray(image.dataobj)).astype(np.int16)
    return (
        np.ascontiguousarray(values.T),
        np.ascontiguousarray(np.asarray(mask.dataobj).T > 0),
        (slices, rows, columns),
    )


def _processed(
    image: NDArray[np.int16], mask: Voxels, spacing_mm: Triple, how: Configuration
) -> tuple[Voxels, NDArray[np.int16], Voxels, Triple]:
    """Return mask, image, voxels whose intensities count, and spacing, processed as the manual says."""
    if how.new_spacing_mm is not None:
        own, new = (
            np.array(spacing_mm),
            np.array([a or b for a, b in zip(how.new_spacing_mm, spacing_mm, strict=True)]),
        )
        image, mask = (
            np.rint(_resampled(image, own, new, how.order)).astype(np.int16),
            _resampled(mask, own, new, 1) >= _HALF,
        )
        spacing_mm = (float(new[0]), float(new[1]), float(new[2]))
    counted = mask.copy()
    if how.range_hu is not None:
        counted &= (image >= how.range_hu[0]) & (image <= how.range_hu[1])
    if how.outliers:
        values = image[counted].astype(np.float64)
        counted &= np.abs(image - values.mean()) <= 3 * values.std()
    return mask, image, counted, spacing_mm


def _resampled(
    volume: NDArray[Any], own_mm: NDArray[np.float64], new_mm: NDArray[np.float64], order: int
) -> NDArray[np.float64]:
    """Return a volume on a grid of another spacing with the same centre (manual, notes on interpolation)."""
    shape = np.ceil(np.array(volume.shape) * own_mm / new_mm - 1e-9).astype(int)
    axes = [
        (np.arange(count) - (count - 1) / 2) * (new / own) + (before - 1) / 2
        for count, new, own, before in zip(shape, new_mm, own_mm, volume.shape, strict=True)
    ]
    places = np.array(np.meshgrid(*axes, indexing="ij"), dtype=np.float64)
    found: NDArray[np.float64] = map_coordinates(
        volume.astype(np.float64), places, output=np.float64, order=order, mode="nearest"
    )  # type: ignore[call-overload] # its types know no output but a name
    return found


def _compare(name: str, found: Mapping[str, float], references: Mapping[str, Reference]) -> int:
    """Print the comparison of one data set and return how many values disagree."""
    print(f"\n{name}\n{'feature':30} {'ours':>12} {'IBSI':>10} {'tolerance':>10}")
    wrong = 0
    for feature, reference in references.items():
        agreed = agrees(found[feature], reference)
        wrong += not agreed
        note = " (not in the results)" if feature in NOT_PRODUCED else ""
        print(
            f"{feature:30} {found[feature]:12.5g} {reference.value:10g} {reference.tolerance:10g} "
            f" {'agrees' if agreed else 'DISAGREES'}{note}"
        )
    print(f"{len(references) - wrong} of {len(references)} agree")
    return wrong


def _product(folder: Path, reference: Voxels) -> None:
    """Print what the product says of the CT phantom's structure set, beside configuration A's values.

    Its surface is smoothed and its axes are of the solid between the contours, so it need not agree.
    """
    structure_set = read_structure_set(next((folder / "dicom/mask").iterdir()))
    images = series_from_files(sorted((folder / "dicom/image").iterdir()))
    with tempfile.TemporaryDirectory() as output:
        results = extract(structure_set, images, Path(output), formats=("nifti", "json"), partial_volume=True)
        region = next(region for region in results.regions if region.name == "GTV-1")
        mask: Any = nibabel.load(Path(output) / str(region.mask_path))
        ours = np.asarray(mask.dataobj).T > 0
    dice = 2 * np.count_nonzero(ours & reference) / (ours.sum() + reference.sum())
    print(f"\nthe product on the RT-STRUCT of the CT phantom, {region.name}, beside configuration A")
    print(f"mask: {ours.sum()} voxels, IBSI {reference.sum()}, Dice {dice:.5f}")
    for name, value in _product_values(region).items():
        known = CT_PHANTOM["A"][name]
        verdict = "agrees" if agrees(value, known) else f"{value / known.value - 1:+.1%}"
        print(f"{name:30} {value:12.5g} {known.value:10g} {known.tolerance:10g}  {verdict}")


def _product_values(region: RegionResult) -> dict[str, float]:
    """Return what the results of a region hold under the IBSI's names and units."""
    shape = region.shape
    assert shape is not None
    assert shape.diameter_3d is not None
    values = {
        "volume (mesh)": (region.volume_mesh_cc or 0) * 1000,
        "volume (voxel counting)": (region.volume_voxels_cc or 0) * 1000,
        "surface area (mesh)": (region.surface_cm2 or 0) * 100,
        "surface to volume ratio": shape.surface_to_volume_per_mm,
        "compactness 1": shape.compactness_1,
        "compactness 2": shape.compactness_2,
        "spherical disproportion": shape.spherical_disproportion,
        "sphericity": shape.sphericity,
        "asphericity": shape.asphericity,
        "maximum 3D diameter": shape.diameter_3d.length_mm,
        "major axis length": shape.major_axis_mm,
        "minor axis length": shape.minor_axis_mm,
        "least axis length": shape.least_axis_mm,
        "elongation": shape.elongation,
        "flatness": shape.flatness,
    }
    return {name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    main()
