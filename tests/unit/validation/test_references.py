"""UIDs of the released objects make the net that those of the originals made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from orthanc_plugins.validation import Claims
from tests.unit.validation.studies import CODES, SR, Study, de_identified, mark, new_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNKNOWN = "2.25.123456789012345678901234567890123456"
BECAME_ANOTHER = "the same UID of the originals became another one elsewhere"
BECAME_THIS = "two UIDs of the originals became this one"


def told(study: Study, folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in study.findings(folder):
        if one.check == "references":
            found.setdefault(one.text, set()).add(one.location)
    return found


def _contour_image(study: Study) -> Dataset:
    contour = study.released["rtstruct"].ROIContourSequence[0].ContourSequence[0]
    item: Dataset = contour.ContourImageSequence[0]
    return item


def _report_image(study: Study) -> Dataset:
    place = study.released[SR].ContentSequence[1].ContentSequence[0].ContentSequence[0]
    item: Dataset = place.ReferencedSOPSequence[0]
    return item


@pytest.mark.parametrize("find", [_contour_image, _report_image])
def test_a_reference_that_points_elsewhere_is_found(
    study: Study, tmp_path: Path, find: Callable[[Study], Dataset]
) -> None:
    find(study).ReferencedSOPInstanceUID = UNKNOWN
    assert BECAME_ANOTHER in told(study, tmp_path)


def test_two_objects_that_became_one_are_found(study: Study, tmp_path: Path) -> None:
    uid = study.released["ct2"].SOPInstanceUID
    study.released["ct1"].SOPInstanceUID = uid
    study.released["ct1"].file_meta.MediaStorageSOPInstanceUID = uid
    found = told(study, tmp_path)
    assert "(0008,0018)" in found[BECAME_THIS]
    assert "(0008,0018)" in found[BECAME_ANOTHER]


def test_another_frame_of_reference_in_one_object_is_found(study: Study, tmp_path: Path) -> None:
    study.released["ct2"].FrameOfReferenceUID = UNKNOWN
    assert "(0020,0052)" in told(study, tmp_path)[BECAME_ANOTHER]


def test_a_study_uid_in_a_structure_set_is_mapped_as_the_studys(study: Study, tmp_path: Path) -> None:
    frame = study.released["rtstruct"].ReferencedFrameOfReferenceSequence[0]
    referenced = frame.RTReferencedStudySequence[0]
    assert referenced.ReferencedSOPInstanceUID == study.released["rtstruct"].StudyInstanceUID
    referenced.ReferencedSOPInstanceUID = UNKNOWN
    assert BECAME_ANOTHER in told(study, tmp_path)


def test_a_reference_that_is_gone_is_found_only_if_it_pointed_at_something(
    study: Study, tmp_path: Path
) -> None:
    outside = Dataset()
    outside.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    outside.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.2.1125.77777"
    study.originals["ct1"].SourceImageSequence = DicomSequence([outside])
    study.released["ct1"] = de_identified(study.originals["ct1"])
    assert told(study, tmp_path) == {}
    del study.released["ct1"].SourceImageSequence
    assert told(study, tmp_path) == {}
    del study.released["rtstruct"].ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    assert told(study, tmp_path) == {
        "what pointed at an object of the study points nowhere": {"(3006,0010)[1].(0020,0052)"}
    }


def test_what_is_no_reference_of_the_standard_profile_may_go(study: Study, tmp_path: Path) -> None:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    item.ReferencedSOPInstanceUID = study.originals["ct1"].StudyInstanceUID
    study.originals["ct1"].ReferencedStudySequence = DicomSequence([item])
    assert study.check(tmp_path).passed


def test_an_original_uid_that_stays_is_found(study: Study, tmp_path: Path) -> None:
    study.released["ct2"].SeriesInstanceUID = study.originals["ct2"].SeriesInstanceUID
    found = told(study, tmp_path)
    assert "(0020,000E)" in found["it is the original's UID"]


def test_uids_that_are_claimed_to_stay_must(study: Study, tmp_path: Path) -> None:
    study.claims = Claims(CODES | {"113110"}, "modified")
    for one in study.released.values():
        mark(one, CODES | {"113110"})
    assert set(told(study, tmp_path)) == {"it was changed, and is one to keep"}


def test_a_registered_frame_of_reference_must_stay(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    study.released["ct1"].FrameOfReferenceUID = new_uid("1.2")
    assert told(study, tmp_path) == {"it was changed, and is one to keep": {"(0020,0052)"}}


def test_a_changed_class_is_found(study: Study, tmp_path: Path) -> None:
    _contour_image(study).ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    (locations,) = told(study, tmp_path).values()
    assert locations == {"(3006,0039)[1].(3006,0040)[1].(3006,0016)[1].(0008,1150)"}


def test_file_meta_information_must_name_the_object(study: Study, tmp_path: Path) -> None:
    released = study.released["ct1"]

    def spoil(data: bytes) -> bytes:
        for uid in (released.SOPInstanceUID, released.SOPClassUID):
            data = data.replace(uid.encode(), uid[:-1].encode() + b"0", 1)
        return data

    study.bytes_of["ct1"] = spoil
    assert told(study, tmp_path) == {
        "it is not the one of the file meta information": {"(0008,0016)", "(0008,0018)"}
    }


def test_a_missing_uid_of_the_object_is_found(study: Study, tmp_path: Path) -> None:
    del study.released["ct1"].SeriesInstanceUID
    assert "(0020,000E)" in told(study, tmp_path)["it is missing"]


def test_a_uid_out_of_nowhere_is_found(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].SynchronizationFrameOfReferenceUID = UNKNOWN
    assert told(study, tmp_path) == {"a UID stands where the original has none": {"(0020,0200)"}}


def test_a_devices_uid_may_stay_with_the_device(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].DeviceUID = "1.2.826.0.1.3680043.2.1125.8888"
    study.released["ct1"].DeviceUID = "1.2.826.0.1.3680043.2.1125.8888"
    assert "(0018,1002)" in told(study, tmp_path)["it is the original's UID"]
    study.claims = Claims(CODES | {"113109"}, "modified")
    for one in study.released.values():
        mark(one, CODES | {"113109"})
    assert study.findings(tmp_path) == []


def test_uids_of_tables_may_be_replaced_only_where_they_are_a_houses_own(
    study: Study, tmp_path: Path
) -> None:
    study.originals["ct1"].ContextUID = "1.2.840.10008.6.1.308"
    study.released["ct1"].ContextUID = new_uid("1.2")
    (locations,) = told(study, tmp_path).values()
    assert locations == {"(0008,0117)"}
    study.originals["ct1"].ContextUID = "1.2.276.0.4711.1"
    assert told(study, tmp_path) == {}


def test_where_devices_are_retained_references_to_images_are_still_looked_at(
    study: Study, tmp_path: Path
) -> None:
    codes = CODES | {"113109"}
    study.claims = Claims(codes, "modified")
    for one in study.released.values():
        mark(one, codes)
    assert told(study, tmp_path) == {}
    _contour_image(study).ReferencedSOPInstanceUID = UNKNOWN
    assert BECAME_ANOTHER in told(study, tmp_path)
