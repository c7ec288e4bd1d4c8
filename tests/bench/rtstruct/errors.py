"""Errors: what every program makes of every case, held against what is true."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import trimesh

from tests.bench.rtstruct.cases import CASES, SIZES, Drawn
from tests.bench.rtstruct.judging import judge, read_mask
from tests.bench.rtstruct.reference import region_truths
from tests.bench.rtstruct.running import REPOSITORY, emptied, timed
from tests.bench.rtstruct.solids import surface_cm2
from tests.bench.rtstruct.tools import OURS, mask_files, plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.rtstruct.reference import RegionTruth
    from tests.bench.rtstruct.speed import Bench
    from tests.bench.rtstruct.tools import Tool

_TIMEOUT_S = 1800


def measure_errors(bench: Bench, cases: Sequence[str]) -> None:
    """Judge every program on every case; figures that are there already are kept."""
    for case in cases:
        if all(bench.store.get("errors", case, tool.name) for tool in bench.tools):
            continue
        drawn = (SIZES | CASES)[case]()
        source = emptied(bench.folder / "judged")
        drawn.case.write(source)
        truths = region_truths(drawn.case)
        for tool in bench.tools:
            if bench.store.get("errors", case, tool.name) is None:
                found = _judged(bench, case, tool, source, drawn, truths)
                bench.store.put(found, "errors", case, tool.name)
                _say(case, tool, found)


def _judged(
    bench: Bench, case: str, tool: Tool, source: Path, drawn: Drawn, truths: Sequence[RegionTruth]
) -> dict[str, Any]:
    """Return what came of one program on one case."""
    output = bench.output(case, tool)
    first = bench.store.get("first", case, tool.name)
    if first is not None and (first["code"] or any(output.rglob("*"))):
        code = first["code"]  # its masks are there since it was timed
    else:
        structure_set, images = source / "rtstruct.dcm", source / "images"
        code = tool.run(bench.peers, structure_set, images, emptied(output), timeout_s=_TIMEOUT_S).code
    found: dict[str, Any] = {"code": code}
    if tool.masks:
        masks = mask_files(output)
        verdicts = []
        for truth in truths:
            path = masks.get(plain_name(truth.name))
            mask = read_mask(path) if path else None
            verdicts.append(judge(truth, mask, drawn.case.frame, has_header=tool.has_header).record())
        found["regions"] = verdicts
    else:
        told = {plain_name(name): ml for name, ml in _volumes(output).items()}
        found["volumes"] = [_of_volume(truth, told.get(plain_name(truth.name))) for truth in truths]
    if tool.name == OURS:
        found["measures"] = _measures(bench, source, drawn, truths)
    return found


def _volumes(output: Path) -> dict[str, float]:
    path = output / "volumes.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _of_volume(truth: RegionTruth, volume_ml: float | None) -> dict[str, Any]:
    error = -1.0 if volume_ml is None else volume_ml / truth.volume_ml - 1
    return {"region": truth.name, "true_ml": truth.volume_ml, "volume_error": error}


def _measures(
    bench: Bench, source: Path, drawn: Drawn, truths: Sequence[RegionTruth]
) -> list[dict[str, Any]]:
    """Return what the engine says of each region beside what is true of it."""
    output = emptied(bench.folder / "measures")
    command = [sys.executable, "-P", "-m", "orthanc_plugins", "rtstruct", f"{source}", f"{output}"]
    environment = {"PYTHONPATH": f"{REPOSITORY}"}
    timed([*command, "--formats", "stl"], bench.folder / "measures.log", environment=environment)
    (made,) = output.glob("*/results.json")
    said = json.loads(made.read_text(encoding="utf-8"))["regions"]
    rows = []
    for spec, truth, region in zip(drawn.regions, truths, said, strict=True):
        mesh = trimesh.load_mesh(made.parent / region["stl_path"]) if region["stl_path"] else None
        rows.append(
            {
                "region": truth.name,
                "slices": len(truth.sections),
                "contours_ml": truth.volume_ml,
                "analytic_ml": spec.shape.volume_ml if drawn.case.frame.slices_mm is None else None,
                "planimetric_ml": region["volume_cc"],
                "mesh_ml": region["volume_mesh_cc"],
                "surface_cm2": region["surface_cm2"],
                "true_surface_cm2": surface_cm2(spec.shape),
                "closed": bool(mesh is not None and mesh.is_watertight and mesh.volume > 0),
            }
        )
    return rows


def _say(case: str, tool: Tool, found: dict[str, Any]) -> None:
    rows = [row for row in found.get("regions") or found["volumes"] if row["true_ml"] >= 1]
    worst = max((row["volume_error"] for row in rows), key=abs)
    dice = f"least Dice {min(row['dice'] for row in rows):.4f}, " if tool.masks else ""
    print(f"{case}: {tool.name}: {dice}worst volume {worst:+.1%}, ended with {found['code']}", flush=True)
