"""Releases: what was de-identified, how it ended, where it went, and its certificates."""

from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from orthanc_plugins.api.dependencies import Joined, PageParameters
from orthanc_plugins.api.links import Linked, Links
from orthanc_plugins.api.orders import PROJECT_PATTERN
from orthanc_plugins.api.problems import Problem
from orthanc_plugins.services import Services
from orthanc_plugins.store import ReleaseAsker, ReleaseFiles, ReleaseFilter, ReleaseRecord, ReleaseState

router = APIRouter(prefix="/releases", tags=["de-identification"])

_PSEUDONYM_PATTERN = r"^[A-Z0-9-]{1,64}$"

_UNKNOWN = "unknown"
"""Who asked where nobody vouches for an account, as the audit trail says it, too."""

ReleaseIdPath = Annotated[
    str, Path(pattern=r"^[A-Z2-7]{8,51}$", description="Identifier of a release, as answers tell it.")
]


class Asker(BaseModel):
    """Somebody who asked for a release."""

    asker: str = Field(description="The account, or a rule; `unknown` where nobody vouches for one.")
    begins: bool = Field(description="Whether work on it began for this, or for somebody else before.")
    asked_at: datetime


class Release(BaseModel):
    """A release; everything in it is of the released side. Times are UTC, to the minute."""

    release_id: str
    project: str
    profile: str
    policy_digest: str
    state: ReleaseState = Field(
        description="`working`, `released` (passed the check), `delivered`, `certified` (this alone is "
        "success), `held` (a person has to look), `refused`, `failed` (not taken by the destination)."
    )
    patient_id: str = Field(description="The pseudonym; empty while it is not known.")
    study_instance_uid: str
    instances: int
    destination: str
    address: str
    labels: dict[str, str]
    changes: dict[str, int] = Field(
        description="What the destination itself changed and was declared to, by attribute."
    )
    held: int = Field(description="How many objects wait for a person's decision.")
    held_url: str = Field(description="Where they are shown and decided of.")
    reason: str
    begun_at: datetime
    ended_at: datetime | None
    askers: list[Asker] = Field(description="Everyone who asked for it by a route, in their order.")
    looked_at: datetime | None = Field(description="When its destination was last looked at again.")
    look_found: str = Field(description="What was otherwise there then than was certified; empty: nothing.")
    certificate_sha256: str
    certificate_url: str | None
    certificate_pdf_url: str | None
    href: str


class ReleasePage(BaseModel):
    """A page of releases, the newest first."""

    releases: list[Release]
    total: int
    limit: int
    offset: int


class ReleaseParameters(PageParameters):
    """Which releases to list."""

    project: str | None = Field(default=None, pattern=PROJECT_PATTERN, description="Only of this project.")
    state: ReleaseState | None = Field(default=None, description="Only those in this state.")
    patient: str | None = Field(
        default=None, pattern=_PSEUDONYM_PATTERN, description="Only of this pseudonym."
    )


@router.get("", summary="List releases")
def list_releases(
    services: Joined, links: Linked, wanted: Annotated[ReleaseParameters, Query()]
) -> ReleasePage:
    """List what was de-identified, the newest first."""
    asked = ReleaseFilter(wanted.project, wanted.state, wanted.patient)
    page = services.store.releases.page(asked, limit=wanted.limit, offset=wanted.offset)
    listed = [one.release_id for one in page.entries]
    askers, held = services.store.releases.askers(listed), services.store.held.counts(listed)
    return ReleasePage(
        releases=[
            _told(links, one, askers.get(one.release_id, ()), held.get(one.release_id, 0))
            for one in page.entries
        ],
        total=page.total,
        limit=wanted.limit,
        offset=wanted.offset,
    )


@router.get("/{release_id}", summary="Show a release")
def show_release(services: Joined, links: Linked, release_id: ReleaseIdPath) -> Release:
    """Show a release as it stands now."""
    record = record_of(services, release_id)
    askers = services.store.releases.askers([release_id]).get(release_id, ())
    return _told(links, record, askers, services.store.held.counts([release_id]).get(release_id, 0))


@router.get("/{release_id}/certificate.json", summary="Get a certificate", response_class=FileResponse)
def certificate_json(services: Joined, release_id: ReleaseIdPath) -> FileResponse:
    """Answer the signed certificate; `pacs certificate verify` checks it."""
    path = ReleaseFiles(services.data).path(release_id, "certificate.json")
    if path is None:
        raise _no_certificate()
    return FileResponse(path, media_type="application/json")


@router.get("/{release_id}/certificate.pdf", summary="Get a certificate to read", response_class=FileResponse)
def certificate_pdf(services: Joined, release_id: ReleaseIdPath) -> FileResponse:
    """Answer the certificate as PDF."""
    path = ReleaseFiles(services.data).path(release_id, "certificate.pdf")
    if path is None:
        raise _no_certificate()
    return FileResponse(path, media_type="application/pdf")


def record_of(services: Services, release_id: str) -> ReleaseRecord:
    """Return a release.

    Raises
    ------
    Problem
        There is none of this identifier.
    """
    record = services.store.releases.find(release_id)
    if record is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such release: GET api/releases lists them.")
    return record


def _no_certificate() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "The release has no certificate: only what was delivered has one.")


def _told(links: Links, one: ReleaseRecord, askers: Iterable[ReleaseAsker], held: int) -> Release:
    certified = bool(one.certificate_sha256)
    return Release(
        release_id=one.release_id,
        project=one.project,
        profile=one.profile,
        policy_digest=one.policy_digest,
        state=one.state,
        patient_id=one.pseudonym,
        study_instance_uid=one.study_uid,
        instances=one.instances,
        destination=one.destination,
        address=one.address,
        labels=dict(one.labels),
        changes=dict(one.changes),
        held=held,
        held_url=links.release(one.release_id, "/held"),
        reason=one.reason,
        begun_at=one.begun_at,
        ended_at=one.ended_at,
        askers=[Asker(asker=by.asker or _UNKNOWN, begins=by.begins, asked_at=by.asked_at) for by in askers],
        looked_at=one.looked_at,
        look_found=one.look_found,
        certificate_sha256=one.certificate_sha256,
        certificate_url=links.release(one.release_id, "/certificate.json") if certified else None,
        certificate_pdf_url=links.release(one.release_id, "/certificate.pdf") if certified else None,
        href=links.release(one.release_id),
    )
