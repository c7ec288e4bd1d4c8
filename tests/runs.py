"""Runs of ``pacs rtstruct`` over small studies, and what they have made."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from orthanc_plugins.cli import main
from tests.builders import ImageFrame, build_case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Case

TINY = ImageFrame(size=(10, 32, 32), spacing_mm=(5.0, 5.0), gap_mm=5.0)
MASKS = ("--formats", "nifti", "--jobs", "2")


def write_cases(folder: Path, count: int, **options: Any) -> list[Case]:
    cases = [build_case(frame=TINY, regions=2, seed=seed, **options) for seed in range(count)]
    for seed, case in enumerate(cases):
        case.write(folder / f"study {seed:02d}")
    return cases


def uid_of(case: Case) -> str:
    return str(case.structure_set.SOPInstanceUID)


def run(*arguments: str | Path) -> int:
    return main(["rtstruct", *map(str, arguments)])


def told(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "run.json").read_text(encoding="utf-8"))
    return content


def index(output: Path) -> list[dict[str, str]]:
    with (output / "index.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def states(output: Path) -> tuple[int, int, int]:
    sets = told(output)["structure_sets"]
    return sets["done"], sets["kept"], sets["failed"]


def changed(output: Path) -> dict[Path, int]:
    finished = (path for path in output.rglob("results.json") if ".pacs-rtstruct" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in finished}
