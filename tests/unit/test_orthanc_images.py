"""The images of a structure set, found by Orthanc's index and opened only where it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.errors import ArchiveUnavailable, GeometryError, InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.orthanc_images import FoundImages, find_images, load_series
from orthanc_plugins.rtstruct import StructureSet
from tests.fakes.orthanc_rest import CT_IMAGE_STORAGE, orthanc_id

if TYPE_CHECKING:
    from orthanc_plugins.archives import InstanceRecord
    from orthanc_plugins.identifiers import OrthancId
    from tests.fakes import FakeOrthancRest

STUDY, IMAGES, FRAME = "1.2.1", "1.2.1.1", "1.2.7"
PLANE = {
    "ImagePositionPatient": "-10\\-20.5\\3e1",
    "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
    "PixelSpacing": "2.5\\1.5",
    "Rows": "64",
    "Columns": "32",
}


def structure_set(
    *, series: tuple[str, ...] = (IMAGES,), images: tuple[str, ...] = (), frame: str = FRAME
) -> StructureSet:
    return StructureSet("1.2.1.2.1", "1.2.1.2", STUDY, frame, "plan", (), series, images)


@pytest.fixture
def record(orthanc: FakeOrthancRest) -> InstanceRecord:
    """The structure set as Orthanc's index knows it."""
    instance = orthanc.store(
        STUDY, "1.2.1.2", "1.2.1.2.1", modality="RTSTRUCT", sop_class=RT_STRUCTURE_SET_STORAGE
    )
    return orthanc.instance(instance)


def store_images(
    orthanc: FakeOrthancRest,
    *numbers: int,
    study: str = STUDY,
    series: str = IMAGES,
    stable: bool = False,
    tags: dict[str, str] | None = None,
    **options: Any,
) -> OrthancId:
    for number in numbers:
        orthanc.store(study, series, f"{series}.{number}", tags=PLANE if tags is None else tags, **options)
    if stable:
        orthanc.settle(orthanc_id(study, series))
    return orthanc_id(study, series)


