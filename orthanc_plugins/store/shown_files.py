"""Pictures and values of originals that a person is shown: files that only their owner reads, for a while.

Held objects lie below ``held``, by release; previews below ``previews``, by their own name. Each is a folder
that goes as a whole.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

import orjson

from orthanc_plugins.errors import StoreError
from orthanc_plugins.private_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from pathlib import Path

_OWNER_ONLY = 0o600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ShownFiles:
    """Folders of what a person is shown.

    Every method raises StoreError when the disk cannot be used, or a name is none that a file may have.

    Parameters
    ----------
    data
        The suite's data directory.
    kind
        Of what.
    """

    def __init__(self, data: Path, kind: Literal["held", "previews"]) -> None:
        self._root = data / kind

    def keep(self, folder: str, name: str, content: bytes) -> None:
        """Keep a file in place of one of the same name; it is there whole or not at all."""
        with _disk("kept"):
            place = self._folder(folder)
            private_folder(self._root)
            private_folder(place)
            partial = place / f".{_checked(name)}.{os.getpid()}.part"
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _OWNER_ONLY)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            partial.replace(place / name)

    def path(self, folder: str, name: str) -> Path | None:
        """Return where a file is, None where there is none."""
        if not _NAME.fullmatch(folder) or not _NAME.fullmatch(name):
            return None
        path = self._root / folder / name
        return path if path.is_file() else None

    def keep_json(self, folder: str, name: str, content: Any) -> None:
        """Keep values as JSON, as `keep` does."""
        self.keep(folder, name, orjson.dumps(content))

    def read_json(self, folder: str, name: str) -> Any:
        """Return values of JSON, None where there is no such file any more."""
        path = self.path(folder, name)
        if path is None:
            return None
        with _disk("read"):
            try:
                return orjson.loads(path.read_bytes())
            except FileNotFoundError:
                return None

    def remove(self, folder: str) -> bool:
        """Remove a folder with all that is in it; return whether there was one."""
        with _disk("removed"):
            place = self._folder(folder)
            if not place.is_dir():
                return False
            shutil.rmtree(place)
            return True

    def forget_older(self, than: timedelta) -> int:
        """Remove the folders into which nothing was put for longer, and return how many those were."""
        with _disk("removed"):
            oldest = time.time() - than.total_seconds()
            folders = self._root.iterdir() if self._root.is_dir() else ()
            old = [one for one in folders if one.stat().st_mtime < oldest]
            for one in old:
                with suppress(FileNotFoundError):  # another worker was faster
                    shutil.rmtree(one)
            return len(old)

    def _folder(self, name: str) -> Path:
        return self._root / _checked(name)


def held_picture(sop_instance_uid: str, frame: int, *, boxes: bool = False) -> str:
    """Return the name of the picture of a held object's frame, numbered from 1.

    >>> held_picture("2.25.7", 3, boxes=True)
    '2.25.7-frame-3-boxes.png'
    """
    return f"{sop_instance_uid}-frame-{frame}{'-boxes' if boxes else ''}.png"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StoreError("Nothing that is shown has such a name.")
    return name


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """Turn the disk's errors into the suite's."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise StoreError(
            f"What a person is shown could not be {what} ({type(error).__name__}): check the data directory, "
            "its free space and that it is the suite's own."
        ) from error
