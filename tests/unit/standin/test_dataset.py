"""DICOM files as the archive reads and writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dcm4chee.standin.dataset import (
    NotDicomError,
    TruncatedError,
    _read_with_care,
    attributes_of,
    dataset_from,
    is_empty,
    read_received,
    text_of,
    with_preamble,
)
from dcm4chee.standin.header import quick_header
from dcm4chee.standin.tags import Level
from tests.standin_objects import build_object, content_of

CONTENT = content_of(build_object(SOPInstanceUID="1.2.3"))


def test_what_the_archive_keeps_is_read_and_nothing_else() -> None:
    received = read_received(CONTENT)
    assert received.sop_instance_uid == "1.2.3"
    assert text_of(received.attributes["00100010"]) == "Doe^Jane"
    assert "00180050" not in received.attributes  # SliceThickness is no attribute of the database
    assert set(received.level(Level.SERIES)) == {"00080005", "00080060", "0020000E", "00200011"}
    assert "00080018" not in received.above_instance


def test_numbers_are_written_as_dicom_writes_them() -> None:
    dataset = Dataset()
    dataset.SliceThickness = "2.50"
    dataset.InstanceNumber = "007"
    dataset.Rows = 8
    dataset.PixelSpacing = ["0.5", "1e-1"]
    assert attributes_of(dataset) == {
        "00180050": {"vr": "DS", "Value": ["2.50"]},
        "00200013": {"vr": "IS", "Value": ["007"]},
        "00280010": {"vr": "US", "Value": [8]},
        "00280030": {"vr": "DS", "Value": ["0.5", "1e-1"]},
    }


def test_all_kinds_of_values_are_written() -> None:
    dataset = Dataset()
    dataset.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    dataset.FrameIncrementPointer = 0x00181063
    dataset.StudyID = ""
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.add_new(0x00091010, "OB", b"\x01\x02")
    dataset.ReferencedStudySequence = []
    assert attributes_of(dataset) == {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY"]},
        "00081110": {"vr": "SQ"},
        "00091010": {"vr": "OB", "InlineBinary": "AQI="},
        "00100010": {
            "vr": "PN",
            "Value": [
                {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
            ],
        },
        "00200010": {"vr": "SH"},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
    }


def test_json_goes_back_to_the_same_data_set() -> None:
    dataset = build_object()
    del dataset.PixelData
    assert attributes_of(dataset_from(attributes_of(dataset))) == attributes_of(dataset)


def test_text_of_values() -> None:
    assert text_of({"vr": "PN", "Value": [{"Alphabetic": "A", "Phonetic": "C"}]}) == "A==C"
    assert text_of({"vr": "LO", "Value": [None, "b"]}) == "\\b"
    assert is_empty(None)
    assert is_empty({"vr": "LO"})


def test_the_first_bytes_are_enough_when_they_reach_the_pixels() -> None:
    reaches = CONTENT.index(b"\xe0\x7f\x10\x00") + 12
    assert read_received(CONTENT[:reaches], whole=False).sop_instance_uid == "1.2.3"
    with pytest.raises(TruncatedError):
        read_received(CONTENT[:300], whole=False)


def test_a_file_without_preamble_is_completed() -> None:
    assert read_received(CONTENT[132:]).sop_instance_uid == "1.2.3"
    assert with_preamble(CONTENT[132:]) == CONTENT
    assert with_preamble(CONTENT) == CONTENT
    assert with_preamble(b"no DICOM") == b"no DICOM"


def sequence() -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID = "1"
    return item


@pytest.mark.parametrize(
    ("changes", "quick"),
    [
        ({}, True),
        ({"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Yamada=山田=やまだ"}, True),
        ({"SpecificCharacterSet": None, "PatientName": "Doe^Jane"}, True),
        ({"PatientComments": "one \\ two ", "ImageType": ["A", "", "B "], "PatientSize": "1.70 "}, True),
        ({"PatientName": "", "StudyID": " ", "InstanceNumber": " 7 "}, True),
        ({"NumberOfFrames": "2", "PatientWeight": " 70.5", "StudyDescription": " x "}, True),
        ({"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada"}, False),
        ({"RequestAttributesSequence": [sequence()]}, False),
        ({"RequestAttributesSequence": []}, True),
        ({"ReferencedStudySequence": [sequence()]}, True),
    ],
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_quick_reading_gives_what_careful_reading_gives(
    changes: dict[str, object], syntax: UID, *, quick: bool
) -> None:
    dataset = build_object(**changes)
    dataset.file_meta.TransferSyntaxUID = syntax
    content = content_of(dataset)
    assert (quick_header(content) is not None) is quick
    assert read_received(content) == _read_with_care(content)


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_transfer_syntaxes_are_read_with_care(syntax: UID) -> None:
    dataset = build_object(SOPInstanceUID="1.2.3", PixelData=None)
    dataset.file_meta.TransferSyntaxUID = syntax
    content = content_of(dataset)
    assert quick_header(content) is None
    assert read_received(content).sop_instance_uid == "1.2.3"


@given(
    st.text(alphabet="aä ^\\", max_size=12).filter(lambda text: "\\" not in text.strip("\\")),
    st.text(alphabet="a b", max_size=6),
)
def test_quick_reading_of_any_text(name: str, description: str) -> None:
    content = content_of(build_object(PatientName=name, StudyDescription=description))
    assert read_received(content) == _read_with_care(content)


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_an_object_without_uid_is_none(keyword: str) -> None:
    dataset = build_object()
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2")
    setattr(dataset, keyword, "")
    with pytest.raises(NotDicomError, match="UID"):
        read_received(content_of(dataset))


def test_pixels_that_are_cut_off_are_noticed() -> None:
    with pytest.raises(NotDicomError, match="pixels"):
        read_received(CONTENT[:-1])


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of what is damaged
@given(st.integers(0, len(CONTENT) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_are_read_or_refused_and_nothing_else(place: int, damage: bytes) -> None:
    damaged = CONTENT[:place] + damage + CONTENT[place + len(damage) :]
    for content in (damaged, CONTENT[:place]):
        try:
            received = read_received(content)
        except NotDicomError:
            continue
        assert received.study_uid
