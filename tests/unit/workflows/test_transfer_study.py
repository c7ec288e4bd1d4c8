"""A transfer of the ledger is carried out, waits without holding a worker, or tells why not."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.commitment import Commitment
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, TransferError, TransferNotFound
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.store import Tombstone, TransferRequest, TransferState, WaitsFor
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.transfers import Limiter, ask_for_transfer
from orthanc_plugins.workflows import transfer_study
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.fakes import MemoryArchive
from tests.fakes.archive import REJECTED_BEFORE

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord
    from tests.fakes import MemoryQueue

STUDY = StudyUid("1.2")

UIDS = [f"1.2.1.{number}" for number in range(5)]


class World:
    """Two archives, the ledger, and a clock that the test sets."""

    def __init__(self, services: Services, queue: MemoryQueue) -> None:
        self.left = MemoryArchive(ArchiveName.ORTHANC)
        self.right = MemoryArchive()
        self.archives: dict[ArchiveName, Any] = {
            ArchiveName.ORTHANC: self.left,
            ArchiveName.DCM4CHEE: self.right,
        }
        self.services = replace(services, archives=self.archives)
        self.transfers = services.store.transfers
        self.queue = queue
        self.now = datetime.now(UTC)
        self.seconds = 0.0
        for uid in UIDS:
            self.left.put(uid)

    def ask(self, transfer_id: str = "t", **options: Any) -> TransferRecord:
        request = TransferRequest(
            transfer_id,
            transfer_job_id(transfer_id),
            STUDY,
            options.pop("source", "orthanc"),
            options.pop("destination", "dcm4chee"),
            "request",
            "stow",
            **options,
        )
        return ask_for_transfer(self.transfers, self.queue, request)

    def run(self, transfer_id: str = "t", holder: str = "worker") -> dict[str, Any]:
        job_id = transfer_job_id(transfer_id)
        self.queue.start(job_id)
        limiter = Limiter(None, lambda: self.seconds, self._sleep)
        step = StudyTransfer(
            self.services, limiter, clock=lambda: self.seconds, sleep=self._sleep, now=lambda: self.now
        )
        return dict(step.run(job_id, holder, transfer_id))

    def record(self, transfer_id: str = "t") -> TransferRecord:
        found = self.transfers.transfer(transfer_id)
        assert found is not None
        return found

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def world(services: Services, queue: MemoryQueue) -> World:
    return World(services, queue)


def test_a_transfer_is_carried_out_to_verified(world: World) -> None:
    world.ask(wanted=tuple(SopInstanceUid(uid) for uid in UIDS[:3]))
    assert world.run() == {"outcome": "verified", "instances": 3, "sent": 3}
    record = world.record()
    assert (record.state, record.verified, record.attempts) == (TransferState.VERIFIED, 3, 1)
    assert record.bytes_sent == sum(len(uid) for uid in UIDS[:3])
    assert world.right.held() == set(UIDS[:3])
    assert world.services.store.leases.holder(f"study:{STUDY}") is None


def test_a_study_that_is_wanted_whole_is_sent_whole(world: World) -> None:
    world.ask()
    assert world.run()["instances"] == 5
    assert world.record().wanted == 5


def test_it_goes_from_the_archive_to_orthanc_too(world: World) -> None:
    world.right.put("1.2.9.1", series="1.2.9")
    world.ask(source="dcm4chee", destination="orthanc")
    assert world.run()["outcome"] == "verified"
    assert "1.2.9.1" in world.left.held()


def test_one_that_has_ended_is_left_alone(world: World) -> None:
    world.ask()
    world.run()
    requests = len(world.right.requests)
    assert world.run() == {"outcome": "verified"}
    assert len(world.right.requests) == requests
    world.ask("c")
    world.transfers.cancel("c")
    assert world.run("c") == {"outcome": "cancelled"}


def test_one_that_the_ledger_does_not_know_is_told(world: World) -> None:
    limiter = Limiter(None, float, world._sleep)
    step = StudyTransfer(world.services, limiter, clock=float, sleep=world._sleep)
    with pytest.raises(TransferNotFound):
        step.run(transfer_job_id("x"), "worker", "x")


# It waits


def test_an_archive_that_is_away_is_waited_for_longer_each_time(world: World) -> None:
    world.ask()
    world.right.faults.down = True
    waits = []
    for _ in range(8):
        result = world.run()
        assert result["outcome"] == "waiting"
        record = world.record()
        assert (record.state, record.waits_for) == (TransferState.QUEUED, WaitsFor.ARCHIVE)
        assert record.not_before is not None
        waits.append((record.not_before - world.now).total_seconds())
        world.now = record.not_before
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    world.right.faults.down = False
    assert world.run()["outcome"] == "verified"
    assert world.record().error_message is None


def test_all_that_wait_for_the_archive_wait_with_the_first_and_go_on_with_it(world: World) -> None:
    world.right.faults.down = True
    for name in ("a", "b"):
        world.ask(name)
        world.run(name)
    world.now += timedelta(minutes=5)
    world.run("a")
    later = world.record("a").not_before
    assert later is not None
    assert world.record("b").not_before == later
    world.right.faults.down = False
    world.run("a")
    assert world.record("b").not_before == world.now


def test_an_archive_that_does_not_take_one_instance_keeps_back_no_other_transfer(world: World) -> None:
    world.right.faults.down = True
    world.ask("other")
    world.run("other")
    due = world.record("other").not_before
    world.right.faults.down = False
    world.right.faults.unanswered = world.right.faults.swallowed = {UIDS[0]}
    world.ask()
    world.now += timedelta(minutes=1)
    assert world.run()["outcome"] == "waiting"
    assert world.record("other").not_before == due


def not_taken(world: World) -> None:
    world.right.faults.unanswered = world.right.faults.swallowed = {UIDS[0]}


def go_on_for(world: World, time: timedelta) -> None:
    """Let the transfer be tried whenever it is due, for so long, and wait again each time."""
    until = world.now + time
    while True:
        assert world.run()["outcome"] == "waiting"
        due = world.record().not_before
        assert due is not None
        if due >= until:
            return
        world.now = due


def test_an_instance_that_is_not_taken_for_hours_has_failed_and_the_rest_is_verified(world: World) -> None:
    not_taken(world)
    world.ask()
    go_on_for(world, transfer_study.PATIENCE)
    world.now += timedelta(minutes=15)
    assert world.run()["outcome"] == "waiting"
    world.now += timedelta(minutes=15)
    with pytest.raises(TransferError, match=f"1 instance did not arrive .* {UIDS[0]}: 0110"):
        world.run()
    record = world.record()
    assert (record.state, record.verified, record.failed) == (TransferState.PARTLY, 4, 1)
    assert record.error_name == "TransferError"


def test_the_time_an_archive_was_away_uses_up_no_patience_with_what_it_does_not_take(world: World) -> None:
    world.right.faults.down = True
    world.ask()
    go_on_for(world, transfer_study.PATIENCE * 2)
    world.right.faults.down = False
    not_taken(world)
    go_on_for(world, transfer_study.PATIENCE / 2)
    assert world.record().verified + world.record().accepted >= 4


@pytest.fixture
def _seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives are tried some times a day, so that days are soon over."""
    monkeypatch.setattr(transfer_study, "LONGEST_WAIT", timedelta(hours=8))
    monkeypatch.setattr(transfer_study, "COUNTED_AT_MOST", timedelta(hours=16))


