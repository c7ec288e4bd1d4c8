"""Whether a copy is what was sent, whatever an archive wrote anew."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless

from orthanc_plugins.archives.base import StoreState
from orthanc_plugins.archives.dcm4chee import judged
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.read_back import differing
from tests.fakes.faulty_archive import dicom_file

SENT = dicom_file(StudyDescription="Thorax", ImageComments="new", InstanceNumber=7)


def changed(content: bytes = SENT, **attributes: Any) -> bytes:
    data_set = dcmread(io.BytesIO(content))
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    buffer = io.BytesIO()
    dcmwrite(buffer, data_set)
    return buffer.getvalue()


def item(**attributes: Any) -> Dataset:
    data_set = Dataset()
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    return data_set


def test_a_copy_is_no_different() -> None:
    assert differing(SENT, SENT) == frozenset()


@pytest.mark.parametrize(
    "attributes",
    [
        {"SpecificCharacterSet": "ISO_IR 192"},
        {"OriginalAttributesSequence": [item(SourceOfPreviousValues="X")]},
        {"PatientName": "MARKER^NAME^^^"},
        {"AccessionNumber": ""},
        {"InstanceNumber": "07"},
    ],
)
def test_what_an_archive_may_write_anew_is_no_difference(attributes: dict[str, Any]) -> None:
    assert differing(SENT, changed(**attributes)) == frozenset()


def test_another_transfer_syntax_is_no_difference_and_its_pixels_are_not_compared() -> None:
    data_set = dcmread(io.BytesIO(SENT))
    data_set.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    buffer = io.BytesIO()
    dcmwrite(buffer, data_set, implicit_vr=True, little_endian=True)
    assert differing(SENT, buffer.getvalue()) == frozenset()
    data_set.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data_set.PixelData = encapsulate([bytes(8)])
    data_set["PixelData"].is_undefined_length = True
    compressed = io.BytesIO()
    dcmwrite(compressed, data_set)
    assert differing(SENT, compressed.getvalue()) == frozenset()


def test_values_that_follow_no_rule_are_compared_and_quoted_nowhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd = SENT.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"MARKER^NAME..............\0")
    assert len(odd) == len(SENT)
    assert differing(odd, SENT) == {"SOPClassUID"}
    assert "MARKER" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ({"PatientName": "OTHER"}, {"PatientName"}),
        ({"ImageComments": None, "StudyID": "5"}, {"ImageComments", "StudyID"}),
        ({"PixelData": bytes(15) + b"\1"}, {"PixelData"}),
        ({"ReferencedStudySequence": [item(ReferencedSOPInstanceUID="1.2")]}, {"ReferencedStudySequence"}),
    ],
)
def test_a_difference_is_told_by_name_and_without_values(attributes: dict[str, Any], names: set[str]) -> None:
    assert differing(SENT, changed(**attributes)) == names


def test_a_difference_within_a_sequence_is_found() -> None:
    one = changed(ReferencedStudySequence=[item(ReferencedSOPInstanceUID="1.2")])
    other = changed(ReferencedStudySequence=[item(ReferencedSOPInstanceUID="1.3")])
    assert differing(one, other) == {"ReferencedStudySequence"}
    assert differing(one, one) == frozenset()


# What is said of a replacement


def test_a_replacement_that_is_there_is_stored() -> None:
    outcome = judged(described(SENT), described(changed(ImageComments="old")), described(SENT))
    assert (outcome.state, outcome.detail) == (StoreState.STORED, "")


def test_an_archive_that_kept_its_copy_refuses_and_its_administrator_is_told_what_to_set() -> None:
    old = described(changed(ImageComments="old", InstanceNumber=8))
    outcome = judged(described(SENT), old, old)
    assert outcome.state is StoreState.REFUSED
    assert "dcmOverwritePolicy" in outcome.detail


def test_attributes_that_the_archive_keeps_for_all_instances_are_named() -> None:
    old = described(changed(ImageComments="old", StudyDescription="Abdomen"))
    outcome = judged(described(SENT), old, described(changed(StudyDescription="Abdomen")))
    assert outcome.state is StoreState.REFUSED
    assert "its own StudyDescription" in outcome.detail


def test_what_the_archive_changed_by_its_own_rules_is_stored_and_said() -> None:
    old = described(changed(ImageComments="old", PatientSex="F"))
    sent = changed(PatientSex="F")
    outcome = judged(described(sent), old, described(changed(PatientSex="O")))
    assert outcome.state is StoreState.STORED
    assert outcome.detail == "The archive changed PatientSex by its own rules."


def test_an_instance_that_was_not_there_is_judged_by_itself() -> None:
    assert judged(described(SENT), None, described(SENT)).state is StoreState.STORED
    assert judged(described(SENT), None, None).state is StoreState.FAILED
