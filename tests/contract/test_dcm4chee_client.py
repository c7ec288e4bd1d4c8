"""The client of DCM4CHEE against recorded answers: what the stand-in cannot do, what went wrong elsewhere.

Each case says in its file what it is and where it was read.
"""

from __future__ import annotations

import json
import weakref
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives import ClientCredentials, Dcm4cheeArchive
from orthanc_plugins.archives.base import (
    ArchiveCounts,
    StoreState,
    StudyQuery,
    Transport,
)
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from tests.fakes.faulty_archive import Exchange, dicom_file, scripted_archive
from tests.fakes.scripted_archive import CASES, read_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.base import DicomFile, StoreOutcome
    from tests.fakes.faulty_archive import ScriptedArchive

STUDY = StudyUid("1.2")
ONE, TWO, THREE = (SopInstanceUid(f"1.2.3.{number}") for number in (1, 2, 3))


class Waits:
    """How long the client waited; nobody really waits."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def client(archive: ScriptedArchive, waits: Waits, **options: Any) -> Dcm4cheeArchive:
    return Dcm4cheeArchive(
        archive.url,
        timeout_s=options.pop("timeout_s", 5.0),
        policy=RetryPolicy(attempts=2),
        clocks=Clocks(sleep=waits),
        **options,
    )


def files(*uids: str) -> list[DicomFile]:
    return [described(dicom_file(uid, "1.2.3", "1.2")) for uid in uids]


def stowed(archive: Dcm4cheeArchive, *uids: str) -> dict[str, StoreOutcome]:
    outcomes = list(archive.store(files(*uids), Transport.STOW))
    assert Counter(outcome.sop_instance_uid for outcome in outcomes) == Counter(uids)
    return {outcome.sop_instance_uid: outcome for outcome in outcomes}


def test_every_case_says_what_it_is() -> None:
    cases = sorted(CASES.glob("*.json"))
    assert len(cases) > 40
    for case in cases:
        told = json.loads(case.read_text(encoding="utf-8"))
        assert told["about"].endswith("."), case
        assert told["source"], case


# Queries


@pytest.mark.parametrize("case", ["qido_no_match_204", "qido_no_match_200"])
def test_no_match_is_an_empty_listing(case: str, waits: Waits) -> None:
    with scripted_archive(case) as archive:
        assert list(client(archive, waits).studies()) == []


def test_a_short_page_with_a_warning_is_not_the_last_one(waits: Waits) -> None:
    with scripted_archive("qido_short_page_with_warning") as archive:
        studies = list(client(archive, waits).studies())
    assert [study.study_uid for study in studies] == ["1.2.1", "1.2.2", "1.2.3"]
    assert [request.query.get("offset") for request in archive.asked] == [None, "2"]
    assert {request.query["limit"] for request in archive.asked} == {"1000"}


def test_a_study_that_comes_twice_is_listed_once(waits: Waits) -> None:
    with scripted_archive("qido_duplicate_rows") as archive:
        assert [study.study_uid for study in client(archive, waits).studies()] == ["1.2.1", "1.2.2"]


def test_numbers_are_read_as_text_and_as_numbers_and_nulls_as_nothing(waits: Waits) -> None:
    with scripted_archive("qido_numbers_as_text_and_as_numbers") as archive:
        first, second, third = client(archive, waits).studies()
    assert [(study.series_count, study.instance_count) for study in (first, second, third)] == [
        (1, 2),
        (1, 2),
        (0, 0),
    ]
    assert third.modalities == ("CT", "SR")
    assert third.patient_name == "MARKER^NAME"
    assert (third.attributes["AccessionNumber"], third.attributes["StudyDescription"]) == ("", "")


def test_lists_have_bare_commas_which_alone_dcm4chee_divides_at(waits: Waits) -> None:
    with scripted_archive("qido_no_match_204") as archive:
        uids = (StudyUid("1.2.1"), StudyUid("1.2.2"))
        assert list(client(archive, waits).studies(StudyQuery(study_uids=uids))) == []
    assert "StudyInstanceUID=1.2.1,1.2.2" in archive.asked[0].raw_query
    assert "%2C" not in archive.asked[0].raw_query


def test_names_are_asked_for_in_capitals_and_a_comma_in_one_does_not_make_a_list(waits: Waits) -> None:
    with scripted_archive("qido_duplicate_rows") as archive:
        query = StudyQuery(patient_name="große,*", patient_id="p,1")
        assert list(client(archive, waits).studies(query)) == []
    assert archive.asked[0].query["PatientName"] == "GRO?E?*"
    assert archive.asked[0].query["PatientID"] == "p?1"


@pytest.mark.parametrize(
    ("name", "found"),
    [("MARKER^NAME", 2), ("marker*", 2), ("*name", 2), ("marker", 0), ("m?rker^name^^", 2), ("[m]*", 0)],
)
def test_names_match_as_the_query_says_whatever_the_archive_takes_for_a_match(
    name: str, found: int, waits: Waits
) -> None:
    with scripted_archive("qido_duplicate_rows") as archive:
        assert len(list(client(archive, waits).studies(StudyQuery(patient_name=name)))) == found


def test_a_query_refused_for_its_size_is_divided_by_dates_and_misses_no_study_without_one(
    waits: Waits,
) -> None:
    with scripted_archive("qido_413") as archive:
        studies = [study.study_uid for study in client(archive, waits).studies()]
    assert studies == ["1.2.1", "1.2.2", "1.2.3"]


def test_rejection_notes_are_no_part_of_a_study_but_other_key_objects_are(waits: Waits) -> None:
    with scripted_archive("qido_rejection_notes") as archive:
        dcm4chee = client(archive, waits)
        first, second = dcm4chee.studies()
        assert (first.modalities, first.series_count, first.instance_count) == (("CT",), 1, 5)
        assert (second.modalities, second.series_count, second.instance_count) == (("CT", "KO"), 3, 3)
        assert dcm4chee.counts() == ArchiveCounts(2, 3, 4, 8, 12_345_678_901)
        assert [entry.sop_instance_uid for entry in dcm4chee.instances(StudyUid("1.2.1"))] == ["1.2.1.1"]


def test_instances_of_several_studies_take_one_query_and_one_for_each_it_does_not_tell(waits: Waits) -> None:
    asked = [StudyUid("1.2.1"), StudyUid("1.2.2"), StudyUid("1.2.3")]
    with scripted_archive("qido_instances_of_studies") as archive:
        found = client(archive, waits).instances_of(asked)
    assert {uid: [entry.sop_instance_uid for entry in entries] for uid, entries in found.items()} == {
        "1.2.1": ["1.2.1.1.1", "1.2.1.1.2"],
        "1.2.2": ["1.2.2.1.1"],
    }
    assert archive.lines() == ["GET /instances", "GET /studies/1.2.3/instances"]


def test_an_archive_that_lists_one_study_at_a_time_is_asked_so(waits: Waits) -> None:
    with scripted_archive("qido_instances_of_studies_refused") as archive:
        found = client(archive, waits).instances_of([StudyUid("1.2.1"), StudyUid("1.2.2")])
    assert {uid: len(entries) for uid, entries in found.items()} == {"1.2.1": 1, "1.2.2": 1}


def test_an_archive_that_does_not_count_is_counted_by_listing(waits: Waits) -> None:
    with scripted_archive("qido_no_counts") as archive:
        assert client(archive, waits).counts() == ArchiveCounts(1, 2, 2, 4)


# Changes


def test_changes_are_asked_for_from_before_the_cursor_in_the_archives_zone(waits: Waits) -> None:
    with scripted_archive("qido_changes") as archive:
        dcm4chee = client(archive, waits)
        begun = dcm4chee.changes(None)
        assert (begun.study_uids, begun.how) == (frozenset(), "receive_time")
        assert begun.cursor == "2026-10-25T02:10:00+01:00"
        # 02:40 in summer is 01:40 in winter, of the same night.
        for _ in range(2):
            changes = dcm4chee.changes("2026-10-25T02:40:00+02:00")
            assert changes.study_uids == frozenset({StudyUid("1.2.1"), StudyUid("1.2.2")})
            assert changes.how == "receive_time"
            assert changes.cursor == begun.cursor
    probes = [request for request in archive.asked if "2999" in request.raw_query]
    assert len(probes) == 1


@pytest.mark.parametrize("case", ["qido_filters_refused", "qido_filters_ignored"])
def test_an_archive_that_refuses_or_ignores_receive_times_is_to_be_listed_and_asked_once(
    case: str, waits: Waits
) -> None:
    with scripted_archive(case) as archive:
        dcm4chee = client(archive, waits)
        for _ in range(2):
            changes = dcm4chee.changes("2026-11-29T11:00:00+01:00")
            assert (changes.study_uids, changes.how) == (frozenset(), "listing")
            assert changes.cursor == "2026-11-29T12:00:00+01:00"
    assert archive.lines().count("GET /studies") == 1


@pytest.mark.parametrize("cursor", ["", "yesterday", "2026-11-29T11:00:00"])
def test_a_cursor_that_is_no_time_leads_to_a_listing(cursor: str, waits: Waits) -> None:
    with scripted_archive("qido_filters_refused") as archive:
        assert client(archive, waits).changes(cursor).how == "listing"


# Retrieval


def retrieved(case: str, waits: Waits) -> tuple[list[str], list[str]]:
    with scripted_archive(case) as archive:
        got = list(client(archive, waits).retrieve(STUDY))
    for file in got:
        assert file.content == dicom_file(file.sop_instance_uid)
        assert file.transfer_syntax_uid == "1.2.840.10008.1.2.1"
    return [file.sop_instance_uid for file in got], archive.lines()


def test_files_are_asked_for_as_they_are_stored_and_parts_of_other_types_passed_over(waits: Waits) -> None:
    with scripted_archive("wado_200") as archive:
        got = list(client(archive, waits).retrieve(STUDY))
    assert [file.sop_instance_uid for file in got] == [ONE, TWO, THREE]
    assert archive.asked[1].headers["Accept"].endswith("transfer-syntax=*")


def test_after_a_broken_connection_only_what_is_missing_is_asked_for(waits: Waits) -> None:
    got, asked = retrieved("wado_truncated", waits)
    assert sorted(got) == [ONE, TWO, THREE]
    assert asked == ["GET /studies/1.2/instances", "GET /studies/1.2", "GET /studies/1.2/series/1.2.3"]


def test_a_body_without_its_last_delimiter_is_not_taken_for_whole(waits: Waits) -> None:
    got, asked = retrieved("wado_no_last_delimiter", waits)
    assert sorted(got) == [ONE, TWO, THREE]
    assert asked[-1].endswith(f"/instances/{THREE}")


@pytest.mark.parametrize(
    ("case", "given", "says"),
    [
        ("wado_206", 2, r"2 of 3 files of study 1\.2: .* HTTP 410 \(1 times\)"),
        ("wado_404", 0, r"0 of 3 files .* HTTP 404 \(2 times\), HTTP 406 \(1 times\)"),
        ("wado_fewer", 2, r"2 of 3 files .* HTTP 204 \(1 times\)"),
        ("wado_not_multipart", 0, r"0 of 3 files .* its media type is text/plain"),
    ],
)
def test_fewer_files_than_listed_are_an_error_after_the_last_one(
    case: str, given: int, says: str, waits: Waits
) -> None:
    got: list[str] = []
    with scripted_archive(case) as archive, pytest.raises(ArchiveUnavailable, match=says):
        got.extend(file.sop_instance_uid for file in client(archive, waits).retrieve(STUDY))
    assert len(got) == given


def test_a_study_that_is_not_there_is_not_found(waits: Waits) -> None:
    with scripted_archive("qido_no_match_204") as archive:
        archive.left[0].asked = "GET /studies/1.2/instances"
        with pytest.raises(NotFound, match=r"study 1\.2"):
            list(client(archive, waits).retrieve(STUDY))


# Storing


def test_what_is_stored_is_said_to_be(waits: Waits) -> None:
    with scripted_archive("stow_200") as archive:
        outcomes = stowed(client(archive, waits), ONE, TWO)
    assert {outcome.state for outcome in outcomes.values()} == {StoreState.STORED}
    request = archive.asked[0]
    assert request.headers["Accept"] == "application/dicom+json"
    assert request.headers["Content-Type"].startswith(
        'multipart/related; type="application/dicom"; boundary='
    )
    assert request.headers["Content-Length"] == str(len(request.body))
    assert [content in request.body for content in map(dicom_file, (ONE, TWO))] == [True, True]


def test_one_batch_is_in_memory_at_a_time(waits: Waits) -> None:
    alive: list[weakref.ref[DicomFile]] = []
    most = []

    def source() -> Iterator[DicomFile]:
        for number in range(12):
            file = described(dicom_file(f"1.2.3.{number}"))
            alive.append(weakref.ref(file))
            most.append(sum(one() is not None for one in alive))
            yield file
            del file

    stored = [{"00081155": {"vr": "UI", "Value": [f"1.2.3.{number}"]}} for number in range(12)]
    answer = {"status": 200, "json": {"00081199": {"vr": "SQ", "Value": stored}}}
    with scripted_archive(Exchange("POST /studies", answer, again=True)) as archive:
        sent = client(archive, waits, most_instances=3).store(source(), Transport.STOW)
        assert sum(1 for _ in sent) == 12
    assert max(most) <= 3 + 1


@pytest.mark.parametrize(
    ("case", "states", "reasons", "says"),
    [
        ("stow_202_partial", "sr", (None, 0xA778), "Patient ID or issuer"),
        ("stow_409_refused", "rr", (0xA771, 0xA777), "no Patient ID"),
        ("stow_409_but_stored", "ss", (None, None), ""),
        ("stow_out_of_resources", "ff", (0xA700, 0xA700), "out of resources"),
        ("stow_being_deleted", "ss", (None, None), ""),
        ("stow_unmentioned", "sf", (None, None), "did not name the instance"),
        ("stow_500_stack_trace", "ss", (None, None), "lists it"),
        ("stow_lost", "ff", (None, None), "Whether it is there is not known"),
        ("stow_413", "sr", (None, None), "client_max_body_size"),
        ("stow_415", "rr", (None, None), "HTTP 415"),
        ("stow_507", "ff", (None, None), "HTTP 507"),
        ("stow_429", "ss", (None, None), ""),
        ("no_service_class", "rr", (None, None), "no such AE title, or not for this"),
    ],
)
def test_every_instance_has_its_outcome(
    case: str, states: str, reasons: tuple[int | None, int | None], says: str, waits: Waits
) -> None:
    with scripted_archive(case) as archive:
        outcomes = stowed(client(archive, waits), ONE, TWO)
        assert archive.left == [] or all(exchange.again for exchange in archive.left)
    letters = "".join(outcomes[uid].state.value[0] for uid in (ONE, TWO))
    assert letters == states
    assert (outcomes[ONE].failure_reason, outcomes[TWO].failure_reason) == reasons
    assert says in outcomes[TWO].detail


def test_after_a_time_out_the_archive_is_asked_and_nothing_sent_again(waits: Waits) -> None:
    with scripted_archive("stow_silent") as archive:
        outcomes = stowed(client(archive, waits, timeout_s=0.3), ONE, TWO)
    assert (outcomes[ONE].state, outcomes[TWO].state) == (StoreState.FAILED, StoreState.STORED)
    assert archive.lines() == ["POST /studies", "GET /instances"]


def test_an_archive_that_says_for_how_long_is_left_alone_for_so_long(waits: Waits) -> None:
    with scripted_archive("stow_429") as archive:
        stowed(client(archive, waits), ONE, TWO)
    assert waits.seconds == [2.0]


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
