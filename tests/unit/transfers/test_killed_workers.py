"""A transfer whose worker is killed between any two calls, or whose archives change meanwhile."""

from __future__ import annotations

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.store import TransferState
from tests.unit.transfers.conftest import Killed, World, assert_verified, kill_at, study_of


def calls_of_a_run() -> int:
    """Return how many calls to archives and ledger a whole run makes."""
    world = World()
    study_of(world)
    calls = 0

    def hook(_: str) -> None:
        nonlocal calls
        calls += 1

    world.left.faults.hook = world.right.faults.hook = world.ledger.hook = hook
    world.run()
    return calls


CALLS = calls_of_a_run()


@pytest.mark.parametrize("turn", range(1, CALLS + 1))
@pytest.mark.parametrize("listed_late", [0, 1])
def test_a_worker_killed_at_any_call_loses_nothing_and_doubles_nothing(turn: int, listed_late: int) -> None:
    world = World()
    uids = study_of(world)
    world.right.faults.listed_late = listed_late
    hook = kill_at("any", turn)
    world.left.faults.hook = world.right.faults.hook = world.ledger.hook = hook
    with pytest.raises(Killed):
        world.run()
    world.left.faults.hook = world.right.faults.hook = None
    world.ledger.hook = lambda _: None
    world.assert_true()
    assert world.run().state is TransferState.VERIFIED
    assert_verified(world, uids)
    assert set(world.right.received.values()) == {1}


def test_there_are_calls_to_be_killed_at() -> None:
    assert CALLS > 20


def test_both_sides_changed_while_it_ran(world: World) -> None:
    uids = world.fill(3)

    def change(method: str) -> None:
        if method == "store" and "1.2.1.50" not in world.left.held():
            world.left.put("1.2.1.50")
            world.right.put("1.2.1.60")
            world.right.put(uids[2])

    world.right.faults.hook = change
    assert world.run(uids).state is TransferState.VERIFIED
    assert world.right.held() == {*uids, "1.2.1.60"}
    assert world.left.name is ArchiveName.ORTHANC
