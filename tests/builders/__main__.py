"""Write a synthetic case to a folder: ``python -m tests.builders OUTPUT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.builders.case import build_case
from tests.builders.images import PATIENT_POSITIONS, ImageFrame


def main(arguments: list[str] | None = None) -> int:
    """Write the case and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.builders", description=__doc__)
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--matrix", type=int, default=512, help="rows and columns")
    parser.add_argument("--field-mm", type=float, default=400.0, help="width of the image")
    parser.add_argument("--gap-mm", type=float, default=3.0, help="distance between slices")
    parser.add_argument("--regions", type=int, default=10)
    parser.add_argument("--modality", choices=("CT", "MR", "PT"), default="CT")
    parser.add_argument("--position", choices=tuple(PATIENT_POSITIONS), default="HFS")
    parser.add_argument("--noise", type=float, default=12.0, help="standard deviation of the intensities")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other UIDs and noise")
    chosen = parser.parse_args(arguments)
    frame = ImageFrame(
        size=(chosen.slices, chosen.matrix, chosen.matrix),
        spacing_mm=(chosen.field_mm / chosen.matrix,) * 2,
        gap_mm=chosen.gap_mm,
    ).positioned(chosen.position)
    case = build_case(
        frame=frame, regions=chosen.regions, modality=chosen.modality, seed=chosen.seed, noise=chosen.noise
    )
    paths = case.write(chosen.output)
    sys.stdout.write(
        f"{len(paths) - 1} images and a structure set of {len(case.truth)} regions: {chosen.output}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
