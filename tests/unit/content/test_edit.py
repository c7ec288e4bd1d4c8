"""Files with elements of another copy: what is taken over, what is recorded, and that all else stays."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from orthanc_plugins.content.edit import MODIFYING_SYSTEM, Stamp, edited, texts_of
from orthanc_plugins.errors import InvalidDicom
from tests.builders import ImageFrame, build_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import FileDataset

STAMP = Stamp(datetime(2026, 11, 29, 12, 30, tzinfo=timezone(timedelta(hours=9))), "DCM4CHEE")
NAME = "00100010"


@pytest.fixture(scope="module")
def image() -> FileDataset:
    frame = ImageFrame(size=(1, 8, 8))
    made = build_case(frame=frame, regions=1).images[0]
    made.PatientName = "Miller^Ann"
    made.SpecificCharacterSet = "ISO_IR 100"
    made.InstitutionName = "Krankenhaus Süd"
    made.private_block(0x0029, "ACME", create=True).add_new(0x10, "LO", "mine")
    step = Dataset()
    step.RequestedProcedureDescription = "CT Thorax"
    made.RequestAttributesSequence = [step]
    made["RequestAttributesSequence"].is_undefined_length = True
    return made


def written(data_set: FileDataset, syntax: str = ExplicitVRLittleEndian, **changes: Any) -> bytes:
    made = copy.deepcopy(data_set)
    for keyword, value in changes.items():
        if value is None:
            del made[keyword]
        else:
            setattr(made, keyword, value)
    made.file_meta.TransferSyntaxUID = syntax  # type: ignore[assignment]
    if syntax == JPEGLSLossless:
        made.PixelData = encapsulate([b"\xff\xd8 not really an image \xff\xd9"])
        made["PixelData"].VR = "OB"
    buffer = BytesIO()
    if syntax == ExplicitVRBigEndian:
        dcmwrite(buffer, made, implicit_vr=False, little_endian=False, force_encoding=True)
    else:
        made.save_as(buffer, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    return buffer.getvalue()


def copied(data_set: FileDataset) -> FileDataset:
    """Return another data set of the same content: pydicom's own deep copies share private blocks."""
    return read(written(data_set))


def read(content: bytes) -> FileDataset:
    return dcmread(BytesIO(content))


def raw(data_set: Dataset) -> dict[int, object]:
    """Return the elements as they are written, sequences as such."""
    found: dict[int, object] = {}
    for tag in list(data_set.keys()):
        element = data_set.get_item(tag)
        if isinstance(element, RawDataElement):
            found[tag] = (element.VR, element.value)
        elif data_set[tag].VR == "SQ":
            found[tag] = [raw(item) for item in data_set[tag].value]
        else:
            found[tag] = data_set[tag].value
    return found


def touched(before: bytes, after: bytes) -> set[str]:
    """Return the tags whose bytes differ between two files."""
    one, other = raw(read(before)), raw(read(after))
    return {f"{tag:08X}" for tag in one.keys() | other.keys() if one.get(tag) != other.get(tag)}


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGLSLossless,
    ],
)
def test_only_what_is_decided_changes_and_the_coding_stays(image: FileDataset, syntax: str) -> None:
    before = written(image, syntax)
    after = edited(
        before,
        written(image, PatientName="Miller^Anna", PatientSex="F", StudyDate=None),
        [NAME, "00080020"],
        STAMP,
    )
    assert touched(before, after) == {NAME, "00080020", "04000561"}
    assert read(after).PatientName == "Miller^Anna"
    assert "StudyDate" not in read(after)
    assert read(after).file_meta == read(before).file_meta
    assert read(after).PixelData == read(before).PixelData
    if syntax != DeflatedExplicitVRLittleEndian:
        pixels = read(before).PixelData
        assert pixels in after


