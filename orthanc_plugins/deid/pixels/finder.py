"""What finds text in a picture: the promise that `ocr` keeps, and a test's own finder as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from orthanc_plugins.deid.pixels.boxes import Box
    from orthanc_plugins.deid.pixels.rendering import Picture


@dataclass(frozen=True)
class Reading:
    """What a text says, and how sure that is, from 0 to 1. The text is not in its representation."""

    text: str = field(repr=False)
    confidence: float


class TextFinder(Protocol):
    """Finds text in pictures and reads it; neither keeps nor logs any."""

    def find(self, picture: Picture, *, is_moving: bool = False) -> tuple[Box, ...]:
        """Return where text may be, also such that cannot be read.

        Parameters
        ----------
        is_moving
            It is a part of a frame that differs from the frame before.
        """

    def read(self, picture: Picture, box: Box) -> Reading:
        """Return what the text in a box says: nothing, with no confidence, where that cannot be told."""
