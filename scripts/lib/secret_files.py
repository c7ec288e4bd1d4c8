"""Passwords that are made at the first start: each in a file that only its owner can read.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BYTES = 24


def made(path: Path) -> str:
    """Return the password of a file, made now unless it is there; two processes at once get the same."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # Made with mode 0600 (mkstemp); a link is whole, and never takes another's place.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_BYTES))
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(file.name)
    return read(path)


def read(path: Path) -> str:
    """Return the password of a file, empty where there is none yet."""
    return path.read_text(encoding="ascii").strip() if path.exists() else ""