def test_what_it_was_before_is_recorded(image: FileDataset) -> None:
    first = edited(
        written(image), written(image, PatientName="B", PatientSex=None), [NAME, "00100040"], STAMP
    )
    after = read(edited(first, written(image, PatientName="C"), [NAME], STAMP))
    one, other = after.OriginalAttributesSequence
    assert one.SourceOfPreviousValues == "DCM4CHEE"
    assert one.AttributeModificationDateTime == "20261129033000.000000+0000"
    assert one.ModifyingSystem == MODIFYING_SYSTEM
    assert one.ReasonForTheAttributeModification == "CORRECT"
    (former,) = one.ModifiedAttributesSequence
    assert former.PatientName == "Miller^Ann"
    assert former.PatientSex == read(written(image)).PatientSex
    assert other.ModifiedAttributesSequence[0].PatientName == "B"


def test_what_was_absent_is_added_and_no_former_value_recorded(image: FileDataset) -> None:
    after = read(edited(written(image), written(image, PatientComments="seen"), ["00104000"], STAMP))
    assert after.PatientComments == "seen"
    assert len(after.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]) == 0


def test_an_element_in_an_item_is_changed_and_its_whole_sequence_recorded(image: FileDataset) -> None:
    other = copied(image)
    other.RequestAttributesSequence[0].RequestedProcedureDescription = "CT Abdomen"
    before = written(image)
    after = edited(before, written(other), ["00400275[0].00321060"], STAMP)
    assert touched(before, after) == {"00400275", "04000561"}
    assert read(after).RequestAttributesSequence[0].RequestedProcedureDescription == "CT Abdomen"
    (former,) = read(after).OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert former.RequestAttributesSequence[0].RequestedProcedureDescription == "CT Thorax"


def test_a_whole_sequence_is_taken_over_with_another_number_of_items(image: FileDataset) -> None:
    other = copied(image)
    added = Dataset()
    added.ScheduledProcedureStepDescription = "Zweite Phase, spät"
    other.RequestAttributesSequence.append(added)
    after = read(edited(written(image), written(other), ["00400275"], STAMP))
    assert [len(one.keys()) for one in after.RequestAttributesSequence] == [1, 1]
    assert after.RequestAttributesSequence[1].ScheduledProcedureStepDescription == "Zweite Phase, spät"


def test_a_private_element_is_found_in_its_creators_block(image: FileDataset) -> None:
    other = copied(image)
    del other[0x00290010], other[0x00291010]
    other.private_block(0x0029, "ELSE", create=True).add_new(0x10, "LO", "not it")
    other.private_block(0x0029, "ACME", create=True).add_new(0x10, "LO", "theirs")
    after = read(edited(written(image), written(other), ["0029[ACME]10"], STAMP))
    assert after[0x00291010].value == "theirs"
    (former,) = after.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert [former[0x00290010].value, former[0x00291010].value] == ["ACME", "mine"]
    back = read(edited(written(other), written(image), ["0029[ELSE]10", "0029[NEW]10"], STAMP))
    assert 0x00291010 not in back
    assert back[0x00291110].value == "theirs"


# Texts


