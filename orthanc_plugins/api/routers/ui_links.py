"""Addresses below ``ui/`` that a menu can fill with nothing but an identifier of Orthanc.

Orthanc's pages know its own identifiers, OHIF and the dashboard DICOM's: each of these routes finds out what
is meant and leads there. Who follows a link is a person, so what goes wrong is told as a page.
"""

from collections.abc import Callable
from itertools import islice
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from orthanc_plugins.api.deadline import Question
from orthanc_plugins.api.dependencies import Joined
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.routers.ui import files_address
from orthanc_plugins.api.unresolved import Trouble, Unresolved, language_of, page_of
from orthanc_plugins.archives.base import ArchiveName, StudyQuery
from orthanc_plugins.errors import ArchiveError, NotFound
from orthanc_plugins.identifiers import OrthancId, StudyUid, is_dicom_uid, is_orthanc_id
from orthanc_plugins.services import Services

router = APIRouter(include_in_schema=False)

_VIEWER_SOURCE = {ArchiveName.ORTHANC: "Orthanc", ArchiveName.DCM4CHEE: "DCM4CHEE"}
"""What OHIF calls the archives (``ohif/app-config.js``)."""

Process = Annotated[str, Query(alias="process", max_length=1)]
"""``1`` where the page is to offer to process."""


@router.get("/ui/open/{archive}/{study}")
def open_in_viewer(request: Request, services: Joined, links: Linked, archive: str, study: str) -> Response:
    """Lead to OHIF, with a study of one of the archives."""
    return _leading_to(request, links, lambda: _in_viewer(services, archive, study))


@router.get("/ui/series/{series}/structures")
def structures_of_series(
    request: Request, services: Joined, links: Linked, series: str, process: Process = ""
) -> Response:
    """Lead to the RT results of a series; to those of its study where it holds no structure set itself."""
    return _leading_to(
        request, links, lambda: _structures(services, links, _one(services, series, "Series"), process)
    )


@router.get("/ui/instances/{instance}/structures")
def structures_of_instance(
    request: Request, services: Joined, links: Linked, instance: str, process: Process = ""
) -> Response:
    """Lead to the RT results of the series of an instance, as `structures_of_series`."""

    def address() -> str:
        series = services.orthanc.instance(_one(services, instance, "Instance")).series_orthanc_id
        return _structures(services, links, series, process)

    return _leading_to(request, links, address)


def _leading_to(request: Request, links: Links, address: Callable[[], str]) -> Response:
    """Return what leads to an address, or the page that tells why there is none."""
    try:
        response = RedirectResponse(address(), status_code=302)
    except Unresolved as error:
        return _told(request, links, error)
    except NotFound:
        return _told(request, links, Unresolved(Trouble.NOT_IN_ORTHANC))
    except ArchiveError:
        return _told(request, links, Unresolved(Trouble.ORTHANC_AWAY))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _told(request: Request, links: Links, error: Unresolved) -> Response:
    return page_of(
        error.trouble,
        language_of(request.headers.get("accept-language", "")),
        href=links.page("studies" if error.study is None else f"studies/{error.study}"),
        to_study=error.study is not None,
        files=files_address(request),
    )


def _in_viewer(services: Services, archive: str, study: str) -> str:
    """Return the address at which OHIF shows a study of an archive.

    Raises
    ------
    Unresolved
        That archive does not hold it, or not one alone.
    """
    try:
        source = ArchiveName(archive.lower())
    except ValueError:
        raise Unresolved(Trouble.NO_ARCHIVE) from None
    if is_orthanc_id(study):
        study_uid = services.orthanc.study_uid(OrthancId(study))
    elif is_dicom_uid(study):
        study_uid = StudyUid(study)
    else:
        raise Unresolved(Trouble.NO_IDENTIFIER)
    if source is ArchiveName.ORTHANC:
        _one(services, study_uid, "Study")
    else:
        _see_that_dcm4chee_has(services, study_uid)
    chosen = urlencode({"StudyInstanceUIDs": study_uid})
    return f"{services.viewer_url}/viewer/{_VIEWER_SOURCE[source]}?{chosen}"


def _see_that_dcm4chee_has(services: Services, study_uid: StudyUid) -> None:
    archive = services.archives.get(ArchiveName.DCM4CHEE)
    if archive is None:
        raise Unresolved(Trouble.NOT_CONFIGURED, study_uid)
    query = StudyQuery(study_uids=(study_uid,))
    try:
        held = Question(archive, lambda: list(islice(archive.studies(query), 1))).answer()
    except ArchiveError:
        raise Unresolved(Trouble.DCM4CHEE_AWAY, study_uid) from None
    if not held:
        raise Unresolved(Trouble.NOT_IN_DCM4CHEE, study_uid)


def _structures(services: Services, links: Links, series: OrthancId, process: str) -> str:
    """Return the address of the RT results of a series, or of its study."""
    known = services.orthanc.series(series)
    study_uid = services.orthanc.study_uid(known.study_orthanc_id)
    chosen: dict[str, str] = {"series": known.series_uid} if known.holds_structure_sets else {}
    if process == "1":
        chosen["process"] = process
    query = f"?{urlencode(chosen)}" if chosen else ""
    return links.page(f"studies/{study_uid}/structures{query}")


def _one(services: Services, identifier: str, level: str) -> OrthancId:
    """Return the one resource of a level that an identifier of Orthanc or a DICOM UID means.

    Raises
    ------
    Unresolved
        It is no identifier, or Orthanc holds none or several of this UID.
    """
    if is_orthanc_id(identifier):
        return OrthancId(identifier)
    if not is_dicom_uid(identifier):
        raise Unresolved(Trouble.NO_IDENTIFIER)
    found = services.orthanc.lookup(identifier, level)
    study = identifier if level == "Study" else None
    if not found:
        raise Unresolved(Trouble.NOT_IN_ORTHANC, study)
    if len(found) > 1:
        raise Unresolved(Trouble.SEVERAL)
    return found[0]
