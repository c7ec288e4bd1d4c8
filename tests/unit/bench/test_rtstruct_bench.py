"""The bench of the RT-STRUCT engine judges rightly: what is true, what a mask is worth, what a run took."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.rtstruct import FORMATS
from tests.bench.rtstruct.cases import KINDS, damaged
from tests.bench.rtstruct.judging import Mask, judge
from tests.bench.rtstruct.reference import RegionTruth, region_truths
from tests.bench.rtstruct.running import timed
from tests.bench.rtstruct.solids import surface_cm2, thinned
from tests.bench.rtstruct.speed import WARM
from tests.bench.rtstruct.tools import PACKAGES, TOOLS, mask_files, requirements
from tests.builders import (
    Box,
    Case,
    Cylinder,
    Difference,
    Ellipsoid,
    ImageFrame,
    RegionSpec,
    build_case,
    rotated,
)

if TYPE_CHECKING:
    from pathlib import Path

FRAME = ImageFrame(size=(9, 24, 30), spacing_mm=(2.0, 1.5), gap_mm=4.0, orientation=rotated(10, -7, 20))


def case_of(shape: Box | Difference, frame: ImageFrame = FRAME) -> Case:
    return build_case(frame=frame, regions=[RegionSpec("one", shape)])


def true_mask(truth: RegionTruth, frame: ImageFrame) -> Mask:
    """Return the truth as a file on the grid of the images would hold it."""
    inside = np.zeros(frame.size, dtype=bool)
    for section in truth.sections:
        (row, column), (rows, columns) = section.first, section.inside.shape
        plane = int(np.flatnonzero(frame.w_mm == section.w_mm)[0])
        inside[plane, row : row + rows, column : column + columns] = section.inside
    affine = np.eye(4)
    affine[:3, :3] = (frame.axes * np.array([[frame.spacing_mm[1]], [frame.spacing_mm[0]], [frame.gap_mm]])).T
    affine[:3, 3] = frame.origin_lps_mm(float(frame.w_mm[0]))
    return Mask(inside.T, affine)


@pytest.mark.parametrize(("covered", "columns"), [(0.49, 4), (0.51, 6)])
def test_a_pixel_is_in_from_half_of_it_on(covered: float, columns: int) -> None:
    """Columns sit at odd multiples of 0.75 mm: four are whole, and one on each side is covered in part."""
    case = case_of(Box((0.0, 0.0, 0.0), ((4 + 2 * covered) * 1.5, 8.0, 12.0)))
    (truth,) = region_truths(case)
    assert len(truth.sections) == 3
    assert truth.sections[0].inside.sum() == columns * 4
    assert truth.volume_ml == pytest.approx((4 + 2 * covered) * 1.5 * 8 * 12 / 1000, rel=1e-3)


def test_the_truth_has_holes_and_knows_repeats() -> None:
    ring = Difference(
        Cylinder((0.0, 0.0, 0.0), (15.0, 15.0), 12.0), Cylinder((0.0, 0.0, 0.0), (9.0, 9.0), 12.0)
    )
    case = case_of(ring)
    (truth,) = region_truths(case)
    assert truth.volume_ml == pytest.approx(ring.volume_ml, rel=1e-3)
    items = case.structure_set.ROIContourSequence[0].ContourSequence
    items.extend(list(items))
    (again,) = region_truths(case)
    assert again.volume_ml == truth.volume_ml
    assert truth.sections[0].inside.sum() == again.sections[0].inside.sum()


def test_a_mask_is_judged_where_its_header_puts_it() -> None:
    case = case_of(Box((3.0, -2.0, 0.0), (20.0, 16.0, 20.0)))
    (truth,) = region_truths(case)
    mask = true_mask(truth, FRAME)
    assert judge(truth, mask, FRAME).dice == 1.0
    flipped = mask.affine_lps.copy()
    flipped[:3, 3] += flipped[:3, 0] * (mask.inside.shape[0] - 1)
    flipped[:3, 0] *= -1
    assert judge(truth, Mask(mask.inside[::-1], flipped), FRAME).dice == 1.0
    moved = mask.affine_lps.copy()
    moved[:3, 3] += moved[:3, 2]
    assert judge(truth, Mask(mask.inside, moved), FRAME).dice == pytest.approx(0.8)
    assert judge(truth, None, FRAME).dice == 0.0


def test_an_array_without_a_header_is_read_slice_by_slice() -> None:
    frame = ImageFrame(size=(9, 24, 30), spacing_mm=(2.0, 1.5), gap_mm=4.0, tilt_deg=15)
    case = case_of(Box((3.0, -2.0, 0.0), (20.0, 16.0, 20.0)), frame)
    (truth,) = region_truths(case)
    mask = true_mask(truth, frame)
    assert judge(truth, mask, frame).dice < 0.9
    assert judge(truth, mask, frame, has_header=False).dice == 1.0


def test_fewer_points_change_no_area_and_a_tube_has_no_lids() -> None:
    whole = Ellipsoid((4.0, 2.0, 0.0), (60.0, 40.0, 30.0))
    sparse = thinned(whole, 3)
    assert len(sparse.rings(3.0)[0]) < len(whole.rings(3.0)[0]) / 2.5
    many, few = (
        region_truths(build_case(frame=FRAME, regions=[RegionSpec("one", one)]))[0] for one in (whole, sparse)
    )
    assert few.volume_ml == pytest.approx(many.volume_ml, rel=1e-6)
    tube = Difference(
        Cylinder((0.0, 0.0, 0.0), (20.0, 20.0), 50.0), Cylinder((0.0, 0.0, 0.0), (10.0, 10.0), 50.0)
    )
    assert surface_cm2(tube) == pytest.approx(2 * np.pi * (20 * 50 + 10 * 50 + 400 - 100) / 100)


def test_a_run_tells_the_memory_of_its_children_and_is_ended_in_time(tmp_path: Path) -> None:
    child = "import time; kept = bytearray(150_000_000); time.sleep(0.2)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); sys.exit(3)"
    run = timed([sys.executable, "-c", parent], tmp_path / "log", measure_tree=True)
    assert run.code == 3
    assert 150 < run.peak_mb < 300
    late = timed([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log", timeout_s=0.3)
    assert late.code is None
    assert late.seconds < 10


def test_masks_are_known_by_the_name_of_their_region(tmp_path: Path) -> None:
    for name in ("001_Lung_L.nii.gz", "mask_GTV.nii.gz", "Heart.nii.gz", "labels.nii.gz"):
        (tmp_path / name).touch()
    assert set(mask_files(tmp_path)) == {"lung_l", "gtv", "heart"}


def test_every_peer_has_exact_versions_and_the_formats_are_the_engines() -> None:
    assert len(TOOLS) == 8
    for package in PACKAGES:
        assert requirements(package)[package]
    assert {name for formats in WARM.values() for name in formats.split(",")} <= set(FORMATS)


@pytest.mark.parametrize("kind", ["not_a_number", "points", "names_like_paths", "other_frame_of_reference"])
def test_what_is_right_of_damage_is_said(kind: str) -> None:
    wanted = {"points": "no mask", "other_frame_of_reference": "refusal"}
    assert damaged(kind).wanted == wanted.get(kind, "all")
    assert kind in KINDS