def test_text_is_written_in_the_files_own_character_set(image: FileDataset) -> None:
    other = written(image, SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Änne")
    after = edited(written(image), other, [NAME], STAMP)
    assert read(after).SpecificCharacterSet == "ISO_IR 100"
    assert "Müller^Änne".encode("latin-1") in after
    assert str(read(after).PatientName) == "Müller^Änne"


def test_text_the_character_set_lacks_has_the_whole_file_written_in_unicode(image: FileDataset) -> None:
    name = "Yamada^Tarou=山田^太郎"
    other = written(image, SpecificCharacterSet="ISO_IR 192", PatientName=name)
    before = written(image)
    after = edited(before, other, [NAME], STAMP)
    assert read(after).SpecificCharacterSet == "ISO_IR 192"
    assert str(read(after).PatientName) == name
    assert read(after).InstitutionName == "Krankenhaus Süd"
    assert "Krankenhaus Süd".encode() in after
    assert read(after).PixelData == read(before).PixelData
    (former,) = read(after).OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert former.SpecificCharacterSet == "ISO_IR 100"
    assert former.PatientName == "Miller^Ann"


def test_text_of_an_item_is_read_in_the_character_set_it_was_written_in(image: FileDataset) -> None:
    other = copied(image)
    other.SpecificCharacterSet = "ISO_IR 192"
    other.RequestAttributesSequence[0].RequestedProcedureDescription = "Schädel"
    after = edited(written(image), written(other), ["00400275"], STAMP)
    assert read(after).RequestAttributesSequence[0].RequestedProcedureDescription == "Schädel"
    assert "Schädel".encode("latin-1") in after


# What is never changed


@pytest.mark.parametrize(
    "path",
    [
        *("0020000D", "00080018", "00200052", "00081140", "00081140[0].00081160", "00280010", "00080005"),
        *("00400275[0]", "nonsense", ""),
    ],
)
def test_identities_pixels_codings_and_items_are_refused(image: FileDataset, path: str) -> None:
    with pytest.raises(InvalidDicom):
        edited(written(image), written(image), [path], STAMP)


def test_a_private_uid_is_refused(image: FileDataset) -> None:
    other = copied(image)
    other.private_block(0x0029, "ACME").add_new(0x11, "UI", "1.2.3")
    with pytest.raises(InvalidDicom, match="never changed"):
        edited(written(image), written(other), ["0029[ACME]11"], STAMP)


def test_a_sequence_that_refers_to_other_objects_is_refused_and_one_with_more_items_is_not() -> None:
    case = build_case(frame=ImageFrame(size=(3, 8, 8)), regions=2)
    before, other = copied(case.structure_set), copied(case.structure_set)
    other.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    with pytest.raises(InvalidDicom, match="UIDs are never rewritten"):
        edited(written(before), written(other), ["30060039"], STAMP)
    fewer = copied(case.structure_set)
    del fewer.ROIContourSequence[1:], fewer.ROIContourSequence[0].ContourSequence[1:]
    for one, taken in ((before, fewer), (fewer, before)):
        after = read(edited(written(one), written(taken), ["30060039"], STAMP))
        assert after.ROIContourSequence == taken.ROIContourSequence


def test_files_of_two_instances_are_refused(image: FileDataset) -> None:
    with pytest.raises(InvalidDicom, match="same instance"):
        edited(written(image), written(image, SOPInstanceUID="1.2.3"), [NAME], STAMP)


@pytest.mark.parametrize("path", ["00400275[1].00321060", "00080080[0].00321060", "00081032[0].00080100"])
def test_a_place_that_is_not_there_is_refused(image: FileDataset, path: str) -> None:
    with pytest.raises(InvalidDicom, match="compare the study again"):
        edited(written(image), written(image), [path], STAMP)


@pytest.mark.parametrize("damage", [lambda content: b"no DICOM at all", lambda content: content[:200]])
def test_a_file_that_cannot_be_read_is_refused(image: FileDataset, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InvalidDicom):
        edited(damage(written(image)), written(image), [NAME], STAMP)


def test_a_value_that_cannot_be_read_is_refused_without_being_quoted(image: FileDataset) -> None:
    broken = written(image).replace(b"DS\x02\x0040", b"FD\x02\x0040")
    assert broken != written(image)
    for damaged, other in ((broken, written(image)), (written(image), broken)):
        with pytest.raises(InvalidDicom, match="cannot be read as DICOM") as caught:
            edited(damaged, other, ["00281050"], STAMP)
        assert "40" not in str(caught.value)


def test_bytes_of_unknown_text_in_another_character_set_are_refused(image: FileDataset) -> None:
    other = copied(image)
    other.SpecificCharacterSet = "ISO_IR 192"
    other.private_block(0x0029, "ACME").add_new(0x12, "UN", "ü".encode())
    with pytest.raises(InvalidDicom, match="does not share"):
        edited(written(image), written(other), ["0029[ACME]12"], STAMP)
    other[0x00291012].value = b"plain "
    assert (
        read(edited(written(image), written(other), ["0029[ACME]12"], STAMP))[0x00291012].value == b"plain "
    )


def test_values_are_told_as_text_by_keyword(image: FileDataset) -> None:
    made = written(image, PatientName="Müller^Änne", ImageType=["ORIGINAL", "PRIMARY"], StudyID=None)
    tags = [NAME, "00080008", "00200010", "00400275", "0029[ACME]10", "00990010"]
    assert texts_of(made, tags) == {
        "PatientName": "Müller^Änne",
        "ImageType": "ORIGINAL\\PRIMARY",
        "StudyID": "",
    }
