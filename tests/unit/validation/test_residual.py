"""What is left of an identity is found wherever and however it is written; what only looks so is not."""

from __future__ import annotations

import base64
import copy
import zlib
from typing import TYPE_CHECKING

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from orthanc_plugins.validation import Claims, Pair, Severity, check_study
from tests.unit.validation.studies import CODES, SR, Study, code, de_identified, mark

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.validation import Finding


def residual(study: Study, folder: Path) -> list[Finding]:
    return [one for one in study.findings(folder) if one.check == "residual"]


def remade(study: Study, name: str) -> FileDataset:
    """Make the released object anew, after its original was changed."""
    study.released[name] = de_identified(study.originals[name])
    return study.released[name]


@pytest.mark.parametrize(
    "text",
    [
        "seen by OBERHUBER today",
        "oberhuber_2",
        "xxOberhuberxx",
        "hosp-778812",
        "31.12.1947",
        "31/12/1947",
        "12/31/1947",
        "1947-12-31",
        "born 19471231",
        "31 Dec 1947",
        "December 31, 1947",
        "2.1.2020",
        "ACC-55190",
        "lindqvist",
        "Nordheim Klinikum",
        "SN-4471-X",
        "LINAC7",
        "Bo",
        "bo/x",
        "Anne",
        "AENNE",
    ],
)
def test_what_identifies_is_found_in_text(study: Study, tmp_path: Path, text: str) -> None:
    study.released["ct1"].ImageComments = text
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,4000)"}


@pytest.mark.parametrize(
    "text",
    [
        "Bob",  # a short name is met as a whole word only
        "Bologna",
        "Ober huber",
        "LINAC70 x LINAC77",  # six characters are met anywhere, see below
        "78812",
        "119471231",  # not within a longer number
        "1947123145678901234",
        "3.141947",
    ],
)
def test_what_only_looks_so_is_not_found(study: Study, tmp_path: Path, text: str) -> None:
    del study.originals["ct1"].StationName
    for name in study.originals:
        study.originals[name].StationName = "LI7"
    study.released["ct1"].ImageComments = text
    assert residual(study, tmp_path) == []


def test_common_words_and_short_values_of_a_patient_do_not_refuse_a_study(
    study: Study, tmp_path: Path
) -> None:
    for one in study.originals.values():
        one.PatientName, one.PatientID, one.StudyID = "May^Dr.", "1", "CT"
        one.OperatorsName = "UNKNOWN"
        one.StationName = "CT"
    study.released = {name: de_identified(one) for name, one in study.originals.items()}
    for one in study.released.values():
        one.OperatorsName = "UNKNOWN"
        one.ImageComments = "CT 1, maybe for Dr. Unknown"
    assert residual(study, tmp_path) == []
    study.released["ct1"].ImageComments = "in May"
    assert [one.location for one in residual(study, tmp_path)] == ["(0020,4000)"]


def test_a_short_name_among_codes_is_the_standards_own_word(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].ProcedureCodeSequence = DicomSequence([code("BO", "DCM", "Bo")])
    assert residual(study, tmp_path) == []


def test_a_short_value_is_found_in_its_own_element(study: Study, tmp_path: Path) -> None:
    for one in study.originals.values():
        one.PatientID = "1"
    remade(study, "ct1").PatientID = "1"
    (finding,) = residual(study, tmp_path)
    assert (finding.location, finding.text) == ("(0010,0020)", "it has the original's value")


@pytest.mark.parametrize(
    ("planted", "encoding"),
    [
        ("Oberhuber".encode("utf-16-le"), "utf-16-le"),
        ("OBERHUBER".encode("utf-16-be"), "utf-16-be"),
        (b"Oberhuber", "utf-8"),
        ("Oberhuber^Änne".encode("latin-1"), "utf-8"),
        (base64.b64encode(b"id=Oberhuber;"), "base64"),
        (base64.b64encode(b"<id>HOSP-778812</id>"), "base64"),
        (base64.b64encode(b"id:HOSP-778812"), "base64"),
        (b"Oberhuber".hex().encode(), "hexadecimal"),
        (b"778812", ""),
    ],
)
@pytest.mark.parametrize("odd", [0, 1])
def test_bytes_of_pixels_are_searched_in_every_encoding(
    study: Study, tmp_path: Path, planted: bytes, encoding: str, odd: int
) -> None:
    for side in (study.originals, study.released):
        pixels = side["ct1"].PixelData
        at = 100 + odd
        side["ct1"].PixelData = pixels[:at] + planted + pixels[at + len(planted) :]
    found = residual(study, tmp_path)
    assert [one.location for one in found] == (["(7FE0,0010)"] if encoding else [])
    assert all(f"({encoding[:6]}" in one.text for one in found)


