"""A study asked for by the routes of de-identification, and what is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.jobs import DeidentificationOrder, JobKind, JobState
from orthanc_plugins.projects import release_id_of
from orthanc_plugins.store import ReleaseState
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.api.conftest import Client
from tests.unit.api.deidentification.asked import ADDRESS, ANN, STUDY, ask, certify, order

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue


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
        ({"project": "other"}, 404, "There is no project other: trial, files"),
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


def test_projects_are_named_where_one_has_to_be_chosen(joined: Services) -> None:
    chosen = replace(joined.deidentification, default_project=None)
    answer = ask(Client(create_app(replace(joined, deidentification=chosen))))
    assert answer.status_code == 422
    assert "none is Deidentification.DefaultProject: trial, files" in answer.json()["detail"]


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
