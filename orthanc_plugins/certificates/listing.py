"""The digest of a list of files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def digest_of(files: Iterable[tuple[str, str]]) -> str:
    """Return SHA-256 over a list of paths with their SHA-256, as ``sha256sum`` prints it.

    >>> digest_of([("1.dcm", "00" * 32)])[:16]
    'f6b1be358e69ea93'
    """
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in files)
    return hashlib.sha256(lines.encode()).hexdigest()