@pytest.mark.usefixtures("_seldom")
def test_as_long_as_more_arrives_it_is_not_given_up(world: World) -> None:
    world.right.faults.down = True
    world.ask()
    go_on_for(world, transfer_study.GIVEN_UP_AFTER - timedelta(hours=9))
    world.right.faults.down = False
    not_taken(world)
    world.run()
    world.right.faults.down = True
    go_on_for(world, timedelta(days=1))
    assert world.record().state is TransferState.QUEUED


def test_hours_in_which_it_may_not_run_use_up_no_patience(world: World) -> None:
    not_taken(world)
    opens = (world.now.astimezone() + timedelta(days=1)).replace(hour=18, minute=0, second=0, microsecond=0)
    world.now = opens
    world.ask(window="18:00-19:00")
    go_on_for(world, timedelta(minutes=55))
    spent_s = world.record().not_taken_s
    assert spent_s is not None
    world.now = opens + timedelta(hours=2)
    assert world.run()["outcome"] == "waiting"
    assert world.record().waits_for is WaitsFor.WINDOW
    world.now = opens + timedelta(days=1)
    assert world.run()["outcome"] == "waiting"
    record = world.record()
    assert (record.waits_for, record.not_taken_s) == (WaitsFor.ARCHIVE, spent_s)


def test_days_in_which_no_worker_ran_use_up_no_patience(world: World) -> None:
    world.right.faults.down = True
    world.ask()
    world.run()
    world.now += timedelta(days=30)
    assert world.run()["outcome"] == "waiting"


@pytest.mark.usefixtures("_seldom")
def test_an_archive_that_stays_away_for_days_is_given_up(world: World) -> None:
    world.ask()
    world.right.faults.down = True
    go_on_for(world, transfer_study.GIVEN_UP_AFTER)
    world.now += timedelta(hours=16)
    with pytest.raises(TransferError, match="tried for 7 days"):
        world.run()
    assert world.record().state is TransferState.FAILED
    world.transfers.ask_again("t")
    world.now = datetime.now(UTC)
    assert world.run()["outcome"] == "waiting"


