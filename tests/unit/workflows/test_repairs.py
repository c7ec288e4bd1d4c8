"""Repairs of a study in two archives in memory: carried out, decided, refused."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from orthanc_plugins.archives.base import ArchiveName, Transport
from orthanc_plugins.content.edit import MODIFYING_SYSTEM
from orthanc_plugins.identifiers import SopInstanceUid
from orthanc_plugins.store import RepairState
from tests.standin_objects import content_of, new_uid
from tests.unit.workflows.repaired import (
    DCM4CHEE,
    ORTHANC,
    POLICY,
    DeletingArchive,
    DurableSteps,
    StudyMemoryArchive,
    World,
    contents,
    damage,
    equal,
    new_world,
    plan_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.archives.base import DicomFile, StoreOutcome
    from orthanc_plugins.services import Services


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


def test_new_uids_are_never_made(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], FrameOfReferenceUID=new_uid(), SliceThickness="3")
    world.alter(world.orthanc, world.uids[0], FrameOfReferenceUID=new_uid())
    repair_id = world.plan(default="prefer_orthanc", pixel="prefer_orthanc")
    before = world.read(world.dcm4chee, world.uids[0]).FrameOfReferenceUID
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert world.read(world.dcm4chee, world.uids[0]).FrameOfReferenceUID == before
    assert str(world.read(world.dcm4chee, world.uids[0]).SliceThickness) == "2.50"


# What people decide


def test_what_a_person_has_to_decide_stays_until_they_do(world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, PatientName="Doe^Janet")
    world.alter(world.dcm4chee, world.uids[0], StudyID="S2")
    world.dcm4chee.lose(world.uids[2])
    repair_id = world.plan()
    record = world.apply(repair_id)
    assert (record.state, record.open_decisions, record.done) == (RepairState.PARTLY, 2, 1)
    assert record.error_message is None
    numbers = {one.tags: one.ordinal for one in world.repairs.actions(repair_id)}
    assert world.repairs.decide(repair_id, numbers["00100010"], "dcm4chee", "admin")
    assert world.repairs.decide(repair_id, numbers["00200010"], "leave", "admin")
    record = world.apply(repair_id)
    assert (record.state, record.open_decisions, record.done) == (RepairState.VERIFIED, 0, 2)
    assert [str(world.read(world.orthanc, uid).PatientName) for uid in world.uids[:2]] == ["Doe^Janet"] * 2
    assert world.read(world.orthanc, world.uids[0]).StudyID == "S1"
    assert sorted(world.states(repair_id)) == ["done", "done", "left"]


def test_while_something_is_undecided_it_is_not_told_that_everything_was_done(world: World) -> None:
    world.alter(world.dcm4chee, world.uids[0], StudyID="S2")
    world.dcm4chee.lose(world.uids[2])
    repair_id = world.plan()

    def someone_else(called: str) -> None:
        if called == "store":
            world.alter(world.orthanc, world.uids[1], SliceThickness="9")

    world.dcm4chee.faults.hook = someone_else
    record = world.apply(repair_id)
    assert (record.state, record.open_decisions) == (RepairState.PARTLY, 1)
    told = record.error_message or ""
    assert told.startswith("All that was decided was done, and compared again 1 difference is there that")


@pytest.fixture
def by_study(services: Services, tmp_path: Path, steps: DurableSteps) -> World:
    """Orthanc, and an archive that keeps its copies and changes attributes of a study in all instances."""
    orthanc = DeletingArchive(ArchiveName.ORTHANC, overwrites=True)
    world = new_world(services, tmp_path, steps, orthanc, StudyMemoryArchive())
    world.fill(4)
    return world


@pytest.mark.parametrize("default", ["manual", "prefer_orthanc"])
def test_a_value_of_one_instance_is_not_given_to_the_whole_study(by_study: World, default: str) -> None:
    world = by_study
    world.alter(world.orthanc, world.uids[1], StudyDescription="Re-sent")
    before = {uid: world.dcm4chee.content(uid) for uid in world.uids}
    repair_id = world.plan(default=default)
    (action,) = plan_of(world, repair_id).actions
    assert (action.kind.value, action.options) == ("manual", ("dcm4chee", "leave"))
    assert "it differs so in 1 of the 4 instances there" in action.reason
    assert world.apply(repair_id).state is RepairState.PARTLY
    assert {uid: world.dcm4chee.content(uid) for uid in world.uids} == before
    assert world.repairs.decide(repair_id, 1, "dcm4chee", "Jo")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert equal(world)


def test_a_study_is_not_changed_where_what_was_copied_meanwhile_has_another_value(by_study: World) -> None:
    """What an archive lacks is not compared: only when it is there does it show that it has another value."""
    world = by_study
    for uid in world.uids[1:]:
        world.alter(world.orthanc, uid, StudyDescription="Abdomen")
    world.dcm4chee.lose(world.uids[0])
    repair_id = world.plan(default="prefer_orthanc")
    record = world.apply(repair_id)
    assert (record.state, record.done, record.failed) == (RepairState.PARTLY, 1, 3)
    assert "DCM4CHEE holds StudyDescription once for the whole study" in world.detail(repair_id, 2)
    assert cast("StudyMemoryArchive", world.dcm4chee).updates == []
    assert world.apply(repair_id).failed == 3, "it can be applied again"


@pytest.mark.parametrize("same_in_all", [False, True])
def test_a_replaced_instance_keeps_what_is_held_once_for_the_study(
    services: Services, tmp_path: Path, steps: DurableSteps, same_in_all: bool
) -> None:
    """Also where it could be changed there for all, nobody has decided that."""
    dcm4chee = MergingArchive()
    world = new_world(
        services, tmp_path, steps, DeletingArchive(ArchiveName.ORTHANC, overwrites=True), dcm4chee
    )
    world.fill()
    for uid in world.uids if same_in_all else world.uids[:1]:
        world.alter(world.orthanc, uid, StudyDescription="Re-sent")
    world.alter(world.orthanc, world.uids[0], PixelData=bytes(128))
    before = contents(world)
    repair_id = world.plan()
    numbers = {one.tags: one.ordinal for one in world.repairs.actions(repair_id)}
    assert world.repairs.decide(repair_id, numbers["7FE00010"], "orthanc", "Jo")
    assert world.repairs.decide(repair_id, numbers["00081030"], "leave", "Jo")
    assert world.apply(repair_id).state is RepairState.VERIFIED, world.detail(repair_id, numbers["7FE00010"])
    changed = world.read(dcm4chee, world.uids[0])
    assert (changed.PixelData, changed.StudyDescription) == (bytes(128), "Thorax")
    assert dcm4chee.updates == []
    assert world.undo(repair_id).state is RepairState.UNDONE
    assert contents(world) == before


def test_a_replaced_instance_comes_with_what_is_decided_for_the_whole_study(
    services: Services, tmp_path: Path, steps: DurableSteps
) -> None:
    dcm4chee = MergingArchive()
    world = new_world(
        services, tmp_path, steps, DeletingArchive(ArchiveName.ORTHANC, overwrites=True), dcm4chee
    )
    world.fill(1)
    world.alter(world.orthanc, world.uids[0], StudyDescription="Abdomen", PixelData=bytes(128))
    repair_id = world.plan(default="prefer_orthanc", pixel="prefer_orthanc")
    assert world.apply(repair_id).state is RepairState.VERIFIED
    assert equal(world)
    assert dcm4chee.updates == [{"StudyDescription": "Abdomen"}]


class MergingArchive(StudyMemoryArchive):
    """An archive that takes instances in the place of its own, but not what it holds once for the study."""

    def replace(self, file: DicomFile) -> StoreOutcome:
        held = dcmread(BytesIO(self.content(file.sop_instance_uid)))
        content = content_of(with_values(file.content, StudyDescription=held.StudyDescription))
        self._overwrites = True
        self.lose(file.sop_instance_uid)
        return self._receive(replace(file, content=content))


def test_what_an_archive_makes_of_copies_does_not_hinder_later_decisions(by_study: World) -> None:
    world = by_study
    world.dcm4chee.lose(world.uids[0])
    world.alter(world.orthanc, world.uids[0], StudyDescription="Re-sent")
    world.alter(world.orthanc, world.uids[1], SliceThickness="9")
    world.dcm4chee.faults.coerce = lambda content: content_of(with_values(content, StudyDescription="Thorax"))
    repair_id = world.plan()
    record = world.apply(repair_id)
    assert "All that was decided was done, and compared again 1 difference" in (record.error_message or "")
    assert world.repairs.decide(repair_id, 2, "dcm4chee", "Jo")
    world.apply(repair_id)
    assert world.states(repair_id) == ["done", "done"]
    assert str(world.read(world.orthanc, world.uids[1]).SliceThickness) == "2.50"


def test_a_whole_instance_that_was_replaced_does_not_hinder_later_decisions(world: World) -> None:
    for uid in world.uids:
        world.alter(world.dcm4chee, uid, PatientName="Doe^Janet")
    world.alter(world.dcm4chee, world.uids[0], PixelData=bytes(128))
    repair_id = world.plan()
    numbers = {one.tags: one.ordinal for one in world.repairs.actions(repair_id)}
    assert world.repairs.decide(repair_id, numbers["7FE00010"], "orthanc", "Jo")
    assert world.apply(repair_id).state is RepairState.PARTLY
    assert world.repairs.decide(repair_id, numbers["00100010"], "dcm4chee", "Jo")
    world.apply(repair_id)
    assert world.states(repair_id) == ["done", "done"]
    assert str(world.read(world.orthanc, world.uids[1]).PatientName) == "Doe^Janet"


def with_values(content: bytes, **values: Any) -> FileDataset:
    data_set = dcmread(BytesIO(content))
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


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
