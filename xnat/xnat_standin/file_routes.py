"""Resources and their files: lists, single files, ZIPs, uploads."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from xnat_standin.answers import RefusedError, bad_request, conflict, not_found, text, xml
from xnat_standin.listing import FILE_COLUMNS, RESOURCE_COLUMNS, file_rows, resource_rows
from xnat_standin.tables import whole_table

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from starlette.responses import Response

    from xnat_standin.archive import StoredFile
    from xnat_standin.asking import Asked
    from xnat_standin.tree import Place
    from xnat_standin.xnat import Xnat


def resources(asked: Asked, place: Place) -> Response:
    """List, tell, make or end resources."""
    archive = asked.xnat.archive
    if place.key is None:
        rows = resource_rows(archive, place.owners)
        return whole_table(rows, RESOURCE_COLUMNS, asked.parameters)
    if asked.method in {"PUT", "POST"}:
        if place.resource is None:
            _made(asked, place, place.key)
        return text("", HTTPStatus.OK)
    if place.resource is None:
        raise not_found(f"Unable to identify resource {place.key}")
    if asked.method == "DELETE":
        archive.delete_resource(place.resource)
        return text("")
    return xml(_catalogue(place.resource, archive.files(place.resource)))


def files(asked: Asked, place: Place) -> Response:
    """List, send, take or delete files."""
    if asked.method in {"PUT", "POST"}:
        return _take(asked, place)
    chosen = _chosen(asked.xnat, place)
    if place.key is None:
        if asked.method == "DELETE":
            raise bad_request("Which file?")
        if asked.parameters.get("format") == "zip":
            return zip_answer(asked, _entries(asked.xnat, place, chosen))
        root = asked.path.rstrip("/").removesuffix("/files")
        rows = [row for one in chosen for row in _file_rows(asked.xnat, place, one, root)]
        return whole_table(rows, FILE_COLUMNS, asked.parameters)
    for resource in chosen:
        for file in asked.xnat.archive.files(resource):
            if file.name == place.key:
                return _one(asked, file)
    raise not_found(f"Unable to find file {place.key}")


def zip_answer(asked: Asked, entries: Iterable[tuple[str, Path]]) -> Response:
    """Return files in a ZIP."""
    if asked.parameters.get("structure") in {"simplified", "legacy"}:
        raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "This stand-in has one structure of ZIPs only.")
    with tempfile.NamedTemporaryFile(dir=asked.xnat.configuration.build, delete=False) as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for name, path in entries:
                packed.write(path, name)
        path = Path(out.name)
    return FileResponse(
        path, media_type="application/zip", filename="files.zip", background=BackgroundTask(path.unlink)
    )


def _one(asked: Asked, file: StoredFile) -> Response:
    if asked.method == "DELETE":
        file.path.unlink()
        return text("")
    kind = "application/dicom" if file.name.endswith(".dcm") else "application/octet-stream"
    return FileResponse(file.path, media_type=kind)


def _chosen(xnat: Xnat, place: Place) -> list[sqlite3.Row]:
    """Return the resources whose files are meant."""
    if place.resource is None:
        return [row for owner in place.owners for row in xnat.archive.resources(owner)]
    label = place.resource["label"]
    found = [xnat.archive.resource(owner, label) for owner in place.owners]
    return [row for row in found if row is not None] or [place.resource]


def _file_rows(xnat: Xnat, place: Place, resource: sqlite3.Row, root: str) -> list[dict[str, str]]:
    scan = next((one for one in place.scans if f"scan:{one['pk']}" == resource["owner"]), None)
    if scan is not None and place.experiment is not None:
        root = f"/data/experiments/{place.experiment['id']}/scans/{scan['id']}"
    if not root.endswith(f"/resources/{resource['pk']}"):
        root = f"{root.partition('/resources/')[0]}/resources/{resource['pk']}"
    return [dict(row) for row in file_rows(resource, xnat.archive.files(resource), root)]


def _entries(xnat: Xnat, place: Place, chosen: list[sqlite3.Row]) -> Iterable[tuple[str, Path]]:
    """Yield names in a ZIP and their files: ``E/scans/2-TYPE/resources/DICOM/files/x.dcm``."""
    if place.experiment is not None:
        top = place.experiment["label"]
    elif place.subject is not None:
        top = place.subject["label"]
    else:
        top = place.project["id"] if place.project else "files"
    by_owner = {f"scan:{scan['pk']}": _scan_folder(scan) for scan in place.scans}
    for resource in chosen:
        scan = by_owner.get(resource["owner"])
        above = f"{top}/scans/{scan}" if scan else top
        for file in xnat.archive.files(resource):
            yield f"{above}/resources/{resource['label']}/files/{file.name}", file.path


def _scan_folder(scan: sqlite3.Row) -> str:
    match = re.search(r'"type": "([^"]*)"', scan["fields"])
    kind = re.sub(r"[^A-Za-z0-9_-]", "_", match[1]) if match else ""
    return f"{scan['id']}-{kind}" if kind else str(scan["id"])


def _catalogue(resource: sqlite3.Row, stored: list[StoredFile]) -> str:
    entries = "".join(
        f'<cat:entry ID={quoteattr(file.name)} URI={quoteattr(file.name)} digest="{file.digest}"/>'
        for file in stored
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<cat:Catalog ID={quoteattr(resource["label"])}'
        f' xmlns:cat="http://nrg.wustl.edu/catalog"><cat:entries>{entries}</cat:entries></cat:Catalog>'
    )


def _made(asked: Asked, place: Place, label: str) -> sqlite3.Row:
    """Return a new resource."""
    if len(place.owners) != 1 or place.project is None:
        raise bad_request("A resource is made for one object.")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*", label):
        raise bad_request("The label of a resource is none.")
    archive, owner = asked.xnat.archive, place.owners[0]
    if place.scans and place.experiment:
        folder = f"{archive.session_folder(place.experiment)}/SCANS/{place.scans[0]['id']}/{label}"
    elif place.experiment:
        folder = f"{archive.session_folder(place.experiment)}/RESOURCES/{label}"
    elif place.subject:
        folder = f"{place.project['id']}/subjects/{place.subject['id']}/{label}"
    else:
        folder = f"{place.project['id']}/resources/{label}"
    archive.create_resource(owner, label, folder, asked.parameters)
    archive_row = archive.resource(owner, label)
    assert archive_row is not None
    return archive_row


def _take(asked: Asked, place: Place) -> Response:
    """Take files: raw, as a form's, or out of a ZIP with ``extract=true``."""
    if place.key is None:
        raise bad_request("Which file?")
    resource = place.resource or _made(asked, place, "NO_LABEL")
    asked.xnat.archive.describe_resource(resource, asked.parameters)
    folder = asked.xnat.archive.folder_of(resource)
    upload = asked.uploads[0].path if asked.uploads else asked.body
    if upload is None:
        raise bad_request("The request has no file.")
    if asked.flag("extract"):
        try:
            with zipfile.ZipFile(upload) as packed:
                for info in packed.infolist():
                    if not info.is_dir():
                        with packed.open(info) as content:
                            _store(folder, info.filename, content, replaces=asked.flag("overwrite"))
        except zipfile.BadZipFile:
            raise bad_request("The upload is no ZIP.") from None
    else:
        with upload.open("rb") as content:
            _store(folder, place.key, content, replaces=asked.flag("overwrite"))
    return text("")


def _store(folder: Path, name: str, content: IO[bytes], *, replaces: bool) -> None:
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise bad_request("A file's name leads out of its resource.")
    if target.exists() and not replaces:
        raise conflict("The file is there already.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        shutil.copyfileobj(content, out)
