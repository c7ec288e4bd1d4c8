"""Kinds of objects whose definitions demand what a profile leaves out: they are released, and conform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import (
    EncapsulatedCDAStorage,
    EncapsulatedOBJStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
)

from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.projects import Custodian
from orthanc_plugins.release import Project, State, looking, release, sorted_studies
from tests.builders import ImageFrame, build_case
from tests.unit.deid.pixels.pictures import LightFinder
from tests.unit.release.conftest import PROJECT
from tests.unit.release.studies import ANNE, write

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset
    from pydicom.uid import UID

PROFILES = ["basic", "longitudinal", "research_rt", "strict"]
REPORT = b"<ClinicalDocument><title>Report about Zoltanyi</title></ClinicalDocument> "


@pytest.fixture(autouse=True)
def _quick_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "rapid_finder", LightFinder)


def image(sop_class_uid: UID) -> FileDataset:
    """Return an original image of another class, with what Enhanced General Equipment demands."""
    (made,) = build_case(frame=ImageFrame(size=(1, 64, 64)), regions=1, identity=ANNE).images
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class_uid
    made.Modality = "MR" if sop_class_uid == EnhancedMRImageStorage else "CT"
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    made.BodyPartExamined = "CHEST"
    made.SoftwareVersions = "syngo 7"
    made.PulseSequenceName = "*tfl3d1"
    made.BurnedInAnnotation = "NO"
    return made


def document(sop_class_uid: UID, content: bytes) -> FileDataset:
    """Return an encapsulated document."""
    made = image(sop_class_uid)
    made.Modality = "DOC"
    del made.PixelData
    made.EncapsulatedDocument = content
    made.EncapsulatedDocumentLength = len(content)
    return made


def released(made: FileDataset, profile: str, folder: Path) -> FileDataset:
    """Return what is released of an object, which passed the check."""
    write(folder / "given", [made])
    custody = folder / "custody"
    Custodian(custody).create(PROJECT, patients="numbered" if profile == "strict" else "keyed")
    project = Project.opened(PROJECT, custody, load_profile(profile), "1.2.3")
    (study,) = sorted_studies([folder / "given"]).studies
    outcome = release(study, project, folder / "out")
    assert (outcome.state, outcome.check and outcome.check.findings) == (State.RELEASED, ())
    (file,) = outcome.files
    return dcmread(folder / "out" / file.path)


@pytest.mark.parametrize("sop_class_uid", [EnhancedCTImageStorage, EnhancedMRImageStorage])
@pytest.mark.parametrize("profile", PROFILES)
def test_what_must_say_that_nothing_is_burned_in_was_looked_at_and_says_so(
    sop_class_uid: UID, profile: str, tmp_path: Path
) -> None:
    new = released(image(sop_class_uid), profile, tmp_path)
    assert new.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in new.DeidentificationMethodCodeSequence]


def test_versions_that_an_object_must_have_are_a_dummy_where_the_profile_removes_them(
    tmp_path: Path,
) -> None:
    new = released(image(EnhancedMRImageStorage), "strict", tmp_path)
    assert (new.SoftwareVersions, new.PulseSequenceName) == ("REMOVED", "REMOVED")


@pytest.mark.parametrize(
    ("sop_class_uid", "content"),
    [(EncapsulatedCDAStorage, REPORT), (EncapsulatedOBJStorage, b"# head of Zoltanyi\nv 1 2 3 ")],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_documents_that_are_texts_are_replaced_and_released(
    sop_class_uid: UID, content: bytes, profile: str, tmp_path: Path
) -> None:
    new = released(document(sop_class_uid, content), profile, tmp_path)
    assert b"removed by de-identification" in new.EncapsulatedDocument
    assert b"Zoltanyi" not in new.EncapsulatedDocument