def test_a_transfer_waits_for_its_hours(world: World) -> None:
    opens = (world.now.astimezone() + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    closes = opens + timedelta(hours=1)
    world.ask(window=f"{opens:%H:%M}-{closes:%H:%M}")
    assert world.run()["outcome"] == "waiting"
    record = world.record()
    assert (record.waits_for, record.not_before, record.attempts) == (WaitsFor.WINDOW, opens, 0)
    assert world.right.requests == []
    world.now = opens
    assert world.run()["outcome"] == "verified"


def test_a_transfer_stops_when_its_hours_are_over_and_goes_on_in_the_next(world: World) -> None:
    now = world.now.astimezone()
    world.ask(window=f"{now:%H:%M}-{now + timedelta(hours=1):%H:%M}")

    def pass_time(method: str) -> None:
        if method == "file" and len(world.right.held()) == 2:
            world.now += timedelta(hours=1)
            world.seconds += 10

    world.right.faults.hook = pass_time
    for uid in (f"1.2.1.{number}" for number in range(5, 600)):
        world.left.put(uid)
    assert world.run()["outcome"] == "waiting"
    record = world.record()
    assert record.waits_for is WaitsFor.WINDOW
    assert 0 < len(world.right.held()) < 600
    assert record.not_before is not None
    world.now = record.not_before
    world.right.faults.hook = None
    assert world.run()["outcome"] == "verified"
    assert set(world.right.received.values()) == {1}


def removed(world: World, uid: str, kind: str) -> None:
    """Let an instance be gone from DCM4CHEE, which a round has noted."""
    world.right.lose(uid)
    keys = frozenset({instance_key(SopInstanceUid(uid))})
    noted = datetime.now(UTC) + timedelta(seconds=1)
    world.services.store.inventory.bury(
        Tombstone("dcm4chee", STUDY, False, keys, kind, noted, "archive", held_at=noted)
    )


def cut_off(world: World) -> None:
    """Let a transfer of the whole study begin, and wait after three of five instances."""
    for uid in UIDS[:3]:
        world.right.put(uid)
    world.ask()
    world.right.faults.full = True
    assert world.run()["outcome"] == "waiting"
    world.right.faults.full = False


@pytest.mark.parametrize("kind", ["rejected", "deleted", "decided"])
def test_what_was_taken_out_meanwhile_is_not_sent_again(world: World, kind: str) -> None:
    cut_off(world)
    removed(world, UIDS[0], kind)
    with pytest.raises(TransferError, match=f"It was {kind} in dcm4chee since this transfer was asked for"):
        world.run()
    assert world.right.held() == set(UIDS[1:])
    record = world.record()
    assert (record.state, record.verified, record.failed) == (TransferState.PARTLY, 4, 1)
    world.ask("again")
    assert world.run("again")["outcome"] == "verified"
    assert world.right.held() == set(UIDS)


def test_what_only_disappeared_meanwhile_is_sent_again(world: World) -> None:
    cut_off(world)
    removed(world, UIDS[0], "disappeared")
    assert world.run()["outcome"] == "verified"
    assert world.right.held() == set(UIDS)


def test_what_was_taken_out_and_is_back_is_verified(world: World) -> None:
    cut_off(world)
    removed(world, UIDS[0], "rejected")
    world.right.put(UIDS[0])
    assert world.run()["outcome"] == "verified"


def test_a_study_that_another_holds_is_waited_for(world: World) -> None:
    world.ask()
    world.services.store.leases.acquire(f"study:{STUDY}", "repair", timedelta(minutes=5))
    assert world.run()["outcome"] == "waiting"
    assert world.record().waits_for is WaitsFor.STUDY
    assert world.right.requests == []
    world.services.store.leases.release(f"study:{STUDY}", "repair")
    assert world.run()["outcome"] == "verified"


def test_another_worker_does_not_go_on_while_the_first_may_live_and_the_same_one_does(world: World) -> None:
    world.ask()
    world.services.store.leases.acquire(f"study:{STUDY}", "t by first", timedelta(minutes=5))
    assert world.run(holder="second")["outcome"] == "waiting"
    assert world.run(holder="first")["outcome"] == "verified"


def test_a_lease_that_runs_out_in_the_middle_stops_it(world: World) -> None:
    world.ask()

    def stand_still(method: str) -> None:
        if method == "instances":
            world.seconds += 1000

    world.right.faults.hook = stand_still
    assert world.run()["outcome"] == "waiting"
    assert world.record().waits_for is WaitsFor.STUDY
    assert world.right.received == {}


# It is stopped


def test_a_cancelled_transfer_stops(world: World) -> None:
    world.ask()

    def cancel(method: str) -> None:
        if method == "instances":
            world.transfers.cancel("t")

    world.left.faults.hook = cancel
    world.right.faults.hook = lambda _: setattr(world, "seconds", world.seconds + 10)
    assert world.run() == {"outcome": "cancelled"}
    assert world.right.received == {}


def test_a_transfer_whose_job_is_cancelled_stops(world: World) -> None:
    world.ask()

    def cancel(method: str) -> None:
        if method == "instances":
            world.queue.cancel(transfer_job_id("t"))

    world.left.faults.hook = cancel
    world.right.faults.hook = lambda _: setattr(world, "seconds", world.seconds + 10)
    assert world.run() == {"outcome": "cancelled"}
    assert world.record().state is TransferState.CANCELLED


# It fails


def test_what_is_refused_is_told_with_its_reason(world: World) -> None:
    world.ask()
    world.right.faults.refused = dict.fromkeys(UIDS, REJECTED_BEFORE)
    with pytest.raises(TransferError, match="5 instances did not arrive in dcm4chee as they should"):
        world.run()
    record = world.record()
    assert (record.state, record.failed) == (TransferState.FAILED, 5)
    assert record.error_message is not None
    assert record.error_message.endswith("The ledger tells of the other 4.")
    with pytest.raises(TransferError, match="5 instances"):
        world.run()


def test_a_study_that_orthanc_lost_is_told(world: World) -> None:
    for uid in UIDS:
        world.left.lose(uid)
    world.ask()
    with pytest.raises(TransferError, match="orthanc holds nothing of the study"):
        world.run()
    assert world.record().state is TransferState.FAILED


def test_an_archive_that_refuses_the_suite_is_told(world: World) -> None:
    world.ask()

    def refuse(_: str) -> None:
        raise ArchiveRefused("HTTP 401: check user and password.", archive="dcm4chee", status=401)

    world.right.faults.hook = refuse
    with pytest.raises(TransferError, match="HTTP 401"):
        world.run()
    assert (world.record().state, world.record().error_name) == (TransferState.FAILED, "ArchiveRefused")


def test_an_archive_that_is_no_longer_configured_is_told(world: World) -> None:
    world.ask()
    del world.archives[ArchiveName.DCM4CHEE]
    with pytest.raises(TransferError, match=r"dcm4chee is not configured: set its address \(Dcm4chee.Url\)"):
        world.run()
    assert world.record().state is TransferState.FAILED


# How it is proven


def test_a_commitment_that_is_not_available_is_told_and_is_no_success(world: World) -> None:
    world.ask(storage_commitment=True)
    with pytest.raises(TransferError, match="verified, but: Storage commitment is not available"):
        world.run()
    record = world.record()
    assert (record.state, record.verified) == (TransferState.PARTLY, 5)


@pytest.mark.usefixtures("_seldom")
def test_a_commitment_whose_port_stays_away_is_given_up_with_what_is_verified(world: World) -> None:
    def away(_: object) -> Commitment:
        raise ArchiveUnavailable("DCM4CHEE cannot be reached.", archive="dcm4chee")

    world.services = replace(world.services, commit=away)
    world.ask(storage_commitment=True)
    go_on_for(world, transfer_study.GIVEN_UP_AFTER)
    world.now += timedelta(hours=16)
    with pytest.raises(TransferError, match="tried for 7 days"):
        world.run()
    assert (world.record().state, world.record().verified) == (TransferState.PARTLY, 5)


def test_a_commitment_that_is_given_is_success(world: World) -> None:
    world.services = replace(
        world.services,
        commit=lambda entries: Commitment(frozenset(one.sop_instance_uid for one in entries), {}),
    )
    world.ask(storage_commitment=True)
    assert world.run()["outcome"] == "verified"


@pytest.fixture
def images(world: World) -> list[str]:
    """Real DICOM in place of any bytes."""
    case = build_case(frame=ImageFrame(size=(3, 16, 16), spacing_mm=(4.0, 4.0), gap_mm=3.0), regions=1)
    for uid in UIDS:
        world.left.lose(uid)
    for image in case.images:
        content = io.BytesIO()
        image.save_as(content, enforce_file_format=True)
        world.left.put(
            str(image.SOPInstanceUID), sop_class=str(image.SOPClassUID), content=content.getvalue()
        )
    return [str(image.SOPInstanceUID) for image in case.images]


def test_content_is_compared_where_the_transfer_says_so(world: World, images: list[str]) -> None:
    world.ask(verify="content")
    assert world.run()["instances"] == len(images)


def test_content_that_the_archive_changed_is_told_without_values(world: World, images: list[str]) -> None:
    marker = b"Patient^Marker"
    world.right.faults.coerce = lambda content: content.replace(b"CT", b"MR", 1) if images else content
    original = world.left.content(images[0])
    assert marker not in original
    world.ask(verify="content")
    with pytest.raises(TransferError, match="Its content differs"):
        world.run()
    record = world.record()
    assert record.state is TransferState.FAILED
    assert record.failed == len(images)
