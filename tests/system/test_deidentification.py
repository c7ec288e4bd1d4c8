"""A study goes from storescu to a certified session of XNAT, and nothing of who it is goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scripts.lib.xnat import PROJECT
from tests.builders import Identity
from tests.stack import eventually
from tests.system.conftest import Study
from tests.system.researching import running_research

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.builders import Case
    from tests.system.conftest import NewCase
    from tests.system.researching import Research

MARK = "Zqxmarker"
MARKERS = [MARK.encode(), MARK.lower().encode(), MARK.upper().encode(), b"19230417"]


@pytest.fixture(scope="module")
def research(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Research]:
    with running_research(tmp_path_factory.mktemp("research")) as running:
        yield running
        print(running.stack.tail())  # noqa: T201 - shown when a test fails


@pytest.fixture
def patient(new_case: NewCase, written: Callable[[Case], tuple[Path, Path]]) -> Callable[[int], Study]:
    """A study of a patient of a number, whose every element tells who it is."""

    def study(number: int) -> Study:
        case = new_case(identity=_identity(number), regions=2)
        return Study(case, *written(case))

    return study


def _identity(number: int) -> Identity:
    return Identity(
        patient_name=f"{MARK}Family{number}^{MARK}Given",
        patient_id=f"{MARK}-ID-{number}",
        birth_date="19230417",
        accession_number=f"{MARK}ACC{number}",
        study_id=f"{MARK}STD{number}",
        referring_physician=f"{MARK}Referrer^Doctor",
        extra={
            "StudyDescription": f"{MARK} study",
            "SeriesDescription": f"{MARK} series",
            "InstitutionName": f"{MARK} hospital",
            "OperatorsName": f"{MARK}Operator",
        },
    )


def session_of(research: Research, told: dict[str, Any]) -> dict[str, str]:
    """Return the only session of an answer's patient."""
    subject = f"/data/projects/{PROJECT}/subjects/{told['anonymized_patient_id']}/experiments"
    (session,) = research.rows(subject)
    return session


def test_a_study_is_archived_certified_and_recorded(
    research: Research, patient: Callable[[int], Study], tmp_path: Path
) -> None:
    study = patient(1)
    research.stack.receive(study.images, study.structure_set)
    told = research.certified(study.uid)
    assert told["anonymized_patient_id"].startswith("ANON")
    assert told["xnat_project"] == PROJECT
    session = session_of(research, told)
    stored = research.objects(session)
    assert len(stored) == len(study.case.images) + 1 == told["instances"]
    assert {str(one.StudyInstanceUID) for one in stored} == {told["study_instance_uid"]}
    assert {str(one.Modality) for one in stored} == {"CT", "RTSTRUCT"}
    assert research.rows(f"/data/prearchive/projects/{PROJECT}") == []
    names = {row["Name"] for row in research.rows(f"{_resource(session)}/files")}
    assert {name.rpartition(".")[2] for name in names} == {"json", "pdf"}
    _verify_certificates(research, session, names, tmp_path)
    exports = research.audited(kind="export", study=told["study_instance_uid"])
    assert [record["event"]["outcome"] for record in exports] == [0], exports
    assert research.stack.get("/pacs/api/audit/verify").json()["whole"] is True


def _resource(session: dict[str, str]) -> str:
    return f"/data/experiments/{session['ID']}/resources/DEIDENTIFICATION"


def _verify_certificates(research: Research, session: dict[str, str], names: set[str], folder: Path) -> None:
    """See that the certificate XNAT holds was signed here, and that a changed one is found out."""
    (name,) = [name for name in names if name.endswith(".json")]
    path = folder / "certificate.json"
    path.write_bytes(research.seen(f"{_resource(session)}/files/{name}").content)
    verified = research.pacs("certificate", "verify", str(path))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    path.write_bytes(path.read_bytes().replace(b"ANON", b"ANOM", 1))
    assert research.pacs("certificate", "verify", str(path)).returncode == 1


def test_a_structure_set_that_comes_later_joins_the_session_of_its_images(
    research: Research, patient: Callable[[int], Study]
) -> None:
    study = patient(2)
    research.stack.receive(study.images)
    first = research.certified(study.uid)
    before = session_of(research, first)
    research.stack.receive(study.structure_set)
    eventually(
        lambda: len(research.stack.jobs_of(study.uid)) == 1, "Orthanc has the structure set of the study"
    )
    second = research.certified(study.uid)
    assert second["release_id"] != first["release_id"]
    assert second["anonymized_patient_id"] == first["anonymized_patient_id"]
    assert second["study_instance_uid"] == first["study_instance_uid"]
    assert session_of(research, second)["ID"] == before["ID"]
    stored = research.objects(before)
    assert len(stored) == len(study.case.images) + 1
    assert len({str(one.FrameOfReferenceUID) for one in stored if one.Modality == "CT"}) == 1
    _assert_references_resolve(stored)


