"""What is left of an identity is found wherever and however it is written; what only looks so is not."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

import pytest
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import DeflatedExplicitVRLittleEndian

from orthanc_plugins.validation import Pair, Severity, check_study
from tests.unit.validation.residues import remade, residual
from tests.unit.validation.studies import SR, Study, code, de_identified

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize(
    "content", [b"<title>Ober<b>hu</b>ber</title> ", b"<title>Ober&#104;uber</title>", b"# Ober&#x68;uber "]
)
def test_a_document_that_is_a_text_is_read_without_its_marks(
    study: Study, tmp_path: Path, content: bytes
) -> None:
    for side in (study.originals, study.released):
        side[SR].EncapsulatedDocument = b"<title>Finding</title>"
    assert residual(study, tmp_path) == []
    study.released[SR].EncapsulatedDocument = content
    assert [one.location for one in residual(study, tmp_path)] == ["(0042,0011)"]


@pytest.mark.parametrize(
    "content", [b"<text>" + base64.b64encode(bytes(range(256))) + b"</text>", b"\x1f\x8b\x08\x00", b"a\xff"]
)
def test_a_document_that_holds_data_is_unread(study: Study, tmp_path: Path, content: bytes) -> None:
    study.released["ct1"].EncapsulatedDocument = content + b" " * (len(content) % 2)
    assert [one.text for one in residual(study, tmp_path)] == ["1 streams of the document cannot be read"]


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
