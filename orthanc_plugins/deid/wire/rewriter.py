"""A copy of a data set with pieces exchanged; what lies between is taken over in runs, without a copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Buffer

    from orthanc_plugins.deid.wire.encodings import Encoding


@dataclass(slots=True)
class Rewriter:
    """Collects the pieces of the copy, from the front to the end.

    Parameters
    ----------
    data
        The encoded data set.
    run
        Where the run begins that is taken over as it is, up to the next exchange.
    """

    data: Buffer
    run: int
    pieces: list[Buffer] = field(default_factory=list)
    growth: int = 0
    """Bytes that the copy has more than what it was made from, so far."""

    def exchange(self, begin: int, end: int, piece: Buffer) -> None:
        """Put a piece in the place of the bytes from ``begin`` to ``end``."""
        if begin > self.run:
            self.pieces.append(memoryview(self.data)[self.run : begin])
        size = len(memoryview(piece))
        if size:
            self.pieces.append(piece)
        self.growth += size - (end - begin)
        self.run = end

    def insert(self, position: int, piece: bytes) -> None:
        """Put a piece before the byte at this position."""
        self.exchange(position, position, piece)

    def flush(self, position: int) -> int:
        """Take the run up to this byte over, and return which piece comes next."""
        self.exchange(position, position, b"")
        return len(self.pieces)

    def joined(self, first: int) -> bytes:
        """Make one piece of those from ``first`` on, and return it."""
        whole = b"".join(self.pieces[first:])
        self.pieces[first:] = [whole]
        return whole

    def reserve(self, position: int) -> int:
        """Keep the place of the four bytes of a length, and return which piece it will be."""
        self.exchange(position, position + 4, bytes(memoryview(self.data)[position : position + 4]))
        return len(self.pieces) - 1

    def settle(self, piece: int, length: int, encoding: Encoding) -> None:
        """Write the length into the place kept for it."""
        self.pieces[piece] = encoding.length(length)

    def finished(self, end: int) -> list[Buffer]:
        """Return all pieces of the copy, the last run up to ``end`` with them."""
        self.exchange(end, end, b"")
        return self.pieces
