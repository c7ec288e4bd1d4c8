"""What the client of DCM4CHEE makes of refusals, states, rejections and changes of attributes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from orthanc_plugins.archives import ClientCredentials
from orthanc_plugins.archives.base import (
    StudyQuery,
)
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, NotFound
from tests.contract.dcm4chee_client.clients import STUDY, Waits, client
from tests.fakes.faulty_archive import scripted_archive
from tests.fakes.scripted_archive import CASES, read_case


def test_every_case_says_what_it_is() -> None:
    cases = sorted(CASES.glob("*.json"))
    assert len(cases) > 40
    for case in cases:
        told = json.loads(case.read_text(encoding="utf-8"))
        assert told["about"].endswith("."), case
        assert told["source"], case


# Tokens, and what else is no answer


def test_a_token_that_is_refused_is_renewed_once_and_never_told(
    waits: Waits, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted_archive("token_expired") as archive, caplog.at_level("DEBUG"):
        credentials = ClientCredentials(f"{archive.root}/token", "suite", "MARKER-SECRET")
        assert len(list(client(archive, waits, credentials=credentials).studies())) == 1
        assert "MARKER-SECRET" not in repr(credentials)
    told = [request.headers.get("Authorization") for request in archive.asked]
    assert told == [None, "Bearer first", None, "Bearer second"]
    assert b"client_secret=MARKER-SECRET" in archive.asked[0].body
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("orthanc_plugins")]
    assert not [text for text in ours if "MARKER" in text or "Bearer" in text]


@pytest.mark.parametrize(
    ("case", "says"),
    [("token_refused", "check token address, client and secret"), ("roles_missing", "the roles it asks for")],
)
def test_credentials_that_do_not_suffice_are_refused_with_what_to_do(
    case: str, says: str, waits: Waits
) -> None:
    with scripted_archive(case) as archive:
        credentials = ClientCredentials(f"{archive.root}/token", "suite", "MARKER-SECRET")
        with pytest.raises(ArchiveRefused, match=says) as caught:
            list(client(archive, waits, credentials=credentials).studies())
    assert "MARKER" not in str(caught.value)


@pytest.mark.parametrize(
    ("case", "kind", "says"),
    [
        ("qido_500_stack_trace", ArchiveUnavailable, "HTTP 500"),
        ("unknown_aet", ArchiveRefused, "no such AE title"),
        ("login_page", ArchiveRefused, "elsewhere"),
        ("not_json", ArchiveRefused, "something else than JSON"),
    ],
)
def test_errors_say_what_to_do_and_no_patient(
    case: str, kind: type[ArchiveError], says: str, waits: Waits, caplog: pytest.LogCaptureFixture
) -> None:
    query = StudyQuery(patient_name="MARKER^NAME")
    with scripted_archive(case) as archive, pytest.raises(ArchiveError, match=says) as caught:
        list(client(archive, waits).studies(query))
    assert type(caught.value) is kind
    assert caught.value.archive == "dcm4chee"
    assert "MARKER" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None or "MARKER" not in str(caught.value.__cause__)


# The archive itself


def test_the_archive_tells_its_state_and_time(waits: Waits) -> None:
    with scripted_archive("probe") as archive:
        state = client(archive, waits).probe()
    assert (state.version, state.stand_in) == ("WildFly/37", None)
    assert state.clock == datetime(2026, 11, 29, 12, tzinfo=timezone(timedelta(hours=1)))
    assert state.latency_ms > 0


def test_an_archive_that_was_stopped_is_unavailable(waits: Waits) -> None:
    starts = pytest.raises(ArchiveUnavailable, match="STOPPED: start it")
    with scripted_archive("probe_stopped") as archive, starts:
        client(archive, waits).probe()


def test_an_archive_without_a_status_is_asked_for_a_study(waits: Waits) -> None:
    with scripted_archive("probe_other_archive") as archive:
        state = client(archive, waits).probe()
    assert state.clock == datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert state.stand_in is None


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("probe_unknown_aet", "HTTP 404: it has no such AE title, or not for this: check its address"),
        ("probe_no_such_place", "HTTP 404: check its address in the settings, and the AE title in it"),
        ("probe_unauthorised", "HTTP 401: check user, password or client in the settings"),
        ("probe_web_page", "something else than JSON: check its address in the settings"),
    ],
)
def test_an_archive_that_answers_without_serving_the_suite_is_not_well(
    case: str, says: str, waits: Waits
) -> None:
    with scripted_archive(case) as archive, pytest.raises(ArchiveRefused, match=says):
        client(archive, waits).probe()


def test_only_what_is_wanted_is_rejected_and_a_series_whole_where_all_of_it_is(waits: Waits) -> None:
    with scripted_archive("reject") as archive:
        dcm4chee = client(archive, waits)
        wanted = [entry for entry in dcm4chee.instances(STUDY) if entry.sop_instance_uid != "1.2.3.2"]
        archive.left.insert(0, read_case("reject")[0])
        assert dcm4chee.remove(STUDY, wanted) == 3
    assert archive.lines()[-2:] == [
        "POST /studies/1.2/series/1.2.3/instances/1.2.3.1/reject/113001^DCM",
        "POST /studies/1.2/series/1.2.4/reject/113001^DCM",
    ]


def test_a_rejection_code_that_is_not_configured_is_not_taken_for_a_missing_study(waits: Waits) -> None:
    refused = pytest.raises(ArchiveRefused, match="113001")
    with scripted_archive("reject_unknown_code") as archive, refused as caught:
        client(archive, waits).remove(STUDY)
    assert not isinstance(caught.value, NotFound)


def test_attributes_are_put_whole_and_the_patients_where_the_patient_is(
    waits: Waits, caplog: pytest.LogCaptureFixture
) -> None:
    with scripted_archive("update_study") as archive:
        client(archive, waits).update_study(
            STUDY, {"PatientName": "NEW^NAME", "StudyDescription": "Abdomen", "AccessionNumber": ""}
        )
    patient, study = (json.loads(request.body) for request in archive.asked[-2:])
    assert patient["00100010"]["Value"] == [{"Alphabetic": "NEW^NAME"}]
    assert patient["00100040"]["Value"] == ["O"]
    assert study["00081030"] == {"vr": "LO", "Value": ["Abdomen"]}
    assert study["00080050"] == {"vr": "SH"}
    assert study["0020000D"]["Value"] == ["1.2"]
    assert "P1" not in caplog.text


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "IssuerOfPatientID"])
def test_identity_is_never_rewritten(keyword: str, waits: Waits) -> None:
    refused = pytest.raises(ArchiveRefused, match=f"{keyword} .* cannot be corrected")
    with scripted_archive() as archive, refused:
        client(archive, waits).update_study(STUDY, {keyword: "X"})
