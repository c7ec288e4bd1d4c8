"""What is told where of a study that leaves: in the trail, the store, the way back, and nowhere else."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.audit.codes import Action
from orthanc_plugins.audit.events import Occasion, instances_accessed
from orthanc_plugins.audit.parties import AuditSource, Participant, PatientObject, StudyObject
from orthanc_plugins.audit.trail import AuditTrail
from orthanc_plugins.errors import (
    ArchiveUnavailable,
    AuditError,
)
from orthanc_plugins.projects import XnatAccess, release_id_of
from orthanc_plugins.rules.projects import ProjectDestination
from orthanc_plugins.store import ReleaseState
from orthanc_plugins.workflows.release_audit import ReleaseAudit, Told
from tests.unit.release.studies import SECRETS, uids_of
from tests.unit.workflows.deidentification.seen import events, left_in
from tests.unit.workflows.deidentified import PROJECT, SETTINGS, Rig, new_rig, rows_of

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest
    from tests.unit.workflows.deidentification.steps import RecordingSteps

NOW = datetime.now(UTC)


def test_the_trail_tells_that_originals_were_read_before_the_study_left(rig: Rig) -> None:
    rig.run()
    export, access = events(rig)
    assert (export["kind"], export["outcome"]) == ("export", 0)
    assert (access["kind"], access["reason"]) == ("instances_accessed", "deidentification")
    assert [event["objects"][0]["anonymised"] for event in (access, export)] == [False, True]
    assert export["objects"][0]["study_uid"] == rig.release().study_uid
    assert sum(export["objects"][0]["sop_classes"].values()) == 3
    assert len(export["evidence"]["file_digests"]) == 3
    assert rig.custodian.trail().verify().broken is None


@pytest.mark.parametrize(
    ("asker", "named"), [("ann", "ann"), ("rule:All_CT", "rule:All_CT"), ("", "unknown")]
)
def test_the_trail_tells_who_asked(rig: Rig, asker: str, named: str) -> None:
    rig.run(rig.order(asker=asker, one_person=True))
    export, access = events(rig)
    assert export["reason"] == "one_person"
    for event in (export, access):
        asked = [one["user_id"] for one in event["participants"] if one["is_requestor"]]
        assert asked == [named]
        assert event["participants"][0]["user_id"] == "orthanc-pacs-suite"


@pytest.mark.parametrize(
    ("destination", "place"),
    [
        ({"kind": "xnat", "project": "P"}, "https://xnat.example/data/projects/P"),
        ({"kind": "folder", "folder": "/srv/for researchers"}, "file:///srv/for%20researchers"),
        ({"kind": "dicomweb", "url": "https://ann:secret@[::1]:8443/rs/"}, "https://[::1]:8443/rs"),
    ],
)
def test_the_trail_tells_the_address_to_which_a_study_went(
    services: Services,
    orthanc: FakeOrthancRest,
    steps: RecordingSteps,
    destination: dict[str, str],
    place: str,
) -> None:
    chosen = ProjectDestination.model_validate(destination)
    rig = new_rig(services, orthanc, steps, SETTINGS.model_copy(update={"destination": chosen}))
    access = XnatAccess("https://suite:secret@xnat.example/", "suite", "secret")
    rig.services = replace(rig.services, deidentification=replace(rig.services.deidentification, xnat=access))
    rig.run()
    media = events(rig)[0]["participants"][-1]
    assert (media["user_id"], media["access_point"], media["access_point_kind"]) == (place, place, "5")
    assert "secret" not in str(events(rig))


def test_a_run_is_recorded_for_whom_it_began_also_where_another_asked_as_well_before(rig: Rig) -> None:
    order = rig.order(asker="ann")
    releases, release_id = (
        rig.services.store.releases,
        release_id_of(rig.custodian.pseudonyms(PROJECT), order),
    )
    for asker, begins in (("ann", True), ("bob", False)):
        releases.note_asker(release_id, asker, begins=begins)
    rig.run(order)
    releases.note_asker(release_id, "eve", begins=True)
    rig.run(order)
    askers = [
        one["user_id"]
        for event in reversed(events(rig))
        for one in event["participants"]
        if one["is_requestor"]
    ]
    assert askers == ["ann", "ann", "eve", "eve"]


def test_that_somebody_asked_as_well_is_no_record_that_the_originals_were_read(rig: Rig) -> None:
    job = rig.job()
    job.check()
    job.fetch()
    told = Told(
        rig.custodian.pseudonyms(PROJECT).uid(str(rig.made[0].StudyInstanceUID)), "ANON00001", "x", NOW
    )
    event = instances_accessed(
        Occasion(datetime.now(UTC), AuditSource("suite"), reason="asked_as_well"),
        action=Action.READ,
        people=[Participant("bob", is_requestor=True)],
        studies=[StudyObject(told.study_uid, {})],
        patient=PatientObject(told.pseudonym),
    )
    rig.custodian.trail().append(event)
    for _ in range(2):
        ReleaseAudit(rig.custodian.trail(), told).read()
    assert [one["reason"] for one in events(rig)] == ["deidentification", "asked_as_well"]


def test_a_delivery_that_failed_is_recorded_with_what_may_have_left(rig: Rig) -> None:
    rig.destination.failures.append(ArchiveUnavailable("XNAT is away.", archive="xnat"))
    with pytest.raises(ArchiveUnavailable):
        rig.run()
    export, access = events(rig)
    assert (export["kind"], export["outcome"], export["reason"]) == ("export", 12, "ArchiveUnavailable")
    assert export["objects"][1:] == access["objects"][1:]  # the same patient
    assert export["objects"][1]["pseudonym"] == rig.release().pseudonym
    assert sum(export["objects"][0]["sop_classes"].values()) == 3
    assert len(export["evidence"]["file_digests"]) == 3


def test_nothing_leaves_where_it_cannot_be_recorded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise AuditError("The disk is full.")

    monkeypatch.setattr(ReleaseAudit, "read", full)
    with pytest.raises(AuditError):
        rig.run()
    assert rig.destination.held == {}
    assert rig.release().state is ReleaseState.FAILED
    monkeypatch.setattr(AuditTrail, "append", full)
    with pytest.raises(AuditError):
        rig.run()
    assert (rig.destination.held, left_in(rig)) == ({}, [])


def test_the_way_back_is_kept_only_where_it_is_asked_for(
    services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps
) -> None:
    rig = new_rig(services, orthanc, steps, SETTINGS.model_copy(update={"reversible": True}))
    rig.run()
    table = rig.custodian.identities(PROJECT, {"custodian"})
    assert table.pseudonyms() == ()
    rig.run(rig.order(reversible=True))
    known = table.look_up(
        "ANON00001", role="custodian", actor="ann", reason="follow_up", audit=lambda _: None
    )
    assert [one.patient_id for one in known.identities] == ["HOSP-778812"]
    assert known.uids[str(rig.made[0].StudyInstanceUID)] == rig.release(rig.order(reversible=True)).study_uid


def test_a_project_whose_way_back_was_destroyed_goes_on_without_and_says_so(
    services: Services, orthanc: FakeOrthancRest, steps: RecordingSteps, caplog: pytest.LogCaptureFixture
) -> None:
    rig = new_rig(services, orthanc, steps, SETTINGS.model_copy(update={"reversible": True}))
    rig.custodian.destroy_identities(PROJECT, "ann")
    assert rig.run(rig.order(reversible=True))["outcome"] == "certified"
    assert "Project trial is not reversible any more" in caplog.text
    assert not rig.custodian.has_identities(PROJECT)


def test_no_value_of_an_original_is_anywhere_but_with_the_custodian(
    rig: Rig, steps: RecordingSteps, caplog: pytest.LogCaptureFixture
) -> None:
    rig.destination.failures.append(ArchiveUnavailable("XNAT is away.", archive="xnat"))
    with caplog.at_level(logging.DEBUG), pytest.raises(ArchiveUnavailable):
        rig.run()
    with caplog.at_level(logging.DEBUG):
        rig.run()
    originals = {*SECRETS, *uids_of(rig.made)}
    told = [*steps.stored, *rows_of(rig.services.store), caplog.text, *rig.destination.attached]
    told += [path.read_text() for path in (rig.services.data / "audit").rglob("*.jsonl")]
    told += [str(path) for path in rig.services.data.rglob("*")]
    assert not [word for word in originals for text in told if word in text]


def test_nothing_stored_has_an_original_beside_its_pseudonym(rig: Rig, steps: RecordingSteps) -> None:
    rig.run()
    release = rig.release()
    newer = {release.pseudonym, release.study_uid, release.release_id, *release.labels.values()}
    newer -= {"PACS_ANONYMIZED"}
    assert not [word for word in newer for text in steps.stored if word in text]
    rows = [row for row in rows_of(rig.services.store) if any(word in row for word in newer)]
    assert len(rows) == 1
    assert rig.study not in rows[0]
    assert rig.order().digest not in rows[0]
