"""What of a study is sent on, and what is kept back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX, JobId, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Forwarding
from orthanc_plugins.store import (
    InstanceState,
    Tombstone,
    TransferredInstance,
    TransferRequest,
    TransferState,
)
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.workflows.forward_study import StudyForwarder
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = StudyUid("1.2")
NOON = "20261129T120000"
JOB = JobId("forward-study.x.1")


def store(
    orthanc: FakeOrthancRest, uid: str, modality: str = "CT", *, aet: str = "CT1", at: str = NOON
) -> None:
    series = uid.rpartition(".")[0]
    orthanc.store(
        STUDY,
        series,
        uid,
        modality=modality,
        content=bytes(10),
        study_tags={"PatientID": "P1"},
        metadata={"RemoteAET": aet, "ReceptionDate": at},
    )


@pytest.fixture(autouse=True)
def _right_clock(orthanc: FakeOrthancRest) -> None:
    orthanc.ahead = timedelta(0)


@pytest.fixture
def study(orthanc: FakeOrthancRest) -> list[str]:
    """Two images and a structure set."""
    uids = ["1.2.1.1", "1.2.1.2", "1.2.2.1"]
    for uid in uids:
        store(orthanc, uid, "RTSTRUCT" if uid.startswith("1.2.2") else "CT")
    return uids


def forward(
    services: Services, *rules: dict[str, Any], match: Any = "first", job: JobId = JOB
) -> dict[str, Any]:
    chosen = tuple(ForwardingRule(**{"name": f"R{number}", **rule}) for number, rule in enumerate(rules))
    services = replace(services, forwarding=Forwarding(rules=chosen, match=match))
    return dict(StudyForwarder(services).forward(job, orthanc_id(STUDY)))


def asked(services: Services) -> list[TransferRecord]:
    return services.store.transfers.transfers()[0]


def wanted(services: Services, transfer_id: str) -> set[str]:
    return {str(one.sop_instance_uid) for one in services.store.transfers.instances(transfer_id)}


def test_a_rule_that_matches_asks_for_one_transfer_and_its_job(
    services: Services, queue: MemoryQueue, study: list[str]
) -> None:
    rule = {"modalities": ("CT",), "transport": "c-store", "priority": 7, "window": "18:00-06:00"}
    result = forward(services, rule)
    (record,) = asked(services)
    assert (result["outcome"], result["instances"]) == ("asked", 3)
    assert result["transfers"] == [{"transfer_id": record.transfer_id, "instances": 3}]
    assert (record.study_uid, record.source, record.destination) == (STUDY, "orthanc", "dcm4chee")
    assert (record.cause, record.transport, record.priority) == ("rule:R0", "c-store", 7)
    assert (record.window, record.verify, record.storage_commitment) == ("18:00-06:00", "instances", False)
    assert wanted(services, record.transfer_id) == set(study)
    (job,) = queue.jobs(kind=JobKind.TRANSFER_STUDY)
    assert job.job_id == record.job_id
    assert queue.requests[job.job_id].turn < 200
    assert result["rules"][0]["reasons"] == [
        "1 series: each is of modality CT.",
        "1 more series: the rule sends the study whole.",
    ]
    assert result["rules"][0]["series"] == 2


def test_done_again_it_asks_for_the_same_transfer(
    services: Services, queue: MemoryQueue, study: list[str]
) -> None:
    assert study
    assert forward(services, {}) == forward(services, {})
    assert len(asked(services)) == 1
    assert len(queue.jobs(kind=JobKind.TRANSFER_STUDY)) == 1
    forward(services, {}, job=JobId("forward-study.x.2"))
    assert len(asked(services)) == 2


def test_only_matching_series_go_where_the_rule_says_so(services: Services, study: list[str]) -> None:
    forward(services, {"modalities": ("RTSTRUCT",), "send": "matching_series"})
    assert wanted(services, asked(services)[0].transfer_id) == {study[2]}


def test_what_several_rules_ask_for_in_one_way_is_one_transfer_that_meets_them_all(
    services: Services, study: list[str]
) -> None:
    forward(
        services,
        {"modalities": ("CT",), "send": "matching_series"},
        {"modalities": ("RTSTRUCT",), "send": "matching_series", "verify": "content"},
        {"modalities": ("MR",), "storage_commitment": True},
        match="all",
    )
    (record,) = asked(services)
    assert (record.cause, record.verify, record.storage_commitment) == ("rule:R0", "content", False)
    assert wanted(services, record.transfer_id) == set(study)


@pytest.mark.parametrize("other", [{"window": "18:00-06:00"}, {"transport": "c-store"}, {"priority": 5}])
def test_what_rules_ask_for_in_different_ways_goes_in_transfers_of_their_own(
    services: Services, study: list[str], other: dict[str, Any]
) -> None:
    forward(
        services,
        {"modalities": ("CT",), "send": "matching_series", "verify": "content", **other},
        {"modalities": ("RTSTRUCT",), "send": "matching_series"},
        match="all",
    )
    by_cause = {record.cause: record for record in asked(services)}
    images, sets = by_cause["rule:R0"], by_cause["rule:R1"]
    assert wanted(services, images.transfer_id) == set(study[:2])
    assert wanted(services, sets.transfer_id) == {study[2]}
    assert {name: getattr(images, name) for name in other} == other
    assert (sets.window, sets.transport, sets.priority, sets.verify) == (None, "stow", 0, "instances")


def test_what_a_rule_wants_at_once_goes_at_once_and_by_its_transport_the_rest_in_its_hours(
    services: Services, study: list[str]
) -> None:
    night = {"window": "18:00-06:00", "transport": "c-store"}
    forward(services, night, {"modalities": ("RTSTRUCT",), "send": "matching_series"}, match="all")
    by_window = {record.window: record for record in asked(services)}
    assert wanted(services, by_window["18:00-06:00"].transfer_id) == set(study[:2])
    assert by_window["18:00-06:00"].transport == "c-store"
    assert wanted(services, by_window[None].transfer_id) == {study[2]}
    assert by_window[None].transport == "stow"


def test_what_several_rules_want_goes_in_the_hours_of_any_of_them(
    services: Services, study: list[str]
) -> None:
    forward(services, {"window": "18:00-06:00", "priority": -5}, {"window": "12:00-13:00"}, match="all")
    (record,) = asked(services)
    assert (record.window, record.priority) == ("18:00-06:00, 12:00-13:00", 0)
    assert wanted(services, record.transfer_id) == set(study)


def test_of_several_rules_one_without_hours_lets_it_go_at_once(services: Services, study: list[str]) -> None:
    assert study
    forward(services, {"window": "18:00-06:00"}, {}, match="all")
    assert asked(services)[0].window is None


def test_where_no_rule_matches_nothing_is_asked_and_why_is_told(services: Services, study: list[str]) -> None:
    assert study
    result = forward(services, {"modalities": ("MR",)}, {"enabled": False})
    assert (result["outcome"], result["reason"]) == ("nothing to send", "No rule asks for it.")
    assert [rule["reasons"][-1] for rule in result["rules"]] == [
        "No series left is of modality MR.",
        "The rule is switched off.",
    ]
    assert asked(services) == []


def test_a_study_that_is_gone_is_no_failure(services: Services) -> None:
    assert forward(services, {})["outcome"] == "gone"


def test_what_the_benchmark_made_stays(services: Services, orthanc: FakeOrthancRest) -> None:
    orthanc.store(STUDY, "1.2.1", "1.2.1.1", study_tags={"PatientID": f"{BENCHMARK_PATIENT_PREFIX}1"})
    assert forward(services, {})["outcome"] == "nothing to send"


# The loop guard


def test_what_the_archive_sent_stays_and_the_rest_goes(
    services: Services, orthanc: FakeOrthancRest, study: list[str]
) -> None:
    store(orthanc, "1.2.1.3", aet="DCM4CHEE")
    assert forward(services, {})["kept_back"] == 1
    assert wanted(services, asked(services)[0].transfer_id) == set(study)


def test_a_study_that_came_from_the_archive_stays_whole(services: Services, orthanc: FakeOrthancRest) -> None:
    store(orthanc, "1.2.1.1", aet="DCM4CHEE")
    result = forward(services, {})
    assert (result["outcome"], result["kept_back"]) == ("nothing to send", 1)
    assert "The archive had sent it" in result["reason"]


def bring(services: Services, *uids: str) -> None:
    """Let the ledger say that instances were brought from the archive."""
    transfers = services.store.transfers
    transfers.request(TransferRequest("b", JobId("b"), STUDY, "dcm4chee", "orthanc", "sync", "stow"))
    brought = [TransferredInstance(SopInstanceUid(uid), InstanceState.VERIFIED, 1) for uid in uids]
    transfers.note("b", brought)
    transfers.end("b", TransferState.VERIFIED)


def test_what_the_suite_brought_from_the_archive_stays(
    services: Services, orthanc: FakeOrthancRest, study: list[str]
) -> None:
    store(orthanc, "1.2.1.3", aet="")
    bring(services, "1.2.1.3")
    forward(services, {})
    (record, _) = asked(services)
    assert wanted(services, record.transfer_id) == set(study)


def test_what_the_suite_had_brought_and_a_modality_sent_since_goes(
    services: Services, study: list[str]
) -> None:
    bring(services, study[0])
    assert forward(services, {})["kept_back"] == 0


# Tombstones


def bury(services: Services, *uids: str, at: str = "2026-11-29T13:00:00+00:00") -> None:
    keys = frozenset(instance_key(uid) for uid in uids)
    noted_at = datetime.fromisoformat(at).astimezone(UTC)
    stone = Tombstone("dcm4chee", STUDY, not uids, keys, "rejected", noted_at, "somebody")
    services.store.inventory.bury(stone)


def test_what_was_removed_from_the_archive_stays(services: Services, study: list[str]) -> None:
    bury(services, study[0])
    assert forward(services, {})["kept_back"] == 1
    assert wanted(services, asked(services)[0].transfer_id) == set(study[1:])


def test_a_study_that_was_removed_from_the_archive_stays_whole(services: Services, study: list[str]) -> None:
    assert study
    bury(services)
    assert forward(services, {})["outcome"] == "nothing to send"


def test_what_came_to_orthanc_after_its_removal_was_noted_goes(
    services: Services, orthanc: FakeOrthancRest, study: list[str]
) -> None:
    bury(services)
    store(orthanc, study[1], at="20261129T130005")
    assert forward(services, {})["kept_back"] == 2
    assert wanted(services, asked(services)[0].transfer_id) == {study[1]}


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(minutes=-10)])
def test_whether_it_came_after_its_removal_is_known_however_wrong_orthancs_clock_is(
    services: Services, orthanc: FakeOrthancRest, ahead: timedelta
) -> None:
    orthanc.ahead = ahead
    noted = datetime.now(UTC) - timedelta(minutes=30)
    late = timedelta(minutes=5)
    before, after = (f"{one + ahead:%Y%m%dT%H%M%S}" for one in (noted - late, noted + late))
    store(orthanc, "1.2.1.1", at=before)
    store(orthanc, "1.2.1.2", at=after)
    bury(services, at=noted.isoformat())
    assert forward(services, {})["kept_back"] == 1
    assert wanted(services, asked(services)[0].transfer_id) == {"1.2.1.2"}
