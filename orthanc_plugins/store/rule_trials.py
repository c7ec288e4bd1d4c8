"""Trials of rules, as files: a rule may hold a pattern of a patient's, and job arguments may not."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from orthanc_plugins.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_OWNER_ONLY = 0o600
_OWNER_ONLY_FOLDER = 0o700
_TOKEN = re.compile(r"[0-9a-f]{8,64}")
_KEPT_S = 86_400.0
"""A trial is forgotten after a day."""

type TrialFile = Literal["rule", "outcome"]


class RuleTrialFiles:
    """What was to be tried and what came of it, below the suite's data directory.

    Every method raises StoreError when the disk cannot be used.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / "rule-trials"

    def write(self, token: str, name: TrialFile, content: Mapping[str, Any]) -> None:
        """Keep a file of a trial; those of old trials go."""
        with _disk("kept"):
            self._folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
            self._remove_old()
            path = self._path(token, name)
            partial = path.with_name(f".{path.name}.{os.getpid()}.part")
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, allow_nan=False)
            partial.replace(path)

    def read(self, token: str, name: TrialFile) -> dict[str, Any] | None:
        """Return a file of a trial, None when there is none any more."""
        with _disk("read"):
            try:
                content: dict[str, Any] = json.loads(self._path(token, name).read_text(encoding="utf-8"))
            except FileNotFoundError:
                return None
        return content

    def forget_old(self) -> int:
        """Remove the files of trials of yesterday and before, and return how many those were."""
        with _disk("removed"):
            return self._remove_old() if self._folder.is_dir() else 0

    def _path(self, token: str, name: TrialFile) -> Path:
        if not _TOKEN.fullmatch(token):
            raise StoreError("A trial of a rule has no such name.")
        return self._folder / f"{token}.{name}.json"

    def _remove_old(self) -> int:
        oldest = time.time() - _KEPT_S
        old = [path for path in self._folder.iterdir() if path.stat().st_mtime < oldest]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """Turn the disk's errors into the suite's."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise StoreError(
            f"A trial of a rule could not be {what} ({type(error).__name__}): check the data directory, its "
            "free space and that it is the suite's own."
        ) from error
