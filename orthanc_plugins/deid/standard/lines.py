"""Tables as text: tab-separated cells in UTF-8; after remarks, which begin with ``#``, the columns' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable


def read_lines(path: Traversable, columns: Sequence[str]) -> Iterator[list[str]]:
    """Return the cells of each line below the names of the columns.

    Raises
    ------
    ProfileError
        The table has other columns, or a line with more or fewer cells.
    """
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    if next(lines, "").split("\t") != list(columns):
        raise ProfileError(f"The table {path.name} has other columns than {' '.join(columns)}")
    for line in lines:
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ProfileError(f"The table {path.name} has a line of {len(cells)} cells, not {len(columns)}")
        yield cells
