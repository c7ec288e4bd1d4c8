"""``pacs deidentify``, from arguments to exit codes, and nothing of an original in what it tells."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, FAILED, INTERRUPTED, USAGE, main
from orthanc_plugins.release import instances
from tests.unit.release.conftest import PROJECT
from tests.unit.release.studies import ANNE, SECRETS, directory, objects, uids_of, write
from tests.unit.release.test_held import OTHER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orthanc_plugins.deid.engine import Deidentified

    type Run = Callable[..., int]


@pytest.fixture
def run(custody: Path, tmp_path: Path) -> Run:
    """Run the command on folders, with the project of the tests."""

    def runs(*given: Path, more: tuple[str, ...] = ()) -> int:
        paths = [str(path) for path in (*given, tmp_path / "out")]
        return main(
            [
                "deidentify", *paths, "--project", PROJECT, "--custody", str(custody), "--workers", "1",
                "--profile", "research_rt", "--report", str(tmp_path / "report.json"), *more,
            ]
        )  # fmt: skip

    return runs


def names_in(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*")]


def test_a_study_that_passes_ends_with_0(
    run: Run, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(given) == DONE
    told = capsys.readouterr()
    assert "studies: 1 released; 3 files in" in told.out
    assert "3 files: 1 studies, project trial, profile research_rt" in told.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["project"], report["profile"], report["edition"]) == ("trial", "research_rt", "2026d")
    (study,) = report["studies"]
    assert (study["state"], study["instances"], len(study["files"])) == ("released", 3, 3)
    assert {"action": "U", "tag": "0008,0018", "keyword": "SOPInstanceUID", "times": 3} in study["actions"]


def test_other_files_are_counted_and_change_nothing(
    run: Run, given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        (given / f"{number}.txt").write_text("Zoltanyi")
    assert run(given) == DONE
    named = ", ".join(str(given / f"{number}.txt") for number in range(5))
    assert f"  6 files are no DICOM and are left out: {named}, …\n" in capsys.readouterr().err


def test_the_directory_of_a_medium_is_left_out_and_changes_nothing(
    run: Run, given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (given / "DICOMDIR").write_bytes(directory())
    assert run(given) == DONE
    assert "  1 DICOMDIR left out: it names files, and holds none itself\n" in capsys.readouterr().err


def test_a_damaged_file_ends_with_1_and_names_itself(
    run: Run, given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (given / "a0.dcm").read_bytes()
    (given / "a0.dcm").write_bytes(whole[:-1])
    assert run(given) == FAILED
    assert "a0.dcm: " in capsys.readouterr().err


def test_nothing_to_do_ends_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty") == FAILED


def test_two_persons_of_one_identifier_end_with_1_until_somebody_has_looked(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "one", objects(seed=1))
    write(tmp_path / "two", objects(seed=2, identity=OTHER))
    assert run(tmp_path / "one", tmp_path / "two") == FAILED
    assert run(tmp_path / "one", tmp_path / "two", more=("--one-person",)) == DONE


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--profile", "basik"), "shipped are"),
        (("--profile", "/nowhere/x.yaml"), "/nowhere/x.yaml"),
        (("--project", "another"), "another"),
    ],
)
def test_what_cannot_be_used_ends_with_2(
    run: Run,
    given: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, str],
    told: str,
) -> None:
    assert run(given, more=more) == USAGE
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_input_that_is_not_there_ends_with_2(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "nowhere") == USAGE
    assert "does not exist" in capsys.readouterr().err


def test_keys_inside_the_output_end_with_2(
    given: Path, custody: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["deidentify", str(given), str(custody.parent), "--project", PROJECT]
    assert main([*arguments, "--custody", str(custody)]) == USAGE
    assert "inside the output" in capsys.readouterr().err


def test_an_interrupted_run_ends_with_130_and_leaves_nothing_unchecked(
    run: Run, given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(instances, "_written", interrupted)
    assert run(given) == INTERRUPTED
    assert "interrupted" in capsys.readouterr().err
    assert names_in(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("end", "code"), [(KeyboardInterrupt(), INTERRUPTED), (OSError(28, "No space left on device"), USAGE)]
)
def test_a_run_that_is_cut_short_reports_what_was_written_by_then(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    end: BaseException,
    code: int,
) -> None:
    write(tmp_path / "given" / "one", objects(seed=1))
    write(tmp_path / "given" / "two", objects(seed=2))
    written, left = instances._written, iter(range(3))

    def ends(file: Path, new: Deidentified) -> str:
        if next(left, None) is None:
            raise end
        return written(file, new)

    monkeypatch.setattr(instances, "_written", ends)
    assert run(tmp_path / "given") == code
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["input"]["studies"] == 2
    assert [(study["state"], len(study["files"])) for study in report["studies"]] == [("released", 3)]
    assert sum(name.endswith(".dcm") for name in names_in(tmp_path / "out")) == 3
    if code == USAGE:
        assert f"No space left on device: {tmp_path / 'out'}\n" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_told_before_anything_is_done(
    run: Run, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(given, more=("--report", str(tmp_path / "nowhere" / "report.json"))) == USAGE
    assert f"No such file or directory: {tmp_path / 'nowhere'}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "out"), [("in", "in/out"), ("in", "in"), ("out/in", "out"), ("in", "x/../in")]
)
def test_input_and_output_lie_apart(
    tmp_path: Path, custody: Path, capsys: pytest.CaptureFixture[str], given: str, out: str
) -> None:
    write(tmp_path / given, objects())
    before = names_in(tmp_path)
    arguments = ["deidentify", str(tmp_path / given), str(tmp_path / out), "--project", PROJECT]
    assert main([*arguments, "--custody", str(custody)]) == USAGE
    assert "lie one in the other" in capsys.readouterr().err
    assert names_in(tmp_path) == before


def told_of(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """Return all that a run tells, writes and names."""
    code = run(folder)
    assert code in {DONE, FAILED}
    told = capsys.readouterr()
    contents = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    report = (tmp_path / "report.json").read_text()
    return "\n".join((told.out, told.err, report, *names_in(tmp_path / "out"), contents.decode("latin-1")))


@pytest.mark.parametrize("fault", ["none", "damaged", "twice", "no rows", "two persons", "check"])
def test_no_value_of_an_original_is_told_whatever_happens(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    made = objects(identity=ANNE)
    secrets = {*SECRETS, *uids_of(made)}
    if fault == "no rows":
        del made[0].Rows
    elif fault == "two persons":
        made[0].PatientName = "Vogelsang^Otto"
    elif fault == "check":
        monkeypatch.setattr(instances, "_written", written_with_a_name)
    paths = write(tmp_path / "given", made)
    if fault == "damaged":
        paths[0].write_bytes(paths[0].read_bytes()[:-1])
    elif fault == "twice":
        made[0].SliceThickness = 77
        write(tmp_path / "given", made[:1], label="b")
    told = told_of(run, tmp_path, capsys, tmp_path / "given")
    assert sorted(secret for secret in secrets if secret in told) == []
    if fault in {"check", "no rows", "two persons"}:
        assert names_in(tmp_path / "out") == []


def written_with_a_name(file: Path, new: Deidentified) -> str:
    """Write an object as an engine with a fault would: the patient's name stands in it."""
    content = b"".join(new.pieces).replace(
        b"\x08\0\x70\0LO", b"\x08\0\x70\0LO\x08\0Zoltanyi\x08\0\x71\0LO", 1
    )
    file.write_bytes(content)
    return ""


