"""The routes of de-identification, releases, the audit trail and looking up."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.archives.orthanc_users import OrthancUsers
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.custody.identities import Identity
from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.jobs import DeidentificationOrder, JobKind, JobState
from orthanc_plugins.orthanc_facts import contents_of
from orthanc_plugins.projects import Custodian, Deidentification, release_id_of
from orthanc_plugins.rules import DeidentificationProject
from orthanc_plugins.store import ReleaseFiles, ReleaseState
from orthanc_plugins.workflows.watch_trail import TrailWatch
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

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


@pytest.fixture
def joined(services: Services, orthanc: FakeOrthancRest) -> Services:
    projects = {one["name"]: DeidentificationProject.model_validate(one) for one in PROJECTS}
    custodian = Custodian(services.data / "custody", services.data / "audit")
    custodian.create("trial", reversible=True)
    orthanc.store(STUDY, "1.2.1.1", "1.2.1.1.1", study_tags={"PatientID": "HOSP-778812"})
    chosen = Deidentification(custodian, projects, "trial", look_up_users=frozenset({"ann"}), user_of=user_of)
    return replace(services, deidentification=chosen)


@pytest.fixture
def client(joined: Services) -> Client:
    return Client(create_app(joined))


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


def test_a_study_is_asked_for_and_its_job_holds_no_pseudonym(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    answer = ask(client)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["status"], told["project"], told["profile"]) == ("queued", "trial", "research_rt")
    assert (told["original_patient_id"], told["anonymized_patient_id"]) == ("HOSP-778812", None)
    assert told["xnat_project"] == "PACS_ANONYMIZED"
    (request,) = queue.requests.values()
    assert request.kind is JobKind.DEIDENTIFY_STUDY
    assert request.arguments == order(joined).arguments
    assert told["release_id"] not in repr(request)


def test_what_was_certified_is_answered_with_pseudonym_and_addresses(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    job_id = ask(client).json()["job_id"]
    release_id = certify(joined, queue, job_id)
    answer = ask(client)
    told = answer.json()
    assert (answer.status_code, told["status"], told["release_id"]) == (200, "certified", release_id)
    assert (told["original_patient_id"], told["anonymized_patient_id"]) == ("HOSP-778812", "ANON00742")
    assert told["download_url"] == f"{ADDRESS}/scans/ALL/files?format=zip"
    assert client.get(told["certificate_url"]).content == b"{}"
    assert client.get(told["release_url"]).json()["patient_id"] == "ANON00742"
    assert client.get(told["job_url"]).json()["result"] == {"outcome": "certified", "instances": 1}


def test_a_study_by_its_address_needs_no_body(client: Client) -> None:
    by_uid = client.post(f"api/anonymize/study/{STUDY}", json={"wait_s": 0})
    by_orthanc = client.post(f"api/anonymize/study/{orthanc_id(STUDY)}", json={"wait_s": 0})
    assert by_uid.status_code == by_orthanc.status_code == 202
    assert by_uid.json()["job_id"] == by_orthanc.json()["job_id"]


def test_dates_stay_where_the_project_has_a_profile_for_that(client: Client) -> None:
    assert ask(client, keep_series_date=True).json()["profile"] == "longitudinal"
    refused = ask(client, keep_series_date=True, project="files")
    assert refused.status_code == 422
    assert "LongitudinalProfile" in refused.json()["detail"]
    assert ask(client, keep_series_date=True, profile="research_rt").status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"project": "other"}, 404, "GET api/anonymize/projects"),
        ({"profile": "strict"}, 422, "research_rt, longitudinal"),
        ({"project": "files", "reversible": True}, 422, "not Reversible"),
        ({"project": "files"}, 500, "pacs project create files"),
        ({"study_id": "1.2.999"}, 404, "does not hold this study"),
        ({"patient_id": "SOMEBODY"}, 404, "not of this patient"),
        ({"study_id": "no study"}, 422, "DICOM UID"),
        ({"profile": "../x"}, 422, "profile"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    client: Client, queue: MemoryQueue, body: dict[str, Any], status: int, told: str
) -> None:
    answer = ask(client, **body)
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert queue.requests == {}


def test_two_patients_of_one_study_uid_are_told_apart(
    client: Client, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc.store("1.2.2", "1.2.2.1", "1.2.2.1.1", study_tags={"PatientID": "OTHER"})
    both = [orthanc_id(STUDY), orthanc_id("1.2.2")]
    monkeypatch.setattr(orthanc, "lookup", lambda *_: both)
    assert ask(client).status_code == 409
    assert ask(client, patient_id="OTHER").json()["original_patient_id"] == "OTHER"


def test_what_was_held_is_a_problem_with_its_reason(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    job_id = ask(client).json()["job_id"]
    release_id = release_id_of(joined.deidentification.custodian.pseudonyms("trial"), order(joined))
    joined.store.releases.begin(release_id, "trial", "research_rt")
    joined.store.releases.note(release_id, ReleaseState.HELD, reason="Two persons may be meant.")
    queue.fail(job_id, "HeldForReview", "Only a person can say.")
    answer = ask(client)
    told = answer.json()
    assert (answer.status_code, told["detail"]) == (409, "Two persons may be meant.")
    assert (told["status"], told["outcome"], told["error"]) == (409, "held", "HeldForReview")
    assert queue.runs[job_id] == 1
    assert ask(client, again=True).status_code == 202
    assert queue.runs[job_id] == 2


def test_what_was_cancelled_is_done_for_whoever_asks(client: Client, queue: MemoryQueue) -> None:
    job_id = ask(client).json()["job_id"]
    queue.cancel(job_id)
    assert ask(client).json()["status"] == "queued"
    assert queue.job(job_id).state is JobState.QUEUED


def test_that_somebody_has_looked_is_another_job(client: Client, queue: MemoryQueue) -> None:
    first, second = ask(client).json(), ask(client, one_person=True).json()
    assert first["job_id"] != second["job_id"]
    assert first["release_id"] != second["release_id"]
    orders = [DeidentificationOrder.of_arguments(one.arguments) for one in queue.requests.values()]
    assert [one.one_person for one in orders] == [False, True]


@pytest.mark.parametrize(
    ("headers", "asker"), [({"Authorization": ANN}, "ann"), ({"Authorization": "Basic odd"}, ""), ({}, "")]
)
@pytest.mark.parametrize("path", ["api/anonymize", f"api/anonymize/study/{STUDY}", "api/anonymize/studies"])
def test_who_has_signed_in_goes_with_the_job(
    client: Client, queue: MemoryQueue, path: str, headers: dict[str, str], asker: str
) -> None:
    body: dict[str, Any] = {"wait_s": 0}
    if path == "api/anonymize":
        body |= {"study_id": STUDY}
    elif path == "api/anonymize/studies":
        body = {"study_ids": [STUDY]}
    assert client.post(path, json=body, headers=headers).status_code == 202
    (request,) = queue.requests.values()
    assert DeidentificationOrder.of_arguments(request.arguments).asker == asker


def test_whoever_asks_it_is_the_same_job(client: Client) -> None:
    told = [
        client.post("api/anonymize", json={"study_id": STUDY, "wait_s": 0}, headers={"Authorization": who})
        for who in (ANN, BOB)
    ]
    assert len({one.json()["job_id"] for one in told}) == 1


@pytest.mark.parametrize(
    ("name", "reason", "told"),
    [
        ("AuditError", "The job failed; its error says why.", "The trail is cut."),
        ("AuditError", "Of an earlier run.", "The trail is cut."),
        ("HeldForReview", "Two persons.", "Two persons."),
        ("ArchiveUnavailable", "The job failed; its error says why.", "The trail is cut."),
    ],
)
def test_why_a_job_failed_is_answered(
    client: Client, joined: Services, queue: MemoryQueue, name: str, reason: str, told: str
) -> None:
    job_id = ask(client).json()["job_id"]
    release_id = release_id_of(joined.deidentification.custodian.pseudonyms("trial"), order(joined))
    joined.store.releases.begin(release_id, "trial", "research_rt")
    joined.store.releases.note(release_id, ReleaseState.FAILED, reason=reason)
    queue.fail(job_id, name, "The trail is cut.")
    answer = ask(client).json()
    assert (answer["detail"], answer["reason"], answer["error"]) == (told, told, name)


def test_projects_tell_whether_they_can_be_used(client: Client) -> None:
    trial, files = client.get("api/anonymize/projects").json()
    assert (trial["name"], trial["is_default"], trial["ready"]) == ("trial", True, True)
    assert trial["profiles"] == ["research_rt", "longitudinal"]
    assert (files["ready"], files["xnat_project"]) == (False, None)
    assert "pacs project create files" in files["reason"]


@pytest.mark.parametrize(
    ("wish", "dates"),
    [
        ({}, "moved by whole weeks"),
        ({"keep_series_date": True}, "kept"),
        ({"profile": "no_dates"}, "removed"),
    ],
)
def test_what_becomes_of_dates_is_told(
    joined: Services, tmp_path: Path, wish: dict[str, Any], dates: str
) -> None:
    for name, options in (("full", "[retain_longitudinal_full_dates]"), ("no_dates", "[]")):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\noptions: {options}\n", encoding="utf-8")
    chosen = joined.deidentification
    project = chosen.projects["trial"].model_copy(
        update={"longitudinal_profile": "full", "more_profiles": ("no_dates",)}
    )
    deidentification = replace(chosen, projects={"trial": project}, profiles=tmp_path)
    client = Client(create_app(replace(joined, deidentification=deidentification)))
    assert ask(client, **wish).json()["dates"] == dates


def test_a_project_whose_profile_is_not_there_is_not_ready_and_a_warning(joined: Services) -> None:
    chosen = joined.deidentification
    project = chosen.projects["trial"].model_copy(update={"more_profiles": ("nowhere",)})
    deidentification = replace(chosen, projects={"trial": project})
    client = Client(create_app(replace(joined, deidentification=deidentification)))
    (told,) = client.get("api/anonymize/projects").json()
    assert told["ready"] is False
    assert "There is no profile nowhere" in told["reason"]
    (warning,) = client.get("api/health").json()["warnings"]
    assert warning == f"De-identification for trial: {told['reason']}"


def test_a_project_without_a_key_is_a_warning_of_the_health(client: Client) -> None:
    health = client.get("api/health").json()
    (warning,) = health["warnings"]
    assert health["status"] == "degraded"
    assert warning.startswith("De-identification for files: ")
    assert "pacs project create files" in warning


def test_releases_are_listed_by_project_and_state(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    release_id = certify(joined, queue, ask(client).json()["job_id"])
    joined.store.releases.begin("B" * 32, "files", "basic")
    assert client.get("api/releases").json()["total"] == 2
    for query in ("project=trial", "state=certified", "patient=ANON00742"):
        listed = client.get(f"api/releases?{query}").json()["releases"]
        assert [one["release_id"] for one in listed] == [release_id]
    assert client.get(f"api/releases/{'C' * 32}").status_code == 404
    assert client.get(f"api/releases/{'B' * 32}/certificate.pdf").status_code == 404


def test_the_trail_is_shown_in_the_forms_that_others_read_and_reading_is_recorded(client: Client) -> None:
    for _ in range(2):
        client.get("api/audit/verify", headers={"Authorization": ANN})
    (newest, *_) = client.get("api/audit").json()["records"]
    assert newest["event"]["kind"] == "audit_log_used"
    assert newest["event"]["participants"][0]["user_id"] == "unknown"
    bundle = client.get("api/audit?format=fhir&limit=9")
    assert bundle.headers["content-type"] == "application/fhir+json"
    assert [one["resource"]["resourceType"] for one in bundle.json()["entry"]] == ["AuditEvent"] * 4
    messages = client.get("api/audit?format=xml&limit=2")
    assert [one.tag for one in ET.fromstring(messages.content)] == ["AuditMessage"] * 2
    syslog = client.get("api/audit?format=syslog&limit=2").content.splitlines()
    assert sum(line.startswith(b"<85>1 ") for line in syslog) == 2
    assert client.get("api/audit?kind=export").json() == {"records": []}
    assert client.get("api/audit?since=2026-11-30T00:00:00").status_code == 422
    assert client.get("api/audit/verify").json() == {
        "whole": True,
        "records": 8,
        "broken": None,
        "torn_bytes": 0,
        "recorded": True,
    }


def test_a_trail_that_was_changed_is_told(client: Client, joined: Services) -> None:
    client.get("api/audit")
    client.get("api/audit")
    (segment,) = (joined.data / "audit").glob("*.jsonl")
    first, _, rest = segment.read_text().partition("\n")
    segment.write_text(first.replace("unknown", "nobodys") + "\n" + rest)
    verdict = client.get("api/audit/verify").json()
    assert (verdict["whole"], verdict["broken"]) == (False, {"sequence": 1, "fault": "altered"})
    assert verdict["recorded"]


@pytest.mark.parametrize(
    ("gone", "broken"),
    [
        ("audit/trail-000000000001.jsonl", {"sequence": 1, "fault": "truncated"}),
        ("custody/audit.head.json", {"sequence": 3, "fault": "head_missing"}),
        ("custody/suite.audit.key", {"sequence": 1, "fault": "key_missing"}),
    ],
)
def test_a_trail_of_which_something_is_gone_is_told_and_the_project_is_not_ready(
    client: Client, joined: Services, gone: str, broken: dict[str, Any]
) -> None:
    client.get("api/audit")
    client.get("api/audit")
    (joined.data / gone).unlink()
    answer = client.get("api/audit/verify")
    assert answer.status_code == 200
    assert (answer.json()["broken"], answer.json()["recorded"]) == (broken, False)
    assert client.get("api/audit").status_code == 500
    assert not client.get("api/anonymize/projects").json()[0]["ready"]


def test_a_trail_that_breaks_is_a_warning_of_the_health(client: Client, joined: Services) -> None:
    client.get("api/audit")
    client.get("api/audit")
    assert not any("record 1" in text for text in client.get("api/health").json()["warnings"])
    (segment,) = (joined.data / "audit").glob("*.jsonl")
    segment.write_text(segment.read_text().replace("unknown", "nobodys", 1))
    TrailWatch(joined.deidentification.custodian, lambda: datetime.now(UTC)).look()
    health = client.get("api/health").json()
    assert health["status"] == "degraded"
    assert any("The audit trail is broken at record 1: altered." in text for text in health["warnings"])
    segment.unlink()
    assert any(
        "does not end as it was written" in text for text in client.get("api/health").json()["warnings"]
    )


LOOK_UP = {
    "project": "trial",
    "pseudonym": "ANON00742",
    "role": "custodian",
    "actor": "ann",
    "reason": "patient_safety",
}


def look_up(client: Client, authorisation: str | None = ANN, **changes: str) -> httpx.Response:
    headers = {} if authorisation is None else {"Authorization": authorisation}
    return client.post("api/anonymize/look-up", json=LOOK_UP | changes, headers=headers)


def recorded(services: Services) -> list[tuple[str, str]]:
    records = services.deidentification.custodian.trail().records(TrailQuery())
    return [(record.event["kind"], record.event["reason"]) for record in records]


def test_who_may_ask_is_answered_after_it_was_recorded(client: Client, joined: Services) -> None:
    table = joined.deidentification.custodian.identities("trial", {"custodian"})
    table.remember("ANON00742", Identity("HOSP-778812", name="Doe^Jane"), {"1.2.1": "2.25.7"})
    answer = look_up(client)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert [one["patient_id"] for one in answer.json()["identities"]] == ["HOSP-778812"]
    assert answer.json()["uids"] == {"1.2.1": "2.25.7"}
    assert recorded(joined) == [("patient_record", "patient_safety")]
    assert look_up(client, pseudonym="ANON00001").status_code == 404


@pytest.mark.parametrize(
    ("authorisation", "changes"),
    [
        (None, {}),
        (BOB, {"actor": "bob"}),
        (ANN, {"actor": "bob"}),
        (ANN, {"role": "physicist"}),
        ("Basic invalid", {}),
    ],
)
def test_nobody_else_is_answered_and_that_is_recorded_too(
    client: Client, joined: Services, authorisation: str | None, changes: dict[str, str]
) -> None:
    table = joined.deidentification.custodian.identities("trial", {"custodian"})
    table.remember("ANON00742", Identity("HOSP-778812"))
    answer = look_up(client, authorisation, **changes)
    assert answer.status_code == 403
    assert "HOSP" not in answer.text
    assert recorded(joined) == [("security_alert", "look_up_refused")]


def test_a_free_text_is_no_reason(client: Client, joined: Services) -> None:
    assert look_up(client, reason="Mrs Doe called").status_code == 422
    assert recorded(joined) == []


class FakeSystem:
    """An Orthanc with one user, or with none."""

    def __init__(self, headers: dict[str, str], *, asks: bool) -> None:
        self._refuses = asks and headers.get("Authorization") != ANN

    def system(self) -> dict[str, str]:
        if self._refuses:
            raise ArchiveRefused("Orthanc answered HTTP 401.", archive="orthanc", status=401)
        return {}


@pytest.mark.parametrize(
    ("header", "asks", "user"),
    [
        (ANN, True, "ann"),
        (BOB, True, None),
        (ANN, False, None),
        ("Bearer x", True, None),
        ("Basic ???", True, None),
    ],
)
def test_a_name_is_believed_only_where_orthanc_asks_for_it_and_takes_it(
    header: str, user: str | None, *, asks: bool
) -> None:
    def asked(headers: dict[str, str]) -> Any:
        return FakeSystem(headers, asks=asks)

    assert OrthancUsers(asked).user_of(header) == user


def test_no_route_of_the_released_side_tells_an_original(
    client: Client, joined: Services, queue: MemoryQueue
) -> None:
    certify(joined, queue, ask(client).json()["job_id"])
    told = [client.get(path).text for path in ("api/releases", "api/audit", "api/anonymize/projects")]
    jobs = client.get("api/jobs").text
    assert not any("HOSP" in text or STUDY in json.loads(text).__repr__() for text in told)
    assert "ANON00742" not in jobs
