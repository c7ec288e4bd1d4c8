"""Write results to a folder: names that are safe, unique and stable, files that are whole or absent."""

from __future__ import annotations

import os
import re
import unicodedata
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.rtstruct.reading.structure_set import Region

MASKS, MESHES, PREVIEWS, DOSE = "masks", "meshes", "previews", "dose"
_LONGEST = 48
_SPELT = str.maketrans("øØđĐðÐłŁħĦŧŦ\u0131", "oOdDdDlLhHtTi") | str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "TH"}
)
"""Latin letters that Unicode takes for letters of their own, not for one of ASCII with a mark."""
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


def file_stems(regions: Sequence[Region]) -> list[str]:
    """Return one file name, without ending, for each region: its number and what can be kept of its name.

    Only ASCII letters, digits, ``.``, ``-`` and ``_`` remain; the number in front makes names unique on every
    file system. Regions that share a number get ``-2``, ``-3`` after it, in the order of the file.

    >>> from orthanc_plugins.rtstruct.reading.contours import Region
    >>> file_stems([Region(3, "GTV 1"), Region(4, "../x"), Region(4, "é漢"), Region(5, "")])
    ['003_GTV_1', '004_x', '004-2_e', '005_region']
    """
    seen: dict[int, int] = {}
    stems = []
    for region in regions:
        seen[region.number] = seen.get(region.number, 0) + 1
        again = f"-{seen[region.number]}" if seen[region.number] > 1 else ""
        number = f"{region.number:03d}".replace("-", "m")
        stems.append(f"{number}{again}_{safe_name(region.name)}")
    return stems


def safe_name(name: str) -> str:
    """Return what can stand in a file name of a region's name, ``region`` when nothing can.

    >>> safe_name("a/b:c*?"), safe_name("../x"), safe_name(" "), safe_name("Zähne außen")
    ('a_b_c', 'x', 'region', 'Zahne_aussen')
    """
    plain = unicodedata.normalize("NFKD", name.translate(_SPELT)).encode("ascii", "ignore").decode("ascii")
    return _UNSAFE.sub("_", plain).strip("._-")[:_LONGEST].rstrip("._-") or "region"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, replacing what was there.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    with written_whole(path) as file:
        file.write(content)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write to; it is there, in the place of what was there, once all went well.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
