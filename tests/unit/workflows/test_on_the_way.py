"""A comparison tells which transfers are to bring what is missing, and what they wait for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.store import TransferRequest, TransferState, WaitsFor
from orthanc_plugins.workflows.compare_study import StudyCheck
from orthanc_plugins.workflows.compared_copies import COMPARISON

if TYPE_CHECKING:
    from tests.unit.workflows.repaired import World

SIX = datetime(2026, 11, 30, 18, 0, tzinfo=UTC)


@pytest.fixture
def world(world: World) -> World:
    """The study lacks an instance in Orthanc and two in DCM4CHEE."""
    world.orthanc.lose(world.uids[0])
    world.dcm4chee.lose(world.uids[1])
    world.dcm4chee.lose(world.uids[2])
    return world


def ask(world: World, *wanted: str, name: str = "t", destination: str = "dcm4chee") -> None:
    source = "orthanc" if destination == "dcm4chee" else "dcm4chee"
    request = TransferRequest(
        name,
        transfer_job_id(name),
        world.study_uid,
        source,
        destination,
        "rule:CT at night",
        "stow",
        tuple(SopInstanceUid(uid) for uid in wanted) or None,
    )
    world.services.store.transfers.request(request)


def kept(world: World) -> list[str]:
    """Return the notes of the newest comparison that tell of transfers."""
    path = world.services.comparisons / world.study_uid / COMPARISON
    return [one for one in json.loads(path.read_text())["notes"] if "transfer (" in one]


def notes(world: World) -> list[str]:
    StudyCheck(world.services).compare(world.study_uid, "instance")
    return kept(world)


NIGHT = (
    "A transfer (rule:CT at night) is to bring 2 instances to DCM4CHEE; it waits for its hours until "
    "2026-11-30 18:00 UTC."
)


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_transfer_that_waits_for_its_hours_is_told(world: World, *, all_of_it: bool) -> None:
    ask(world, *(() if all_of_it else world.uids))
    world.services.store.transfers.wait("t", WaitsFor.WINDOW, SIX, "It waits.")
    assert notes(world) == [NIGHT]


@pytest.mark.parametrize(
    ("waits_for", "told"),
    [
        (WaitsFor.ARCHIVE, "for an archive that does not answer or has no space, until 2026-11-30 18:00 UTC"),
        (WaitsFor.STUDY, "for another transfer or a repair of the study"),
        (WaitsFor.HAND_OVER, "for a worker"),
    ],
)
def test_whatever_a_transfer_waits_for_is_told(world: World, waits_for: WaitsFor, told: str) -> None:
    ask(world, world.uids[0], name="u", destination="orthanc")
    world.services.store.transfers.wait("u", waits_for, SIX, "It waits.")
    sentence = f"A transfer (rule:CT at night) is to bring 1 instance to Orthanc; it waits {told}."
    assert notes(world) == [sentence]


def test_a_transfer_at_work_is_told(world: World) -> None:
    ask(world, world.uids[1])
    world.services.store.transfers.begin("t")
    assert notes(world)[0].endswith("is to bring 1 instance to DCM4CHEE; it is under way.")


def test_a_transfer_that_has_ended_or_brings_nothing_that_is_missing_is_not_told(world: World) -> None:
    ask(world)
    world.services.store.transfers.end("t", TransferState.FAILED)
    ask(world, world.uids[0], name="u")
    assert notes(world) == []


def test_the_comparisons_that_a_repair_keeps_tell_it_too(world: World) -> None:
    ask(world)
    world.services.store.transfers.wait("t", WaitsFor.WINDOW, SIX, "It waits.")
    repair_id = world.plan(default="manual", missing="manual")
    assert kept(world) == [NIGHT]
    (world.services.comparisons / world.study_uid / COMPARISON).unlink()
    world.apply(repair_id)
    assert kept(world) == [NIGHT]
