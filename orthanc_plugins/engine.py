"""Which RT-STRUCT engine made a result: a digest of its source.

It stands outside the engine's package, which Orthanc's own process must not load.

Decisions
---------
2026-11-21  A digest rather than a number that is raised by hand, which would be forgotten one day: then
            results of before and after a correction could not be told apart. That a new comment has results
            made again, too, costs no more than time.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_SOURCES = frozenset({".py", ".pyi", ".js", ".css", ".html"})


@cache
def engine_digest() -> str:
    """Return what tells this installation's engine from another: equal digests make equal results."""
    return digest_of(Path(__file__).with_name("rtstruct"))


def digest_of(package: Path) -> str:
    """Return a digest of a package's source, by the names and contents of its files."""
    digest = hashlib.sha256()
    names = sorted(
        path.relative_to(package).as_posix() for path in package.rglob("*") if path.suffix in _SOURCES
    )
    for name in names:
        content = (package / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
