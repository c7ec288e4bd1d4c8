"""UIDs that depend on a seed and a name only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class UidSource:
    """Deterministic UIDs of the 2.25 branch (PS3.5 B.2), one per name.

    >>> UidSource(1).uid("study") == UidSource(1).uid("study") != UidSource(2).uid("study")
    True
    """

    seed: int = 0

    def uid(self, name: str) -> str:
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"
