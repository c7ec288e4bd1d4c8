"""The regions of one structure set as a table for people, from its ``results.json``."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TextIO

from orthanc_plugins.cli.commands import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME_WIDTH = 24
_MOST_PROBLEMS = 5
_PATHS = (
    "mask_path", "partial_path", "stl_path", "obj_path", "ply_path", "glb_path", "preview_path", "dvh_path",
)  # fmt: skip


_NOTHING_TO_FILL = {
    "lines": "open lines alone: nothing to fill",
    "points": "points alone: nothing to fill",
    "empty": "nothing inside",
}


def write_table(label: str, folder: Path, results: Mapping[str, Any], out: TextIO) -> None:
    """Write the table of regions, the first of what was odd, errors before warnings, and how it all ended."""
    of_set = printable(results["sources"]["structure_set_label"])
    where = f"{printable(label)}{of_set and f' ({of_set})'} -> {printable(str(folder))}"
    out.write(f"\n{where}  ({results['processing_time_s']:.2f} s)\n")
    out.write(f"{'no.':>5} {'region':<{_NAME_WIDTH}} {'state':<7} {'volume cc':>10} {'area cm2':>9}  files\n")
    out.writelines(f"{_row(region)}\n" for region in results["regions"])
    problems = sorted(results["problems"], key=lambda problem: problem["severity"] != "error")
    out.writelines(
        f"  {problem['severity']}: {printable(problem['message'])}\n" for problem in problems[:_MOST_PROBLEMS]
    )
    if more := problems[_MOST_PROBLEMS:]:
        out.write(f"  … and {len(more)} more in results.json\n")
    states = Counter(region["state"] for region in results["regions"])
    ended = ", ".join(f"{count} {state}" for state, count in states.items()) or "none"
    out.write(f"  regions: {ended}; problems: {len(problems)}\n")


def _row(region: Mapping[str, Any]) -> str:
    """Return a line of the table."""
    name = printable(region["name"])
    if len(name) > _NAME_WIDTH:
        name = f"{name[: _NAME_WIDTH - 1]}…"
    files = " ".join(_file(path, region[path]) for path in _PATHS if region[path])
    files = files or _NOTHING_TO_FILL.get(region["state"], "-")
    volume, surface = _number(region["volume_cc"]), _number(region["surface_cm2"])
    return (
        f"{region['number']:>5} {name:<{_NAME_WIDTH}} {region['state']:<7} {volume:>10} {surface:>9}  {files}"
    )


def _file(kind: str, path: str) -> str:
    """Return how a file is shown: by its name, a histogram's with its folder, for a name tells of no dose."""
    return path if kind == "dvh_path" else PurePosixPath(path).name


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
