"""A study is released whole or not at all."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import UID

from orthanc_plugins.deid.profile import Profile, load_profile
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.errors import DeidError, HeldForReview, ProfileError
from orthanc_plugins.projects import Custodian
from orthanc_plugins.release import Project, State, instances, looking, release, sorted_studies
from orthanc_plugins.release import study as study_module
from orthanc_plugins.validation import Finding, Report
from tests.unit.release.conftest import PROJECT
from tests.unit.release.studies import objects, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from orthanc_plugins.release import StudyInput


def content_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_study_stands_below_pseudonym_study_and_series(
    study: StudyInput, project: Project, tmp_path: Path
) -> None:
    outcome = release(study, project, tmp_path / "out")
    assert (outcome.state, outcome.reason, outcome.instances) == (State.RELEASED, "", 3)
    assert outcome.check is not None
    assert outcome.check.passed
    found = content_of(tmp_path / "out")
    assert {file.path: file.sha256 for file in outcome.files} == {
        path: hashlib.sha256(content).hexdigest() for path, content in found.items()
    }
    for file in outcome.files:
        made = dcmread(tmp_path / "out" / file.path)
        assert file.path == (
            f"{made.PatientID}/{made.StudyInstanceUID}/{made.SeriesInstanceUID}/{made.SOPInstanceUID}.dcm"
        )
        assert file.sop_class_uid == made.SOPClassUID
        assert (made.PatientID, made.StudyInstanceUID) == (outcome.pseudonym, outcome.study_uid)
    assert outcome.actions["U", 0x00080018] == 3


def test_references_hold_inside_what_was_released(
    study: StudyInput, project: Project, tmp_path: Path
) -> None:
    outcome = release(study, project, tmp_path / "out")
    made = [dcmread(tmp_path / "out" / file.path) for file in outcome.files]
    images = {one.SOPInstanceUID for one in made if one.Modality == "CT"}
    (structures,) = (one for one in made if one.Modality == "RTSTRUCT")
    contours = [contour for region in structures.ROIContourSequence for contour in region.ContourSequence]
    assert {contour.ContourImageSequence[0].ReferencedSOPInstanceUID for contour in contours} <= images
    frame = structures.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    assert {one.FrameOfReferenceUID for one in made if one.Modality == "CT"} == {frame}


def test_retained_uids_name_the_folders(given: Path, custody: Path, tmp_path: Path) -> None:
    profile = Profile(name="retaining", summary="for one test", options=frozenset({Option.RETAIN_UIDS}))
    (study,) = sorted_studies([given]).studies
    outcome = release(study, Project.opened(PROJECT, custody, profile, "1.2.3"), tmp_path / "out")
    assert outcome.study_uid == study.study_uid
    assert {file.path.split("/")[1] for file in outcome.files} <= {study.study_uid}


def test_a_retained_uid_that_is_a_path_names_no_folder(custody: Path, tmp_path: Path) -> None:
    profile = Profile(name="retaining", summary="for one test", options=frozenset({Option.RETAIN_UIDS}))
    project = Project.opened(PROJECT, custody, profile, "1.2.3")
    for number, uid in enumerate(("../../escaped", "/escaped", "1.2.3\\..", "Zoltanyi")):
        assert project.engine.uid(uid).startswith("2.25.")
        (path, *_) = write(tmp_path / str(number), objects()[:1])
        old = path.read_bytes()
        at = old.index(b"\x20\0\x0d\0UI") + 6
        size = int.from_bytes(old[at : at + 2], "little")
        path.write_bytes(old[: at + 2] + uid.encode().ljust(size, b"\0") + old[at + 2 + size :])
        for study in sorted_studies([path]).studies:
            release(study, project, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*escaped*"))
    assert not list(tmp_path.rglob("*Zoltanyi*"))


def test_the_same_again_is_harmless(study: StudyInput, project: Project, tmp_path: Path) -> None:
    first = release(study, project, tmp_path / "out")
    before = content_of(tmp_path / "out")
    again = release(study, project, tmp_path / "out")
    assert (again.state, again.files) == (State.RELEASED, first.files)
    assert content_of(tmp_path / "out") == before


def test_what_was_released_before_may_be_added_to(project: Project, tmp_path: Path) -> None:
    made = objects()
    write(tmp_path / "one", made[:2])
    write(tmp_path / "two", made[2:])
    for name, files in (("one", 2), ("two", 3)):
        (study,) = sorted_studies([tmp_path / name]).studies
        assert release(study, project, tmp_path / "out").state == State.RELEASED
        assert len(content_of(tmp_path / "out")) == files


def test_other_content_at_the_destination_keeps_all_of_it_back(
    study: StudyInput, project: Project, tmp_path: Path
) -> None:
    planned = release(study, project, tmp_path / "elsewhere").files
    taken = tmp_path / "out" / planned[-1].path
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"something else")
    outcome = release(study, project, tmp_path / "out")
    assert outcome.state == State.REFUSED
    assert planned[-1].path in outcome.reason
    assert outcome.files == []
    assert content_of(tmp_path / "out") == {planned[-1].path: b"something else"}


def test_a_folder_that_cannot_be_made_keeps_all_of_it_back(
    study: StudyInput, project: Project, tmp_path: Path
) -> None:
    planned = release(study, project, tmp_path / "elsewhere").files
    *_, series, _ = planned[-1].path.split("/")
    assert series not in planned[0].path
    blocked = (tmp_path / "out" / planned[-1].path).parent
    blocked.parent.mkdir(parents=True)
    blocked.write_bytes(b"a file")
    with pytest.raises(OSError, match="exists"):
        release(study, project, tmp_path / "out")
    assert list(content_of(tmp_path / "out").values()) == [b"a file"]


def test_what_the_check_finds_keeps_the_study_back(
    study: StudyInput, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []

    def check(pairs: list[Any], claims: object, *, folder: Path, **_: object) -> Report:
        folders.append(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(list(folder.iterdir())) == len(pairs) == 3
        finding = Finding("residual", "#0", "(0008,0070)", "a name stands there")
        return Report((finding,), 3, 0, (), {})

    monkeypatch.setattr(study_module, "check_study", check)
    outcome = release(study, project, tmp_path / "out")
    assert (outcome.state, outcome.files) == (State.REFUSED, [])
    assert "check" in outcome.reason
    assert not folders[0].exists()
    assert list((tmp_path / "out").iterdir()) == []


def test_one_object_that_cannot_be_de_identified_keeps_the_study_back(
    project: Project, tmp_path: Path
) -> None:
    made = objects()
    del made[0].Rows
    write(tmp_path / "given", made)
    (study,) = sorted_studies([tmp_path / "given"]).studies
    outcome = release(study, project, tmp_path / "out")
    assert outcome.state in {State.REFUSED, State.HELD}
    assert outcome.reason.startswith("1 of 3 objects: ")
    assert content_of(tmp_path / "out") == {}
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_held_is_told_by_its_kind_how_often_and_what_a_person_can_do(
    study: StudyInput, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle_faces(dataset: Any, *_: object) -> tuple[()]:
        raise HeldForReview("it has a head" if dataset.Modality == "CT" else "it has a surface.")

    monkeypatch.setattr(looking, "settle_faces", settle_faces)
    outcome = release(study, project, tmp_path / "out")
    assert outcome.state is State.HELD
    assert outcome.reason == (
        "3 of 3 objects: 2 of CT Image Storage: it has a head. 1 of RT Structure Set Storage: it has a "
        "surface. A person looks at them: decide of each what becomes of it, where the suite releases them "
        "(`held` of the release); or leave them out of the study, or take a profile that lets them pass, and "
        "ask again."
    )


def test_a_class_that_no_standard_has_is_not_named(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = objects()
    for one in made:
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = UID("1.2.3.4.5")
    write(tmp_path / "given", made)
    monkeypatch.setattr(instances.Maker, "_made", raising(DeidError("It is odd.")))
    (study,) = sorted_studies([tmp_path / "given"]).studies
    outcome = release(study, project, tmp_path / "out")
    assert (outcome.state, outcome.reason) == (
        State.REFUSED,
        "3 of 3 objects: 3 of a class that is not known: It is odd.",
    )


def raising(error: Exception) -> Callable[..., None]:
    def raises(*_: object) -> None:
        raise error

    return raises


def test_an_object_that_cannot_be_looked_at_is_held(
    study: StudyInput, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle_faces(*_: object) -> None:
        raise ValueError("Zoltanyi")

    monkeypatch.setattr(looking, "settle_faces", settle_faces)
    outcome = release(study, project, tmp_path / "out")
    assert outcome.state == State.HELD
    assert "ValueError" in outcome.reason
    assert "Zoltanyi" not in outcome.reason
    assert list((tmp_path / "out").iterdir()) == []


def test_an_object_nested_60_levels_deep_is_released(project: Project, tmp_path: Path) -> None:
    (path, *_) = write(tmp_path / "given", objects()[:1])
    level = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    whole = path.read_bytes()
    at = whole.index(b"\x10\0\x10\0PN")
    path.write_bytes(whole[:at] + level * 60 + end * 60 + whole[at:])
    (study,) = sorted_studies([tmp_path / "given"]).studies
    assert release(study, project, tmp_path / "out").state == State.RELEASED


def test_a_patient_of_a_numbered_project_has_one_number_under_any_profile(
    study: StudyInput, tmp_path: Path
) -> None:
    Custodian(tmp_path / "numbers").create(PROJECT, patients="numbered")
    strict = Project.opened(PROJECT, tmp_path / "numbers", load_profile("strict"), "1.2.3")
    assert strict.subject(study).pseudonym == "ANON00001"
    for profile in ("basic", "research_rt"):
        project = Project.opened(PROJECT, tmp_path / "numbers", load_profile(profile), "1.2.3")
        outcome = release(study, project, tmp_path / profile)
        assert (outcome.state, outcome.pseudonym) == (State.RELEASED, "ANON00001")
        assert {file.path.split("/")[0] for file in outcome.files} == {"ANON00001"}


def test_a_profile_for_numbered_patients_is_refused_where_they_are_keyed(custody: Path) -> None:
    with pytest.raises(ProfileError, match="strict is for projects whose patients are numbered") as refused:
        Project.opened(PROJECT, custody, load_profile("strict"), "1.2.3")
    assert "pacs project create NAME --numbered" in str(refused.value)


@pytest.mark.parametrize("where", ["making", "checking"])
def test_an_interrupted_run_leaves_nothing(
    study: StudyInput, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if where == "making":
        monkeypatch.setattr(instances, "_written", interrupted)
    else:
        monkeypatch.setattr(study_module, "check_study", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release(study, project, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_two_workers_give_the_bytes_of_one(
    study: StudyInput, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = release(study, project, tmp_path / "one", workers=1)
    monkeypatch.setattr(study_module, "_FEWEST_FOR_PROCESSES", 2)
    shared = release(study, project, tmp_path / "two", workers=2)
    assert shared.state == State.RELEASED
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")
    assert shared.actions == alone.actions
    assert shared.files == alone.files


def test_a_destination_that_cannot_be_written_is_told(
    study: StudyInput, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "out").write_bytes(b"a file")
    with pytest.raises(OSError, match="exists"):
        release(study, project, tmp_path / "out")
