"""What is stored is held against what was sent: each thing that may differ, and each that may not."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.validation import gather
from orthanc_plugins.validation.stored import (
    Allowed,
    StoredCheck,
    StoredPair,
    Trace,
    claims_of,
    refusal_of,
)
from tests.unit.validation.studies import CODES, code, new_study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import FileDataset

type Change = Callable[[FileDataset], object]
PLAIN = Allowed()
XNAT = Allowed(
    values={0x00081030: "P", 0x00100010: "S"},
    emptied=frozenset({0x00100030}),
    dismissible=frozenset({b"", b"REMOVED"}),
    traces=(Trace("XNAT", 3, demanded=False), Trace("XNAT", 7)),
)


def told(
    folder: Path, change: Change, allowed: Allowed = PLAIN, *, name: str = "rtstruct", before: bool = False
) -> tuple[str, dict[str, int]]:
    """Return what is told of an object that was changed, and the declared changes."""
    study = new_study()
    released = study.released[name]
    original, sent, stored = (folder / one for one in ("original.dcm", "sent.dcm", "stored.dcm"))
    study.originals[name].save_as(original, enforce_file_format=True)
    released.save_as(sent, enforce_file_format=True)
    held = copy.deepcopy(released)
    change(held)
    held.save_as(stored, enforce_file_format=True)
    check = StoredCheck(gather([original]), claims_of(CODES), allowed)
    findings = check.object(StoredPair(original, sent, stored, "x.dcm", before))
    return refusal_of(findings), dict(check.changes)


def add_code(value: str, scheme: str = "XNAT") -> Change:
    def add(dataset: FileDataset) -> None:
        there = dataset.DeidentificationMethodCodeSequence
        dataset.DeidentificationMethodCodeSequence = Sequence([*there, code(value, scheme, "XNAT Script")])

    return add


def both(*changes: Change) -> Change:
    return lambda dataset: [change(dataset) for change in changes]


def test_the_same_is_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, lambda _: None) == ("", {})


def test_a_file_may_be_written_anew_but_not_recoded(tmp_path: Path) -> None:
    def anew(dataset: FileDataset) -> None:
        dataset.preamble = b"II" + bytes(126)
        dataset.file_meta.ImplementationVersionName = "ANOTHER"

    def recoded(dataset: FileDataset) -> None:
        implicit = dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if implicit else ImplicitVRLittleEndian

    assert told(tmp_path, anew)[0] == ""
    assert told(tmp_path, recoded)[0] == "it was encoded anew, in another transfer syntax, in 1 object"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: setattr(one, "StudyID", "9"), "(0020,0010): it has another value, in 1 object"),
        (lambda one: delattr(one, "Modality"), "(0008,0060): it is gone, in 1 object"),
        (lambda one: setattr(one, "BodyPartExamined", "HEAD"), "(0018,0015): it was added, in 1 object"),
        (
            lambda one: setattr(one.StructureSetROISequence[1], "ROIName", "X"),
            "(3006,0020).(3006,0026): it has another value, in 1 object",
        ),
        (
            lambda one: setattr(one.ROIContourSequence[0].ContourSequence[0], "ContourData", ["1", "2", "3"]),
            "(3006,0039).(3006,0040).(3006,0050): it has another value, in 1 object",
        ),
        (lambda one: one.StructureSetROISequence.pop(), "(3006,0020)"),
        (lambda one: setattr(one, "PatientName", "S"), "(0010,0010): it has another value, in 1 object"),
        (add_code("7"), "(0012,0064): it has items that no script of the destination accounts for"),
    ],
    ids=["changed", "deleted", "added", "in an item", "contours", "an item", "relabelled", "code"],
)
def test_what_is_not_declared_is_told_by_its_attribute(tmp_path: Path, change: Change, expected: str) -> None:
    assert expected in told(tmp_path, change)[0]


def test_pixels_are_compared_to_the_bit(tmp_path: Path) -> None:
    def flip(dataset: FileDataset) -> None:
        dataset.PixelData = bytes([dataset.PixelData[0] ^ 1]) + dataset.PixelData[1:]

    assert told(tmp_path, flip, name="ct1")[0] == "(7FE0,0010): it has another value, in 1 object"


def test_an_attribute_may_have_the_declared_value_and_no_other(tmp_path: Path) -> None:
    def relabel(dataset: FileDataset) -> None:
        dataset.StudyDescription, dataset.PatientName = "P", "S"
        add_code("7")(dataset)

    words, changes = told(tmp_path, relabel, XNAT)
    assert (words, changes) == ("", {"0008,1030": 1, "0010,0010": 1, "0012,0064": 1})
    other = both(relabel, lambda one: setattr(one, "PatientName", "T"))
    assert told(tmp_path, other, XNAT)[0] == "(0010,0010): it has another value, in 1 object"


@pytest.mark.parametrize(
    ("added", "before", "fault"),
    [
        (["7"], False, ""),
        (["3", "7"], False, ""),
        ([], False, "did not run"),
        (["3"], False, "did not run"),
        (["6"], False, "did not run"),
        (["6"], True, ""),
        (["8"], True, "did not run"),
        (["7", "7"], False, "no script of the destination accounts for"),
        (["7", "3"], False, "no script of the destination accounts for"),
    ],
)
def test_each_script_leaves_its_number_once_and_in_order(
    tmp_path: Path, added: list[str], before: bool, fault: str
) -> None:
    words, _ = told(tmp_path, both(*map(add_code, added)), XNAT, before=before)
    assert fault in words if fault else words == ""


def test_a_trace_is_of_the_destination_s_scheme_and_says_nothing_else(tmp_path: Path) -> None:
    def tell_more(dataset: FileDataset) -> None:
        add_code("7")(dataset)
        dataset.DeidentificationMethodCodeSequence[-1].ContextIdentifier = "7050"

    assert "did not run" in told(tmp_path, add_code("7", "DCM"), XNAT)[0]
    assert "did not run" in told(tmp_path, tell_more, XNAT)[0]


def test_codes_that_were_sent_stay(tmp_path: Path) -> None:
    def lose(dataset: FileDataset) -> None:
        dataset.DeidentificationMethodCodeSequence = Sequence([code("7", "XNAT", "x")])

    assert told(tmp_path, lose, XNAT)[0] == "(0012,0064): its items are not those that were sent, in 1 object"


def test_methods_may_be_added_by_scripts_only(tmp_path: Path) -> None:
    def methods(*values: str) -> Change:
        return both(add_code("7"), lambda one: setattr(one, "DeidentificationMethod", list(values)))

    first = new_study().released["rtstruct"].DeidentificationMethod
    assert told(tmp_path, methods(first, "XNAT DicomEdit 6 Script"), XNAT)[0] == ""
    assert "(0012,0063)" in told(tmp_path, methods(first, "somebody"), XNAT)[0]
    assert "(0012,0063)" in told(tmp_path, methods("XNAT"), XNAT)[0]


def test_what_says_nothing_may_be_taken_away_and_what_is_empty_added(tmp_path: Path) -> None:
    def take(dataset: FileDataset) -> None:
        add_code("7")(dataset)
        del dataset.AccessionNumber
        dataset.PatientBirthDate = ""

    words, changes = told(tmp_path, take, XNAT)
    assert (words, changes["0008,0050"]) == ("", 1)
    filled = both(take, lambda one: setattr(one, "PatientBirthDate", "19000101"))
    assert "(0010,0030)" in told(tmp_path, filled, XNAT)[0]


def test_an_identity_in_what_is_stored_is_found_even_where_changes_are_declared(tmp_path: Path) -> None:
    allowed = Allowed(values={0x00081030: "Oberhuber"})
    words, _ = told(tmp_path, lambda one: setattr(one, "StudyDescription", "Oberhuber"), allowed)
    assert "(0008,1030): a name of the originals is in its bytes" in words
    assert "Oberhuber" not in words


def test_what_the_destination_writes_is_searched_but_for_days_it_may_know(tmp_path: Path) -> None:
    study = new_study()
    path = tmp_path / "original.dcm"
    study.originals["ct1"].save_as(path, enforce_file_format=True)
    check = StoredCheck(gather([path]), claims_of(CODES), PLAIN)
    day = study.originals["ct1"].StudyDate
    written = f"<date>{day[:4]}-{day[4:6]}-{day[6:]}</date><name>oberhuber</name>"
    assert [one.text for one in check.words(written.encode(), "XML")] == [
        "holds a date of the originals",
        "holds a name of the originals",
    ]
    assert check.words(b"<date>2001-01-01</date><name>RESEARCH-1</name>", "XML") == []


def test_a_file_that_cannot_be_read_is_told_without_its_content(tmp_path: Path) -> None:
    study = new_study()
    original, sent, stored = (tmp_path / one for one in ("original.dcm", "sent.dcm", "stored.dcm"))
    study.originals["ct1"].save_as(original, enforce_file_format=True)
    study.released["ct1"].save_as(sent, enforce_file_format=True)
    stored.write_bytes(b"Oberhuber")
    check = StoredCheck(gather([original]), claims_of(CODES), PLAIN)
    with pytest.raises(InvalidDicom) as error:
        check.object(StoredPair(original, sent, stored, "x.dcm"))
    assert "Oberhuber" not in str(error.value)
    assert "Oberhuber" not in repr(StoredPair(tmp_path / "Oberhuber.dcm", sent, stored, "x.dcm"))
