"""The folder of one structure set: what it holds, and how new results take the place of old ones.

It holds exactly what its ``results.json`` names, and the documents. Whatever else lies there is somebody
else's and is left alone: which files were the suite's own is known from the ``results.json`` that they came
with, and, while files are exchanged, from a journal beside it.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson

from orthanc_plugins.rtstruct.export import DOSE, MASKS, MESHES, PREVIEWS, write_whole
from orthanc_plugins.rtstruct.files import CONTOURS_NAME, REPORT_NAME, RESULTS_NAME, SCENE_NAME
from orthanc_plugins.rtstruct.results import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.rtstruct import Format

DOCUMENTS: Mapping[Format, str] = {"json": CONTOURS_NAME, "pdf": REPORT_NAME, "html": SCENE_NAME}
_ROOMS = (MASKS, MESHES, PREVIEWS, DOSE)
_JOURNAL = ".pacs-rtstruct.names"
"""Names the files, old and new, of an exchange under way: should it be cut off, the next one removes them."""


def held_results(folder: Path) -> dict[str, Any] | None:
    """Return the content of a folder's ``results.json``, None where there is none that can be read."""
    try:
        held = orjson.loads((folder / RESULTS_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    if not (isinstance(held, dict) and isinstance(schema := held.get("schema"), dict)):
        return None
    return held if schema.get("name") == SCHEMA else None


def is_complete(folder: Path, fingerprint: str, formats: Collection[Format]) -> bool:
    """Return whether a folder holds the results of a fingerprint, with every file they name."""
    results = held_results(folder)
    if results is None or results.get("fingerprint") != fingerprint:
        return False
    documents = {name for made_for, name in DOCUMENTS.items() if made_for in formats}
    return all((folder / name).is_file() for name in documents.union(_paths_in(results)))


def publish(made: Path, folder: Path) -> None:
    """Move finished files to their place and remove those of former results.

    ``results.json`` leaves the place first and comes last; between, the journal names every file of both.

    Raises
    ------
    OSError
        The place cannot be written to.
    """
    new = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()} - {RESULTS_NAME}
    old = set(_own_files(folder))
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _JOURNAL, orjson.dumps(sorted(old | new)))
    (folder / RESULTS_NAME).unlink(missing_ok=True)
    _remove(folder, old - new)
    for name in sorted(new):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (made / name).replace(target)
    (made / RESULTS_NAME).replace(folder / RESULTS_NAME)
    (folder / _JOURNAL).unlink()


def _own_files(folder: Path) -> Iterator[str]:
    """Yield the names of the files in a folder that are the suite's, but for ``results.json``."""
    yield from DOCUMENTS.values()
    yield from filter(_is_in_a_room, _paths_in(held_results(folder)))
    try:
        names = orjson.loads((folder / _JOURNAL).read_bytes())
    except (OSError, ValueError):
        return
    yield from (name for name in names if isinstance(name, str) and _is_in_a_room(name))


def _is_in_a_room(name: str) -> bool:
    """Return whether a name is that of a file in one of the suite's own folders, and of nothing above them.

    >>> _is_in_a_room("masks/001_BODY.nii.gz"), _is_in_a_room("masks/../../x"), _is_in_a_room("/etc/x")
    (True, False, False)
    """
    parts = PurePosixPath(name).parts
    return len(parts) == 2 and parts[0] in _ROOMS and parts[1] != ".."  # noqa: PLR2004 - a room and a name


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files, and those of the suite's folders that are empty then."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for room in _ROOMS:
        try:
            (folder / room).rmdir()
        except OSError:  # it is not there, or holds something
            continue


def _paths_in(content: Any) -> Iterator[str]:
    """Yield every path in the content of ``results.json``: the values of ``path`` and ``…_path``."""
    if isinstance(content, dict):
        for key, value in content.items():
            if isinstance(value, str) and (key == "path" or key.endswith("_path")):
                yield value
            else:
                yield from _paths_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from _paths_in(value)
