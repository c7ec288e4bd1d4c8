"""A tool in a process of its own, asked for files by lines of JSON, and started again when it is gone."""

from __future__ import annotations

import json
import os
import select
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Answer:
    """What a request took; ``failed`` says of each source that gave no file, why."""

    seconds: float
    cpu_s: float
    failed: dict[str, str] = field(default_factory=dict)


class GoneError(Exception):
    """The tool has died, or has not answered in time and was ended."""


class Driver:
    """A tool's process; it is started when it is asked for the first time."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def ask(self, pairs: Sequence[tuple[Path, Path]], timeout_s: float) -> Answer:
        """Have the tool make each target of its source.

        Raises
        ------
        GoneError
            It died, or took too long.
        """
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        line = json.dumps([(str(source), str(target)) for source, target in pairs]) + "\n"
        try:
            process.stdin.write(line.encode())
            process.stdin.flush()
            told = _line(process.stdout.fileno(), timeout_s)
        except (BrokenPipeError, EOFError):
            raise GoneError(f"died with {self._end()}") from None
        except TimeoutError:
            self._end()
            raise GoneError(f"gave no answer in {timeout_s:g} s") from None
        return Answer(**json.loads(told))

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=os.environ | {"PYTHONPATH": f"{_REPOSITORY}"},
                )
        return self._process

    def _end(self) -> int | None:
        """End the process if there is one, and return its code."""
        process, self._process = self._process, None
        if process is None:
            return None
        with process:
            if process.stdin is not None:
                process.stdin.close()
            process.kill()
        return process.returncode


def _line(stream: int, timeout_s: float) -> bytes:
    """Return the next line of a stream.

    Raises
    ------
    TimeoutError, EOFError
        It does not come in time, or never.
    """
    deadline, told = monotonic() + timeout_s, b""
    while not told.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(stream, 1 << 16)
        if not piece:
            raise EOFError
        told += piece
    return told
