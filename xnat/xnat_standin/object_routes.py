"""Projects, subjects, experiments and scans: lists, single ones, and their making and end."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from xnat_standin.access import editable, may_read, owned
from xnat_standin.answers import RefusedError, bad_request, conflict, forbidden, not_found, text
from xnat_standin.archive import BadNameError, ClashError, DeletedError
from xnat_standin.document import ScanDocument
from xnat_standin.file_routes import files, resources
from xnat_standin.items import experiment_item, item_answer, project_item, scan_item, subject_item
from xnat_standin.joining import asked_columns, joined_rows
from xnat_standin.listing import (
    EXPERIMENT_COLUMNS,
    PROJECT_COLUMNS,
    SCAN_COLUMNS,
    SUBJECT_COLUMNS,
    project_rows,
    scan_rows,
    subject_rows,
)
from xnat_standin.tables import table
from xnat_standin.tree import ROOTS, Place, walk

if TYPE_CHECKING:
    import sqlite3

    from starlette.responses import Response

    from xnat_standin.asking import Asked

_ROLES = {"Owners", "Members", "Collaborators"}


def objects(asked: Asked) -> Response:
    """Answer for a path below ``/data`` that names objects or files."""
    segments = [segment for segment in asked.path.removeprefix("/data/").split("/") if segment]
    if not segments or segments[0] not in ROOTS:
        raise not_found("The server has not found anything matching the request URI")
    creates_project = asked.method == "PUT" and len(segments) == 2 and segments[0] == "projects"  # noqa: PLR2004
    changes = asked.method != "GET" and not creates_project
    place = walk(asked.xnat, asked.user, segments, changes=changes)
    if place.collection == "files":
        return files(asked, place)
    if place.collection == "resources":
        return resources(asked, place)
    if place.key is None:
        return _listing(asked, place)
    handler = {"projects": _project, "subjects": _subject, "experiments": _experiment, "scans": _scan}
    return handler[place.collection](asked, place)


def setting(asked: Asked) -> Response:
    """Tell or change ``prearchive_code``, ``quarantine_code`` or ``accessibility`` of a project."""
    name, value = asked.path.split("/")[4], asked.names.get("value")
    allowed = {
        "prearchive_code": {"0", "4", "5"},
        "quarantine_code": {"0", "1"},
        "accessibility": {"private", "protected", "public"},
        "current_arc": {"arc001"},
    }.get(name)
    if allowed is None:
        raise not_found(f"There is no setting {name}.")
    if asked.method == "GET" and value is None:
        row = editable(asked.xnat, asked.user, asked.names["project"])
        return text("arc001" if name == "current_arc" else str(row[name]))
    row = owned(asked.xnat, asked.user, asked.names["project"])
    if value not in allowed:
        raise bad_request(f"{name} cannot be {value}.")
    if name != "current_arc":
        asked.xnat.archive.change_project(row["id"], name, value if name == "accessibility" else int(value))
    return text("")


def members(asked: Asked) -> Response:
    """Tell who is in a project, or let someone in."""
    row = owned(asked.xnat, asked.user, asked.names["project"])
    role, user = asked.names.get("role"), asked.names.get("user")
    if asked.method == "PUT":
        if role not in _ROLES or user is None or asked.xnat.users.find(user) is None:
            raise not_found("There is no such role or user.")
        asked.xnat.archive.set_role(row["id"], user, role)
        return text("")
    rows = [
        {"login": one["user"], "GROUP_ID": f"{row['id']}_{one['role'].lower()}", "displayname": one["role"]}
        for one in asked.xnat.archive.members(row["id"])
    ]
    return table(rows, ["GROUP_ID", "displayname", "login"], asked.parameters)


def _listing(asked: Asked, place: Place) -> Response:
    archive = asked.xnat.archive
    seen = [row for row in archive.projects() if may_read(asked.xnat, asked.user, row)]
    projects = [place.project] if place.project else seen
    if place.collection == "projects":
        return table(project_rows(seen), PROJECT_COLUMNS, asked.parameters, "Projects")
    if place.collection == "subjects":
        subjects = [row for project in projects for row in archive.subjects(project["id"])]
        return table(subject_rows(subjects), SUBJECT_COLUMNS, asked.parameters, "Subjects")
    if place.collection == "experiments":
        subject = place.subject["id"] if place.subject else None
        experiments = [row for project in projects for row in archive.experiments(project["id"], subject)]
        found = joined_rows(archive, experiments, asked.parameters)
        return table(found, EXPERIMENT_COLUMNS, asked_columns(asked.parameters), "Experiments")
    if place.experiment is None:
        raise not_found("Scans are below an experiment.")
    scans = archive.scans(place.experiment["id"])
    return table(scan_rows(scans), SCAN_COLUMNS, asked.parameters, "Scans")


def _project(asked: Asked, place: Place) -> Response:
    key = str(place.key)
    if asked.method == "PUT":
        return _put_project(asked, place, key)
    if place.project is None:
        raise not_found(f"Unable to identify project {key}")
    if asked.method == "DELETE":
        owned(asked.xnat, asked.user, key)
        asked.xnat.archive.delete_project(key)
        return text("")
    return item_answer(project_item(place.project), asked.parameters)


def _put_project(asked: Asked, place: Place, key: str) -> Response:
    fields = _fields(asked)
    archive = asked.xnat.archive
    if place.project is not None:
        owned(asked.xnat, asked.user, key)
        for column, field in (("name", "name"), ("description", "description")):
            if field in fields:
                archive.change_project(key, column, fields[field])
        return text(key)
    code = int(asked.xnat.preferences.get("defaultProjectAutoArchiveSetting"))
    try:
        archive.create_project(key, fields, code, asked.user.name)
    except BadNameError:
        raise RefusedError(HTTPStatus.EXPECTATION_FAILED, "Invalid project ID.") from None
    except DeletedError:
        raise forbidden("The project ID was used by a project that was deleted.") from None
    except ClashError:
        raise conflict("Project ID, title or secondary ID is already in use.") from None
    return text(key)


def _subject(asked: Asked, place: Place) -> Response:
    archive = asked.xnat.archive
    if asked.method == "PUT":
        if place.project is None:
            raise not_found("A subject is made below a project.")
        fields = {name: value for name, value in _fields(asked).items() if name != "label"}
        if place.subject is not None:
            archive.change_fields("subjects", place.subject["pk"], fields)
            return text(place.subject["id"])
        return text(archive.create_subject(place.project["id"], str(place.key), fields), HTTPStatus.CREATED)
    if place.subject is None:
        raise not_found(f"Unable to identify subject {place.key}")
    if asked.method == "DELETE":
        archive.delete_subject(place.subject)
        return text("")
    return item_answer(subject_item(place.subject), asked.parameters)


def _experiment(asked: Asked, place: Place) -> Response:
    archive = asked.xnat.archive
    if asked.method == "PUT":
        return _put_experiment(asked, place)
    if place.experiment is None:
        raise not_found(f"Unable to identify experiment {place.key}")
    if asked.method == "DELETE":
        archive.delete_experiment(place.experiment)
        return text("")
    return item_answer(experiment_item(archive, place.experiment), asked.parameters)


def _put_experiment(asked: Asked, place: Place) -> Response:
    fields = _fields(asked)
    archive = asked.xnat.archive
    if place.experiment is not None:
        if asked.parameters.get("label", place.experiment["label"]) != place.experiment["label"]:
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "This stand-in does not rename sessions.")
        kept = {name: value for name, value in fields.items() if name != "label"}
        archive.change_fields("experiments", place.experiment["pk"], kept)
        return text(place.experiment["id"])
    subject: sqlite3.Row | None = place.subject
    if subject is None:
        raise not_found("An experiment is made below a subject.")
    xsi_type = asked.parameters.get("xsiType")
    if not xsi_type:
        raise bad_request("A new experiment needs its xsiType.")
    made = archive.create_experiment(subject, str(place.key), xsi_type, fields)
    return text(made, HTTPStatus.CREATED)


def _scan(asked: Asked, place: Place) -> Response:
    archive, scan = asked.xnat.archive, place.scans[0] if place.scans else None
    if asked.method == "PUT":
        assert place.experiment is not None
        fields = _fields(asked)
        if scan is None:
            xsi_type = asked.parameters.get("xsiType", "xnat:otherDicomScanData")
            kind = fields.get("type", "")
            document = ScanDocument(str(place.key), xsi_type, fields.get("UID", ""), kind, "", 0)
            archive.create_scan(place.experiment["id"], document)
        else:
            archive.change_fields("scans", scan["pk"], fields)
        return text(str(place.key))
    if scan is None:
        raise not_found(f"Unable to identify scan {place.key}")
    if asked.method == "DELETE":
        for one in place.scans:
            archive.delete_scan(one)
        return text("")
    return item_answer(scan_item(scan), asked.parameters)


def _fields(asked: Asked) -> dict[str, str]:
    """Return fields out of paths in the query (``xnat:subjectData/label``), short names, or XML."""
    fields = {
        name.rsplit("/", 1)[-1]: value
        for name, value in asked.parameters.items()
        if "/" in name or name in {"label", "name", "description", "accessibility", "gender", "UID", "type"}
    }
    if asked.text.lstrip().startswith("<"):
        try:
            root = ET.fromstring(asked.text)  # noqa: S314 - the tests' own XML
        except ET.ParseError:
            raise bad_request("The body is no XML.") from None
        fields |= {child.tag.rsplit("}", 1)[-1]: child.text for child in root if child.text}
    return fields
