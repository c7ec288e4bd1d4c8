"""Fills both archives with generated studies, side by side."""

from __future__ import annotations

import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

type FilesOf = Callable[[int, str], Iterable[bytes]]
"""Gives the files of the study of a number on a side."""

_BATCH = 10
"""Studies of one request: Orthanc takes a zip as it takes a file."""
_TIMEOUT_S = 900.0
_TRIES, _PAUSE_S = 10, 1.0
"""On a busy machine Orthanc's own threads may get in each other's way in PostgreSQL: it answers 503."""


@dataclass(frozen=True)
class Filler:
    """Sends studies to Orthancs, by one thread for each: writers of one index in PostgreSQL only wait for
    each other, and beyond some retries are refused.

    Parameters
    ----------
    urls
        REST root of each side by its name.
    progress
        Folder in which is kept how far each side is: who was cut off goes on there.
    """

    urls: Mapping[str, str]
    files_of: FilesOf
    progress: Path

    def fill(self, numbers: Sequence[int]) -> None:
        """Send the studies of all numbers to every side, each as that side is to hold it."""
        with ThreadPoolExecutor(len(self.urls)) as threads:
            for done in [threads.submit(self._fill, side, numbers) for side in self.urls]:
                done.result()

    def _fill(self, side: str, numbers: Sequence[int]) -> None:
        mark = self.progress / f"{side}.sent"
        done = int(mark.read_text(encoding="ascii")) if mark.exists() else 0
        with requests.Session() as session:
            for start in range(done, len(numbers), _BATCH):
                batch = numbers[start : start + _BATCH]
                files = (file for number in batch for file in self.files_of(number, side))
                upload(session, self.urls[side], files)
                mark.write_text(str(start + len(batch)), encoding="ascii")


def upload(session: requests.Session, url: str, files: Iterable[bytes]) -> None:
    """Put files into an Orthanc by its REST API, all in one request."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for place, content in enumerate(files):
            archive.writestr(f"{place}.dcm", content)
    if not buffer.getbuffer().nbytes:
        return
    for _ in range(_TRIES):
        answer = session.post(f"{url}/instances", data=buffer.getvalue(), timeout=_TIMEOUT_S)
        if answer.status_code != requests.codes.unavailable:
            break
        time.sleep(_PAUSE_S)
    answer.raise_for_status()
