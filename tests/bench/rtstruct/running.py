"""Starting programs: one that is timed, and one that stays warm and does the work again on demand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[3]
NOTHING_WRITTEN = -1000
"""The code of a run that ended well and left no file."""
_CLOCK = Path(__file__).with_name("clock.py")


@dataclass(frozen=True)
class Run:
    """What one run of a program took; ``code`` is None where it was ended after the time-out."""

    seconds: float
    cpu_s: float
    peak_mb: float
    code: int | None

    def record(self) -> dict[str, Any]:
        """Return the run as a JSON object."""
        return asdict(self)


def emptied(folder: Path) -> Path:
    """Return the folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def timed(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 3600,
    measure_tree: bool = False,
) -> Run:
    """Run a command to its end or the time-out; what it writes goes to the log."""
    clock = [sys.executable, "-I", "-S", str(_CLOCK), f"{timeout_s}", f"{int(measure_tree)}", str(log)]
    done = subprocess.run(
        [*clock, *command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    return Run(**json.loads(done.stdout))


class Warm:
    """The engine in one process that has worked before: each `run` does the whole work once more."""

    def __init__(self, source: Path, output: Path, formats: str) -> None:
        command = [sys.executable, "-P", "-m", "tests.bench.rtstruct.warm", str(source), str(output), formats]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def run(self) -> Run:
        """Ask for one more run and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The warm process ended: see what it wrote above.")
        return Run(**json.loads(line))
