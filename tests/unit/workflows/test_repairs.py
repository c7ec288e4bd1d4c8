"""Repairs of a study in two archives in memory: carried out, decided, refused."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

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
    damage,
    equal,
    new_world,
)

if TYPE_CHECKING:
    from pathlib import Path

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
