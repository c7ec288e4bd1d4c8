"""Options of PS3.15 E.3: what they keep and what they clean."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.profile import AttributeException, Profile
from orthanc_plugins.deid.standard import Option
from tests.builders.writing import Element, part_10
from tests.unit.deid.objects import (
    SOP_UID,
    STUDY_UID,
    base,
    deidentified,
    new_dataset,
    new_uid,
    with_options,
)

VALUES = {
    "InstitutionName": Element(0x00080080, "LO", "Nordheim Clinic"),
    "DeviceSerialNumber": Element(0x00181000, "LO", "SN-4471"),
    "StationName": Element(0x00081010, "SH", "LINAC7"),
    "PatientSex": Element(0x00100040, "CS", "F"),
    "PatientAge": Element(0x00101010, "AS", "064Y"),
    "PatientWeight": Element(0x00101030, "DS", "71.5"),
    "StudyDate": Element(0x00080020, "DA", "20240305"),
    "SeriesTime": Element(0x00080031, "TM", "101500.25"),
    "AcquisitionDateTime": Element(0x0008002A, "DT", "20240305101500"),
    "DateOfLastCalibration": Element(0x00181200, "DA", "20240109"),
    "StudyDescription": Element(0x00081030, "LO", "Thorax"),
    "FrameOfReferenceUID": Element(0x00200052, "UI", "1.2.9"),
    "PatientBirthDate": Element(0x00100030, "DA", "19590312"),
    "AccessionNumber": Element(0x00080050, "SH", "ACC-55190"),
}
DATES = {"StudyDate": "20240305", "SeriesTime": "101500.25", "AcquisitionDateTime": "20240305101500"}


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        (None, {}),
        (Option.RETAIN_INSTITUTION_IDENTITY, {"InstitutionName": "Nordheim Clinic"}),
        (
            Option.RETAIN_DEVICE_IDENTITY,
            {"DeviceSerialNumber": "SN-4471", "StationName": "LINAC7", "DateOfLastCalibration": "20240109"},
        ),
        (
            Option.RETAIN_PATIENT_CHARACTERISTICS,
            {"PatientSex": "F", "PatientAge": "064Y", "PatientWeight": 71.5},
        ),
        (Option.RETAIN_LONGITUDINAL_FULL_DATES, {**DATES, "DateOfLastCalibration": "20240109"}),
        (Option.RETAIN_LONGITUDINAL_MODIFIED_DATES, {"SeriesTime": "101500.25"}),
        (Option.CLEAN_DESCRIPTORS, {"StudyDescription": "Thorax"}),
        (Option.RETAIN_UIDS, {"FrameOfReferenceUID": "1.2.9"}),
        (Option.CLEAN_GRAPHICS, {}),
        (Option.CLEAN_STRUCTURED_CONTENT, {}),
        (Option.RETAIN_SAFE_PRIVATE, {}),
    ],
)
def test_an_option_keeps_its_own_and_nothing_else(option: Option | None, kept: dict[str, object]) -> None:
    profile = with_options(*(() if option is None else (option,)))
    made = new_dataset(VALUES.values(), profile)
    as_they_were = {
        keyword: made[keyword].value
        for keyword, element in VALUES.items()
        if keyword in made and str(made[keyword].value) == element.value
    }
    assert as_they_were == kept


def test_retained_uids_stay_everywhere() -> None:
    made = new_dataset(VALUES.values(), with_options(Option.RETAIN_UIDS))
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID == SOP_UID
    assert made.StudyInstanceUID == STUDY_UID


def test_retained_uids_stay_in_reports_and_private_elements_too() -> None:
    uid = Element(0x0040A124, "UI", "1.2.9")
    item = (Element(0x0040A040, "CS", "UIDREF"), uid)
    analysed = Element(0x00990002, "UI", "1.2.9", creator="NQHeader")
    elements = (Element(0x0040A730, "SQ", (item,)), analysed)
    for retained in (True, False):
        options = {Option.CLEAN_STRUCTURED_CONTENT, Option.RETAIN_SAFE_PRIVATE}
        made = new_dataset(elements, with_options(*options, *({Option.RETAIN_UIDS} if retained else ())))
        found = {made.ContentSequence[0].UID, made.private_block(0x0099, "NQHeader")[2].value}
        assert found == {"1.2.9" if retained else new_uid("1.2.9")}


def test_without_the_option_uids_are_the_projects_own() -> None:
    made = new_dataset(VALUES.values(), with_options())
    assert made.StudyInstanceUID == new_uid(STUDY_UID)
    assert made.SOPClassUID == made.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_uids_that_the_standard_assigns_stay() -> None:
    made = new_dataset((Element(0x00200052, "UI", "1.2.840.10008.1.4.1.1"),))
    assert made.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"


def test_a_list_of_uids_may_become_longer_than_its_representation_can_tell() -> None:
    uids = [f"1.2.{number}" for number in range(2000)]
    data = new_dataset((Element(0x00080058, "UI", "\\".join(uids)),))
    value = data[0x00080058].value
    text = value if isinstance(value, bytes) else "\\".join(value).encode()
    assert text.rstrip(b"\0").decode().split("\\") == [new_uid(uid) for uid in uids]


@pytest.mark.parametrize(("action", "expected"), [("X", None), ("Z", ""), ("D", "REMOVED"), ("K", "Contoso")])
def test_an_exception_overrules_the_options(action: str, expected: str | None) -> None:
    exception = AttributeException(attribute="Manufacturer", action=action, reason="for one test")
    profile = Profile(name="excepted", summary="for one test", exceptions=(exception,))
    made = new_dataset((Element(0x00080070, "LO", "Contoso"),), profile)
    assert made.get("Manufacturer") == expected


def test_counts_tell_what_was_done() -> None:
    data = part_10((*base(), VALUES["StudyDescription"], VALUES["AccessionNumber"]))
    counts = deidentified(data, with_options()).counts
    assert counts["X", 0x00081030] == 1
    assert counts["Z", 0x00080050] == 1
    assert counts["U", 0x00080018] == 1