def test_five_characters_in_pixels_are_chance(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].PixelData = b"Sonne" + side["ct1"].PixelData[5:]
    study.originals["ct2"].OperatorsName = "Sonne^Li"
    assert residual(study, tmp_path) == []
    study.released["ct1"].ImageComments = "Sonne"
    assert [one.location for one in residual(study, tmp_path)] == ["(0020,4000)"]


def test_a_name_of_two_short_parts_is_found_in_pixels_as_one(study: Study, tmp_path: Path) -> None:
    study.originals["ct2"].OperatorsName = "Wu^Li Na"
    for side in (study.originals, study.released):
        side["ct1"].PixelData = b"Li Na Wu" + side["ct1"].PixelData[8:]
    assert [one.location for one in residual(study, tmp_path)] == ["(7FE0,0010)"]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("ISO 2022 IR 87", "iso2022_jp"), ("ISO_IR 192", "utf-8"), ("GB18030", "gb18030")],
)
def test_names_in_other_scripts_are_found_in_bytes_and_in_text(
    study: Study, tmp_path: Path, charset: str, encoding: str
) -> None:
    original = study.originals["ct1"]
    original.SpecificCharacterSet = ["", charset] if "2022" in charset else charset
    original.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    made = remade(study, "ct1")
    made.ImageComments = "患者 山田 様"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,4000)"}
    made.ImageComments = "患者 山本 様"
    assert residual(study, tmp_path) == []
    planted = "山田".encode(encoding)
    for side in (study.originals, study.released):
        side["ct1"].PixelData = planted + side["ct1"].PixelData[len(planted) :]
    located = {one.location for one in residual(study, tmp_path)}
    assert located == ({"(7FE0,0010)"} if encoding != "gb18030" else set()), (
        "four bytes are too few for pixels"
    )


def test_parts_of_the_file_that_are_no_element_are_searched(study: Study, tmp_path: Path) -> None:
    study.bytes_of["ct1"] = lambda data: b"Oberhuber" + data[9:]
    study.released["ct2"].file_meta.SourceApplicationEntityTitle = "NORDHEIM"
    study.released["ct2"].file_meta.ImplementationVersionName = "Oberhuber"
    found = residual(study, tmp_path)
    assert {one.location for one in found} == {"preamble or file meta information"}
    assert len(found) == 3


def test_the_name_of_the_file_is_searched(study: Study, tmp_path: Path) -> None:
    pairs = study.write(tmp_path)
    renamed = pairs[0].released.rename(tmp_path / "Oberhuber.dcm")
    report = check_study([Pair(pairs[0].original, renamed), *pairs[1:]], study.claims)
    assert [one.location for one in report.findings] == ["name of the file"]


def test_deflated_data_sets_are_searched(study: Study, tmp_path: Path) -> None:
    for side in (study.originals, study.released):
        side["ct1"].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert study.check(tmp_path).findings == ()
    study.released["ct1"].add_new(0x00091010, "UN", b"Oberhuber1")
    assert {one.location for one in residual(study, tmp_path)} == {"(0009,1010)"}


def _pdf(content: bytes, *, flate: bool = True) -> bytes:
    held = zlib.compress(content) if flate else content
    about = b"<< /Length %d%s >>" % (len(held), b" /Filter /FlateDecode" if flate else b"")
    document = b"%PDF-1.4\n1 0 obj\n" + about + b"\nstream\n" + held + b"\nendstream\nendobj\n%%EOF"
    return document + b"\n" * (len(document) % 2)


