"""The public analytic gate of masks, RTMaskConformanceTest, run where its checkout lies.

Everything of it stays its own: it makes the structure set and scores the masks; the engine makes them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.bench.rtstruct.running import emptied
from tests.bench.rtstruct.tools import mask_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.rtstruct.speed import Bench

_MODULE = "rtmask_conformance.cli"


def measure_conformance(bench: Bench, checkout: Path) -> None:
    """Score every program; its own fixture of 200 slices is made once (some minutes)."""
    fixture = bench.folder / "conformance"
    if not (fixture / "manifest.json").is_file():
        print("conformance: making its structure set and truth …", flush=True)
        _call(checkout, "generate", str(emptied(fixture)))
    for tool in bench.tools:
        if not tool.masks or bench.store.get("conformance", tool.name):
            continue
        output = emptied(bench.output("conformance", tool))
        structure_set = fixture / "rtstruct" / "primitives_planar.dcm"
        run = tool.run(bench.peers, structure_set, fixture / "refct", output)
        rows = _scored(bench, checkout, fixture / "groundtruth", output)
        bench.store.put({"run": run.record(), "regions": rows}, "conformance", tool.name)
        passed = sum(row["status"] == "PASS" for row in rows)
        least = min((row["dice"] or 0.0 for row in rows), default=0.0)
        print(f"conformance: {tool.name}: {passed} of {len(rows)}, least Dice {least:.4f}", flush=True)


def _scored(bench: Bench, checkout: Path, truth: Path, output: Path) -> list[dict[str, Any]]:
    """Return its verdict on each mask, given to it under the names it asks for."""
    named = emptied(bench.folder / "predictions")
    for name, path in mask_files(output).items():
        shutil.copyfile(path, named / f"{name}.nii.gz")
    report = named / "report.json"
    given = ("--predictions", f"{named}", "--groundtruth", f"{truth}", "--report-json", f"{report}")
    _call(checkout, "verify", *given, "--report-only")
    results = json.loads(report.read_text(encoding="utf-8"))["results"]
    return [
        {
            "region": one["roi"],
            "status": one["status"],
            "dice": one["metrics"].get("dice"),
            "hd95_mm": one["metrics"].get("hd95_mm"),
            "volume_error": one["metrics"].get("volume_rel_err"),
        }
        for one in results
    ]


def _call(checkout: Path, *arguments: str) -> None:
    """Run the gate's own command line."""
    command: Sequence[str] = (sys.executable, "-P", "-m", _MODULE, *arguments)
    subprocess.run(command, check=True, env={"PYTHONPATH": str(checkout / "src"), "PATH": "/usr/bin:/bin"})
