"""The raw figures: one JSON file, written after every run, so that a measurement can go on where it ended."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.rtstruct.running import REPOSITORY
from tests.bench.rtstruct.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILE = "figures.json"


class OtherFiguresError(Exception):
    """The folder holds figures of another engine, machine or list of versions."""


class Store:
    """Figures by path, for instance ``("speed", "small", "ours")``; each is written when it is put.

    ``fresh`` forgets the figures of the folder, and the cases and masks they are of.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self._path = folder / _FILE
        about = _about()
        if fresh:
            self._path.unlink(missing_ok=True)
            for name in ("cases", "masks"):
                shutil.rmtree(folder / name, ignore_errors=True)
        if self._path.is_file():
            self.data = read(self._path)
            if self.data["about"]["of"] != about["of"]:
                raise OtherFiguresError(
                    f"{self._path} holds figures of another engine, machine or list of versions: "
                    "take another --folder, or --fresh to measure anew."
                )
        else:
            self.data = {"about": about}

    def get(self, *path: str) -> Any:
        """Return the figure at a path, None where there is none yet."""
        found: Any = self.data
        for key in path:
            if key not in found:
                return None
            found = found[key]
        return found

    def put(self, value: Any, *path: str) -> None:
        """Keep a figure, in the file as well."""
        *folders, name = path
        place = self.data
        for key in folders:
            place = place.setdefault(key, {})
        place[name] = value
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".part")
        aside.write_text(json.dumps(self.data, indent=1, ensure_ascii=False), encoding="utf-8")
        aside.replace(self._path)

    def add(self, value: Any, *path: str) -> None:
        """Append to the list at a path."""
        self.put([*(self.get(*path) or ()), value], *path)


def read(path: Path) -> dict[str, Any]:
    """Return the figures of a file."""
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return figures


def _about() -> dict[str, Any]:
    """Return when, and of what: figures of one machine, one engine and one list of versions go together."""
    versions = {tool.name: tool.version for tool in TOOLS[1:]}
    return {
        "began": datetime.now(UTC).isoformat(timespec="minutes"),
        "of": {
            "machine": _machine(),
            "engine": _digest(REPOSITORY / "orthanc_plugins", ("rtstruct/**/*.py", "cli/**/*.py")),
            "cases": _digest(REPOSITORY / "tests", ("builders/*.py", "bench/rtstruct/[cs]*s.py")),
            "versions": versions,
        },
    }


def _machine() -> dict[str, Any]:
    described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    models = [line.partition(":")[2].strip() for line in described if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
    }


def _digest(folder: Path, patterns: Sequence[str]) -> str:
    """Return twelve characters that change with the code."""
    total = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        total.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return total.hexdigest()[:12]
