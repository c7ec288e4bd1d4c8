"""Repairs of a study in two archives in memory: what is planned, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, RepairError
from orthanc_plugins.identifiers import orthanc_id_of
from orthanc_plugins.store import RepairFiles, RepairState, Tombstone
from orthanc_plugins.sync.inventory import instance_key
from tests.fakes import MemoryArchive
from tests.unit.holdings import hold
from tests.unit.workflows.repaired import (
    DCM4CHEE,
    ORTHANC,
    POLICY,
    DurableSteps,
    World,
    damage,
    new_world,
    plan_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.archives.base import ArchiveName
    from orthanc_plugins.services import Services


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
    assert (action.kind.value, action.options) == ("manual", ("copy", "leave"))
    assert action.reason.startswith("DCM4CHEE held it until ")
    assert "whether it was deleted or lost is not known" in action.reason
    assert world.apply(repair_id).state is RepairState.PARTLY
    assert world.uids[0] not in world.dcm4chee.held()
    assert world.repairs.decide(repair_id, 1, "copy", "Jo")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.uids[0] in world.dcm4chee.held()


def test_what_a_person_leaves_out_is_remembered_and_not_asked_again(world: World) -> None:
    for uid in world.uids[:2]:
        world.dcm4chee.lose(uid)
        bury(world, DCM4CHEE, uid)
    never_there = world.add(world.orthanc)
    repair_id = world.plan()
    kinds = {one.kind.value: one for one in plan_of(world, repair_id).actions}
    assert world.repairs.decide(repair_id, kinds["manual"].ordinal, "leave", "Jo")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.dcm4chee.held() == {world.uids[2], never_there}
    (tombstone,) = world.services.store.inventory.tombstones().entries
    assert (tombstone.archive, tombstone.kind, tombstone.noted_by) == ("dcm4chee", "decided", "Jo")
    assert tombstone.held_at is not None
    (action,) = plan_of(world, world.plan()).actions
    assert (action.kind.value, len(action.instances)) == ("blocked", 2)
    assert action.reason.startswith("A person decided that it stays out of DCM4CHEE, noted ")


def test_only_what_was_left_out_has_a_decision_in_its_tombstone(world: World) -> None:
    for uid in world.uids[:2]:
        world.dcm4chee.lose(uid)
        bury(world, DCM4CHEE, uid)
    repair_id = world.plan()
    assert world.repairs.decide(repair_id, 1, "leave", "Jo")
    world.put(world.dcm4chee, world.uids[1], world.orthanc.content(world.uids[1]))
    world.apply(repair_id)
    (tombstone,) = world.services.store.inventory.tombstones().entries
    assert tombstone.kind_of(instance_key(world.uids[0])) == "decided"
    assert tombstone.kind_of(instance_key(world.uids[1])) == "disappeared"


def test_nothing_is_remembered_of_a_difference_that_is_left(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], SliceThickness="3")
    repair_id = world.plan()
    assert world.repairs.decide(repair_id, 1, "leave", "Jo")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.services.store.inventory.tombstones().total == 0


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
