"""A transfer of the ledger is carried out, is stopped, or tells why not, and is proven as asked."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.commitment import Commitment
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, TransferError, TransferNotFound
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.store import Tombstone, TransferState
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.transfers import Limiter
from orthanc_plugins.workflows import transfer_study
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.fakes.archive import REJECTED_BEFORE
from tests.unit.workflows.transfers.conftest import STUDY, UIDS, World, go_on_for


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


# What was taken out meanwhile


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
