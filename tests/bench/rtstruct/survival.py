"""Bad input: what every program makes of every kind of damage, and of names that are no file names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.bench.rtstruct.cases import KINDS, Damaged, damaged
from tests.bench.rtstruct.judging import judge, read_mask
from tests.bench.rtstruct.reference import RegionTruth, region_truths
from tests.bench.rtstruct.running import emptied
from tests.bench.rtstruct.tools import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.rtstruct.judging import Mask
    from tests.bench.rtstruct.speed import Bench
    from tests.bench.rtstruct.tools import Tool

_RIGHT = 0.9


def measure_survival(bench: Bench, timeout_s: float) -> None:
    """Let every program work on every kind of damage; figures that are there already are kept."""
    tools = [tool for tool in bench.tools if tool.masks]
    for kind in KINDS:
        if all(bench.store.get("survival", kind, tool.name) for tool in tools):
            continue
        case = damaged(kind)
        for tool in tools:
            if bench.store.get("survival", kind, tool.name) is None:
                found = _survived(bench, kind, case, tool, timeout_s)
                bench.store.put(found, "survival", kind, tool.name)
                print(f"{kind}: {tool.name}: {found}", flush=True)


def _survived(bench: Bench, kind: str, case: Damaged, tool: Tool, timeout_s: float) -> dict[str, Any]:
    """Return what came of one program on one kind of damage."""
    room = emptied(bench.folder / "survival")
    source = room / "in"
    case.drawn.case.write(source)
    output = emptied(room / "a" / "out")
    before = _files(room)
    run = tool.run(bench.peers, source / "rtstruct.dcm", source / "images", output, timeout_s=timeout_s)
    log = output.with_name(f"{output.name}.log")
    written = _files(room) - before - {log}
    outside = sum(not path.is_relative_to(output) for path in written)
    masks = [read_mask(path) for path in sorted(written) if _is_mask(path)]
    found: dict[str, Any] = {
        "wanted": case.wanted,
        "right": _right(
            case, masks, has_header=tool.has_header, refused=run.code not in {0, None} and not masks
        ),
        "of": len(case.drawn.regions),
        "code": run.code,
        "outside": outside,
    }
    if tool.name == OURS and (made := list(output.glob("*/results.json"))):
        results = json.loads(made[0].read_text(encoding="utf-8"))
        found["problems"] = [problem["code"] for problem in results["problems"]]
    return found


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _is_mask(path: Path) -> bool:
    return path.name.endswith(".nii.gz") and path.name != "labels.nii.gz"


def _right(case: Damaged, masks: Sequence[Mask], *, has_header: bool, refused: bool) -> int:
    """Return how many regions came out right: a mask of their own with a Dice above 0.9, whatever its name.

    Where the first region should have no mask, it is right when no mask is left over. A set that should be
    refused is right as a whole, or not at all.
    """
    regions = len(case.drawn.regions)
    if case.wanted == "refusal":
        return regions if refused else 0
    frame = case.drawn.case.frame
    left = {place: mask for place, mask in enumerate(masks) if mask.inside.any()}
    right = 0
    for choices in _wanted(case):
        dice = {
            place: max(judge(truth, mask, frame, has_header=has_header).dice for truth in choices)
            for place, mask in left.items()
        }
        best = max(dice, key=dice.__getitem__, default=None)
        if best is not None and dice[best] > _RIGHT:
            del left[best]
            right += 1
    if case.wanted == "no mask" and masks and not left:
        right += 1
    return right


def _wanted(case: Damaged) -> list[tuple[RegionTruth, ...]]:
    """Return what each region that should have a mask may hold: a plane half way may go either way."""
    original = region_truths(case.original.case)
    if case.wanted == "no mask":
        return [(truth,) for truth in original[1:]]
    if case.wanted == "all":
        return [(truth,) for truth in original]
    ways = [region_truths(case.drawn.case, bias_mm=bias) for bias in (-0.01, 0.01)]
    return list(zip(*ways, strict=True))
