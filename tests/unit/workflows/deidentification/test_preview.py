"""A preview tells what a release would make, by its own steps, and leaves no trace but its files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import AuditError
from orthanc_plugins.jobs import preview_release_request
from orthanc_plugins.projects import Custodian
from orthanc_plugins.release import looking
from orthanc_plugins.store import ShownFiles
from orthanc_plugins.workflows.deidentification_workflows import run_preview
from orthanc_plugins.workflows.preview_release import ReleasePreview
from tests.unit.deid.pixels.pictures import LightFinder
from tests.unit.release.studies import SECRETS
from tests.unit.workflows.deidentification.held import held_objects
from tests.unit.workflows.deidentification.seen import certificate_in, events, left_in
from tests.unit.workflows.deidentified import rows_of

if TYPE_CHECKING:
    from tests.unit.workflows.deidentification.steps import RecordingSteps
    from tests.unit.workflows.deidentified import Rig

ID = "0" * 32


@pytest.fixture(autouse=True)
def _quick_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "rapid_finder", LightFinder)


def preview(rig: Rig, *, sample: int = 0, **changes: Any) -> dict[str, Any]:
    order = rig.order(asker="eve", **changes)
    rig.steps.forget()
    job_id = preview_release_request(order, ID, sample).job_id
    return dict(run_preview(ReleasePreview(rig.services, order, job_id, ID, sample)))


def shown(rig: Rig, name: str) -> Any:
    return ShownFiles(rig.services.data, "previews").read_json(ID, f"{name}.json")


def attribute(rig: Rig, keyword: str) -> dict[str, Any]:
    (row,) = (one for one in shown(rig, "attributes") if one["keyword"] == keyword)
    return dict(row)


def hold(rig: Rig) -> None:
    rig.orthanc.empty()
    rig.made = held_objects()
    rig.receive()


def custody_of(rig: Rig) -> dict[str, str]:
    folder = rig.custodian.folder
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return {name: digest for name, digest in digests.items() if name != "audit.head.json"}


def test_each_attribute_is_told_with_what_becomes_of_it_and_values(rig: Rig) -> None:
    assert preview(rig) == {"outcome": "released", "instances": 3, "held": 0}
    name = attribute(rig, "PatientName")
    assert (name["group"], name["vr"], name["objects"], name["fates"]) == (
        "identity",
        "PN",
        3,
        {"replaced": 3},
    )
    assert name["examples"] == [{"before": "Zoltanyi^Annegret", "after": "ANON00001"}]
    assert "pseudonym" in name["action"]
    assert attribute(rig, "AccessionNumber")["fates"] in ({"emptied": 3}, {"removed": 3})
    assert attribute(rig, "StudyInstanceUID")["group"] == "uids"
    assert attribute(rig, "StudyDate")["group"] == "dates"
    description = attribute(rig, "StudyDescription")
    assert (description["group"], description["fates"]) == ("descriptions", {"cleaned": 3})
    assert "Vogelsang" not in description["examples"][0]["after"]
    assert attribute(rig, "Rows")["fates"] == {"kept": 2}
    assert attribute(rig, "PatientIdentityRemoved")["fates"] == {"added": 3}
    assert attribute(rig, "ROIName")["group"] == "structures"


def test_what_it_tells_is_what_the_release_then_makes(rig: Rig) -> None:
    preview(rig)
    summary = shown(rig, "summary")
    rig.run()
    release = rig.release()
    assert (summary["patient_id"], summary["study_instance_uid"]) == (release.pseudonym, release.study_uid)
    assert summary["check"] == {"passed": True, "findings": summary["check"]["findings"]}
    files = {file.path.rpartition("/")[2] for file in certificate_in(rig).study.files}
    assert {f"{one['new_sop_instance_uid']}.dcm" for one in shown(rig, "objects")} == files


def test_it_registers_delivers_and_certifies_nothing_and_is_recorded_as_a_reading(rig: Rig) -> None:
    before = custody_of(rig)
    preview(rig)
    assert custody_of(rig) == before
    assert rig.custodian.count_patients("trial") == 0
    assert (rig.destination.sent, rig.destination.held) == ([], {})
    assert not [row for row in rows_of(rig.services.store) if row.startswith("release")]
    (event,) = events(rig)
    assert (event["action"], event["reason"]) == ("R", "previewed")
    assert [one["user_id"] for one in event["participants"] if one["is_requestor"]] == ["eve"]
    assert left_in(rig) == []


def test_the_next_patient_gets_the_number_that_was_free(rig: Rig) -> None:
    rig.run()
    for one in rig.made:
        one.PatientID = "HOSP-2"
        one.StudyInstanceUID = "1.2.3.99"
    rig.receive()
    preview(rig)
    assert shown(rig, "summary")["patient_id"] == "ANON00002"
    assert rig.custodian.count_patients("trial") == 1


def test_what_would_be_held_is_told_with_its_rules_and_pictures(rig: Rig) -> None:
    hold(rig)
    assert preview(rig) == {"outcome": "held", "instances": 4, "held": 1}
    summary = shown(rig, "summary")
    assert summary["states"] == {"held": 1, "released": 3}
    assert "1 of 4 objects" in summary["reasons"][0]
    (one,) = (one for one in shown(rig, "objects") if one["state"] == "held")
    assert (one["holds"], one["boxes"]) == (["recognisable", "text"], [[4, 1, 44, 16]])
    assert one["pictures"] == ["before"]


def test_pixels_that_will_be_painted_are_shown_before_and_after(rig: Rig) -> None:
    hold(rig)
    del rig.made[0].RecognizableVisualFeatures
    rig.made[0].BurnedInAnnotation = "YES"
    rig.receive()
    assert preview(rig)["outcome"] == "released"
    (one,) = (one for one in shown(rig, "objects") if one["state"] == "masked")
    assert one["pictures"] == ["before", "after"]
    files = ShownFiles(rig.services.data, "previews")
    pictures = [files.path(ID, f"object-{one['number']}-{name}.png") for name in one["pictures"]]
    first, second = (path.read_bytes() for path in pictures if path is not None)
    assert first != second


def test_two_persons_under_one_identifier_are_told_and_nobody_is_settled(rig: Rig) -> None:
    rig.run()
    for one in rig.made:
        one.PatientBirthDate = "19330101"
    rig.receive()
    before = custody_of(rig)
    assert preview(rig)["outcome"] == "held"
    assert "two persons" in shown(rig, "summary")["reasons"][0]
    assert preview(rig, one_person=True)["outcome"] == "released"
    assert custody_of(rig) == before


def test_a_sample_says_of_how_many_it_is_and_that_nothing_was_checked(rig: Rig) -> None:
    assert preview(rig, sample=2)["instances"] == 2
    summary = shown(rig, "summary")
    assert (summary["objects"], summary["objects_seen"], summary["check"]) == (3, 2, None)


def test_what_cannot_be_recorded_is_not_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise AuditError("The trail is broken.")

    monkeypatch.setattr(Custodian, "trail", broken)
    rig.orthanc.asked.clear()
    with pytest.raises(AuditError):
        preview(rig)
    assert "file" not in rig.orthanc.asked
    assert shown(rig, "summary") is None


def test_values_stand_in_its_private_files_alone(
    rig: Rig, steps: RecordingSteps, caplog: pytest.LogCaptureFixture
) -> None:
    preview(rig)
    folder = rig.services.data / "previews" / ID
    assert b"Zoltanyi" in (folder / "attributes.json").read_bytes()
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}
    request = preview_release_request(rig.order(), ID, 0)
    places = [*steps.stored, caplog.text, *rows_of(rig.services.store), *request.arguments, request.job_id]
    places += [str(path) for path in rig.services.data.rglob("*")]
    assert not [one for one in places if any(secret in one for secret in SECRETS)]
    assert not [one for one in steps.stored if "ANON" in one]
