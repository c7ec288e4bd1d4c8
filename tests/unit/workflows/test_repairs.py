"""Repairs of a study in two archives in memory: planned, carried out, cut off, verified, undone."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from orthanc_plugins.archives.base import ArchiveName, Transport
from orthanc_plugins.content.edit import MODIFYING_SYSTEM
from orthanc_plugins.errors import ArchiveUnavailable, RepairError
from orthanc_plugins.identifiers import SopInstanceUid, orthanc_id_of
from orthanc_plugins.store import RepairFiles, RepairState, Tombstone
from orthanc_plugins.sync.actions import RepairPlan
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.workflows import compared_copies, repair_jobs
from orthanc_plugins.workflows.compared_copies import compare_copies
from tests.fakes import MemoryArchive
from tests.standin_objects import content_of, new_uid
from tests.unit.holdings import hold
from tests.unit.workflows.repaired import (
    DCM4CHEE,
    ORTHANC,
    DeletingArchive,
    DurableSteps,
    KilledError,
    StudyMemoryArchive,
    World,
    killed_at,
    new_world,
)

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.services import Services
    from orthanc_plugins.store import RepairRecord


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> DurableSteps:
    steps = DurableSteps()
    monkeypatch.setattr(repair_jobs, "run_step", steps)
    monkeypatch.setattr(repair_jobs, "WAITS_S", ())
    monkeypatch.setattr(compared_copies, "write_reports", lambda *_: None)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return steps


@pytest.fixture
def world(services: Services, tmp_path: Path, steps: DurableSteps) -> World:
    """Two archives that both let their copies be replaced, with the same three images in each."""
    orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
    dcm4chee = MemoryArchive(ArchiveName.DCM4CHEE, overwrites=True)
    made = new_world(services, tmp_path, steps, orthanc, dcm4chee)
    made.fill()
    return made


def equal(world: World) -> bool:
    return compare_copies(world.services.archives, world.study_uid).equal


def plan_of(world: World, repair_id: str) -> RepairPlan:
    content = RepairFiles(world.services.data).read(repair_id, "plan")
    assert content is not None
    return RepairPlan.from_json(content)


def damage(world: World) -> str:
    """Lose an instance on each side, change attributes on each; return what Orthanc has lost."""
    world.orthanc.lose(world.uids[0])
    world.dcm4chee.lose(world.uids[1])
    world.fill(2)
    world.alter(world.dcm4chee, world.uids[3], PatientSex="M", SliceThickness="3")
    world.alter(world.orthanc, world.uids[4], PatientComments="checked")
    return world.uids[0]


POLICY: dict[str, Any] = {"default": "prefer_orthanc", "attributes": {"SliceThickness": "prefer_dcm4chee"}}


# Planning


def test_a_plan_tells_what_would_be_done_and_does_nothing(world: World) -> None:
    damage(world)
    before = {archive: archive.held() for archive in (world.orthanc, world.dcm4chee)}
    repair_id = world.plan(**POLICY)
    record = world.record(repair_id)
    assert (record.state, record.open_decisions) == (RepairState.PLANNED, 0)
    plan = plan_of(world, repair_id)
    assert record.plan_digest == plan.digest
    kinds = [(action.kind.value, action.target) for action in plan.actions]
    assert kinds == [
        ("copy", DCM4CHEE),
        ("copy", ORTHANC),
        ("update", DCM4CHEE),
        ("update", DCM4CHEE),
        ("update", ORTHANC),
    ]
    assert record.changes_bytes == sum(action.size_bytes or 0 for action in plan.actions) > 0
    assert {archive: archive.held() for archive in before} == before
    assert "replace" not in world.orthanc.requests + world.dcm4chee.requests


def test_values_stand_in_files_and_not_in_tables(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], PatientComments="MARKER")
    repair_id = world.plan()
    record = repr([world.record(repair_id), *world.repairs.actions(repair_id)])
    assert "MARKER" not in record
    assert world.repairs.actions(repair_id)[0].tags == "00104000"
    files = RepairFiles(world.services.data)
    assert "MARKER" in str(files.read(repair_id, "plan"))


def test_what_was_rejected_on_purpose_is_blocked(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    keys = frozenset({instance_key(world.uids[0])})
    world.services.store.inventory.bury(
        Tombstone("dcm4chee", world.study_uid, False, keys, "rejected", datetime.now(UTC), "sync")
    )
    repair_id = world.plan()
    (action,) = plan_of(world, repair_id).actions
    assert (action.kind.value, world.states(repair_id)) == ("blocked", ["blocked"])
    assert "rejected there" in action.reason
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.uids[0] not in world.dcm4chee.held()
    assert world.apply(world.plan(deleted="copy")).state is RepairState.VERIFIED
    assert world.uids[0] in world.dcm4chee.held()


def bury(world: World, archive: ArchiveName, uid: str) -> None:
    keys = frozenset({instance_key(uid)})
    now = datetime.now(UTC)
    world.services.store.inventory.bury(
        Tombstone(archive, world.study_uid, False, keys, "disappeared", now, "archive", held_at=now)
    )


def test_what_only_disappeared_is_for_a_person_to_decide(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    bury(world, DCM4CHEE, world.uids[0])
    repair_id = world.plan()
    (action,) = plan_of(world, repair_id).actions
    assert (action.kind.value, action.options) == ("manual", ("orthanc", "both"))
    assert action.reason.startswith("DCM4CHEE held it until ")
    assert "whether it was deleted or lost is not known" in action.reason
    assert world.apply(repair_id).state is RepairState.PARTLY
    assert world.uids[0] not in world.dcm4chee.held()
    assert world.repairs.decide(repair_id, 1, "orthanc", "Jo")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.uids[0] in world.dcm4chee.held()


def test_what_disappeared_before_a_round_noticed_is_not_copied_unasked(world: World) -> None:
    hold(world.services.store, DCM4CHEE, world.study_uid, world.uids)
    hold(world.services.store, ORTHANC, world.study_uid, world.uids)
    never_there = world.add(world.orthanc)
    world.dcm4chee.lose(world.uids[0])
    told = {one.kind.value: one for one in plan_of(world, world.plan()).actions}
    assert [one.sop_instance_uid for one in told["manual"].instances] == [world.uids[0]]
    assert "no longer lists it" in told["manual"].reason
    assert [one.sop_instance_uid for one in told["copy"].instances] == [never_there]
    assert world.services.store.inventory.tombstones().total == 0


def test_the_archive_is_asked_for_proof_when_a_repair_is_planned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rejected(_: MemoryArchive, study_uids: list[str]) -> dict[str, list[str]]:
        return dict.fromkeys(study_uids, world.uids[:1])

    for uid in world.uids[:2]:
        world.dcm4chee.lose(uid)
        bury(world, DCM4CHEE, uid)
    monkeypatch.setattr(MemoryArchive, "rejected", rejected, raising=False)
    told = {one.kind.value: one for one in plan_of(world, world.plan()).actions}
    assert "it was rejected there" in told["blocked"].reason
    assert [one.sop_instance_uid for one in told["blocked"].instances] == world.uids[:1]
    assert [one.sop_instance_uid for one in told["manual"].instances] == [world.uids[1]]


class RefusingArchive(MemoryArchive):
    """An archive that does not take again what was rejected in it."""

    refused: list[str]

    def kept_out(self, study_uids: list[str]) -> dict[str, list[str]]:
        return dict.fromkeys(study_uids, self.refused)


def test_what_the_archive_would_not_take_is_blocked_without_a_tombstone_and_with(
    services: Services, tmp_path: Path, steps: DurableSteps
) -> None:
    dcm4chee = RefusingArchive(DCM4CHEE)
    world = new_world(services, tmp_path, steps, MemoryArchive(ORTHANC), dcm4chee)
    world.fill()
    dcm4chee.refused = world.uids[:1]
    for uid in world.uids[:2]:
        dcm4chee.lose(uid)
    for _ in range(2):
        told = {one.kind.value: one for one in plan_of(world, world.plan()).actions}
        assert told["blocked"].reason.startswith("DCM4CHEE does not take it: it was rejected there.")
        assert "reject/REVOKE_REJECTION^99DCM4CHEE" in told["blocked"].reason
        assert [one.sop_instance_uid for one in told["blocked"].instances] == world.uids[:1]
        bury(world, DCM4CHEE, world.uids[0])


def test_an_instance_that_orthanc_said_it_deleted_is_blocked(world: World) -> None:
    hold(world.services.store, ORTHANC, world.study_uid, world.uids[1:])
    entry = next(iter(world.orthanc.instances(world.study_uid)))
    world.orthanc.lose(world.uids[0])
    bury(world, ORTHANC, world.uids[0])
    name = orthanc_id_of("P1", world.study_uid, entry.series_uid, world.uids[0])
    world.services.store.inventory.note_deletions([name], datetime.now(UTC))
    (action,) = plan_of(world, world.plan()).actions
    assert (action.kind.value, action.reason.split(",")[0]) == ("blocked", "Orthanc deleted it")


def test_the_newest_is_read_from_the_copies(world: World) -> None:
    dates = {"InstanceCreationTime": "120000", "TimezoneOffsetFromUTC": "+0000"}
    world.alter(world.orthanc, world.uids[0], PatientSex="M", InstanceCreationDate="20260101", **dates)
    world.alter(world.dcm4chee, world.uids[0], InstanceCreationDate="20260401", **dates)
    repair_id = world.plan(default="newest")
    assert [(one.kind.value, one.target) for one in plan_of(world, repair_id).actions] == [
        ("update", ORTHANC)
    ]
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.read(world.orthanc, world.uids[0]).PatientSex == "F"


def test_a_study_that_cannot_be_compared_has_no_plan(world: World) -> None:
    world.dcm4chee.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        world.plan()
    (record,) = world.repairs.repairs().entries
    assert (record.state, record.error_name) == (RepairState.FAILED, "ArchiveUnavailable")
    world.dcm4chee.faults.down = False
    world.begin(record.repair_id, RepairState.APPLYING)
    with pytest.raises(RepairError, match="no plan"):
        world.go_on_applying(record.repair_id)


def test_a_repair_needs_both_archives(world: World) -> None:
    world.services.archives.pop(DCM4CHEE)  # type: ignore[attr-defined]
    with pytest.raises(RepairError, match="both archives"):
        world.plan()


# Carrying out


def test_what_was_planned_is_done_and_the_copies_are_equal(world: World) -> None:
    lost = damage(world)
    record = world.apply(world.plan(**POLICY))
    assert (record.state, record.done, record.failed, record.error_message) == (
        RepairState.VERIFIED,
        5,
        0,
        None,
    )
    assert equal(world)
    assert lost in world.orthanc.held()
    changed = world.read(world.dcm4chee, world.uids[3])
    assert (changed.PatientSex, str(changed.SliceThickness)) == ("F", "3")
    item = changed.OriginalAttributesSequence[0]
    assert (item.ModifyingSystem, item.SourceOfPreviousValues) == (MODIFYING_SYSTEM, "DCM4CHEE")
    assert item.ModifiedAttributesSequence[0].PatientSex == "M"
    assert str(world.read(world.orthanc, world.uids[3]).SliceThickness) == "3"


def test_a_whole_study_is_copied(world: World) -> None:
    for uid in world.uids:
        world.dcm4chee.lose(uid)
    record = world.apply(world.plan())
    assert record.state is RepairState.VERIFIED
    assert world.dcm4chee.held() == set(world.uids)
    assert all(count == 1 for count in world.dcm4chee.received.values())


@pytest.mark.parametrize("transport", list(Transport))
def test_copies_go_to_dcm4chee_as_the_settings_say(world: World, transport: Transport) -> None:
    world.dcm4chee.lose(world.uids[0])
    world.orthanc.lose(world.uids[1])
    world.services = replace(world.services, repair_transport=transport)
    assert world.apply(world.plan()).state is RepairState.VERIFIED
    assert world.dcm4chee.transports == [transport]
    assert world.orthanc.transports == [Transport.STOW]


def test_pixels_are_replaced_with_the_whole_instance(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], PixelData=bytes(128), PatientSex="M")
    repair_id = world.plan(default="prefer_orthanc", pixel="prefer_orthanc")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.dcm4chee.content(world.uids[0]) == world.orthanc.content(world.uids[0])


def test_a_file_that_cannot_be_read_is_replaced_by_the_one_that_can(world: World) -> None:
    good = world.orthanc.content(world.uids[0])
    world.put(world.dcm4chee, world.uids[0], good)
    world.dcm4chee._held[SopInstanceUid(world.uids[0])].content = good[:400]
    repair_id = world.plan(pixel="prefer_orthanc")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.dcm4chee.content(world.uids[0]) == good


def test_nothing_that_does_not_differ_is_written(world: World) -> None:
    damage(world)
    before = {
        (archive.name, uid): archive.content(uid)
        for archive in (world.orthanc, world.dcm4chee)
        for uid in archive.held()
    }
    world.apply(world.plan(**POLICY))
    changed = {
        place for place, content in before.items() if world.archive(place[0]).content(place[1]) != content
    }
    assert changed == {(DCM4CHEE, world.uids[3]), (ORTHANC, world.uids[3]), (DCM4CHEE, world.uids[4])}


def test_a_plan_without_anything_to_do_is_verified(world: World) -> None:
    record = world.apply(world.plan())
    assert (record.state, record.actions) == (RepairState.VERIFIED, 0)


def test_applied_again_nothing_more_is_done(world: World) -> None:
    damage(world)
    repair_id = world.plan(**POLICY)
    world.apply(repair_id)
    asked = list(world.dcm4chee.requests)
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert {"replace", "store", "remove"}.isdisjoint(world.dcm4chee.requests[len(asked) :])


# What people decide


def test_what_a_person_has_to_decide_stays_until_they_do(world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, PatientName="Doe^Janet")
    world.alter(world.dcm4chee, world.uids[0], StudyID="S2")
    world.dcm4chee.lose(world.uids[2])
    repair_id = world.plan()
    record = world.apply(repair_id)
    assert (record.state, record.open_decisions, record.done) == (RepairState.PARTLY, 2, 1)
    assert (record.error_message or "").startswith(
        "Left undecided: 2 actions; the copies still differ there."
    )
    numbers = {one.tags: one.ordinal for one in world.repairs.actions(repair_id)}
    assert world.repairs.decide(repair_id, numbers["00100010"], "dcm4chee", "admin")
    assert world.repairs.decide(repair_id, numbers["00200010"], "both", "admin")
    record = world.apply(repair_id)
    assert (record.state, record.open_decisions, record.done) == (RepairState.VERIFIED, 0, 2)
    assert [str(world.read(world.orthanc, uid).PatientName) for uid in world.uids[:2]] == ["Doe^Janet"] * 2
    assert world.read(world.orthanc, world.uids[0]).StudyID == "S1"
    assert sorted(world.states(repair_id)) == ["done", "done", "left"]


# Refusals


def test_an_archive_that_keeps_its_copies_is_told_apart_by_action(world: World) -> None:
    world.dcm4chee._overwrites = False
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    world.orthanc.lose(world.uids[1])
    repair_id = world.plan(default="prefer_orthanc")
    record = world.apply(repair_id)
    assert (record.state, record.done, record.failed) == (RepairState.PARTLY, 1, 1)
    assert "keeps its first copy" in world.detail(repair_id, 2)
    world.dcm4chee._overwrites = True
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.detail(repair_id, 2) == ""


def test_attributes_of_the_study_are_changed_where_the_archive_holds_them(
    services: Services, tmp_path: Path, steps: DurableSteps
) -> None:
    dcm4chee = StudyMemoryArchive()
    orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
    world = new_world(services, tmp_path, steps, orthanc, dcm4chee)
    world.fill()
    for uid in world.uids:
        world.alter(orthanc, uid, PatientName="Doe^Janet", StudyDescription="Abdomen")
    before = {uid: dcm4chee.content(uid) for uid in world.uids}
    repair_id = world.plan(default="prefer_orthanc")
    record = world.apply(repair_id)
    assert (record.state, record.done) == (RepairState.VERIFIED, 3)
    assert dcm4chee.updates == [{"PatientName": "Doe^Janet", "StudyDescription": "Abdomen"}]
    assert world.undo(repair_id).state is RepairState.UNDONE
    assert dcm4chee.updates[1] == {"PatientName": "Doe^Jane", "StudyDescription": "Thorax"}
    assert {uid: dcm4chee.content(uid) for uid in world.uids} == before


def test_instances_that_are_refused_are_told_and_the_rest_arrives(world: World) -> None:
    for uid in world.uids:
        world.dcm4chee.lose(uid)
    world.dcm4chee.faults.refused[world.uids[1]] = 0xA777
    repair_id = world.plan()
    record = world.apply(repair_id)
    assert (record.state, record.failed) == (RepairState.FAILED, 1)
    assert "1 instance did not arrive in DCM4CHEE" in world.detail(repair_id, 1)
    assert world.dcm4chee.held() == {world.uids[0], world.uids[2]}
    world.dcm4chee.faults.refused.clear()
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.dcm4chee.received[SopInstanceUid(world.uids[0])] == 1


def test_an_answer_that_lies_is_not_believed(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    world.dcm4chee.faults.swallowed.add(world.uids[0])
    repair_id = world.plan()
    record = world.apply(repair_id)
    assert (record.state, world.states(repair_id)) == (RepairState.FAILED, ["failed"])


def test_an_archive_that_says_it_replaced_and_did_not_is_told(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    world.dcm4chee.faults.swallowed.add(world.uids[0])
    repair_id = world.plan(default="prefer_orthanc")
    assert world.apply(repair_id).state is RepairState.FAILED
    assert "said that it took the change, and did not" in world.detail(repair_id, 1)


def test_what_an_archive_changes_by_its_own_rules_is_no_fault(world: World) -> None:
    def coerce(content: bytes) -> bytes:
        data_set = dcmread(BytesIO(content))
        item, former = Dataset(), Dataset()
        former.StudyID = data_set.StudyID
        item.ModifiedAttributesSequence = [former]
        item.ReasonForTheAttributeModification = "COERCE"
        data_set.OriginalAttributesSequence = [item]
        data_set.StudyID = "DCM"
        return content_of(data_set)

    world.dcm4chee.lose(world.uids[0])
    world.dcm4chee.faults.coerce = coerce
    record = world.apply(world.plan())
    assert record.state is RepairState.VERIFIED
    assert not equal(world)


# Changes meanwhile


@pytest.mark.parametrize("where", [ORTHANC, DCM4CHEE])
@pytest.mark.parametrize("what", ["attribute", "pixels", "lost", "added", "repaired by hand"])
def test_either_side_changed_since_the_plan_nothing_is_done(
    world: World, where: ArchiveName, what: str
) -> None:
    world.alter(world.dcm4chee, world.uids[0], PatientSex="M")
    repair_id = world.plan(default="prefer_orthanc")
    archive = world.archive(where)
    if what == "attribute":
        world.alter(archive, world.uids[1], PatientSex="O")
    elif what == "pixels":
        world.alter(archive, world.uids[0], PixelData=bytes(128))
    elif what == "lost":
        archive.lose(world.uids[2])
    elif what == "added":
        world.add(archive)
    else:
        source = world.archive(where.other)
        world.put(archive, world.uids[0], source.content(world.uids[0]))
    with pytest.raises(RepairError, match="has changed since the repair was planned"):
        world.apply(repair_id)
    record = world.record(repair_id)
    assert (record.state, record.done) == (RepairState.FAILED, 0)
    assert "Compare it again" in (record.error_message or "")
    assert "replace" not in world.dcm4chee.requests
    assert world.repairs.changes(repair_id) == []


def test_a_copy_changed_by_someone_else_in_the_middle_is_left_alone(world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    last = world.uids[-1]

    def interfere(method: str) -> None:
        if method == "replace":
            world.dcm4chee.faults.hook = None
            world.alter(world.dcm4chee, last, StudyID="someone else's", SliceThickness="3")
            world.alter(world.orthanc, last, StudyID="both at once", SliceThickness="2.5")

    world.dcm4chee.faults.hook = interfere
    record = world.apply(repair_id)
    assert record.state is RepairState.PARTLY
    assert world.read(world.dcm4chee, last).StudyID == "someone else's"
    assert world.read(world.orthanc, last).StudyID == "both at once"


def test_plan_files_that_were_changed_are_not_applied(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], PatientSex="M")
    repair_id = world.plan(default="prefer_orthanc")
    files = RepairFiles(world.services.data)
    content = files.read(repair_id, "plan")
    assert content is not None
    content["actions"][0]["target"] = "orthanc"
    files.write(repair_id, "plan", content)
    with pytest.raises(RepairError, match="not those that were planned"):
        world.apply(repair_id)
    files.write(repair_id, "plan", {"actions": []})
    with pytest.raises(RepairError, match="damaged"):
        world.apply(repair_id)


def test_a_study_that_a_transfer_holds_is_left_alone(world: World) -> None:
    world.orthanc.lose(world.uids[0])
    repair_id = world.plan()
    assert world.services.store.leases.acquire(f"study:{world.study_uid}", "a transfer", timedelta(minutes=5))
    with pytest.raises(RepairError, match="ask again later"):
        world.apply(repair_id)
    assert world.record(repair_id).state is RepairState.FAILED
    world.services.store.leases.release(f"study:{world.study_uid}", "a transfer")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.services.store.leases.holder(f"study:{world.study_uid}") is None


# Cut off


def test_killed_at_any_point_it_goes_on_and_does_nothing_twice(
    services: Services, tmp_path: Path, steps: DurableSteps
) -> None:
    for number in range(1, 200, 3):
        orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
        dcm4chee = DeletingArchive(ArchiveName.DCM4CHEE, overwrites=True)
        world = new_world(services, tmp_path, steps, orthanc, dcm4chee)
        world.fill()
        damage(world)
        repair_id = world.plan(**POLICY)
        hook = killed_at(number)
        orthanc.faults.hook = dcm4chee.faults.hook = hook
        try:
            world.apply(repair_id)
        except KilledError:
            orthanc.faults.hook = dcm4chee.faults.hook = None
            steps.restart()
            record = world.go_on_applying(repair_id)
            assert (record.state, record.done) == (RepairState.VERIFIED, 5), number
            assert equal(world)
            _assert_nothing_lost(world)
            continue
        assert number > 40, "it was hardly ever cut off"
        return
    raise AssertionError("It never came to its end.")


def _assert_nothing_lost(world: World) -> None:
    assert world.orthanc.held() == world.dcm4chee.held() == set(world.uids)
    for archive in (world.orthanc, world.dcm4chee):
        assert all(
            len(world.read(archive, uid).get("OriginalAttributesSequence", [])) <= 1 for uid in world.uids
        )


def test_undoing_killed_at_any_point_goes_on(services: Services, tmp_path: Path, steps: DurableSteps) -> None:
    for number in range(1, 200, 3):
        orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
        dcm4chee = DeletingArchive(ArchiveName.DCM4CHEE, overwrites=True)
        world = new_world(services, tmp_path, steps, orthanc, dcm4chee)
        world.fill()
        damage(world)
        before = _contents(world)
        repair_id = world.plan(**POLICY)
        world.apply(repair_id)
        orthanc.faults.hook = dcm4chee.faults.hook = killed_at(number)
        try:
            world.undo(repair_id)
        except KilledError:
            orthanc.faults.hook = dcm4chee.faults.hook = None
            steps.restart()
            assert world.go_on_undoing(repair_id).state is RepairState.UNDONE, number
            assert _contents(world) == before
            continue
        assert number > 20, "it was hardly ever cut off"
        return
    raise AssertionError("It never came to its end.")


def _contents(world: World) -> dict[str, dict[str, bytes]]:
    return {
        archive.name: {uid: archive.content(uid) for uid in archive.held()}
        for archive in (world.orthanc, world.dcm4chee)
    }


@pytest.mark.parametrize("down_after", [1, 3])
def test_an_archive_that_goes_down_in_the_middle_leaves_a_repair_that_can_go_on(
    world: World, down_after: int
) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    left = [down_after]

    def go_down(method: str) -> None:
        left[0] -= method == "replace"
        world.dcm4chee.faults.down = left[0] <= 0

    world.dcm4chee.faults.hook = go_down
    with pytest.raises(ArchiveUnavailable):
        world.apply(repair_id)
    record = world.record(repair_id)
    assert (record.state, record.error_name) == (RepairState.PARTLY, "ArchiveUnavailable")
    assert record.done == down_after - 1
    world.dcm4chee.faults.hook, world.dcm4chee.faults.down = None, False
    record = world.apply(repair_id)
    assert (record.state, record.done) == (RepairState.VERIFIED, 3)
    assert equal(world)


def test_an_archive_that_is_down_at_the_end_leaves_it_applied_and_not_verified(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")

    def go_down(method: str) -> None:
        if method == "studies" and "replace" in world.dcm4chee.requests:
            world.dcm4chee.faults.down = True

    world.dcm4chee.faults.hook = go_down
    record = world.apply(repair_id)
    assert (record.state, record.done) == (RepairState.APPLIED, 1)
    world.dcm4chee.faults.hook, world.dcm4chee.faults.down = None, False
    assert world.apply(repair_id).state is RepairState.VERIFIED


def test_a_broken_connection_loses_and_doubles_nothing(world: World) -> None:
    for uid in world.uids:
        world.dcm4chee.lose(uid)
    world.dcm4chee.faults.breaks_after = 1
    repair_id = world.plan()
    try:
        record: RepairRecord = world.apply(repair_id)
    except ArchiveUnavailable:
        record = world.record(repair_id)
    assert record.state in {RepairState.FAILED, RepairState.PARTLY, RepairState.VERIFIED}
    world.dcm4chee.faults.breaks_after = None
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.dcm4chee.held() == set(world.uids)


# Undoing


def test_undone_everything_is_as_it_was_byte_for_byte(world: World) -> None:
    damage(world)
    before = _contents(world)
    repair_id = world.plan(**POLICY)
    world.apply(repair_id)
    assert _contents(world) != before
    record = world.undo(repair_id)
    assert (record.state, record.error_message) == (RepairState.UNDONE, None)
    assert _contents(world) == before
    assert set(world.states(repair_id)) == {"undone"}


def test_the_former_file_is_on_disk_before_the_change_is_made(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    former = world.dcm4chee.content(world.uids[0])
    repair_id = world.plan(default="prefer_orthanc")
    kept: list[bytes] = []

    def look(method: str) -> None:
        if method == "replace":
            files = RepairFiles(world.services.data)
            kept.extend(files.kept(repair_id, one.former) for one in world.repairs.changes(repair_id))

    world.dcm4chee.faults.hook = look
    world.apply(repair_id)
    assert kept == [former]


def test_what_was_changed_after_the_repair_is_not_undone(world: World) -> None:
    for uid in world.uids[:2]:
        world.alter(world.dcm4chee, uid, SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    world.apply(repair_id)
    world.alter(world.dcm4chee, world.uids[0], StudyID="later")
    record = world.undo(repair_id)
    assert record.state is RepairState.UNDO_FAILED
    assert "changed by someone else since" in (record.error_message or "")
    assert world.read(world.dcm4chee, world.uids[0]).StudyID == "later"
    assert str(world.read(world.dcm4chee, world.uids[1]).SliceThickness) == "3"


def test_what_someone_else_has_corrected_and_recorded_since_is_not_undone(world: World) -> None:
    """A record of a change explains it where an archive coerces by its own rules, and Orthanc does not."""
    world.alter(world.orthanc, world.uids[0], SliceThickness="3")
    repair_id = world.plan(default="prefer_dcm4chee")
    world.apply(repair_id)
    corrected = world.read(world.orthanc, world.uids[0])
    record = corrected.OriginalAttributesSequence[0]
    record.ModifiedAttributesSequence[0].StudyID = corrected.StudyID
    corrected.StudyID = "corrected"
    world.put(world.orthanc, world.uids[0], content_of(corrected))
    assert world.undo(repair_id).state is RepairState.UNDO_FAILED
    assert world.read(world.orthanc, world.uids[0]).StudyID == "corrected"


def test_the_only_copy_left_is_never_taken_out(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    repair_id = world.plan()
    world.apply(repair_id)
    world.orthanc.lose(world.uids[0])
    record = world.undo(repair_id)
    assert record.state is RepairState.UNDO_FAILED
    assert world.uids[0] in world.dcm4chee.held()


def test_what_someone_else_has_copied_meanwhile_is_not_taken_out(world: World) -> None:
    world.dcm4chee.lose(world.uids[0])
    repair_id = world.plan()
    record = world.apply(repair_id)
    other = world.add(world.dcm4chee)
    assert record.state is RepairState.VERIFIED
    assert world.undo(repair_id).error_message is not None
    assert other in world.dcm4chee.held()
    assert world.uids[0] not in world.dcm4chee.held()


def test_a_damaged_undo_file_is_not_put_back(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair_id = world.plan(default="prefer_orthanc")
    world.apply(repair_id)
    (change,) = world.repairs.changes(repair_id)
    path = world.services.data / "undo" / repair_id / change.former
    path.write_bytes(path.read_bytes()[:-1])
    record = world.undo(repair_id)
    assert record.state is RepairState.UNDO_FAILED
    assert "damaged" in (record.error_message or "")
    assert str(world.read(world.dcm4chee, world.uids[0]).SliceThickness) == "2.50"


def test_new_uids_are_never_made(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], FrameOfReferenceUID=new_uid(), SliceThickness="3")
    world.alter(world.orthanc, world.uids[0], FrameOfReferenceUID=new_uid())
    repair_id = world.plan(default="prefer_orthanc", pixel="prefer_orthanc")
    before = world.read(world.dcm4chee, world.uids[0]).FrameOfReferenceUID
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.read(world.dcm4chee, world.uids[0]).FrameOfReferenceUID == before
    assert str(world.read(world.dcm4chee, world.uids[0]).SliceThickness) == "2.50"
