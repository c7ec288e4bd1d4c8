"""The step that compares two structure sets in Orthanc, and the end of what it made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import UID

from orthanc_plugins.errors import ComparisonError
from orthanc_plugins.identifiers import JobId, SopInstanceUid
from orthanc_plugins.workflows.compare_structures import StructureComparison
from orthanc_plugins.workflows.comparison_files import comparison_path, remove_comparisons
from tests.builders import ImageFrame, build_case
from tests.unit.arrivals import store_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.services import Services
    from tests.builders import Case
    from tests.fakes import FakeOrthancRest

JOB = JobId("compare-structures.0123456789abcdef0123456789abcdef")


@pytest.fixture(scope="module")
def case() -> Case:
    return build_case(frame=ImageFrame(size=(8, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=5.0), regions=2)


@pytest.fixture
def sets(orthanc: FakeOrthancRest, case: Case) -> tuple[OrthancId, OrthancId]:
    second = case.copied_structure_set()
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = UID(f"{second.SOPInstanceUID}.1")
    return store_dataset(orthanc, case.structure_set), store_dataset(orthanc, second)


@pytest.mark.parametrize("with_images", [True, False])
def test_two_sets_in_orthanc_are_compared_with_or_without_their_images(
    services: Services,
    orthanc: FakeOrthancRest,
    case: Case,
    sets: tuple[OrthancId, OrthancId],
    *,
    with_images: bool,
) -> None:
    for image in case.images if with_images else ():
        store_dataset(orthanc, image)
    outcome = StructureComparison(services).compare(JOB, *sets, "name", "")
    assert (outcome["outcome"], outcome["pairs"]) == ("done", 2)
    content = json.loads((services.exports / str(outcome["file"])).read_text(encoding="utf-8"))
    assert [pair["overlap"]["dice"] for pair in content["pairs"]] == [1.0, 1.0]
    assert (content["grid"]["kind"] == "even") == with_images
    assert content["second"]["structure_set_uid"] == f"{content['first']['structure_set_uid']}.1"


def test_one_pair_of_one_set_is_compared(services: Services, sets: tuple[OrthancId, OrthancId]) -> None:
    outcome = StructureComparison(services).compare(JOB, sets[0], sets[0], "name", "1=2")
    content = json.loads((services.exports / str(outcome["file"])).read_text(encoding="utf-8"))
    assert [(pair["region"], pair["other"]) for pair in content["pairs"]] == [(1, 2)]


def test_another_frame_of_reference_is_allowed_by_the_setting(
    services: Services, orthanc: FakeOrthancRest, case: Case, sets: tuple[OrthancId, OrthancId]
) -> None:
    other = case.copied_structure_set()
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = UID(f"{other.SOPInstanceUID}.2")
    other.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = "1.2.3"
    for item in other.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "1.2.3"
    with pytest.raises(ComparisonError, match=r"set Structures\.RequireSameFrameOfReference to false\.$"):
        StructureComparison(services).compare(JOB, sets[0], store_dataset(orthanc, other), "name", "")


def test_an_unknown_region_is_told(services: Services, sets: tuple[OrthancId, OrthancId]) -> None:
    with pytest.raises(ComparisonError, match="no region 7"):
        StructureComparison(services).compare(JOB, *sets, "name", "1=7")


def test_comparisons_go_with_either_of_their_sets_and_no_other(tmp_path: Path) -> None:
    a, b, c = (SopInstanceUid(f"1.2.{number}") for number in (3, 4, 33))
    kept = [tmp_path / comparison_path(uids, JOB) for uids in ((b, c), (c, c))]
    gone = [tmp_path / comparison_path(uids, JOB) for uids in ((a, b), (b, a), (a, a))]
    for path in (*kept, *gone):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    remove_comparisons(tmp_path, a)
    assert [path.exists() for path in (*kept, *gone)] == [True, True, False, False, False]
