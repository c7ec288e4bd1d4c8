"""Changing and deleting what the archive holds (``StudyMgtRS``, ``PamRS``), and verifying its storage."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.responses import Response

from dcm4chee.standin.answers import RefusedError, dicom_json, no_match, plain_json
from dcm4chee.standin.archive import archive_of
from dcm4chee.standin.clock import moment_of
from dcm4chee.standin.dataset import text_of
from dcm4chee.standin.merging import original_item, same
from dcm4chee.standin.retrieval import Scope, retrieval
from dcm4chee.standin.state import identity_of
from dcm4chee.standin.store import PROCESSING_FAILURE
from dcm4chee.standin.tags import KEPT, ORIGINAL_ATTRIBUTES, SPECIFIC_CHARACTER_SET, Level

if TYPE_CHECKING:
    from starlette.requests import Request

    from dcm4chee.standin.archive import Archive
    from dcm4chee.standin.dataset import Attributes

_OBJECTS = """
SELECT orthanc_id, note, rejected FROM instance JOIN series ON series.pk = series_pk
JOIN study ON study.pk = study_pk WHERE study.uid = ?"""


async def delete_study(request: Request) -> Response:
    """Delete a study for good: 204, 403 unless all of it is rejected, 404."""
    archive, study_uid = await _caught_up(request), str(request.path_params["studyUID"])
    rows = archive.state.rows(_OBJECTS, [study_uid])
    if not rows:
        raise no_match(f"No study found for {study_uid}")
    objects = [row for row in rows if row["note"] is None]
    rejected = [row for row in objects if row["rejected"] is not None]
    if len(rejected) < len(objects):
        state = "PARTIAL" if rejected else "NONE"
        raise RefusedError(
            HTTPStatus.FORBIDDEN, f"Deletion of Study with Rejection State: {state} not permitted"
        )
    for row in rows:
        await archive.orthanc.delete(row["orthanc_id"])
    archive.state.forget([row["orthanc_id"] for row in rows])
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def update_study(request: Request) -> Response:
    """Put other attributes of a study in the place of those it has; those of its patient are not touched.

    200 with what was sent, 400 when UIDs or patient differ, 404. What is not sent is removed. The change is
    recorded only when ``reasonForModification`` is given.
    """
    archive, sent = await _caught_up(request), await _sent(request)
    study_uid = str(request.path_params["studyUID"])
    told = text_of(sent.get("0020000D"))
    if not text_of(sent.get("00100020")):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Missing patient identifiers in the request payload")
    if told != study_uid:
        said = f"[StudyUID={study_uid}] in request URL does not match [StudyUID={told}] in request payload"
        raise RefusedError(HTTPStatus.BAD_REQUEST, said)
    found = archive.state.rows(
        "SELECT study.pk, study.attributes, identity FROM study JOIN patient ON patient.pk = patient_pk"
        " WHERE study.uid = ?",
        [study_uid],
    )
    if not archive.state.rows("SELECT 1 FROM patient WHERE identity = ?", [identity_of(sent)]):
        raise no_match("Patient with patient identifiers of the request payload not found.")
    if not found:
        raise no_match(f"Study[uid={study_uid}] does not exist.")
    if found[0]["identity"] != identity_of(sent):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"Another patient than that of Study[uid={study_uid}]")
    _replace(archive, request, Level.STUDY, found[0], sent)
    return dicom_json(sent)


async def update_series(request: Request) -> Response:
    """Put other attributes of a series in the place of those it has; as `update_study`."""
    archive, sent = await _caught_up(request), await _sent(request)
    asked = request.path_params
    if text_of(sent.get("0020000E")) != asked["seriesUID"]:
        said = f"[SeriesUID={asked['seriesUID']}] in request URL do not match request payload"
        raise RefusedError(HTTPStatus.BAD_REQUEST, said)
    found = archive.state.rows(
        "SELECT series.pk, series.attributes FROM series JOIN study ON study.pk = study_pk"
        " WHERE study.uid = ? AND series.uid = ?",
        [asked["studyUID"], asked["seriesUID"]],
    )
    if not found:
        raise no_match(f"Series[uid={asked['seriesUID']}] does not exist.")
    _replace(archive, request, Level.SERIES, found[0], sent)
    return dicom_json(sent)


async def update_patient(request: Request) -> Response:
    """Put other attributes of a patient in the place of those it has: 204, 400 for another PatientID, 404."""
    archive, sent = await _caught_up(request), await _sent(request)
    patient_id, _, issuer = unquote(str(request.path_params["patientID"])).partition("^^^")
    asked = identity_of({"00100020": {"Value": [patient_id]}, "00100021": {"Value": [issuer]}})
    if identity_of(sent) != asked:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The stand-in for DCM4CHEE does not change patient IDs")
    found = archive.state.rows("SELECT pk, attributes FROM patient WHERE identity = ?", [asked])
    if not found:
        raise no_match("Patient does not exist.")
    _replace(archive, request, Level.PATIENT, found[0], sent)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def delete_patient(request: Request) -> Response:
    """Delete a patient who has no studies any more: 204, 403 while there are any, 404."""
    archive = await _caught_up(request)
    patient_id, _, issuer = unquote(str(request.path_params["patientID"])).partition("^^^")
    asked = identity_of({"00100020": {"Value": [patient_id]}, "00100021": {"Value": [issuer]}})
    found = archive.state.rows("SELECT pk FROM patient WHERE identity = ?", [asked])
    if not found:
        raise no_match("Patient does not exist.")
    if archive.state.rows("SELECT 1 FROM study WHERE patient_pk = ?", [found[0]["pk"]]):
        raise RefusedError(HTTPStatus.FORBIDDEN, "Patient has non-empty studies.")
    archive.state.forget_patient(int(found[0]["pk"]))
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def verify_storage(request: Request) -> Response:
    """Compare files with the digests they had on receipt: 200 all, 202 some, 409 none as it was; 404."""
    archive, view = await _caught_up(request), archive_of(request).view(request)
    asked = request.path_params
    scope = Scope(asked["studyUID"], asked.get("seriesUID"), asked.get("objectUID"))
    found = retrieval(archive.state, view, scope).objects
    if not found:
        raise no_match("No matching instances")
    good: list[Attributes] = []
    bad: list[Attributes] = []
    damaged: list[int] = []
    for one in found:
        reference: Attributes = {"00081155": {"vr": "UI", "Value": [one.sop_instance_uid]}}
        if await archive.orthanc.is_intact(one.orthanc_id):
            good.append(reference)
        else:
            bad.append(reference | {"00081197": {"vr": "US", "Value": [PROCESSING_FAILURE]}})
            damaged.append(one.pk)
    archive.state.verified([one.pk for one in found], damaged)
    content = {"00081198": {"vr": "SQ", "Value": bad}} if bad else {}
    content |= {"00081199": {"vr": "SQ", "Value": good}} if good else {}
    status = HTTPStatus.OK if not bad else HTTPStatus.ACCEPTED if good else HTTPStatus.CONFLICT
    return plain_json([content], status)


async def _caught_up(request: Request) -> Archive:
    archive = archive_of(request)
    archive.view(request)
    await archive.arrivals.catch_up()
    return archive


async def _sent(request: Request) -> Attributes:
    """Return the attributes of a request, one object or a list of one."""
    try:
        sent = json.loads(await request.body())
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The request payload is no JSON") from error
    if isinstance(sent, list) and len(sent) == 1:
        sent = sent[0]
    if not isinstance(sent, dict) or not all(isinstance(one, dict) and "vr" in one for one in sent.values()):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The request payload is no data set in DICOM JSON")
    return {str(tag).upper(): element for tag, element in sent.items()}


def _replace(archive: Archive, request: Request, level: Level, row: Any, sent: Attributes) -> None:
    held: Attributes = json.loads(row["attributes"])
    new = {tag: element for tag, element in sent.items() if tag in KEPT[level]}
    changed = {tag for tag in held.keys() | new.keys() if not same(held.get(tag), new.get(tag))}
    changed -= {ORIGINAL_ATTRIBUTES, SPECIFIC_CHARACTER_SET}
    if not changed:
        return
    at, reason = archive.clock.now(), request.query_params.get("reasonForModification")
    new |= {tag: held[tag] for tag in (ORIGINAL_ATTRIBUTES, SPECIFIC_CHARACTER_SET) if tag in held}
    if reason:
        previous = {tag: held[tag] for tag in changed if tag in held}
        source = request.query_params.get("sourceOfPreviousValues", "")
        items = [
            *held.get(ORIGINAL_ATTRIBUTES, {}).get("Value", ()),
            original_item(previous, moment_of(at), reason, source),
        ]
        new[ORIGINAL_ATTRIBUTES] = {"vr": "SQ", "Value": items}
    archive.state.replace_attributes(level, int(row["pk"]), new, at)