@pytest.mark.parametrize(
    "content",
    [
        b"BT (Oberhuber) Tj ET",
        b"BT [(Ober) -20 (hu) 30 (ber)] TJ ET",
        b"BT [(Ober\\150u) 30 <626572>] TJ ET",
        b"BT <4F626572 68756265 72> Tj ET",
    ],
)
def test_streams_of_a_document_are_inflated_and_its_text_is_put_together(
    study: Study, tmp_path: Path, content: bytes
) -> None:
    for side in (study.originals, study.released):
        side[SR].EncapsulatedDocument = _pdf(b"BT (Befund) Tj ET")
    assert residual(study, tmp_path) == []
    study.released[SR].EncapsulatedDocument = _pdf(content)
    assert [one.location for one in residual(study, tmp_path)] == ["(0042,0011)"]


def test_a_document_that_cannot_be_read_is_an_error_and_pictures_in_it_are_told(
    study: Study, tmp_path: Path
) -> None:
    broken = b"%PDF-1.4\n<< /Filter /FlateDecode >>\nstream\nno flate\nendstream "
    picture = b"%PDF-1.4\n<< /Subtype /Image /Filter /DCTDecode >>\nstream\n\xff\xd8\xff\xd9\nendstream"
    study.released["ct1"].EncapsulatedDocument = broken
    study.released["ct2"].EncapsulatedDocument = picture
    found = {one.text: one.severity for one in residual(study, tmp_path)}
    assert found == {
        "1 streams of the document cannot be read": Severity.ERROR,
        "1 pictures of the document were not looked at": Severity.WARNING,
    }


def test_an_original_uid_is_found_even_in_text_and_with_something_added(study: Study, tmp_path: Path) -> None:
    uid = str(study.originals["ct2"].SOPInstanceUID)
    study.released["ct1"].ImageComments = f"see {uid}.77"
    (finding,) = residual(study, tmp_path)
    assert (finding.location, finding.text[:5]) == ("(0020,4000)", "a UID")
    assert uid not in str(finding)


def test_registered_uids_and_classes_are_no_identity(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    study.released["ct1"].FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    assert residual(study, tmp_path) == []


def test_places_are_told_within_sequences(study: Study, tmp_path: Path) -> None:
    study.released[SR].ContentSequence[0].PersonName = "Lindqvist^Bo"
    assert {one.location for one in residual(study, tmp_path)} == {"(0040,A730)[1].(0040,A123)"}


def test_an_age_over_ninety_is_told(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].PatientAge = "090Y"
    study.released["ct2"].PatientAge = "091Y"
    assert [one.location for one in residual(study, tmp_path)] == ["(0010,1010)"]


@pytest.mark.parametrize(
    ("option", "keyword", "value"),
    [
        ("113109", "DeviceSerialNumber", "SN-4471-X"),
        ("113109", "StationName", "LINAC7"),
        ("113112", "InstitutionName", "Nordheim Klinikum"),
    ],
)
def test_what_an_option_retains_may_stay(
    study: Study, tmp_path: Path, option: str, keyword: str, value: str
) -> None:
    setattr(study.released["ct1"], keyword, value)
    assert residual(study, tmp_path) != []
    study.claims = Claims(CODES | {option}, "modified")
    for one in study.released.values():
        mark(one, CODES | {option})
    assert study.findings(tmp_path) == []


def test_dates_that_are_claimed_to_be_unmodified_may_stay_but_for_the_birth_date(
    study: Study, tmp_path: Path
) -> None:
    codes = CODES - {"113107"} | {"113106"}
    study.claims = Claims(codes, "unmodified")
    for name, one in study.released.items():
        mark(one, codes, "UNMODIFIED")
        for element in study.originals[name].iterall():
            if element.VR == "DA" and element.keyword != "PatientBirthDate":
                one[element.tag].value = element.value
    assert study.findings(tmp_path) == []
    study.released["ct1"].ImageComments = "31.12.1947 and 2020-01-02"
    assert [one.text for one in residual(study, tmp_path)] == [
        "a birth date of the originals is in its bytes (utf-8)"
    ]


def test_a_date_that_another_was_moved_to_is_no_residue(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].SeriesDate = "20181108"  # 60 weeks before StudyDate
    remade(study, "ct1")
    assert study.released["ct1"].StudyDate == "20181108"
    assert residual(study, tmp_path) == []
    study.released["ct1"].SeriesDate = "20181108"
    assert {one.check for one in study.findings(tmp_path)} == {"dates"}


@pytest.mark.parametrize("value", ["31.12.1939", "1939/12/31", "1939-12-31", "39.12.31"])
def test_what_stands_in_the_place_of_a_date_is_searched_for_as_it_is_written(
    study: Study, tmp_path: Path, value: str
) -> None:
    tag = Tag(0x00080022)
    padded = value.encode() + b" " * (len(value) % 2)
    original = study.originals["ct1"]
    original[tag] = RawDataElement(tag, "DA", len(padded), padded, 0, False, True)
    study.released["ct2"].ImageComments = value
    assert [one.location for one in residual(study, tmp_path)][:1] == ["(0020,4000)"]


def test_a_telling_word_of_an_institution_or_address_is_enough(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].PatientAddress = "Krugergasse 7, Lindau"
    study.originals["ct1"].InstitutionalDepartmentName = "Radiology"
    study.released["ct2"].ImageComments = "Klinikum, Radiology"
    assert residual(study, tmp_path) == []
    for text in ("from nordheim", "KRUGERGASSE", "Lindau"):
        study.released["ct2"].ImageComments = text
        assert {one.location for one in residual(study, tmp_path)} == {"(0020,4000)"}, text


def test_what_a_report_says_of_its_subject_is_searched_for(study: Study, tmp_path: Path) -> None:
    items = study.originals[SR].ContentSequence
    subject = copy.deepcopy(items[0])
    subject.ConceptNameCodeSequence = DicomSequence([code("121030", "DCM", "Subject ID")])
    subject.ValueType, subject.TextValue = "TEXT", "KH-90210-7"
    items.append(subject)
    made = remade(study, SR)
    made.ContentSequence[2].TextValue = ""
    assert residual(study, tmp_path) == []
    study.released["ct2"].ImageComments = "of KH-90210-7"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,4000)"}


