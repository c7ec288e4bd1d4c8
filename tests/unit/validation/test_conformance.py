"""dciodvfy finds in a released object no errors that its original has not."""

from __future__ import annotations

import subprocess
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from orthanc_plugins.validation import check_study, conformance
from orthanc_plugins.validation.conformance import (
    NOT_JUDGED,
    WITHOUT_PIXELS,
    errors_of,
    kind_of,
    without_pixels,
)
from orthanc_plugins.validation.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.validation.studies import Study


def test_errors_that_the_original_has_too_are_none(study: Study, tmp_path: Path) -> None:
    pairs = study.write(tmp_path)
    assert errors_of(pairs[0].original) != []
    report = check_study(pairs[:1], study.claims, conformance=True)
    assert report.findings == ()
    assert report.counts["conformance"] == 0


def test_new_errors_are_told_by_their_kind(study: Study, tmp_path: Path) -> None:
    del study.released["ct1"].Modality
    study.bytes_of["ct1"] = lambda data: data.replace(b"HFS ", b"HUBR")
    report = check_study(study.write(tmp_path)[:1], study.claims, conformance=True)
    texts = {one.text for one in report.findings if one.check == "conformance"}
    assert any("Missing attribute Type 1" in text and "Element=<Modality>" in text for text in texts)
    assert "hubr" not in str(texts).lower()


def test_of_objects_alike_one_is_judged_and_every_other_one_for_itself(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def finds_none(path: Path) -> list[str]:
        asked.append(path)
        return []

    monkeypatch.setattr(conformance, "errors_of", finds_none)
    pairs = study.write(tmp_path)
    check_study(pairs, study.claims, conformance=True)
    named = zip(study.released, pairs, strict=True)
    slices = {pair.released for name, pair in named if name.startswith("ct")}
    assert len(slices) > 1
    assert len(slices & set(asked)) == 1
    assert {pair.released for pair in pairs} - slices <= set(asked)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (
            "Error - Missing attribute Type 2 Required Element=<PatientID> Module=<Patient>",
            "Missing attribute Type <> Required Element=<PatientID> Module=<Patient>",
        ),
        (
            "Error - Value invalid for this VR - (0x0008,0x0020) DA Study Date  DA [1] = <1997.04.24> - x",
            "Value invalid for this VR - (0x0008,0x0020) DA Study Date  DA [<>] <>",
        ),
        (
            'Error - Illegal root for UID - "1.9.99" in (0x0008,0x0018) SOP Instance UID',
            "Illegal root for UID - <> in (0x0008,0x0018) SOP Instance UID",
        ),
        (
            "Error - Referenced is not listed but have IMAGE 1.2.3.4",
            "Referenced is not listed but have IMAGE <>",
        ),
        ('Error - Bad code (T-D3000,SRT,"Huber")', "Bad code <>"),
    ],
)
def test_kinds_hold_no_values(line: str, kind: str) -> None:
    assert kind_of(line) == kind


def test_a_judge_that_does_not_end_or_says_nothing_is_an_error(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = study.write(tmp_path)[:1]

    def late(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired(["dciodvfy", "Oberhuber.dcm"], 1)

    monkeypatch.setattr(subprocess, "run", late)
    (finding,) = check_study(pairs, study.claims, conformance=True).findings
    assert finding.text == "the check could not be made: dciodvfy did not end in time"
    silent = subprocess.CompletedProcess([], -9, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: silent)
    (finding,) = check_study(pairs, study.claims, conformance=True).findings
    assert finding.text == "the check could not be made: dciodvfy ended with -9 and said nothing"


def with_words_of_32_bits(study: Study) -> None:
    """Have the first image have pixels that the judge stops at, before and after."""
    for image in (study.originals["ct1"], study.released["ct1"]):
        image.PixelData = image.pixel_array.astype("<i4").tobytes()
        image.BitsAllocated = image.BitsStored = 32
        image.HighBit = 31


def test_an_object_whose_pixels_the_judge_stops_at_is_judged_without_them_and_a_warning_says_so(
    study: Study, tmp_path: Path
) -> None:
    with_words_of_32_bits(study)
    pairs = study.write(tmp_path)[:1]
    assert errors_of(pairs[0].original)[-1] == "the program stopped at an assertion of its own"
    report = check_study(pairs, study.claims, conformance=True)
    (warning,) = report.findings
    assert (warning.check, warning.severity, warning.text) == ("conformance", "warning", WITHOUT_PIXELS)
    assert report.passed


def test_new_errors_of_an_object_whose_pixels_the_judge_stops_at_are_found(
    study: Study, tmp_path: Path
) -> None:
    with_words_of_32_bits(study)
    del study.released["ct1"].Modality
    report = check_study(study.write(tmp_path)[:1], study.claims, conformance=True)
    texts = [one.text for one in report.findings if one.check == "conformance"]
    assert any("Element=<Modality>" in text for text in texts)
    assert not report.passed


def test_without_pixels_an_object_is_the_same_but_for_them_however_it_is_encoded(
    study: Study, tmp_path: Path
) -> None:
    original = study.originals["ct1"]
    original.private_block(0x7FE1, "BEHIND", create=True).add_new(1, "LO", "it")
    for syntax in (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        original.file_meta.TransferSyntaxUID = syntax
        path = tmp_path / f"{syntax.name}.dcm"
        original.save_as(path, enforce_file_format=True)
        found = dcmread(BytesIO(without_pixels(read(path))))
        expected = dcmread(path)
        del expected.PixelData
        assert found == expected
        assert found.file_meta == expected.file_meta


def test_an_assertion_of_the_judge_even_without_pixels_is_told_and_at_the_result_alone_is_an_error(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = study.write(tmp_path)[:1]
    stopped = subprocess.CompletedProcess([], -6, b"", b"dciodvfy: Assertion `bits' failed.\n")
    fine = subprocess.CompletedProcess([], 0, b"", b"CTImage\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: stopped)
    (warning,) = check_study(pairs, study.claims, conformance=True).findings
    assert (warning.severity, warning.text) == ("warning", NOT_JUDGED)
    monkeypatch.setattr(
        subprocess, "run", lambda arguments, **_: stopped if "released" in arguments[1] else fine
    )
    (finding,) = check_study(pairs, study.claims, conformance=True).findings
    assert finding.text == "1 new errors of the kind: the program stopped at an assertion of its own"
    assert finding.severity == "error"
