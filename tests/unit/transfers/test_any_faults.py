"""Whatever goes wrong in whatever order: what the ledger says is so, and in the end everything is there."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.store import TransferState
from tests.fakes import Faults
from tests.fakes.archive import REJECTED_BEFORE
from tests.unit.transfers.conftest import Killed, World, kill_at, study_of

UIDS = study_of(World())
SOME = st.sets(st.sampled_from(UIDS), max_size=4)


@st.composite
def faults_of_destination(draw: st.DrawFn) -> Faults:
    return Faults(
        down=draw(st.integers(0, 9)) == 0,
        swallowed=draw(SOME),
        unanswered=draw(SOME),
        refused=dict.fromkeys(draw(SOME), REJECTED_BEFORE),
        full=draw(st.integers(0, 9)) == 0,
        breaks_after=draw(st.none() | st.integers(0, 6)),
        listed_late=draw(st.integers(0, 4)),
        hook=kill_at("any", draw(st.integers(1, 60))),
    )


@st.composite
def faults_of_source(draw: st.DrawFn) -> Faults:
    return Faults(gives=draw(st.none() | st.integers(0, 6)), hook=kill_at("any", draw(st.integers(1, 60))))


@given(runs=st.lists(st.tuples(faults_of_source(), faults_of_destination()), max_size=4))
def test_nothing_is_lost_and_the_ledger_is_true(runs: list[tuple[Faults, Faults]]) -> None:
    world = World()
    study_of(world)
    for of_source, of_destination in runs:
        world.left.faults, world.right.faults = of_source, of_destination
        with suppress(ArchiveUnavailable, Killed):
            outcome = world.run()
            assert (outcome.state is TransferState.VERIFIED) == (
                world.ledger.in_state("verified") == set(UIDS)
            )
        world.assert_true()
    world.left.faults, world.right.faults = Faults(), Faults()
    assert world.run().state is TransferState.VERIFIED
    assert world.right.held() == world.ledger.in_state("verified") == set(UIDS)
    world.assert_true()
