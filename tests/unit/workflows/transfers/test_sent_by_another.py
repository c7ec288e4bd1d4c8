"""A transfer that waits while another one brings what it wants."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.store import TransferState, WaitsFor
from tests.unit.workflows.transfers.conftest import UIDS

if TYPE_CHECKING:
    from tests.unit.workflows.transfers.conftest import World


def test_one_that_waited_for_its_hours_ends_verified_and_sends_nothing(world: World) -> None:
    hours = world.now.astimezone() + timedelta(hours=2)
    window = f"{hours:%H:00}-{hours + timedelta(hours=2):%H:00}"
    world.ask(window=window)
    assert world.run()["outcome"] == "waiting"
    world.queue.wait(world.record().job_id)
    world.ask("now")
    assert world.run("now")["outcome"] == "verified"
    waiting = world.record()
    assert (waiting.state, waiting.waits_for) == (TransferState.QUEUED, WaitsFor.WINDOW)
    assert waiting.not_before is not None
    world.now = waiting.not_before
    assert world.run()["outcome"] == "verified"
    ended = world.record()
    assert (ended.already_there, ended.sent, ended.bytes_sent) == (len(UIDS), 0, 0)