def test_the_check_is_made_of_what_was_written(
    run: Run, given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "_written", written_with_a_name)
    assert run(given) == FAILED
    assert "1 refused" in capsys.readouterr().out


def zip_of(folder: Path) -> Path:
    """Return a folder's files as a ZIP, one of which is no DICOM."""
    zipped = folder.with_suffix(".zip")
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as out:
        for path in folder.iterdir():
            out.write(path, f"CD/{path.name}")
        out.writestr("CD/README.TXT", "Zoltanyi")
    return zipped


def test_a_zip_is_taken_as_its_folder_is_and_nothing_of_it_stays(
    run: Run, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    assert run(zip_of(given)) == DONE
    told = capsys.readouterr()
    assert "4 files: 1 studies" in told.err
    assert "given.zip/CD/README.TXT" in told.err
    assert list((tmp_path / "tmp").iterdir()) == []
    from_zip = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")}
    shutil.rmtree(tmp_path / "out")
    assert run(given) == DONE
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm")} == from_zip


def test_a_zip_that_is_not_unpacked_ends_with_2_and_nothing_is_written(
    run: Run, given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as out:
        out.writestr("../a0.dcm", (given / "a0.dcm").read_bytes())
    assert run(given, tmp_path / "evil.zip") == USAGE
    assert "evil.zip is not unpacked: file 1 in it has a name that leads out of it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
