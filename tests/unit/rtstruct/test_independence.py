"""A region comes out the same whether others are asked for or not, and takes part in nothing once failed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import nibabel
import numpy as np
import pytest

from orthanc_plugins.rtstruct import (
    Case,
    ImageSeries,
    Mesh,
    PlacedRegion,
    StructureSet,
    extract,
    load,
    mesh,
    series_from_datasets,
    surfaces,
)
from orthanc_plugins.rtstruct.selection import RegionChoice
from tests.unit.rtstruct.cases import read, series
from tests.unit.rtstruct.extraction import CASE

if TYPE_CHECKING:
    from pathlib import Path

ABSENT = 12
"""The place of the image that is absent, in the middle of all regions."""


def undrawn() -> tuple[StructureSet, ImageSeries]:
    """Return a set whose second region is not drawn where an image is absent, as the others are."""
    images = sorted(CASE.images, key=lambda image: float(image.ImagePositionPatient[2]))
    z = float(images.pop(ABSENT).ImagePositionPatient[2])
    structure_set = read(CASE)
    first, second, third = structure_set.regions
    kept = tuple(one for one in second.contours if abs(one.points_lps_mm[0, 2] - z) > 0.1)
    assert len(kept) == len(second.contours) - 1
    changed = replace(structure_set, regions=(first, replace(second, contours=kept), third))
    return changed, series_from_datasets(images)


@pytest.mark.parametrize("with_images", [True, False])
def test_a_region_chosen_alone_is_the_same(tmp_path: Path, *, with_images: bool) -> None:
    structure_set, images = undrawn()
    among, alone = (
        extract(one, images if with_images else None, tmp_path / name, partial_volume=True)
        for name, one in (("all", structure_set), ("one", RegionChoice(("second",)).apply(structure_set)))
    )
    assert [region.name for region in alone.regions] == ["second"]
    assert alone.regions[0] == among.regions[1]
    assert alone.grid == among.grid
    if with_images:
        paths = [tmp_path / name / "masks/002_second.nii.gz" for name in ("all", "one")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert Case(structure_set, images)["second"].mask().sum() == alone.regions[0].voxels


def test_a_choice_that_matches_nothing_says_that_alone(tmp_path: Path) -> None:
    results = extract(RegionChoice(("nothing",)).apply(read(CASE)), series(CASE), tmp_path)
    assert [problem.code for problem in results.problems] == ["no_such_region"]


def test_a_region_of_another_frame_makes_no_plane_for_the_others() -> None:
    structure_set, images = undrawn()
    first, second, third = structure_set.regions
    strangers = tuple(replace(one, frame_of_reference_uid="1.2.3") for one in (first, third))
    case = Case(replace(structure_set, regions=(strangers[0], second, strangers[1])), images)
    assert len(case.grid.heights_mm) == len(images.images)


def test_a_failed_region_is_in_no_label_map_and_no_overview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(placed: PlacedRegion, detail: str) -> Mesh | None:
        if placed.number == 1:
            raise ValueError("a fault")
        return mesh(placed)

    whole = load(CASE.images, CASE.structure_set)
    monkeypatch.setattr(surfaces, "mesh", failing)
    results = extract(read(CASE), series(CASE), tmp_path)
    assert [region.state for region in results.regions] == ["failed", "done", "done"]
    assert results.regions[0].mask_path is None
    assert results.label_map is not None
    assert [label.number for label in results.label_map.labels] == [2, 3]
    labels = nibabel.Nifti1Image.from_filename(tmp_path / results.label_map.path).get_fdata()
    assert set(np.unique(labels).tolist()) == {0, 2, 3}
    assert whole["first"].mask().any()
