"""What finds text in a picture: the promise that `ocr` keeps, and a test's own finder as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from orthanc_plugins.deid.pixels.boxes import Box
    from orthanc_plugins.deid.pixels.rendering import Picture


class TextFinder(Protocol):
    """Finds text in pictures and reads it; neither keeps nor logs any."""

    def find(self, picture: Picture) -> tuple[Box, ...]:
        """Return where text may be, also such that cannot be read."""

    def read(self, picture: Picture, box: Box) -> str | None:
        """Return what a text says, None where that is not sure."""
