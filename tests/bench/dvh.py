"""Are dose-volume histograms right, and how long do they take? ``scripts/bench dvh``.

A phantom of known shapes with a Gaussian dose is judged three ways: by these histograms, by points spread
over the contours' own solid with the dose's formula (no grid, no interpolation: what is true), and, where
``--judge`` names a Python that has dicompyler-core 0.5.6 (``uv venv -p 3.11 V; uv pip install -p V/bin/python
dicompyler-core==0.5.6 'pydicom<3' 'numpy<2.5' scikit-image``), by dicompyler-core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from orthanc_plugins.rtstruct import (
    build_grid,
    measure,
    place,
    read_dose,
    read_structure_set,
    series_from_datasets,
)
from orthanc_plugins.rtstruct.dose import evaluate
from tests.builders import Case, ImageFrame, ball, build_case, build_dose
from tests.builders.phantom import sample_regions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.dose import RegionDose
    from tests.builders.phantom import RegionSpec

    type Values = Mapping[str, float]
    type Floats = NDArray[np.float64]

_HIGHEST_GY, _SIGMA_MM, _CENTRE_MM = 60.0, 45.0, (15.0, -10.0, 4.0)
_METRICS = ("D95%", "V20Gy")
_POINTS = 400_000
_ROUNDS = 5
_JUDGE = Path(__file__).with_name("judges") / "dicompyler.py"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench dvh", description=__doc__)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--matrix", type=int, default=256)
    parser.add_argument("--regions", type=int, default=30)
    parser.add_argument("--judge", type=Path, help="a Python that has dicompyler-core")
    options = parser.parse_args()
    frame = ImageFrame(
        size=(options.slices, options.matrix, options.matrix),
        spacing_mm=(400 / options.matrix,) * 2,
        gap_mm=180 / options.slices,
    )
    specs = sample_regions(frame, options.regions)
    case = build_case(frame=frame, regions=specs)
    with tempfile.TemporaryDirectory() as folder:
        structures, dose = Path(folder) / "rtstruct.dcm", Path(folder) / "rtdose.dcm"
        case.structure_set.save_as(structures, enforce_file_format=True)
        build_dose(case, ball(_HIGHEST_GY, _SIGMA_MM, _CENTRE_MM)).save_as(dose, enforce_file_format=True)
        ours, seconds = _ours(case, structures, dose)
        judged = _judged(options.judge, structures, dose)
    print(f"{len(ours)} regions, dose grid of 2.5 mm: {seconds:.2f} s of CPU, best of {_ROUNDS}")
    if judged is not None:
        print(f"dicompyler-core: {judged['cpu_s']:.2f} s of CPU")
    _table(specs, frame, ours, judged)


def _ours(case: Case, structures: Path, dose_path: Path) -> tuple[dict[int, RegionDose], float]:
    structure_set = read_structure_set(structures)
    rings = [contour.points_lps_mm for region in structure_set.regions for contour in region.contours]
    grid, _, _ = build_grid(series_from_datasets(case.images).images, rings)
    placed = [(region, place(region, grid)[0]) for region in structure_set.regions]
    volumes = [measure(one, region) for region, one in placed]
    best, found = np.inf, {}
    for _ in range(_ROUNDS):
        start = time.process_time()
        dose = read_dose(dose_path)
        for (region, one), measured in zip(placed, volumes, strict=True):
            assert measured is not None
            found[region.number], _ = evaluate(one, measured.volume_ml, dose, _METRICS)
        best = min(best, time.process_time() - start)
    return found, best


def _true(spec: RegionSpec, frame: ImageFrame, rng: np.random.Generator) -> Values:
    """Return what points spread over the sections' slabs receive by the dose's formula."""
    (low_u, low_v, _), (high_u, high_v, _) = spec.shape.bounds_mm
    doses = []
    heights = [float(w) for w in frame.w_mm if spec.shape.rings(float(w))]
    for w in heights:
        count = max(2000, _POINTS // len(heights))
        u, v = rng.uniform(low_u, high_u, count), rng.uniform(low_v, high_v, count)
        inside = np.asarray(spec.shape.contains(u, v, w))
        across = w + rng.uniform(-0.5, 0.5, count) * frame.gap_mm
        points = np.column_stack((u, v, across))[inside]
        doses.append(ball(_HIGHEST_GY, _SIGMA_MM, _CENTRE_MM)(points))
    every = np.concatenate(doses)
    return {
        "mean": float(every.mean()),
        "max": float(every.max()),
        "d95": float(np.percentile(every, 5)),
        "v20": float((every >= 20).mean() * 100),
    }


def _judged(python: Path | None, structures: Path, dose: Path) -> dict[str, Any] | None:
    if python is None:
        return None
    command = [str(python), str(_JUDGE), str(structures), str(dose)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env={})
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _table(
    specs: tuple[RegionSpec, ...],
    frame: ImageFrame,
    ours: dict[int, RegionDose],
    judged: dict[str, Any] | None,
) -> None:
    rng = np.random.default_rng(0)
    print("Each: this suite, true, dicompyler-core; Gy, V20 in per cent of the volume.")
    print(f"{'region':14} {'cc':>9}" + "".join(f"{name:>26}" for name in ("mean", "max", "D95%", "V20Gy")))
    apart: dict[str, list[tuple[float, float]]] = {name: [] for name in ("mean", "max", "d95", "v20")}
    for number, spec in enumerate(specs, 1):
        own, true = ours[number], _true(spec, frame, rng)
        d95, v20 = (metric.value for metric in own.metrics)
        values = {"mean": own.mean, "max": own.max, "d95": d95, "v20": v20}
        other = judged["regions"].get(str(number), {}) if judged else {}
        cells = []
        for name, value in values.items():
            assert value is not None
            cells.append(f"{value:9.2f}{true[name]:8.2f}{other.get(name, np.nan):9.2f}")
            apart[name].append((abs(value - true[name]), abs(other.get(name, np.nan) - true[name])))
        print(f"{spec.name[:14]:14} {own.volume_cc:9.2f}" + "".join(cells))
    for name, pairs in apart.items():
        own_far, other_far = np.array(pairs).T
        print(f"from the truth, {name:4}: this suite {_far(own_far)}", end="")
        print(f"; dicompyler-core {_far(other_far)}" if judged else "")


def _far(distances: Floats) -> str:
    return f"median {np.nanmedian(distances):.3f}, at most {np.nanmax(distances):.3f}"


if __name__ == "__main__":
    main()
