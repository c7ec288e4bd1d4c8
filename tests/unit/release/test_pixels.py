"""Pixels that were looked at: what is painted, what is said of it, and what stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.uid import ExplicitVRBigEndian

from orthanc_plugins.release import Project, State, looking, release, sorted_studies
from tests.builders import ImageFrame, build_case
from tests.unit.deid.pixels.pictures import LightFinder
from tests.unit.release.studies import ANNE, write

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.release import Outcome

FRAME = ImageFrame(size=(3, 64, 64))
BRIGHT = 3000


@pytest.fixture(autouse=True)
def _quick_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "rapid_finder", LightFinder)


def study_with(folder: Path, *, declared: bool, drawn: bool) -> list[FileDataset]:
    """Write a study whose first image may say that text is burned in, and may have some."""
    case = build_case(frame=FRAME, regions=2, identity=ANNE)
    first = case.images[0]
    if declared:
        first.BurnedInAnnotation = "YES"
    if drawn:
        values = first.pixel_array.copy()
        values[:] = 0
        values[5:12, 8:40] = BRIGHT
        first.PixelData = values.tobytes()
    made = [*case.images, case.structure_set]
    write(folder, made)
    return made


def released(folder: Path, project: Project, out: Path) -> tuple[Outcome, dict[str, FileDataset]]:
    (study,) = sorted_studies([folder]).studies
    outcome = release(study, project, out)
    found = [dcmread(out / file.path) for file in outcome.files]
    return outcome, {str(one.SOPInstanceUID): one for one in found}


def test_text_is_painted_and_said_of_that_object_alone(tmp_path: Path, project: Project) -> None:
    made = study_with(tmp_path / "given", declared=True, drawn=True)
    outcome, found = released(tmp_path / "given", project, tmp_path / "out")
    assert (outcome.state, outcome.reason) == (State.RELEASED, "")
    assert (outcome.looked_at, outcome.masked) == (1, 1)
    first = found[project.pseudonyms.uid(made[0].SOPInstanceUID)]
    assert BRIGHT not in first.pixel_array
    assert first.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in first.DeidentificationMethodCodeSequence]
    other = found[project.pseudonyms.uid(made[1].SOPInstanceUID)]
    assert "BurnedInAnnotation" not in other
    assert "113101" not in [item.CodeValue for item in other.DeidentificationMethodCodeSequence]
    np.testing.assert_array_equal(other.pixel_array, made[1].pixel_array)


def test_pixels_without_text_stay_and_are_said_to_be_clean(tmp_path: Path, project: Project) -> None:
    made = study_with(tmp_path / "given", declared=True, drawn=False)
    made[0].PixelData = bytes(len(made[0].PixelData))
    write(tmp_path / "given", made)
    outcome, found = released(tmp_path / "given", project, tmp_path / "out")
    assert (outcome.state, outcome.looked_at, outcome.masked) == (State.RELEASED, 1, 0)
    first = found[project.pseudonyms.uid(made[0].SOPInstanceUID)]
    assert first.PixelData == made[0].PixelData
    assert first.BurnedInAnnotation == "NO"


def test_slices_of_a_scanner_are_not_looked_at_and_not_said_to_be_clean(
    tmp_path: Path, project: Project
) -> None:
    made = study_with(tmp_path / "given", declared=False, drawn=True)
    made[0].BurnedInAnnotation = "NO"
    write(tmp_path / "given", made)
    outcome, found = released(tmp_path / "given", project, tmp_path / "out")
    assert (outcome.state, outcome.looked_at) == (State.RELEASED, 0)
    first = found[project.pseudonyms.uid(made[0].SOPInstanceUID)]
    assert first.PixelData == made[0].PixelData
    assert "BurnedInAnnotation" not in first


def test_text_in_big_endian_pixels_is_painted_and_the_encoding_stays(
    tmp_path: Path, project: Project
) -> None:
    made = study_with(tmp_path / "given", declared=True, drawn=True)
    first = made[0]
    before = first.pixel_array.copy()
    first.PixelData = before.astype(before.dtype.newbyteorder(">")).tobytes()
    first.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dcmwrite(tmp_path / "given" / "a0.dcm", first, implicit_vr=False, little_endian=False)
    outcome, found = released(tmp_path / "given", project, tmp_path / "out")
    assert (outcome.state, outcome.reason, outcome.masked) == (State.RELEASED, "", 1)
    new = found[project.pseudonyms.uid(first.SOPInstanceUID)]
    assert new.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    assert new.pixel_array.max() < BRIGHT
    assert new.BurnedInAnnotation == "NO"
    np.testing.assert_array_equal(new.pixel_array[20:], before[20:])


def test_pixels_that_nobody_looks_at_are_not_read_into_memory_once_more(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the whole object was read")

    monkeypatch.setattr(looking, "dcmread", refuse)
    study_with(tmp_path / "given", declared=False, drawn=False)
    outcome, found = released(tmp_path / "given", project, tmp_path / "out")
    assert (outcome.state, len(found)) == (State.RELEASED, 4)
    study_with(tmp_path / "given", declared=True, drawn=False)
    (study,) = sorted_studies([tmp_path / "given"]).studies
    assert "(AssertionError)" in release(study, project, tmp_path / "again").reason
