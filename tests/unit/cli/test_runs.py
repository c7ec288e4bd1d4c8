"""What a run is asked to do, what it keeps of a former one, and what it tells."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, INTERRUPTED, USAGE, processes
from orthanc_plugins.cli.rtstruct import set_work
from orthanc_plugins.cli.rtstruct.run import Run
from orthanc_plugins.cli.rtstruct.sources import FileSource
from tests.builders import build_case, renamed
from tests.builders.damage import two_points
from tests.runs import MASKS, TINY, index, run, states, told, uid_of, write_cases

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


def test_what_was_done_is_kept_until_anything_is_asked_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = write_cases(tmp_path / "in", 1)
    of_case = tmp_path / "out" / uid_of(case)
    arguments = (tmp_path / "in", tmp_path / "out", "--formats", "nifti")

    def outcome(*more: str) -> tuple[int, int, int]:
        assert run(*arguments, *more) == DONE
        return states(tmp_path / "out")

    done, kept = (1, 0, 0), (0, 1, 0)
    assert (outcome(), outcome()) == (done, kept)
    assert "(1 of them before this run; --again does them anew)" in capsys.readouterr().err
    assert outcome("--again") == done
    assert outcome("--regions", "Lung*") == done
    assert outcome("--allow-other-frame") == done
    assert outcome() == done
    (of_case / "masks" / "001_BODY.nii.gz").unlink()
    assert outcome() == done
    (of_case / "results.json").write_text("{", encoding="utf-8")
    assert outcome() == done
    next((tmp_path / "in").rglob("0001.dcm")).unlink()
    assert outcome() == done
    renamed(case.structure_set, ["other", "names"])
    case.structure_set.save_as(tmp_path / "in" / "study 00" / "rtstruct.dcm", enforce_file_format=True)
    assert (outcome(), outcome()) == (done, kept)


def test_what_another_engine_has_made_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cases(tmp_path / "in", 1)
    arguments = (tmp_path / "in", tmp_path / "out", "--formats", "nifti")
    assert run(*arguments) == DONE
    monkeypatch.setattr(set_work, "engine_digest", lambda: "another")
    assert run(*arguments) == DONE
    assert states(tmp_path / "out") == (1, 0, 0)


def test_only_the_regions_asked_for_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = build_case(frame=TINY, regions=4)
    case.write(tmp_path / "in")
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, "--formats", "nifti", "--regions", "lung_?,4,Liver*") == DONE
    assert [row["name"] for row in index(out)] == ["Lung_L", "Lung_R", "Spine"]
    assert {path.name for path in (out / uid_of(case) / "masks").iterdir()} == {
        "002_Lung_L.nii.gz",
        "003_Lung_R.nii.gz",
        "004_Spine.nii.gz",
        "labels.nii.gz",
    }
    said = capsys.readouterr()
    assert "pacs: --regions: no region matches 'Liver*'." in said.err
    assert "No region matches 'Liver*', which was asked for." in said.out
    assert told(out)["regions_not_found"] == ["Liver*"]


def test_names_with_commas_come_from_a_file(tmp_path: Path) -> None:
    case = build_case(frame=TINY, regions=3)
    renamed(case.structure_set, ["GTV, left", "GTV", "x"])
    case.write(tmp_path / "in")
    (tmp_path / "names.txt").write_text("# the target\ngtv, LEFT\n\n  # x\n", encoding="utf-8")
    chosen = f"@{tmp_path / 'names.txt'}"
    assert run(tmp_path / "in", tmp_path / "out", "--formats", "nifti", "--regions", chosen) == DONE
    assert [row["name"] for row in index(tmp_path / "out")] == ["GTV, left"]


def test_a_file_of_names_that_cannot_be_used_is_told_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin").write_bytes("Schädel\n".encode("latin-1"))
    (tmp_path / "empty").write_text("# nothing\n\n", encoding="utf-8")
    for name, why in (
        ("nofile", f"{tmp_path / 'nofile'} does not exist"),
        ("latin", f"{tmp_path / 'latin'} is not text in UTF-8"),
        (".", f"{tmp_path} cannot be read: Is a directory"),
        ("empty", "it names no region"),
    ):
        with pytest.raises(SystemExit) as caught:
            run(tmp_path, tmp_path / "out", "--regions", f"@{tmp_path / name}")
        assert caught.value.code == USAGE
        assert capsys.readouterr().err.endswith(f"argument --regions: {why}\n")


@pytest.mark.parametrize("chosen", ["", " , ", "@/nowhere/names.txt"])
def test_a_choice_of_no_region_is_not_understood(
    chosen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, tmp_path / "out", "--regions", chosen)
    assert caught.value.code == USAGE
    assert "--regions" in capsys.readouterr().err


def test_quiet_says_only_how_it_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cases(tmp_path / "in", 1)
    assert run(tmp_path / "in", tmp_path / "out", "--formats", "nifti", "--quiet") == DONE
    assert capsys.readouterr() == ("", "pacs: structure sets: 1 done, 0 failed.\n")


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cases(tmp_path / "in", 1)
    (tmp_path / "out").mkdir()
    folder = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        assert run(tmp_path / "in", tmp_path / "out") == USAGE
        assert "Another run writes to" in capsys.readouterr().err
    finally:
        os.close(folder)


def test_what_a_killed_run_left_behind_is_taken_away(tmp_path: Path) -> None:
    (case,) = write_cases(tmp_path / "in", 1)
    left = tmp_path / "out" / ".pacs-rtstruct" / "0" / "masks"
    left.mkdir(parents=True)
    (left / "half.nii.gz").write_bytes(b"half")
    assert run(tmp_path / "in", tmp_path / "out", "--formats", "nifti") == DONE
    assert not (tmp_path / "out" / ".pacs-rtstruct").exists()
    assert {path.name for path in (tmp_path / "out" / uid_of(case) / "masks").iterdir()} == {
        "001_BODY.nii.gz",
        "002_Lung_L.nii.gz",
        "labels.nii.gz",
    }


def test_two_patients_never_mix_and_the_table_holds_both(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "in", 2)
    out = tmp_path / "out"
    for number, case in enumerate(cases):
        assert run(tmp_path / "in" / f"study {number:02d}", out, "--formats", "nifti") == DONE
        assert {path.name for path in out.iterdir() if path.is_file()} == {"index.csv", "run.json"}
        assert {row["structure_set_uid"] for row in index(out)} == set(map(uid_of, cases[: number + 1]))
        assert index(out)[0]["structure_set_uid"] == uid_of(case)
    assert len(told(out)["inputs"]) == 1


def test_files_that_cannot_be_read_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cases(tmp_path / "in", 1)
    (tmp_path / "in" / "notes.txt").write_text("not DICOM", encoding="utf-8")
    cut, empty, *_ = sorted((tmp_path / "in").rglob("000*.dcm"))
    cut.write_bytes(cut.read_bytes()[:900])
    empty.write_bytes(b"")
    assert run(tmp_path / "in", tmp_path / "out", *MASKS) == DONE
    assert ", files that cannot be read: 2, see run.json\n" in capsys.readouterr().err
    assert told(tmp_path / "out")["files"] == {"unreadable": [str(cut), str(empty)]}
    assert run(cut, empty, tmp_path / "other") == USAGE
    assert f", files that cannot be read: 2 ({cut}, {empty}).\n" in capsys.readouterr().err


def test_every_set_is_told_with_its_source_also_that_of_a_former_run(tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "in", 2)
    out = tmp_path / "out"
    paths = [str(tmp_path / "in" / f"study {number:02d}" / "rtstruct.dcm") for number in range(2)]
    for path in paths:
        assert run(path, out, *MASKS) == DONE
    sources = {row["structure_set_uid"]: row["source"] for row in index(out)}
    assert sources == dict(zip(map(uid_of, cases), paths, strict=True))
    uid = uid_of(cases[1])
    set_told = {"source": paths[1], "structure_set_uid": uid, "folder": uid, "state": "done"}
    assert told(out)["results"] == [set_told]
    assert run(tmp_path / "in", out, *MASKS) == DONE
    assert [(one["source"], one["folder"]) for one in told(out)["results"]] == list(
        zip(paths, map(uid_of, cases), strict=True)
    )
    for odd in (b"study_uid\n1.2\n", b"\xff", b"source,structure_set_uid\nx\n"):
        (out / "index.csv").write_bytes(odd)
        assert run(paths[0], out, *MASKS) == DONE
        assert {row["source"] for row in index(out)} == {paths[0], ""}


def test_other_options_leave_nothing_of_the_former_ones(tmp_path: Path) -> None:
    (case,) = write_cases(tmp_path / "in", 1)
    arguments = (tmp_path / "in", tmp_path / "out")
    assert run(*arguments, "--formats", "nifti,stl,json") == DONE
    assert run(*arguments, "--formats", "nifti", "--regions", "BODY") == DONE
    folder = tmp_path / "out" / uid_of(case)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "masks/001_BODY.nii.gz",
        "masks/labels.nii.gz",
        "results.json",
    }


def test_regions_that_are_in_no_set_are_not_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cases(tmp_path / "in", 2)
    assert run(tmp_path / "in", tmp_path / "out", *MASKS, "--regions", "Nix,Liver*") == USAGE
    err = capsys.readouterr().err
    assert "pacs: --regions: no region of any structure set matches. There are: BODY, Lung_L.\n" in err
    assert err.endswith("structure sets: 0 done, 0 failed, 2 without any of the --regions.\n")
    assert not list((tmp_path / "out").rglob("results.json"))


def test_sets_without_the_regions_are_told_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, _ = write_cases(tmp_path / "in", 2)
    renamed(case.structure_set, ["GTV", "PTV"])
    path = tmp_path / "in" / "study 00" / "rtstruct.dcm"
    case.structure_set.save_as(path, enforce_file_format=True)
    assert run(tmp_path / "in", tmp_path / "out", *MASKS, "--regions", "Lung_L") == DONE
    err = capsys.readouterr().err
    assert f"{path}: no region matches 'Lung_L'; nothing was made of it.\n" in err
    assert err.endswith("structure sets: 1 done, 0 failed, 1 without any of the --regions.\n")
    assert told(tmp_path / "out")["without_the_regions"] == [
        {"source": str(path), "structure_set_uid": uid_of(case)}
    ]
    assert [row["name"] for row in index(tmp_path / "out")] == ["Lung_L"]


def test_problems_of_sets_that_were_done_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, whole = write_cases(tmp_path / "in", 2)
    path = tmp_path / "in" / "study 00" / "rtstruct.dcm"
    two_points(case.structure_set, 1)
    case.structure_set.save_as(path, enforce_file_format=True)
    for image in (path.parent / "images").iterdir():
        image.unlink()
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, *MASKS) == DONE
    err = capsys.readouterr().err
    problems = told(out)["problems"]
    codes = [problem["code"] for problem in problems]
    assert f"\n{path}: 1 error, {len(codes) - 1} warning: {', '.join(dict.fromkeys(codes))}\n" in err
    assert err.endswith("structure sets: 2 done (1 with problems, see run.json), 0 failed.\n")
    assert {problem["structure_set_uid"] for problem in problems} == {uid_of(case)}
    assert [problem["region"] for problem in problems] == [None, 2]
    assert [problem["region_name"] for problem in problems] == [None, "Lung_L"]
    told_of_one = {"source", "structure_set_uid", "code", "severity", "region", "region_name", "message"}
    assert set(problems[0]) == told_of_one
    rows = {(row["structure_set_uid"], row["number"]): row["problems"].split() for row in index(out)}
    assert rows[uid_of(case), "1"] == codes[:1]
    assert rows[uid_of(case), "2"] == codes
    assert rows[uid_of(whole), "1"] == []
    assert run(tmp_path / "in", out, *MASKS, "--quiet") == DONE
    assert capsys.readouterr().err == (
        f"{path}: 1 error, 1 warning: {', '.join(codes)}\n"
        "pacs: structure sets: 2 done (1 with problems, see run.json; "
        "2 of them before this run; --again does them anew), 0 failed.\n"
    )


def test_an_orthanc_that_does_not_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:  # and does not listen: a connection is refused
        bound.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert run(f"{address}/studies/1.2.3", tmp_path / "out") == USAGE
    said = f"pacs: {address} does not answer (connection refused): is Orthanc running there?\n"
    assert capsys.readouterr().err == said


def test_what_lies_in_the_folder_is_in_the_table_also_after_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = write_cases(tmp_path / "in", 2)
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, *MASKS) == DONE

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orthanc_plugins.cli.rtstruct.run.do_set", interrupted)
    assert run(tmp_path / "in" / "study 00", out, *MASKS) == INTERRUPTED
    assert {row["structure_set_uid"] for row in index(out)} == set(map(uid_of, cases))


SECRET = "Doe^Jane"


@pytest.mark.parametrize("count", [1, 2])
def test_an_unforeseen_fault_is_the_failure_of_its_set_and_all_is_told(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumbling(*_: object, **__: object) -> None:
        raise KeyError(SECRET)

    cases = write_cases(tmp_path / "in", count)
    arguments = (tmp_path / "in", tmp_path / "out", *MASKS)
    assert run(*arguments) == DONE
    monkeypatch.setattr(FileSource, "images", stumbling)
    monkeypatch.setattr(processes, "in_processes", in_this_process)
    assert run(*arguments, "--again") == FAILED
    assert [one["source"] for one in told(tmp_path / "out")["failures"]]
    for failure in told(tmp_path / "out")["failures"]:
        assert failure["reason"].startswith(
            "the suite met a fault it does not know: KeyError at test_runs.py"
        )
        assert "do_set" in failure["fault"]
    assert len(told(tmp_path / "out")["failures"]) == count
    assert {row["structure_set_uid"] for row in index(tmp_path / "out")} == set(map(uid_of, cases))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert SECRET not in out + err + (tmp_path / "out" / "run.json").read_text(encoding="utf-8")
    assert "failed: the suite met a fault it does not know: KeyError at test_runs.py" in err


def in_this_process(work: Any, tasks: Iterable[Any], *_: object) -> Generator[tuple[Any, Any]]:
    for task in tasks:
        yield task, work(task)


def test_a_fault_of_a_part_shows_no_traceback(tmp_path: Path) -> None:
    """In a process of its own: here pytest listens to what is logged."""
    write_cases(tmp_path / "in", 1)
    code = (
        "import sys; from orthanc_plugins.rtstruct import files; from orthanc_plugins.cli import main\n"
        f"def fail(*_): raise ValueError({SECRET!r})\n"
        "files.mask_nifti = fail\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), *MASKS]
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == DONE, ended.stderr
    assert "ValueError at" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout


def test_results_of_another_make_in_the_folder_end_no_run(tmp_path: Path) -> None:
    """What lies in the folder beside this run's sets is not always whole."""
    (case,) = write_cases(tmp_path / "in", 1)
    odd = tmp_path / "out" / "1.2.3"
    odd.mkdir(parents=True)
    schema = {"schema": {"name": "orthanc-pacs-suite/rtstruct-results"}}
    for content in (schema, schema | {"problems": [], "regions": [{"name": "x"}], "sources": None}):
        (odd / "results.json").write_text(json.dumps(content), encoding="utf-8")
        assert run(tmp_path / "in", tmp_path / "out", *MASKS) == DONE
        assert told(tmp_path / "out")["structure_sets"]["failed"] == 0
        assert {row["structure_set_uid"] for row in index(tmp_path / "out")} == {uid_of(case)}


def test_a_fault_beside_the_sets_ends_the_run_without_a_traceback_and_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumbling(*_: object, **__: object) -> None:
        raise KeyError(SECRET)

    write_cases(tmp_path / "in", 1)
    monkeypatch.setattr(Run, "_tasks", stumbling)
    assert run(tmp_path / "in", tmp_path / "out", *MASKS) == FAILED
    assert told(tmp_path / "out")["not_begun"] == 1
    assert index(tmp_path / "out") == []
    err = capsys.readouterr().err
    assert "pacs: failed: the suite met a fault it does not know: KeyError at test_runs.py" in err
    assert SECRET not in err
