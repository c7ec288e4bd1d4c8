"""A flawless study passes; files that are missing, damaged or extra do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import InvalidDicom, ProfileError
from orthanc_plugins.validation import Claims, Pair, Severity, check_study, gather, markers
from tests.unit.validation.studies import CLAIMS, Study, new_uid

if TYPE_CHECKING:
    from pathlib import Path

ORIGINAL_TEXTS = ("oberhuber", "hosp-778812", "19471231", "acc-55190", "lindqvist", "nordheim", "sn-4471")


def test_a_flawless_study_has_no_finding(study: Study, tmp_path: Path) -> None:
    report = study.check(tmp_path)
    assert report.findings == ()
    assert report.passed
    assert report.instances == 5
    assert report.counts == dict.fromkeys(
        ("files", "residual", "references", "markers", "content", "pixels", "dates", "structure"), 0
    )


def test_what_is_released_as_it_was_fails_every_way_and_the_report_tells_nothing_of_it(
    study: Study, tmp_path: Path
) -> None:
    study.released = dict(study.originals)
    report = study.check(tmp_path)
    assert not report.passed
    assert all(report.counts[check] for check in ("residual", "references", "markers", "dates"))
    told = json.dumps(report.to_dict()).lower() + repr(report).lower()
    assert not [text for text in ORIGINAL_TEXTS if text in told]
    for one in study.originals.values():
        assert not [uid for uid in (one.SOPInstanceUID, one.SeriesInstanceUID) if uid in told]


def test_a_released_object_that_has_the_uid_of_another_original_is_told_by_its_position(
    study: Study, tmp_path: Path
) -> None:
    uid = study.originals["ct2"].SOPInstanceUID
    study.released["ct1"].SOPInstanceUID = uid
    study.released["ct1"].file_meta.MediaStorageSOPInstanceUID = uid
    findings = study.findings(tmp_path)
    assert "#1" in {one.instance for one in findings}
    assert uid not in str(findings)


def test_a_missing_file_is_an_error(study: Study, tmp_path: Path) -> None:
    del study.released["ct2"]
    (finding,) = [one for one in study.findings(tmp_path) if one.check == "files"]
    assert finding.instance == "#2"
    assert finding.text.endswith("the released file is missing")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("content", [b"", b"no DICOM", bytes(128) + b"DICM", bytes(200)])
def test_a_file_that_cannot_be_read_is_an_error(study: Study, tmp_path: Path, content: bytes) -> None:
    study.bytes_of["ct1"] = lambda _: content
    report = study.check(tmp_path)
    assert not report.passed
    assert {one.check for one in report.findings if one.instance == "#1"} == {"files"}


def test_an_original_that_cannot_be_read_is_an_error(study: Study, tmp_path: Path) -> None:
    pairs = study.write(tmp_path)
    pairs[0].original.write_bytes(b"damage")
    texts = [one.text for one in check_study(pairs, CLAIMS).findings]
    assert "the original cannot be read: who it is of is not known" in texts


def test_a_file_of_no_original_is_an_error(study: Study, tmp_path: Path) -> None:
    pairs = study.write(tmp_path)
    assert check_study(pairs, CLAIMS, folder=tmp_path / "released").passed
    (tmp_path / "released" / "more").mkdir()
    (tmp_path / "released" / "more" / "9.dcm").write_bytes(b"x")
    report = check_study(pairs, CLAIMS, folder=tmp_path / "released")
    assert [one.text for one in report.findings] == ["1 files are there that are of no original"]


def test_one_file_for_two_originals_is_an_error(study: Study, tmp_path: Path) -> None:
    pairs = study.write(tmp_path)
    pairs.append(Pair(pairs[0].original, pairs[0].released))
    told = [one for one in check_study(pairs, CLAIMS).findings if one.check == "files"]
    assert [one.instance for one in told] == ["#1", "#6"]


def test_nothing_to_release_does_not_pass() -> None:
    report = check_study([], CLAIMS)
    assert not report.passed
    assert report.counts["files"] == 1


def test_a_check_that_fails_is_an_error_and_quotes_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError("Oberhuber")

    monkeypatch.setattr(markers, "check_markers", fail)
    report = study.check(tmp_path)
    assert [one.check for one in report.findings] == ["markers"] * 5
    assert {one.text for one in report.findings} == {"the check could not be made: KeyError"}
    assert not report.passed


def test_processes_find_what_one_finds(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].PatientComments = "Oberhuber"
    pairs = study.write(tmp_path)
    alone = check_study(pairs, CLAIMS)
    assert check_study(pairs, CLAIMS, workers=2).findings == alone.findings
    assert len(alone.findings) == 2


def test_identity_of_other_studies_is_searched_for_too(study: Study, tmp_path: Path) -> None:
    study.released["ct2"].SeriesDescription = "as EARLIER-90210"
    pairs = study.write(tmp_path)
    other = study.originals["ct1"]
    other.OtherPatientIDs = "EARLIER-90210"
    other.save_as(tmp_path / "other.dcm")
    assert check_study(pairs, CLAIMS).passed
    report = check_study(pairs, CLAIMS, wider_identity=gather([tmp_path / "other.dcm"]))
    assert {one.location for one in report.findings} == {"(0008,103E)"}


def test_an_identity_that_cannot_be_gathered_is_told_without_values(tmp_path: Path) -> None:
    (tmp_path / "Oberhuber.dcm").write_bytes(b"x")
    with pytest.raises(InvalidDicom) as caught:
        gather([tmp_path / "Oberhuber.dcm"])
    assert "Oberhuber" not in str(caught.value)


def test_pydicom_tells_nothing_of_what_it_reads(
    study: Study, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for side in (study.originals, study.released):
        side["ct1"].PixelData = bytes(512)
    study.bytes_of["ct1"] = lambda data: data.replace(b"MONOCHROME2", b"Oberhuber^2")
    pairs = study.write(tmp_path)
    pairs[0].original.write_bytes(pairs[0].original.read_bytes()[:-2] + b"ab")
    assert not check_study(pairs, CLAIMS).passed
    assert caplog.text == ""
    assert "Oberhuber" not in "".join(capfd.readouterr())


def test_neither_identity_nor_pairs_nor_claims_show_what_they_hold(study: Study, tmp_path: Path) -> None:
    pairs = study.write(tmp_path)
    shown = repr(gather([pairs[0].original])) + repr(pairs[0])
    assert "names=2" in shown
    assert not [text for text in ORIGINAL_TEXTS if text in shown.lower()]
    assert "ct1" not in shown


@pytest.mark.parametrize(
    ("codes", "longitudinal", "cleaned"),
    [
        ({"113106", "113107"}, "modified", False),
        ({"113107"}, "removed", False),
        (set(), "unmodified", False),
        ({"113101"}, "removed", False),
        (set(), "removed", True),
    ],
)
def test_claims_that_contradict_each_other_are_refused(
    codes: set[str], longitudinal: str, cleaned: bool
) -> None:
    with pytest.raises(ProfileError):
        Claims(frozenset(codes), longitudinal, cleaned)  # type: ignore[arg-type] # one of three words


def test_the_released_object_is_told_by_its_new_uid(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].PatientComments = "Oberhuber"
    uid = new_uid(study.originals["ct1"].SOPInstanceUID)
    assert {one.instance for one in study.findings(tmp_path)} == {uid}
