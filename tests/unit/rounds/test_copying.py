"""What rounds of synchronisation ask to be copied, and how."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import forward_study_request
from orthanc_plugins.rules import ForwardingRule, SyncRule
from orthanc_plugins.services import Forwarding
from orthanc_plugins.store import TransferRequest, TransferState, WaitsFor
from orthanc_plugins.synchronisation import Rounds
from orthanc_plugins.transfers import RULES_CHANGED
from tests.unit.holdings import LEFT, NOW, RIGHT
from tests.unit.rounds.two_archives import asked, fill, orthanc_id, with_rules

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue
    from tests.fakes.archive import MemoryArchive

NIGHT = "18:00-06:00"


def test_a_rule_tells_how_when_and_how_urgently_a_study_is_copied(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1, modality="CT")
    fill(right, "1.2", 1, modality="CT")
    fill(left, "1.3", 1, modality="MR")
    rule = SyncRule(
        name="CT", direction="both", modalities=("CT",), transport="c-store", priority=7, window=NIGHT
    )
    services = with_rules(joined, rule, direction="none")
    Rounds(services).run("r1", "schedule")
    found = {key: (one.transport, one.priority, one.window) for key, one in asked(services).items()}
    assert found == {
        ("1.1", "dcm4chee"): ("c-store", 7, NIGHT),
        ("1.2", "orthanc"): ("stow", 7, NIGHT),  # the transport is how DCM4CHEE is sent to
    }


def test_what_failed_one_way_is_tried_when_a_rule_tells_another(
    joined: Services, left: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    (transfer,) = Rounds(joined).run("r1", "schedule").transfers
    joined.store.transfers.end(transfer, TransferState.FAILED)
    services = with_rules(joined, SyncRule(name="all", direction="both", transport="c-store"))
    (second,) = Rounds(services).run("r2", "schedule").transfers
    found = services.store.transfers.transfer(second)
    assert found is not None
    assert found.transport == "c-store"


@pytest.mark.parametrize(("error", "again"), [((RULES_CHANGED, "No rule has it."), True), (None, False)])
def test_what_the_rules_gave_up_is_copied_once_they_ask_for_it_again(
    joined: Services, left: MemoryArchive, error: tuple[str, str] | None, *, again: bool
) -> None:
    fill(left, "1.1", 1)
    (transfer,) = Rounds(joined).run("r1", "schedule").transfers
    joined.store.transfers.end(transfer, TransferState.CANCELLED, error)
    assert Rounds(joined).run("r2", "schedule").transfers == ((transfer,) if again else ())


# What is under way


def forwarded(services: Services, *instances: str) -> str:
    """Have a rule of forwarding wait for its hours with instances of the study 1.1; without, with all."""
    ledger = services.store.transfers
    wanted = tuple(map(SopInstanceUid, instances)) or None
    study = StudyUid("1.1")
    ledger.request(
        TransferRequest("f", JobId("j"), study, LEFT, RIGHT, "rule:CT", "c-store", wanted, window=NIGHT)
    )
    ledger.wait("f", WaitsFor.WINDOW, NOW + timedelta(days=3650), "It waits for its hours.")
    return "f"


@pytest.mark.parametrize("cause", ["schedule", "request", "nightly"])
@pytest.mark.parametrize("instances", [("1.1.1", "1.1.2"), ()])
def test_what_waits_for_the_hours_of_forwarding_is_not_copied_before(
    joined: Services, left: MemoryArchive, cause: Any, instances: tuple[str, ...]
) -> None:
    fill(left, "1.1", 1, 2)
    forwarded(joined, *instances)
    outcome = Rounds(joined).run("r1", cause)
    assert (outcome.state, outcome.differing, outcome.transfers) == ("succeeded", 1, ())
    assert [one.cause for one in asked(joined).values()] == ["rule:CT"]


@pytest.mark.parametrize("cause", ["schedule", "request"])
def test_what_the_rules_of_forwarding_have_yet_to_decide_about_waits_for_that(
    joined: Services, left: MemoryArchive, queue: MemoryQueue, cause: Any
) -> None:
    forwarding = Forwarding(rules=(ForwardingRule(name="CT at night", window=NIGHT),))
    services = dataclasses.replace(joined, forwarding=forwarding)
    job_id = queue.submit(forward_study_request(orthanc_id("1.1"), "content"))
    fill(left, "1.1", 1)
    fill(left, "1.2", 1)
    rounds = Rounds(services)
    rounds.run("r1", cause)
    assert asked(services).keys() == {("1.2", "dcm4chee")}
    queue.start(job_id)
    assert rounds.run("r2", "schedule").transfers == ()
    queue.succeed(job_id)
    rounds.run("r3", "schedule")
    assert ("1.1", "dcm4chee") in asked(services)


def test_what_came_after_is_copied_by_itself(joined: Services, left: MemoryArchive) -> None:
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    forwarded(joined, "1.1.1")
    rounds.run("r1", "schedule")
    fill(left, "1.1", 2)
    (transfer,) = rounds.run("r2", "schedule").transfers
    instances = joined.store.transfers.instances(transfer)
    assert [one.sop_instance_uid for one in instances] == ["1.1.2"]


def test_what_forwarding_did_not_bring_is_copied_once_that_has_ended(
    joined: Services, left: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    joined.store.transfers.end(forwarded(joined, "1.1.1"), TransferState.FAILED)
    assert len(Rounds(joined).run("r1", "schedule").transfers) == 1
