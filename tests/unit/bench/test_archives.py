"""Studies that the bench of both archives makes, what it plants in them, and how it judges what was found."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.sync.differences import DifferenceClass
from tests.bench.archives.encoded import study_number
from tests.bench.archives.plant import PLANTS, expected_class, files_of, plant_of, planted, side_of
from tests.bench.archives.studies import GeneratedStudy
from tests.bench.archives.verdict import Verdict, judge

HUNDRED = range(100)


@pytest.mark.parametrize("number", [0, 1, 3, 5, 6, 7, 10, 11, 99_999_999])
def test_a_study_is_what_its_number_says(number: int) -> None:
    study = GeneratedStudy(number)
    files = list(study.files())
    assert len(files) == len({file.sop_instance_uid for file in files}) == study.instance_count
    for file in files:
        dataset = dcmread(io.BytesIO(file.content))
        assert dataset.StudyInstanceUID == study.uid
        assert dataset.SeriesInstanceUID == file.series_uid
        assert str(dataset.SOPInstanceUID) == file.sop_instance_uid
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.Modality == file.modality
        told = {keyword: dataset.get(keyword) for keyword in study.attributes}
        assert {keyword: None if value is None else str(value) for keyword, value in told.items()} == (
            study.attributes
        )
    assert study_number(study.uid) == number


def test_the_same_number_gives_the_same_bytes_and_another_other_ones() -> None:
    one, same, other = ([file.content for file in GeneratedStudy(number).files()] for number in (40, 40, 44))
    assert one == same
    assert not set(one) & set(other)


def test_images_of_a_study_with_structures_are_those_the_structures_refer_to() -> None:
    *images, structures = [dcmread(io.BytesIO(file.content)) for file in GeneratedStudy(20).files()]
    frame = structures.ReferencedFrameOfReferenceSequence[0]
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert {item.ReferencedSOPInstanceUID for item in series.ContourImageSequence} == {
        image.SOPInstanceUID for image in images
    }
    assert {image.FrameOfReferenceUID for image in images} == {frame.FrameOfReferenceUID}


@pytest.mark.parametrize("slot", PLANTS)
def test_a_plant_alters_the_copy_of_its_side_and_no_other(slot: int) -> None:
    for number in (slot, 100 + slot):
        original = list(GeneratedStudy(number).files())
        altered = {side for side in ("left", "right") if files_of(number, side) != original}
        side = side_of(number)
        assert altered == ({"left", "right"} if side == "both" else {side})
        for one in altered:
            for file in files_of(number, one):
                dataset = dcmread(io.BytesIO(file.content))
                assert (dataset.SOPInstanceUID, dataset.StudyInstanceUID) == (
                    file.sop_instance_uid,
                    GeneratedStudy(number).uid,
                )


def test_every_class_of_difference_is_planted_in_one_of_a_hundred_studies_or_more() -> None:
    found = {kind for number in range(200) if (kind := expected_class(number)) is not None}
    assert found == set(DifferenceClass)
    assert [entry[2] for entry in planted(HUNDRED)] == [PLANTS[slot].name for slot in sorted(PLANTS)]
    assert plant_of(99) is None


def judged(**found: DifferenceClass | None) -> Verdict:
    """Judge a hundred studies of which all is found but what is told otherwise, by number."""
    told = {number: expected_class(number) for number in HUNDRED}
    told |= {int(name[1:]): kind for name, kind in found.items()}
    listed = {GeneratedStudy(number).uid: {kind} for number, kind in told.items() if kind is not None}
    return judge(HUNDRED, expected_class, listed)


def test_a_verdict_is_faultless_when_all_was_found() -> None:
    verdict = judged()
    assert verdict.faultless
    assert sum(verdict.right.values()) == 100


def test_what_was_not_found_found_otherwise_or_found_where_nothing_is_is_told() -> None:
    verdict = judged(
        n1=None, n7=DifferenceClass.PIXEL, n50=DifferenceClass.METADATA, n30=DifferenceClass.METADATA
    )
    assert not verdict.faultless
    assert [line.split(" (")[0] for line in verdict.missed] == ["study 1"]
    assert [line.split(" (")[0] for line in verdict.misjudged] == ["study 7"]
    assert [line.split(" (")[0] for line in verdict.invented] == ["study 30", "study 50"]
    assert sum(verdict.right.values()) == 96


def test_a_study_that_neither_archive_holds_is_invented() -> None:
    verdict = judge(HUNDRED, lambda _: None, {StudyUid(GeneratedStudy(100).uid): {DifferenceClass.PIXEL}})
    assert verdict.invented == ["study 100 is in neither archive"]
