"""What a transfer brought is known at once: deleted or rejected before the next round, it stays away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins import copying
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import TransferError
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.services import Synchronisation
from orthanc_plugins.store import Absence, TransferState
from orthanc_plugins.synchronisation import Rounds
from tests.fakes import MemoryArchive
from tests.unit.workflows.transfers.conftest import STUDY, UIDS, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.services import Services
    from tests.fakes import MemoryQueue


class RejectingArchive(MemoryArchive):
    """An archive that tells what was rejected in it."""

    def reject(self, *uids: str) -> None:
        for uid in uids:
            self.lose(uid)
        self.out = frozenset(map(SopInstanceUid, uids))

    out: frozenset[SopInstanceUid] = frozenset()

    def rejected(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, frozenset[SopInstanceUid]]:
        return dict.fromkeys(study_uids, self.out)


@pytest.fixture
def world(services: Services, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which rounds have been, that copy both ways, before the study arrived in Orthanc."""
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))
    made = World(services, queue)
    made.right = RejectingArchive()
    made.archives[ArchiveName.DCM4CHEE] = made.right
    made.services = replace(made.services, synchronisation=Synchronisation(direction="both"))
    for uid in UIDS:
        made.left.lose(uid)
    made.left.put("1.9.1.1", study="1.9", series="1.9.1")
    made.right.put("1.9.1.1", study="1.9", series="1.9.1")
    Rounds(made.services).run("first", "schedule")
    for uid in UIDS:
        made.left.put(uid)
    return made


def asked(world: World) -> list[str]:
    """Return the transfers that rounds asked for."""
    found, _ = world.transfers.transfers()
    return [one.transfer_id for one in found if one.cause == "sync"]


def test_what_was_forwarded_is_known_before_it_is_told_as_verified(world: World) -> None:
    world.ask()
    world.run()
    pair = world.services.store.inventory.pairs([STUDY])[STUDY]
    assert pair.differences == frozenset()
    events = world.services.store.inventory.events().entries
    assert {(one.archive, one.run_id) for one in events} == {
        ("orthanc", "transfer:t"),
        ("dcm4chee", "transfer:t"),
    }
    assert Rounds(world.services).run("asked", "request").differing == 0


@pytest.mark.parametrize("some", [UIDS, UIDS[:2]])
@pytest.mark.parametrize("rejected", [False, True])
def test_what_is_taken_out_before_the_next_round_is_not_copied_back(
    world: World, some: list[str], rejected: bool
) -> None:
    world.ask()
    world.run()
    assert isinstance(world.right, RejectingArchive)
    if rejected:
        world.right.reject(*some)
    else:
        for uid in some:
            world.right.lose(uid)
    Rounds(world.services).run("next", "schedule")
    outcome = Rounds(world.services).run("asked", "request")
    assert (outcome.transfers, asked(world)) == ((), [])
    (tombstone,) = world.services.store.inventory.tombstones(lifted=False).entries
    assert tombstone.told is (Absence.REJECTED if rejected else Absence.DISAPPEARED)
    assert (tombstone.archive, len(tombstone.keys)) == ("dcm4chee", len(some))


def test_what_is_deleted_at_its_source_before_the_next_round_is_not_copied_back(world: World) -> None:
    world.ask()
    world.run()
    for uid in UIDS:
        world.left.lose(uid)
    Rounds(world.services).run("next", "request")
    assert asked(world) == []
    (tombstone,) = world.services.store.inventory.tombstones(lifted=False).entries
    assert tombstone.archive == "orthanc"


def test_what_arrived_of_a_transfer_that_failed_in_part_is_known(world: World) -> None:
    world.right.faults.refused[UIDS[0]] = 0xA900
    world.ask()
    with pytest.raises(TransferError):
        world.run()
    assert world.record().state is TransferState.PARTLY
    row = world.services.store.inventory.rows("dcm4chee", [STUDY])[STUDY]
    assert row.instance_count == 4


def test_a_look_that_fails_does_not_make_a_verified_transfer_fail(world: World) -> None:
    world.ask()
    world.right.faults.hook = lambda method: setattr(
        world.right.faults, "down", method == "studies" or world.right.faults.down
    )
    assert world.run()["outcome"] == "verified"
    assert world.services.store.inventory.rows("dcm4chee", [STUDY]) == {}
    assert world.services.store.inventory.position("dcm4chee").state == "current"
