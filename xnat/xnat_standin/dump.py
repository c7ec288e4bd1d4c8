"""``/data/services/dicomdump``: the attributes of the first file of a scan or session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag

from xnat_standin.answers import bad_request, not_found
from xnat_standin.prearchive_routes import check
from xnat_standin.tables import table
from xnat_standin.tree import walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset
    from starlette.responses import Response

    from xnat_standin.asking import Asked
    from xnat_standin.tables import Row

_PREARCHIVE = re.compile(r"/prearchive/projects/([^/]+)/([^/]+)/([^/]+)(?:/scans/([^/]+))?")
_COLUMNS = ("tag1", "tag2", "vr", "value", "desc")
_LONGEST = 64


def dump(asked: Asked) -> Response:
    """Tell attributes, those of ``field`` alone when it is given (a tag without comma, or a keyword)."""
    source = asked.parameters.get("src", "").removeprefix("/data")
    path = _in_prearchive(asked, source) if source.startswith("/prearchive/") else _in_archive(asked, source)
    field = asked.parameters.get("field", "").lower()
    dataset = dcmread(path, stop_before_pixels=True)
    rows = [row for name, row in _rows(dataset, "") if not field or field in name]
    return table(rows, _COLUMNS, asked.parameters)


def _in_prearchive(asked: Asked, source: str) -> Path:
    match = _PREARCHIVE.fullmatch(source)
    row = asked.xnat.prearchive.find(match[1], match[2], match[3]) if match else None
    if match is None or row is None:
        raise not_found("There is no such session.")
    check(asked, row)
    folder = asked.xnat.prearchive.folder_of(row) / "SCANS"
    found = [path for path in folder.rglob("*.dcm") if match[4] in {None, path.parents[1].name}]
    return _first(sorted(found))


def _in_archive(asked: Asked, source: str) -> Path:
    if not source.startswith("/archive/"):
        raise bad_request("src is of neither the archive nor the prearchive.")
    segments = source.removeprefix("/archive/").strip("/").split("/")
    place = walk(asked.xnat, asked.user, segments, changes=False)
    archive = asked.xnat.archive
    scans = place.scans or (tuple(archive.scans(place.experiment["id"])) if place.experiment else ())
    owners = [f"scan:{scan['pk']}" for scan in scans]
    resources = [row for owner in owners for row in archive.resources(owner)]
    return _first([file.path for row in resources for file in archive.files(row)])


def _first(paths: list[Path]) -> Path:
    if not paths:
        raise not_found("There are no files.")
    return paths[0]


def _rows(dataset: Dataset, above: str) -> Iterator[tuple[set[str], Row]]:
    """Yield the names an attribute can be asked for by, and its row; items of sequences follow it."""
    for element in dataset:
        tag = f"({element.tag.group:04X},{element.tag.element:04X})"
        names = {f"{element.tag:08x}", keyword_for_tag(element.tag).lower()}
        value = "" if element.VR == "SQ" or isinstance(element.value, bytes) else _text(element.value)
        row = {
            "tag1": above or tag,
            "tag2": tag if above else "",
            "vr": str(element.VR),
            "value": value,
            "desc": element.name,
        }
        yield names, row
        if element.VR == "SQ":
            for item in element.value:
                yield from _rows(item, above or tag)


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