def _assert_references_resolve(stored: list[Any]) -> None:
    """See that every image that the structure set refers to is there, by its new UID."""
    (structures,) = [one for one in stored if one.Modality == "RTSTRUCT"]
    images = {str(one.SOPInstanceUID) for one in stored if one.Modality == "CT"}
    (frame,) = structures.ReferencedFrameOfReferenceSequence
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert {str(one.ReferencedSOPInstanceUID) for one in series.ContourImageSequence} == images
    contours = [contour for roi in structures.ROIContourSequence for contour in roi.ContourSequence]
    assert {str(one.ContourImageSequence[0].ReferencedSOPInstanceUID) for one in contours} <= images


def test_a_study_that_was_delivered_is_not_delivered_again(
    research: Research, patient: Callable[[int], Study]
) -> None:
    study = patient(3)
    research.stack.receive(study.images)
    told = research.certified(study.uid)
    asked = len(research.wire.requests)
    assert research.certified(study.uid) == told
    looked = research.wire.requests[asked:]
    assert any(one.startswith("GET /data/") for one in looked), "whether it still stands there"
    assert [one for one in looked if not one.startswith("GET ") and "/data/JSESSION" not in one] == []


def test_a_worker_that_is_killed_while_it_delivers_delivers_once(
    research: Research, patient: Callable[[int], Study]
) -> None:
    study = patient(4)
    research.stack.receive(study.images, study.structure_set)
    research.xnat.fault("slow_archive", delay_s=3.0)
    job_id = research.ask(study.uid)
    archiving = "POST /data/services/archive"
    before = research.wire.requests.count(archiving)
    eventually(lambda: research.wire.requests.count(archiving) > before, "XNAT is archiving")
    research.stack.kill_worker()
    assert research.ended(job_id)["state"] == "succeeded"
    told = research.certified(study.uid)
    assert len(research.objects(session_of(research, told))) == len(study.case.images) + 1
    assert research.rows(f"/data/prearchive/projects/{PROJECT}") == []
    exports = research.audited(kind="export", study=told["study_instance_uid"])
    assert [record["event"]["outcome"] for record in exports] == [0], exports
    assert not list((research.stack.deployment.data / "deidentification").glob("*"))


def test_an_xnat_that_is_away_is_told_and_waited_for(
    research: Research, patient: Callable[[int], Study]
) -> None:
    study = patient(5)
    research.stack.receive(study.images)
    research.xnat.stop()
    try:
        part = research.stack.get("/pacs/api/health").json()["services"]["xnat"]
        assert part["state"] == "unhealthy"
        asked = len(research.wire.requests)
        job_id = research.ask(study.uid)
        eventually(lambda: len(research.wire.requests) > asked, "the worker has tried")
        assert research.stack.job(job_id)["state"] == "running"
    finally:
        research.xnat.start()
    part = research.stack.get("/pacs/api/status").json()["services"]["xnat"]
    assert (part["state"], part["stand_in"], part["version"]) == ("healthy", True, "1.9.3")
    assert research.ended(job_id)["state"] == "succeeded"
    assert research.certified(study.uid)["instances"] == len(study.case.images)


def test_nothing_of_a_patient_is_in_any_log_record_or_request_nor_in_xnat(
    research: Research, patient: Callable[[int], Study]
) -> None:
    """After all that was done above, and one more study that is asked for in this test alone."""
    study = patient(6)
    research.stack.receive(study.images, study.structure_set)
    told = research.certified(study.uid)
    places = dict(research.places())
    names = {place.rpartition("/")[2] for place in places}
    assert {"orthanc.log", "worker.log", "pacs.sqlite", "jobs.sqlite", "xnat.sqlite", "xnat.log"} <= names
    originals = {str(one.SOPInstanceUID) for one in study.case.images} | {study.uid}
    assert {place: mark for place, content in places.items() for mark in MARKERS if mark in content} == {}
    outside = {
        place: content for place, content in places.items() if "/xnat/" in place or "requests" in place
    }
    assert len(outside) > len(study.case.images)
    assert not [
        place for place, content in outside.items() if any(uid.encode() in content for uid in originals)
    ]
    assert any(told["study_instance_uid"].encode() in content for content in outside.values())
