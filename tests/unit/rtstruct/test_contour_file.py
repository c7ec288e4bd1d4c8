"""``contours.json``: every point as drawn, the same bytes each time, whole or absent."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orthanc_plugins.rtstruct import Contour, Region, StructureSet, read_structure_set
from orthanc_plugins.rtstruct.documents.contour_file import write_contours
from tests.builders import DAMAGES, HOSTILE_NAMES, build_case, renamed
from tests.unit.rtstruct.cases import SMALL, file_bytes, read

if TYPE_CHECKING:
    from pathlib import Path

CASE = build_case(frame=SMALL, regions=4)


def written(structure_set: StructureSet, folder: Path) -> dict[str, Any]:
    write_contours(structure_set, folder / "contours.json")
    content: dict[str, Any] = json.loads((folder / "contours.json").read_bytes())
    return content


def test_it_says_what_it_is_in_which_unit_and_frame(tmp_path: Path) -> None:
    content = written(read(CASE), tmp_path)
    assert content["schema"] == {"name": "orthanc-pacs-suite/rtstruct-contours", "version": 1}
    assert content["coordinates"]["unit"] == "mm"
    assert content["coordinates"]["frame"] == "LPS"
    assert content["sources"]["structure_set_uid"] == CASE.structure_set.SOPInstanceUID


def test_every_contour_of_every_region_is_there_as_drawn(tmp_path: Path) -> None:
    structure_set = read(CASE)
    content = written(structure_set, tmp_path)
    assert [region["name"] for region in content["regions"]] == ["BODY", "Lung_L", "Lung_R", "Spine"]
    assert content["regions"][0]["colour"] == [0, 200, 120]
    assert content["regions"][0]["interpreted_type"] == "EXTERNAL"
    for region, found in zip(structure_set.regions, content["regions"], strict=True):
        assert [item["index"] for item in found["contours"]] == list(range(len(region.contours)))
        for contour, item in zip(region.contours, found["contours"], strict=True):
            assert item["geometric_type"] == "CLOSED_PLANAR"
            assert np.array_equal(item["points_lps_mm"], contour.points_lps_mm)


def test_points_and_lines_stand_among_the_contours_in_file_order(tmp_path: Path) -> None:
    ring, point = np.eye(3), np.array([[1.0, 2.0, 3.0]])
    region = Region(
        1,
        "mixed",
        contours=(Contour(1, "CLOSED_PLANAR", ring),),
        open_contours=(Contour(0, "POINT", point), Contour(2, "OPEN_PLANAR", ring)),
    )
    found = written(StructureSet("1.2", "1.3", "1.4", "1.5", "", (region,)), tmp_path)["regions"][0]
    assert [item["geometric_type"] for item in found["contours"]] == ["POINT", "CLOSED_PLANAR", "OPEN_PLANAR"]
    assert found["contours"][0]["points_lps_mm"] == [[1.0, 2.0, 3.0]]
    assert found["colour"] is None


@pytest.mark.parametrize("kind", sorted(DAMAGES))
def test_damage_is_reported_beside_the_region(kind: str, tmp_path: Path) -> None:
    damaged = CASE.copied_structure_set()
    DAMAGES[kind](damaged)
    structure_set = read_structure_set(file_bytes(damaged))
    content = written(structure_set, tmp_path)
    for region, found in zip(structure_set.regions, content["regions"], strict=True):
        assert [problem["code"] for problem in found["problems"]] == [one.code for one in region.problems]
        assert {problem["region_name"] for problem in found["problems"]} <= {region.name}
    beside = [problem for found in content["regions"] for problem in found["problems"]]
    told = content["problems"]
    assert told[len(structure_set.problems) :] == beside
    assert [one["code"] for one in told[: len(structure_set.problems)]] == [
        one.code for one in structure_set.problems
    ]


def test_names_come_through_unchanged(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=len(HOSTILE_NAMES))
    renamed(case.structure_set, HOSTILE_NAMES)
    structure_set = read(case)
    content = written(structure_set, tmp_path)
    assert [region["name"] for region in content["regions"]] == [one.name for one in structure_set.regions]


def test_the_same_set_gives_the_same_bytes_and_leaves_nothing_else(tmp_path: Path) -> None:
    written(read(CASE), tmp_path)
    before = (tmp_path / "contours.json").read_bytes()
    written(read(CASE), tmp_path)
    assert (tmp_path / "contours.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["contours.json"]


def test_many_points_are_written_quickly(tmp_path: Path) -> None:
    points = np.random.default_rng(1).uniform(-500, 500, (2000, 140, 3)).round(4)
    contours = tuple(Contour(index, "CLOSED_PLANAR", ring) for index, ring in enumerate(points))
    structure_set = replace(read(CASE), regions=(Region(1, "large", contours),))
    start = time.process_time()
    write_contours(structure_set, tmp_path / "contours.json")
    assert time.process_time() - start < 0.5
