"""What waits for hours that no rule has any more is decided on anew when a worker starts, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import JobKind, JobState, transfer_job_id
from orthanc_plugins.present_rules import LEASE, PresentRules
from orthanc_plugins.rules import ForwardingRule, SyncRule
from orthanc_plugins.services import Forwarding, Synchronisation
from orthanc_plugins.store import TransferRequest, TransferState, WaitsFor
from orthanc_plugins.transfers import RULES_CHANGED, ask_for_transfer
from orthanc_plugins.workflows.forward_study import StudyForwarder
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = StudyUid("1.2")
NIGHT, NOON = "18:00-06:00", "12:00-13:00"
AT_NIGHT = ForwardingRule(name="CT at night", window=NIGHT)


@pytest.fixture(autouse=True)
def _study(orthanc: FakeOrthancRest) -> None:
    orthanc.store(STUDY, "1.2.1", "1.2.1.1", study_tags={"PatientID": "P1"})


def ruled(
    services: Services, *rules: ForwardingRule, sync: tuple[SyncRule, ...] = (), **how: Any
) -> Services:
    return replace(
        services,
        forwarding=Forwarding(rules=rules, **how),
        synchronisation=Synchronisation(rules=sync),
    )


def wait(
    services: Services,
    transfer_id: str = "t",
    *,
    cause: str = "rule:CT at night",
    window: str | None = NIGHT,
    source: str = "orthanc",
) -> None:
    """Let a transfer wait for its hours."""
    destination = "dcm4chee" if source == "orthanc" else "orthanc"
    job_id = transfer_job_id(transfer_id)
    wanted = (SopInstanceUid("1.2.1.1"),)
    request = TransferRequest(
        transfer_id, job_id, STUDY, source, destination, cause, "stow", wanted, window=window
    )
    ask_for_transfer(services.store.transfers, services.queue, request)
    until = datetime.now(UTC) + timedelta(hours=11)
    services.store.transfers.wait(transfer_id, WaitsFor.WINDOW, until, "It waits for its hours.")
    services.queue.wait(job_id)  # type: ignore[attr-defined]


def record(services: Services, transfer_id: str = "t") -> TransferRecord:
    found = services.store.transfers.transfer(transfer_id)
    assert found is not None
    return found


def decisions(queue: MemoryQueue) -> list[JobId]:
    return [job.job_id for job in queue.jobs(kind=JobKind.FORWARD_STUDY)]


CHANGED = {
    "removed": (),
    "renamed": (AT_NIGHT.model_copy(update={"name": "Other"}),),
    "switched off": (AT_NIGHT.model_copy(update={"enabled": False}), ForwardingRule(name="All")),
    "other hours": (AT_NIGHT.model_copy(update={"window": NOON}),),
    "no hours": (AT_NIGHT.model_copy(update={"window": None}),),
}


@pytest.mark.parametrize("rules", CHANGED.values(), ids=CHANGED)
def test_where_its_rule_has_its_hours_no_more_it_is_cancelled_and_the_study_decided_on_anew(
    services: Services, queue: MemoryQueue, rules: tuple[ForwardingRule, ...]
) -> None:
    wait(services)
    services = ruled(services, *rules)
    assert PresentRules(services).apply() is None
    ended = record(services)
    assert (ended.state, ended.error_name) == (TransferState.CANCELLED, RULES_CHANGED)
    assert str(ended.error_message).startswith(
        "No rule CT at night that is switched on has these hours, 18:00-06:00, any more."
    )
    assert queue.job(ended.job_id).state is JobState.CANCELLED
    assert len(decisions(queue)) == (1 if rules else 0)
    assert STUDY in services.store.inventory.unsettled()


def test_what_the_present_rules_want_of_it_is_asked_for(services: Services, queue: MemoryQueue) -> None:
    before = ruled(services, AT_NIGHT)
    first: Any = StudyForwarder(before).forward(JobId("forward-study.x.1"), orthanc_id(STUDY))
    (asked,) = first["transfers"]
    before.store.transfers.wait(asked["transfer_id"], WaitsFor.WINDOW, datetime.now(UTC), "It waits.")
    for rules in ((AT_NIGHT.model_copy(update={"window": NOON}),), (AT_NIGHT,)):  # and back again
        services = ruled(services, *rules)
        PresentRules(services).apply()
        assert record(services, asked["transfer_id"]).state is TransferState.CANCELLED
        (job_id,) = (job for job in decisions(queue) if queue.job(job).state is JobState.QUEUED)
        again: Any = StudyForwarder(services).forward(job_id, orthanc_id(STUDY))
        (asked,) = again["transfers"]
        queue.succeed(job_id)
        assert record(services, asked["transfer_id"]).state is TransferState.QUEUED
        assert record(services, asked["transfer_id"]).window == rules[0].window


@pytest.mark.parametrize(
    ("window", "how", "stays"),
    [
        (NIGHT, "first", True),
        (NIGHT, "all", True),
        (f"{NIGHT}, {NOON}", "all", True),
        (f"{NIGHT}, {NOON}", "first", False),
        (f"{NIGHT}, 07:00-08:00", "all", False),
        (NOON, "all", False),
    ],
)
def test_where_rules_have_its_hours_it_stays(
    services: Services, queue: MemoryQueue, window: str, how: str, *, stays: bool
) -> None:
    wait(services, window=window)
    PresentRules(ruled(services, AT_NIGHT, ForwardingRule(name="Noon", window=NOON), match=how)).apply()
    assert (record(services).state is TransferState.QUEUED) == stays
    assert bool(decisions(queue)) != stays


@pytest.mark.parametrize(
    ("rule", "stays"),
    [
        ({"direction": "both", "window": NIGHT}, True),
        ({"direction": "dcm4chee_to_orthanc", "window": NIGHT}, True),
        ({"direction": "orthanc_to_dcm4chee", "window": NIGHT}, False),
        ({"direction": "both", "window": NOON}, False),
        ({"direction": "both", "window": NIGHT, "enabled": False}, False),
    ],
)
def test_what_synchronisation_asked_for_is_left_to_its_next_round(
    services: Services, queue: MemoryQueue, rule: dict[str, Any], *, stays: bool
) -> None:
    wait(services, cause="sync", source="dcm4chee")
    PresentRules(ruled(services, AT_NIGHT, sync=(SyncRule(name="Night", **rule),))).apply()
    assert (record(services).state is TransferState.QUEUED) == stays
    assert (STUDY in services.store.inventory.unsettled()) != stays
    assert decisions(queue) == []


def test_what_has_no_hours_or_no_rule_stays(services: Services) -> None:
    wait(services, "a", window=None)
    wait(services, "b", cause="request")
    PresentRules(ruled(services)).apply()
    assert {record(services, one).state for one in "ab"} == {TransferState.QUEUED}


def test_a_study_that_orthanc_no_longer_holds_is_decided_on_no_more(
    services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue
) -> None:
    orthanc.empty()
    wait(services)
    PresentRules(ruled(services, ForwardingRule(name="All"))).apply()
    assert record(services).state is TransferState.CANCELLED
    assert decisions(queue) == []


def test_a_study_is_decided_on_once_however_many_workers_start(
    services: Services, queue: MemoryQueue
) -> None:
    wait(services, "a")
    wait(services, "b")
    services = ruled(services, ForwardingRule(name="All"))
    assert services.store.leases.acquire(LEASE, "another", timedelta(minutes=1))
    second = PresentRules(services)
    assert second.apply() == 5.0
    services.store.leases.release(LEASE, "another")
    PresentRules(services).apply()
    assert second.apply() is None
    assert len(decisions(queue)) == 1


def test_one_that_orthanc_does_not_answer_is_done_the_next_time_and_then_no_more(
    services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait(services)
    rules = PresentRules(ruled(services, ForwardingRule(name="All")))
    with monkeypatch.context() as patched:

        def away(*_: object) -> None:
            raise ArchiveUnavailable("Orthanc starts.", archive="orthanc")

        patched.setattr(orthanc, "lookup", away)
        with pytest.raises(ArchiveUnavailable):
            rules.apply()
    assert record(services).state is TransferState.QUEUED
    rules.apply()
    assert record(services).state is TransferState.CANCELLED
    wait(services, "later")
    rules.apply()
    assert record(services, "later").state is TransferState.QUEUED
    assert len(decisions(queue)) == 1