def test_identity_of_private_and_nested_elements_is_gathered(study: Study, tmp_path: Path) -> None:
    original = study.originals["ct1"]
    person = Dataset()
    identified = code("STAFF-4711", "99NOR", "Hollerbach, Chief of Physics")
    person.PersonIdentificationCodeSequence = DicomSequence([identified])
    person.PersonName = "Quandt^Pia"
    original.OperatorIdentificationSequence = DicomSequence([person])
    original.private_block(0x0099, "NORDHEIM", create=True).add_new(1, "PN", "Vestergaard^Ole")
    for text in ("STAFF-4711", "Hollerbach", "Quandt", "Vestergaard"):
        study.released["ct2"].ImageComments = text
        assert [one.location for one in residual(study, tmp_path)][:1] == ["(0020,4000)"], text


def test_a_long_number_in_an_identifier_is_searched_for_by_itself_but_for_a_date(
    study: Study, tmp_path: Path
) -> None:
    for original in study.originals.values():
        original.AccessionNumber, original.StudyID = "ZX-4815162", "MR20200102081500"
    study.released["ct2"].ImageComments = "at 20200102081500"
    assert {one.text for one in residual(study, tmp_path)} == {
        "a date of the originals is in its bytes (utf-8)"
    }
    study.released["ct2"].ImageComments = ""
    study.released["ct2"].SeriesNumber = "4815162"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,0011)"}


def test_initials_that_are_a_word_of_technique_are_not_met_among_words(study: Study, tmp_path: Path) -> None:
    for original in study.originals.values():
        original.OperatorsName = "PA^CT"
    study.released["ct2"].SeriesDescription = "CT Thorax PA"
    assert residual(study, tmp_path) == []
    for original in study.originals.values():
        original.OperatorsName = "QX"
    study.released["ct2"].SeriesDescription = "CT Thorax QX"
    assert {one.location for one in residual(study, tmp_path)} == {"(0008,103E)"}


def test_a_time_of_day_that_is_an_identifier_as_well_is_the_time_it_was(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].AccessionNumber = study.originals["ct1"].StudyTime = "101112"
    study.released["ct1"].StudyTime = "101112"
    assert residual(study, tmp_path) == []
    study.originals["ct1"].StudyTime = "101113"
    assert {one.location for one in residual(study, tmp_path)} == {"(0008,0030)"}
    study.originals["ct1"].StudyTime = "101112"
    study.released["ct1"].SeriesNumber = "101112"
    assert {one.location for one in residual(study, tmp_path)} == {"(0020,0011)"}