def uids(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{IMAGES}.{number}" for number in numbers)


# Which series


def test_all_images_there_need_no_stability(orthanc: FakeOrthancRest, record: InstanceRecord) -> None:
    series = store_images(orthanc, 1, 2)
    found = find_images(orthanc, structure_set(images=uids(1, 2)), record)
    assert found == FoundImages(series, IMAGES, 2, 0, "")  # type: ignore[arg-type]


def test_a_series_that_is_still_arriving_is_waited_for(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1)
    found = find_images(orthanc, structure_set(images=uids(1, 2, 3)), record)
    assert (found.series, found.wanted_series) == (None, IMAGES)
    assert (found.images_present, found.images_missing) == (1, 2)
    assert "arriving" in found.reason


def test_a_stable_series_is_used_though_images_are_missing(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    series = store_images(orthanc, 1, stable=True)
    found = find_images(orthanc, structure_set(images=uids(1, 2, 3)), record)
    assert (found.series, found.images_missing) == (series, 2)


def test_an_absent_series_is_waited_for(orthanc: FakeOrthancRest, record: InstanceRecord) -> None:
    found = find_images(orthanc, structure_set(images=uids(1, 2)), record)
    assert (found.series, found.wanted_series) == (None, IMAGES)
    assert (found.images_present, found.images_missing) == (0, 2)
    assert found.reason


def test_a_series_named_without_its_images_is_used_once_stable(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    series = store_images(orthanc, 1)
    assert find_images(orthanc, structure_set(), record).series is None
    orthanc.settle(series)
    assert find_images(orthanc, structure_set(), record).series == series


def test_the_series_of_the_same_study_goes_before_its_copy_in_another(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1, study="1.2.0", stable=True)
    own = store_images(orthanc, 1, stable=True)
    assert find_images(orthanc, structure_set(images=uids(1)), record).series == own


def test_a_copy_in_another_study_serves_when_the_own_has_none(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    copy = store_images(orthanc, 1, study="1.2.0", stable=True)
    assert find_images(orthanc, structure_set(images=uids(1)), record).series == copy


def test_of_several_series_that_are_named_the_one_with_images_is_told(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1, 2)
    found = find_images(orthanc, structure_set(series=("1.2.1.8", IMAGES), images=uids(1, 2, 3)), record)
    assert (found.series, found.wanted_series, found.images_present) == (None, IMAGES, 2)


def test_without_a_named_series_the_frame_of_reference_decides(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1, 2, series="1.2.1.5", stable=True, header={"FrameOfReferenceUID": "1.2.8"})
    store_images(
        orthanc, 1, 2, series="1.2.1.6", stable=True, modality="RTDOSE", header={"FrameOfReferenceUID": FRAME}
    )
    store_images(orthanc, 1, series="1.2.1.3", stable=True, header={"FrameOfReferenceUID": FRAME})
    larger = store_images(
        orthanc, 1, 2, series="1.2.1.4", stable=True, series_tags={"FrameOfReferenceUID": FRAME}
    )
    found = find_images(orthanc, structure_set(series=()), record)
    assert (found.series, found.wanted_series, found.images_present) == (larger, None, 2)


def test_without_a_named_series_one_that_arrives_is_waited_for(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    series = store_images(orthanc, 1, header={"FrameOfReferenceUID": FRAME})
    found = find_images(orthanc, structure_set(series=()), record)
    assert (found.series, found.wanted_series) == (None, None)
    assert found.reason
    orthanc.settle(series)
    assert find_images(orthanc, structure_set(series=()), record).series == series


# Several series that are named

OTHER, OTHER_FRAME = "1.2.1.9", "1.2.8"
BOTH = (OTHER, IMAGES)


def in_frame(frame: str) -> dict[str, Any]:
    return {"series_tags": {"FrameOfReferenceUID": frame}}


@pytest.mark.parametrize("named", [BOTH, BOTH[::-1]])
def test_of_two_series_the_one_of_the_regions_frame_is_taken_though_the_other_is_larger(
    orthanc: FakeOrthancRest, record: InstanceRecord, named: tuple[str, ...]
) -> None:
    store_images(orthanc, 1, 2, 3, series=OTHER, stable=True, modality="MR", **in_frame(OTHER_FRAME))
    own = store_images(orthanc, 1, 2, stable=True, **in_frame(FRAME))
    asked = structure_set(series=named, images=(*uids(1, 2), *(f"{OTHER}.{n}" for n in (1, 2, 3))))
    for wait in (True, False):
        assert find_images(orthanc, asked, record, wait=wait) == FoundImages(own, IMAGES, 2, 0, "")  # type: ignore[arg-type]


def test_a_series_of_another_frame_is_not_waited_for(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    own = store_images(orthanc, 1, 2, stable=True, **in_frame(FRAME))
    assert find_images(orthanc, structure_set(series=BOTH), record).series == own
    store_images(orthanc, 1, series=OTHER, **in_frame(OTHER_FRAME))
    assert find_images(orthanc, structure_set(series=BOTH), record).series == own


def test_the_series_of_the_regions_frame_is_waited_for_though_another_is_ready(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1, 2, series=OTHER, stable=True, **in_frame(OTHER_FRAME))
    found = find_images(orthanc, structure_set(series=BOTH), record)
    assert (found.series, found.wanted_series) == (None, IMAGES)
    store_images(orthanc, 1, **in_frame(FRAME))
    found = find_images(orthanc, structure_set(series=BOTH), record)
    assert (found.series, found.wanted_series, found.images_present) == (None, IMAGES, 1)
    assert "arriving" in found.reason


def test_a_series_of_which_no_image_is_named_is_not_taken_for_the_one_that_is_to_come(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    other = store_images(orthanc, 1, 2, series=OTHER, stable=True, **in_frame(FRAME))
    asked = structure_set(series=BOTH, images=uids(1, 2))
    found = find_images(orthanc, asked, record)
    assert (found.series, found.wanted_series, found.images_missing) == (None, IMAGES, 2)
    assert find_images(orthanc, asked, record, wait=False).series == other


def test_of_several_absent_series_any_is_waited_for(orthanc: FakeOrthancRest, record: InstanceRecord) -> None:
    found = find_images(orthanc, structure_set(series=BOTH), record)
    assert (found.series, found.wanted_series) == (None, None)


def test_images_of_another_series_are_not_missing_from_this_one(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    own = store_images(orthanc, 1, 2, **in_frame(FRAME))
    store_images(orthanc, 1, 2, 3, series=OTHER, **in_frame(OTHER_FRAME))
    asked = structure_set(series=BOTH, images=(*uids(1, 2), *(f"{OTHER}.{n}" for n in (1, 2, 3))))
    found = find_images(orthanc, asked, record)
    assert (found.series, found.images_missing) == (own, 0)


def test_of_two_series_of_one_frame_the_one_whose_images_are_named_is_taken(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1, 2, 3, series=OTHER, stable=True, **in_frame(FRAME))
    own = store_images(orthanc, 1, 2, stable=True, **in_frame(FRAME))
    assert find_images(orthanc, structure_set(series=BOTH, images=uids(1, 2)), record).series == own


def test_an_only_series_is_taken_whatever_its_frame(orthanc: FakeOrthancRest, record: InstanceRecord) -> None:
    only = store_images(orthanc, 1, stable=True, **in_frame(OTHER_FRAME))
    assert find_images(orthanc, structure_set(), record).series == only


def test_who_cannot_wait_gets_another_series_of_the_frame_before_one_of_another_frame(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    store_images(orthanc, 1, 2, series=OTHER, stable=True, **in_frame(OTHER_FRAME))
    stand_in = store_images(orthanc, 1, series="1.2.1.4", **in_frame(FRAME))
    assert find_images(orthanc, structure_set(series=BOTH), record, wait=False).series == stand_in


# The series' geometry


def test_a_complete_index_opens_one_file_whatever_the_number_of_images(orthanc: FakeOrthancRest) -> None:
    series = store_images(orthanc, *range(40))
    orthanc.asked.clear()
    loaded = load_series(orthanc, series)
    assert len(loaded.images) == 40
    assert orthanc.asked.count("header") == 1
    assert "file" not in orthanc.asked


def test_positions_orientations_and_spacings_are_those_of_the_index(orthanc: FakeOrthancRest) -> None:
    series = store_images(
        orthanc,
        1,
        tags={**PLANE, "SliceThickness": "2"},
        header={"FrameOfReferenceUID": FRAME, "RescaleType": "HU"},
    )
    (image,) = load_series(orthanc, series).images
    assert image.sop_instance_uid == f"{IMAGES}.1"
    assert image.position_lps_mm == (-10.0, -20.5, 30.0)
    assert image.orientation == (1, 0, 0, 0, 1, 0)
    assert image.pixel_spacing_mm == (2.5, 1.5)
    assert (image.rows, image.columns) == (64, 32)
    assert image.frame_of_reference_uid == FRAME
    assert image.thickness_mm == 2.0


def test_series_and_study_modality_and_unit_are_told(orthanc: FakeOrthancRest) -> None:
    loaded = load_series(orthanc, store_images(orthanc, 1, modality="PT", header={"Units": "BQML"}))
    assert (loaded.series_uid, loaded.study_uid) == (IMAGES, STUDY)
    assert (loaded.modality, loaded.unit) == ("PT", "BQML")


@pytest.mark.parametrize("missing", sorted(PLANE))
def test_what_the_index_does_not_hold_is_read_from_the_file(orthanc: FakeOrthancRest, missing: str) -> None:
    tags = {name: value for name, value in PLANE.items() if name != missing}
    series = store_images(orthanc, 1, 2, tags=tags, header=PLANE)
    orthanc.asked.clear()
    loaded = load_series(orthanc, series)
    assert [image.rows for image in loaded.images] == [64, 64]
    assert orthanc.asked.count("header") == 3


@pytest.mark.parametrize(
    "broken",
    [
        {"ImagePositionPatient": ""},
        {"ImagePositionPatient": "1\\2"},
        {"PixelSpacing": "a\\b"},
        {"Rows": ""},
        {"ImageOrientationPatient": "1\\0\\0"},
    ],
)
def test_an_instance_that_is_no_image_in_space_is_left_out(
    orthanc: FakeOrthancRest, broken: dict[str, str]
) -> None:
    store_images(orthanc, 1)
    series = store_images(orthanc, 2, tags={**PLANE, **broken}, header={**PLANE, **broken})
    assert [image.sop_instance_uid for image in load_series(orthanc, series).images] == [f"{IMAGES}.1"]


@pytest.mark.parametrize(
    "broken",
    [
        {"ImagePositionPatient": "nan\\0\\0"},
        {"ImagePositionPatient": "1e9\\0\\0"},
        {"ImageOrientationPatient": "1\\0\\nan\\0\\1\\0"},
        {"PixelSpacing": "nan\\1"},
        {"PixelSpacing": "0\\1"},
        {"PixelSpacing": "1\\1e-300"},
        {"Rows": "0"},
        {"Rows": "65535", "Columns": "65535"},
        {"NumberOfFrames": "60"},
    ],
)
def test_bad_geometry_costs_its_image_which_is_named_and_a_series_of_such_is_refused(
    orthanc: FakeOrthancRest, broken: dict[str, str]
) -> None:
    store_images(orthanc, 1)
    series = store_images(orthanc, 2, tags={**PLANE, **broken})
    loaded = load_series(orthanc, series)
    assert [image.sop_instance_uid for image in loaded.images] == [f"{IMAGES}.1"]
    (problem,) = loaded.problems
    assert problem.code == "unusable_images"
    assert f"{IMAGES}.2" in problem.message
    orthanc.delete(orthanc_id(STUDY, IMAGES, f"{IMAGES}.1"))
    with pytest.raises(InvalidDicom, match=f"Image {IMAGES}.2"):
        load_series(orthanc, series)


@pytest.mark.parametrize("lacking", ["ImagePositionPatient", "PixelSpacing", "Rows"])
def test_a_sectional_image_that_lacks_an_element_of_its_plane_is_named(
    orthanc: FakeOrthancRest, lacking: str
) -> None:
    tags = {keyword: value for keyword, value in PLANE.items() if keyword != lacking}
    store_images(orthanc, 1)
    loaded = load_series(
        orthanc, store_images(orthanc, 2, tags=tags, header={**tags, "SOPClassUID": CT_IMAGE_STORAGE})
    )
    assert [image.sop_instance_uid for image in loaded.images] == [f"{IMAGES}.1"]
    (problem,) = loaded.problems
    assert problem.code == "unusable_images"
    assert f"{IMAGES}.2" in problem.message


def test_multi_frame_images_are_said_not_to_be_read_yet(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    frames = {"NumberOfFrames": "60", "Rows": "64", "Columns": "32"}
    series = store_images(orthanc, 1, tags=frames, header=frames, stable=True)
    assert find_images(orthanc, structure_set(), record).series == series
    with pytest.raises(InvalidDicom, match="several frames: multi-frame images are not read yet"):
        load_series(orthanc, series)


def test_single_frames_made_of_a_multi_frame_image_are_taken_in_its_place(
    orthanc: FakeOrthancRest, record: InstanceRecord
) -> None:
    frames = {"NumberOfFrames": "60", "Rows": "64", "Columns": "32"}
    store_images(orthanc, 1, tags=frames, stable=True, **in_frame(FRAME))
    single = store_images(orthanc, 1, 2, series="1.2.1.4", stable=True, **in_frame(FRAME))
    for wait in (True, False):
        assert find_images(orthanc, structure_set(), record, wait=wait).series == single


@pytest.mark.parametrize("thickness", ["", "thin", "2\\3"])
def test_a_thickness_that_is_no_number_is_none(orthanc: FakeOrthancRest, thickness: str) -> None:
    series = store_images(orthanc, 1, tags={**PLANE, "SliceThickness": thickness})
    assert load_series(orthanc, series).images[0].thickness_mm is None


def test_a_series_without_any_image_in_space_is_a_geometry_error(orthanc: FakeOrthancRest) -> None:
    with pytest.raises(GeometryError, match="position, orientation and spacing"):
        load_series(orthanc, store_images(orthanc, 1, 2, tags={}))


# Pixels


def test_pixels_of_an_image_that_was_deleted_meanwhile_are_invalid_dicom(orthanc: FakeOrthancRest) -> None:
    loaded = load_series(orthanc, store_images(orthanc, 1, 2))
    orthanc.delete(orthanc_id(STUDY, IMAGES, f"{IMAGES}.1"))
    assert loaded.load_pixels is not None
    with pytest.raises(InvalidDicom, match="deleted meanwhile"):
        loaded.load_pixels(f"{IMAGES}.1")


def test_an_orthanc_that_does_not_answer_now_is_not_taken_for_bad_images(orthanc: FakeOrthancRest) -> None:
    loaded = load_series(orthanc, store_images(orthanc, 1))
    orthanc.failure = ArchiveUnavailable("Not now.", archive="orthanc")
    assert loaded.load_pixels is not None
    with pytest.raises(ArchiveUnavailable):
        loaded.load_pixels(f"{IMAGES}.1")
