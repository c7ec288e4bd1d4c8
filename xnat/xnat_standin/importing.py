"""The import service: ``POST /data/services/import``."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from xnat_standin.access import editable
from xnat_standin.answers import RefusedError, bad_request, not_found, uri_list
from xnat_standin.archiving import Wanted
from xnat_standin.header import UnparsableError, read_header
from xnat_standin.prearchive import url_of
from xnat_standin.receiving import Delivery
from xnat_standin.unpacking import UnpackError, unpack

if TYPE_CHECKING:
    from starlette.responses import Response

    from xnat_standin.asking import Asked
    from xnat_standin.header import Header
    from xnat_standin.xnat import Xnat

_HANDLERS = {"SI", "DICOM-zip", "gradual-DICOM"}
_OTHER_HANDLERS = {"inbox", "XAR", "automation"}
_PACKED = {"application/zip", "application/x-tar", "application/x-gzip", "application/dicom"}
_NOT_PLAYED = ("http-session-listener", "src", "Anon-Script")
_DESTINATION = re.compile(
    r"(?:/data)?/(?P<kind>prearchive|archive)(?:/projects/(?P<project>[^/]+))?"
    r"(?:/subjects/(?P<subject>[^/]+))?(?:/experiments/(?P<session>[^/]+))?/?"
)


@dataclass(frozen=True)
class Order:
    """What an import asks for."""

    handler: str
    destination: str | None
    """``prearchive``, ``archive`` or nothing."""
    delivery: Delivery
    wanted: Wanted
    commit: bool
    ignores_unparsable: bool


def import_files(asked: Asked) -> Response:
    """Take files in; the answer is where their sessions are."""
    order = order_of(asked)
    if order.delivery.project is not None:
        editable(asked.xnat, asked.user, order.delivery.project)
    upload = _upload(asked)
    with tempfile.TemporaryDirectory(dir=asked.xnat.configuration.build) as folder:
        rows = _take(asked.xnat, order, _parsed(upload, Path(folder), order))
    as_text = "text/plain" in asked.headers.get("accept", "")
    uris = [f"/data{uri}" for uri in _finished(asked.xnat, order, rows)]
    return uri_list(uris, single_as_text=as_text)


def order_of(asked: Asked) -> Order:
    """Return what is asked for.

    Raises
    ------
    RefusedError
        404: no such handler. 400: a destination that is none. 501: what is not played here.
    """
    say = asked.parameters.get
    handler = say("import-handler") or ("gradual-DICOM" if asked.content_type == "application/dicom" else "")
    handler = handler or "DICOM-zip"
    if handler in _OTHER_HANDLERS or asked.flag("Direct-Archive") or any(say(name) for name in _NOT_PLAYED):
        raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "This stand-in does not play this way of importing.")
    if handler not in _HANDLERS:
        raise not_found(f"Unsupported import-handler: {handler}")
    match = _DESTINATION.fullmatch(say("dest", ""))
    if say("dest") and match is None:
        raise bad_request("The destination is neither of the prearchive nor of the archive.")
    named = match.groupdict() if match else {}
    auto = say("AA") or say("auto-archive") or ""
    delivery = Delivery(
        project=named.get("project") or say("project") or say("PROJECT_ID") or None,
        subject=named.get("subject") or say("subject") or say("SUBJECT_ID") or None,
        session=named.get("session") or say("session") or say("EXPT_LABEL") or None,
        autoarchive=auto.lower(),
        prevent_anon=asked.flag("prevent_anon"),
        prevent_auto_commit=asked.flag("prevent_auto_commit"),
        source=say("SOURCE", ""),
        visit=say("VISIT", ""),
        timezone=say("TIMEZONE", ""),
    )
    return Order(
        handler=handler,
        destination=named.get("kind"),
        delivery=delivery,
        wanted=Wanted(overwrite=say("overwrite", "none"), overwrite_files=asked.flag("overwrite_files")),
        commit=say("action") == "commit",
        ignores_unparsable=asked.flag("Ignore-Unparsable"),
    )


def _upload(asked: Asked) -> Path:
    if len(asked.uploads) > 1:
        raise bad_request("Importer is limited to one uploaded resource at a time.")
    if asked.uploads:
        return asked.uploads[0].path
    if asked.body is None or not (asked.flag("inbody") or asked.content_type in _PACKED):
        raise bad_request("Unable to identify upload format.")
    return asked.body


def _parsed(upload: Path, folder: Path, order: Order) -> list[tuple[Path, Header]]:
    """Return the files of an upload that are DICOM objects."""
    try:
        files = unpack(upload, folder)
    except UnpackError as error:
        raise bad_request("Unable to read the uploaded archive.") from error
    parsed = []
    for file in files:
        try:
            parsed.append((file, read_header(file)))
        except UnparsableError as error:
            if order.handler == "DICOM-zip" and not order.ignores_unparsable:
                raise bad_request(
                    "Unable to read DICOM object: the upload has a file that is none."
                ) from error
            if order.handler == "gradual-DICOM":
                raise bad_request("Unable to read DICOM object.") from error
    if order.handler == "SI":
        _check_session(parsed)
    if order.handler == "gradual-DICOM" and len(parsed) != 1:
        raise bad_request("gradual-DICOM takes one DICOM object.")
    return parsed


def _check_session(parsed: list[tuple[Path, Header]]) -> None:
    if not parsed:
        raise bad_request("Upload did not include parsable files for session generation.")
    if len({header.study_uid for _, header in parsed}) > 1:
        raise bad_request("Upload included files for multiple imaging sessions.")


def _take(xnat: Xnat, order: Order, parsed: list[tuple[Path, Header]]) -> list[int]:
    """Return the rows that the files have gone to, in the order of their first files."""
    rows: dict[int, None] = {}
    failing, splitting = xnat.faults.take("fail_after_files"), xnat.faults.take("split")
    for number, (file, header) in enumerate(parsed):
        if failing and number == failing.count:
            raise RefusedError(failing.status, failing.message)
        anew = splitting is not None and number == splitting.count
        row = xnat.receiving.receive(file, header, order.delivery, anew=anew)
        if row is not None:
            rows[row] = None
    return list(rows)


def _finished(xnat: Xnat, order: Order, rows: list[int]) -> list[str]:
    """Return where sessions are after they were built and archived as far as the order says."""
    return [_finish(xnat, order, pk) for pk in rows]


def _finish(xnat: Xnat, order: Order, pk: int) -> str:
    builds = order.destination is not None or order.commit or order.handler == "SI"
    if builds:
        xnat.prearchive.build(pk)
    row = xnat.prearchive.get(pk)
    assert row is not None
    if order.destination == "archive":
        return _archived(xnat, order, pk)
    if order.destination is None and builds and is_automatic(xnat, pk):
        return xnat.archiver.archive(row, automatic_order(xnat, row["project"]))
    return url_of(row)


def _archived(xnat: Xnat, order: Order, pk: int) -> str:
    row = xnat.prearchive.get(pk)
    assert row is not None
    try:
        return xnat.archiver.archive(row, order.wanted)
    except RefusedError as refused:
        if order.handler == "DICOM-zip" and refused.status == HTTPStatus.CONFLICT:
            raise bad_request("unable to archive for the Prearchive session") from refused
        raise


def is_automatic(xnat: Xnat, pk: int) -> bool:
    """Return whether a row is archived by itself once it is built."""
    row = xnat.prearchive.get(pk)
    if row is None or row["project"] is None or row["status"] != "READY":
        return False
    if row["autoarchive"]:
        return bool(row["autoarchive"] == "true")
    project = xnat.archive.project(row["project"])
    return project is not None and project["prearchive_code"] in {4, 5}


def automatic_order(xnat: Xnat, project: str) -> Wanted:
    """Return how a project archives by itself: code 5 overwrites, code 4 appends."""
    row = xnat.archive.project(project)
    overwrites = row is not None and row["prearchive_code"] == 5  # noqa: PLR2004 - PrearchiveCode
    return Wanted(overwrite="append", overwrite_files=overwrites)
