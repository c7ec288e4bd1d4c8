"""Rejecting objects and taking that back (``IocmRS``; IHE Imaging Object Change Management)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from dcm4chee.standin.answers import RefusedError, no_match, plain_json
from dcm4chee.standin.archive import archive_of
from dcm4chee.standin.clock import moment_of
from dcm4chee.standin.dataset import read_received
from dcm4chee.standin.rejection_note import MEANINGS, OVERWRITES, REVOKE, Reference, rejection_note
from dcm4chee.standin.store import keep

if TYPE_CHECKING:
    import sqlite3

    from starlette.requests import Request

    from dcm4chee.standin.archive import Archive
    from dcm4chee.standin.views import View

_OBJECTS = """
SELECT instance.pk, instance.uid, series.uid AS series_uid, instance.t00080016 AS class_uid, rejected
FROM instance JOIN series ON series.pk = series_pk JOIN study ON study.pk = study_pk
WHERE study.uid = ?1 AND (?2 IS NULL OR series.uid = ?2) AND (?3 IS NULL OR instance.uid = ?3)
    AND {condition} ORDER BY series.pk, instance.pk"""


async def reject(request: Request) -> Response:
    """Reject a study, a series or an object: 200 with how many, 404 for an unknown code or nothing to reject.

    With REVOKE_REJECTION^99DCM4CHEE rejected objects are taken back; with ``queue=true`` it is done at once
    all the same, and answered with 202.
    """
    archive, view = archive_of(request), archive_of(request).view(request)
    code = _code(request)
    await archive.arrivals.catch_up()
    asked = request.path_params
    scope = (asked["studyUID"], asked.get("seriesUID"), asked.get("objectUID"))
    rows = archive.state.rows(_OBJECTS.format(condition=_condition(view, code)), scope)
    if not rows:
        raise no_match(f"No instances of Study[UID={scope[0]}] found for rejection.")
    at = archive.clock.now()
    if code == REVOKE:
        await archive.rejections.revoke([int(row["pk"]) for row in rows], at)
    else:
        await _reject(archive, str(scope[0]), code, rows)
    if request.query_params.get("queue") == "true":
        return Response(status_code=HTTPStatus.ACCEPTED)
    return plain_json({"count": len(rows)})


def _code(request: Request) -> str:
    value, _, scheme = str(request.path_params["code"]).partition("^")
    code = f"{value}^{scheme}"
    if code not in MEANINGS:
        raise no_match(f"Unknown Rejection Note Code: ({value}, {scheme})")
    return code


def _condition(view: View, code: str) -> str:
    """Return what is rejected: what is shown and no rejection note; what is taken back: what is rejected."""
    return "rejected IS NOT NULL" if code == REVOKE else f"note IS NULL AND {view.condition}"


async def _reject(archive: Archive, study_uid: str, code: str, rows: list[sqlite3.Row]) -> None:
    allowed = OVERWRITES[code]
    already = next((row["uid"] for row in rows if row["rejected"] not in {None, *allowed}), None)
    if already is not None:
        said = f"Failed to reject Instance[uid={already}] - already rejected."
        raise RefusedError(HTTPStatus.BAD_REQUEST, said)
    references = [Reference(row["series_uid"], row["class_uid"], row["uid"]) for row in rows]
    at = archive.clock.now()
    (held,) = archive.state.rows(
        "SELECT patient.attributes AS p, study.attributes AS t FROM study"
        " JOIN patient ON patient.pk = patient_pk WHERE study.uid = ?",
        [study_uid],
    )
    attributes = json.loads(held["p"]) | json.loads(held["t"])
    content = rejection_note(attributes, study_uid, code, references, moment_of(at))
    await keep(archive, read_received(content), content, source="DCM4CHEE")
    await archive.rejections.reject([int(row["pk"]) for row in rows], code, at)
