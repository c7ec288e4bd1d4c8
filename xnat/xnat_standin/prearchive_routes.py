"""The prearchive over REST: ``/data/prearchive/projects/…``."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, RedirectResponse, Response

from xnat_standin.access import editable, may_read
from xnat_standin.answers import bad_request, conflict, forbidden, not_found, text, uri_list, xml
from xnat_standin.file_routes import zip_answer
from xnat_standin.importing import automatic_order, is_automatic
from xnat_standin.prearchive import UNASSIGNED, url_of
from xnat_standin.tables import table, whole_table

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from xnat_standin.asking import Asked
    from xnat_standin.document import SessionDocument
    from xnat_standin.tables import Row
    from xnat_standin.xnat import Xnat

_COLUMNS = (
    *("project", "timestamp", "lastmod", "uploaded", "scan_date", "scan_time", "subject", "folderName"),
    *("name", "tag", "status", "url", "autoarchive", "prevent_anon", "prevent_auto_commit", "SOURCE"),
    *("VISIT", "PROTOCOL", "TIMEZONE"),
)
_SCAN_COLUMNS = ("ID", "xsiType", "series_description", "type", "UID")
_RESOURCE_COLUMNS = ("category", "label", "file_count", "file_size", "format", "content", "tags")
_FILE_COLUMNS = ("Name", "Size", "URI")
_BUSY = {"BUILDING", "ARCHIVING", "MOVING", "DELETING"}


def sessions(asked: Asked) -> Response:
    """List the prearchive's sessions, of all projects or one; by study for administrators."""
    project, tag = asked.names.get("project"), asked.parameters.get("tag")
    if tag is not None:
        asked.needs_admin()
    if project not in {None, UNASSIGNED}:
        editable(asked.xnat, asked.user, str(project))
    rows = [row for row in asked.xnat.prearchive.rows(project, tag) if _is_seen(asked, row)]
    return table([_cells(asked.xnat, row) for row in rows], _COLUMNS, asked.parameters)


def session(asked: Asked) -> Response:
    """Tell a session, work on it, or delete it."""
    row = row_of(asked)
    if asked.method == "DELETE":
        asked.xnat.prearchive.forget(row["pk"])
        return text("")
    if asked.method in {"POST", "PUT"}:
        return _work(asked, row)
    kind = asked.parameters.get("format", "xml")
    if kind == "zip":
        return zip_answer(asked, _entries(asked.xnat, row))
    if kind == "xml":
        document = asked.xnat.prearchive.document(row)
        if document is None:
            raise not_found("The session has no document yet.")
        return xml(document.to_xml(row["project"] or "", row["name"]))
    return table([_cells(asked.xnat, row)], _COLUMNS, asked.parameters)


def logs(asked: Asked) -> Response:
    """Tell why a session is in the state it is in."""
    lines = row_of(asked)["log"].splitlines()
    if asked.names.get("which") == "last":
        return text(lines[-1] if lines else "")
    rows = [{"id": str(number), "entry": line} for number, line in enumerate(lines, 1)]
    return table(rows, ["id", "entry"], asked.parameters)


def scans(asked: Asked) -> Response:
    """List the scans of a session."""
    row = row_of(asked)
    rows: list[Row] = [
        {
            "ID": scan.id,
            "xsiType": scan.xsi_type,
            "series_description": scan.type,
            "type": scan.type,
            "UID": scan.uid,
        }
        for scan in _document(asked.xnat, row).scans
    ]
    return table(rows, _SCAN_COLUMNS, asked.parameters)


def resources(asked: Asked) -> Response:
    """List the resources of a scan."""
    rows: list[Row] = []
    for folder in _resource_folders(asked):
        found = _files(folder)
        size = sum(path.stat().st_size for path in found)
        rows.append(
            {
                "category": "scans",
                "label": folder.name,
                "file_count": str(len(found)),
                "file_size": str(size),
                "format": "DICOM",
                "content": "RAW",
            }
        )
    return whole_table(rows, _RESOURCE_COLUMNS, asked.parameters)


def files(asked: Asked) -> Response:
    """List the files of a resource, or send one."""
    wanted = asked.names["resource"]
    folder = next((one for one in _resource_folders(asked) if one.name == wanted), None)
    if folder is None:
        raise not_found(f"There is no resource {wanted}.")
    name = asked.names.get("file")
    if name is not None:
        path = next((one for one in _files(folder) if one.name == name), None)
        if path is None:
            raise not_found(f"There is no file {name}.")
        return FileResponse(path, media_type="application/dicom")
    root = asked.path.rstrip("/")
    rows = [
        {"Name": path.name, "Size": str(path.stat().st_size), "URI": f"{root}/{path.name}"}
        for path in _files(folder)
    ]
    return whole_table(rows, _FILE_COLUMNS, asked.parameters)


