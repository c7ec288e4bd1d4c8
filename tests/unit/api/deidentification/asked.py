"""Who asks for what, and the worker's part."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from orthanc_plugins.jobs import DeidentificationOrder
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import release_id_of
from orthanc_plugins.store import ReleaseFiles, ReleaseState
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    import httpx

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue
    from tests.unit.api.conftest import Client

STUDY = "1.2.1"
PROJECTS: list[dict[str, Any]] = [
    {"name": "trial", "profile": "research_rt", "longitudinal_profile": "longitudinal", "reversible": True},
    {"name": "files", "destination": {"kind": "folder", "folder": "/srv/files"}},
]
ADDRESS = "https://xnat.invalid/data/archive/projects/P/subjects/S/experiments/E"
ANN = "Basic " + b64encode(b"ann:secret").decode()
BOB = "Basic " + b64encode(b"bob:secret").decode()


def user_of(authorisation: str) -> str | None:
    return {ANN: "ann", BOB: "bob"}.get(authorisation)


def order(services: Services, profile: str = "research_rt") -> DeidentificationOrder:
    study = orthanc_id(STUDY)
    content = contents_of(services.orthanc, study)
    return DeidentificationOrder(study, "trial", profile, reversible=True, content=content)


def ask(client: Client, **body: Any) -> httpx.Response:
    return client.post("api/anonymize", json={"study_id": STUDY, "wait_s": 0, **body})


def certify(services: Services, queue: MemoryQueue, job_id: JobId) -> str:
    """Do the worker's part."""
    release_id = release_id_of(services.deidentification.custodian.pseudonyms("trial"), order(services))
    services.store.releases.begin(release_id, "trial", "research_rt")
    services.store.releases.note(
        release_id,
        ReleaseState.CERTIFIED,
        pseudonym="ANON00742",
        study_uid="2.25.7",
        instances=1,
        destination="xnat:PACS_ANONYMIZED",
        address=f"{ADDRESS}?format=html",
        certificate_sha256="0" * 64,
    )
    ReleaseFiles(services.data).keep(release_id, "certificate.json", b"{}")
    queue.succeed(job_id, outcome="certified", instances=1)
    return release_id
