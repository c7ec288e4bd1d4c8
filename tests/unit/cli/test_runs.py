"""What a run is asked to do, what it keeps of a former one, and what it tells."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, USAGE
from orthanc_plugins.cli.rtstruct import set_work
from tests.builders import build_case, renamed
from tests.runs import TINY, index, run, states, told, write_cases

if TYPE_CHECKING:
    from pathlib import Path

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


def test_what_was_done_is_kept_until_anything_is_asked_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = write_cases(tmp_path / "in", 1)
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
    (tmp_path / "out" / "masks" / "001_BODY.nii.gz").unlink()
    assert outcome() == done
    (tmp_path / "out" / "results.json").write_text("{", encoding="utf-8")
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
    build_case(frame=TINY, regions=4).write(tmp_path / "in")
    out = tmp_path / "out"
    assert run(tmp_path / "in", out, "--formats", "nifti", "--regions", "lung_?,4,Liver*") == DONE
    assert [row["name"] for row in index(out)] == ["Lung_L", "Lung_R", "Spine"]
    assert {path.name for path in (out / "masks").iterdir()} == {
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
    (tmp_path / "names.txt").write_text("gtv, LEFT\n\n", encoding="utf-8")
    chosen = f"@{tmp_path / 'names.txt'}"
    assert run(tmp_path / "in", tmp_path / "out", "--formats", "nifti", "--regions", chosen) == DONE
    assert [row["name"] for row in index(tmp_path / "out")] == ["GTV, left"]


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
    write_cases(tmp_path / "in", 1)
    left = tmp_path / "out" / ".pacs-rtstruct" / "0" / "masks"
    left.mkdir(parents=True)
    (left / "half.nii.gz").write_bytes(b"half")
    assert run(tmp_path / "in", tmp_path / "out", "--formats", "nifti") == DONE
    assert not (tmp_path / "out" / ".pacs-rtstruct").exists()
    assert {path.name for path in (tmp_path / "out" / "masks").iterdir()} == {
        "001_BODY.nii.gz",
        "002_Lung_L.nii.gz",
        "labels.nii.gz",
    }