def row_of(asked: Asked) -> sqlite3.Row:
    """Return the row that a path names, when this user may work on it."""
    names = asked.names
    row = asked.xnat.prearchive.find(names["project"], names["timestamp"], names["folder"])
    if row is None:
        raise not_found("Unable to find the specified prearchive session.")
    check(asked, row)
    return row


def check(asked: Asked, row: sqlite3.Row) -> None:
    """Refuse who may not work on a row: without a project only administrators may."""
    if row["project"] is None:
        asked.needs_admin()
    else:
        editable(asked.xnat, asked.user, row["project"])


def _is_seen(asked: Asked, row: sqlite3.Row) -> bool:
    if row["project"] is None:
        return asked.user.admin
    project = asked.xnat.archive.project(row["project"])
    return project is not None and may_read(asked.xnat, asked.user, project)


def _work(asked: Asked, row: sqlite3.Row) -> Response:
    action = asked.parameters.get("action")
    if action == "reset-status":
        asked.xnat.prearchive.set_status(row["pk"], "READY")
        return uri_list([f"/data{url_of(row)}"])
    if row["status"].lstrip("_") in _BUSY:
        raise conflict("session document locked")
    if action == "move":
        return uri_list([f"/data{moved(asked, row)}"])
    if action not in {"build", "commit"}:
        raise bad_request(f"Unsupported action: {action}")
    asked.xnat.prearchive.build(row["pk"])
    if action == "commit" and is_automatic(asked.xnat, row["pk"]):
        built = asked.xnat.prearchive.get(row["pk"])
        assert built is not None
        uri = asked.xnat.archiver.archive(built, automatic_order(asked.xnat, built["project"]))
        return RedirectResponse(f"/data{uri}", HTTPStatus.MOVED_PERMANENTLY)
    return uri_list([f"/data{url_of(row)}"])


def moved(asked: Asked, row: sqlite3.Row) -> str:
    """Return where a row is after it was given to ``newProject``."""
    project = asked.parameters.get("newProject", "")
    if not project:
        raise bad_request("newProject is missing.")
    editable(asked.xnat, asked.user, project)
    if row["status"].lstrip("_") in _BUSY:
        raise forbidden("Operation already in progress on this prearchive entry.")
    asked.xnat.prearchive.move(row["pk"], project)
    now = asked.xnat.prearchive.get(row["pk"])
    assert now is not None
    return url_of(now)


def _cells(xnat: Xnat, row: sqlite3.Row) -> Row:
    document = xnat.prearchive.document(row)
    return {
        "project": row["project"] or UNASSIGNED,
        "timestamp": row["timestamp"],
        "lastmod": _moment(row["lastmod"]),
        "uploaded": _moment(row["uploaded"]),
        "scan_date": document.date if document else "",
        "scan_time": document.time if document else "",
        "subject": row["subject"],
        "folderName": row["folder"],
        "name": row["name"],
        "tag": row["tag"],
        "status": row["status"],
        "url": url_of(row),
        "autoarchive": row["autoarchive"],
        "prevent_anon": str(bool(row["prevent_anon"])).lower(),
        "prevent_auto_commit": str(bool(row["prevent_auto_commit"])).lower(),
        "SOURCE": row["source"],
        "VISIT": row["visit"],
        "PROTOCOL": "",
        "TIMEZONE": row["timezone"],
    }


def _moment(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + str(moment.microsecond // 100_000)


def _document(xnat: Xnat, row: sqlite3.Row) -> SessionDocument:
    document = xnat.prearchive.document(row)
    if document is None:
        raise not_found("The session was not built yet.")
    return document


def _resource_folders(asked: Asked) -> list[Path]:
    row = row_of(asked)
    scan = asked.names["scan"]
    _document(asked.xnat, row)
    scans_folder = asked.xnat.prearchive.folder_of(row) / "SCANS"
    found = next((one for one in scans_folder.glob("*") if one.name == scan), None)
    if found is None:
        raise not_found(f"There is no scan {scan}.")
    return sorted(path for path in found.iterdir() if path.is_dir())


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dcm"))


def _entries(xnat: Xnat, row: sqlite3.Row) -> Iterator[tuple[str, Path]]:
    top = xnat.prearchive.folder_of(row)
    for path in sorted(top.rglob("*.dcm")):
        yield f"{row['folder']}/{path.relative_to(top).as_posix()}", path
