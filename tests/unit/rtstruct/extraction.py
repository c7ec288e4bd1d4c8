"""Extractions of one small case of three regions, whole or spoilt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orthanc_plugins.rtstruct import RegionResult, Results, extract
from tests.builders import DAMAGES, Box, Case, Ellipsoid, RegionSpec, build_case
from tests.unit.rtstruct.cases import SMALL, file_bytes, series

if TYPE_CHECKING:
    from pathlib import Path

SPECS = (
    RegionSpec("first", Ellipsoid((-20.0, 3.0, 0.0), (18.0, 18.0, 18.0)), 100.0),
    RegionSpec("second", Ellipsoid((24.0, -6.0, 6.0), (15.0, 20.0, 18.0)), -300.0),
    RegionSpec("third", Box((21.3, 37.7, 0.0), (24.0, 22.0, 24.0)), 700.0),
)
CASE = build_case(frame=SMALL, regions=SPECS)


def run(case: Case, folder: Path, **options: Any) -> Results:
    images = options.pop("images", series(case))
    return extract(file_bytes(case.structure_set), images, folder, **options)


def spoilt(kind: str) -> Case:
    structure_set = CASE.copied_structure_set()
    DAMAGES[kind](structure_set)
    return CASE.with_structure_set(structure_set)


def codes(region: RegionResult) -> list[str]:
    return [problem.code for problem in region.problems]
