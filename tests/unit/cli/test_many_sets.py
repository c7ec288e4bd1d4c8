"""Runs over many structure sets: mixtures, what fails, what was done before, and what cuts a run off."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.cli import DONE, FAILED, INTERRUPTED, USAGE, main
from tests.builders import ImageFrame, build_case, renamed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders import Case

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

TINY = ImageFrame(size=(10, 32, 32), spacing_mm=(5.0, 5.0), gap_mm=5.0)
MASKS = ("--formats", "nifti", "--jobs", "2")


def write_cases(folder: Path, count: int, **options: Any) -> list[Case]:
    cases = [build_case(frame=TINY, regions=2, seed=seed, **options) for seed in range(count)]
    for seed, case in enumerate(cases):
        case.write(folder / f"study {seed:02d}")
    return cases


def uid_of(case: Case) -> str:
    return str(case.structure_set.SOPInstanceUID)


def run(*arguments: str | Path) -> int:
    return main(["rtstruct", *map(str, arguments)])


def told(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "run.json").read_text(encoding="utf-8"))
    return content


def index(output: Path) -> list[dict[str, str]]:
    with (output / "index.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def states(output: Path) -> tuple[int, int, int]:
    sets = told(output)["structure_sets"]
    return sets["done"], sets["kept"], sets["failed"]


def changed(output: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in output.rglob("results.json")}


def eventually(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "orthanc_plugins", "rtstruct", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    """Thirty studies; some share a folder, some have no images, one is cut short, and there are other files."""
    folder = tmp_path_factory.mktemp("many")
    cases = write_cases(folder, 30)
    for seed in range(30, 34):
        case = build_case(frame=TINY, regions=2, seed=seed, modality="MR" if seed % 2 else "CT")
        for number, image in enumerate(case.images):
            image.save_as(folder / f"IM{seed}{number:03d}", enforce_file_format=True)
        case.structure_set.save_as(folder / f"RS{seed}", enforce_file_format=True)
        cases.append(case)
    for image in (folder / "study 03" / "images").iterdir():
        image.unlink()
    damaged = folder / "study 04" / "rtstruct.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-400])
    (folder / "notes.txt").write_text("no DICOM", encoding="utf-8")
    return folder, cases


def test_a_mixture_of_studies_is_sorted_out(
    many: tuple[Path, list[Case]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, cases = many
    assert run(folder, tmp_path, *MASKS) == FAILED
    assert states(tmp_path) == (33, 0, 1)
    rows = index(tmp_path)
    assert {row["structure_set_uid"] for row in rows} == {uid_of(case) for case in cases} - {uid_of(cases[4])}
    for case in (cases[0], cases[31]):
        (lung,) = [row for row in rows if (row["structure_set_uid"], row["name"]) == (uid_of(case), "Lung_L")]
        assert lung["image_series_uid"] == case.reference.series_uid
        assert lung["study_uid"] == case.reference.study_uid
        assert float(lung["volume_cc"]) == pytest.approx(case.truth["Lung_L"].contour_volume_ml, rel=0.01)
        assert (tmp_path / lung["mask_path"]).is_file()
    assert [row["mask_path"] for row in rows if row["structure_set_uid"] == uid_of(cases[3])] == ["", ""]
    (failure,) = told(tmp_path)["failures"]
    assert failure["source"] == str(folder / "study 04" / "rtstruct.dcm")
    assert failure["structure_set_uid"] == uid_of(cases[4])
    assert "cut short" in failure["reason"]
    err = capsys.readouterr().err
    assert "structure sets: 34, images: 330 in 33 series, other files: 1" in err
    assert err.endswith("pacs: structure sets: 33 done, 1 failed.\n")


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 12)
    out = tmp_path / "out"
    process = start(tmp_path / "in", out, *MASKS)
    eventually(lambda: len(changed(out)) >= 3)
    process.kill()
    process.communicate()
    before = changed(out)
    eventually(lambda: run(tmp_path / "in", out, *MASKS, "--quiet") == DONE)
    after = changed(out)
    assert len(before) < 12
    assert len(after) == 12
    assert {path: after[path] for path in before} == before
    assert states(out)[1] >= len(before)
    assert len({row["structure_set_uid"] for row in index(out)}) == 12
    assert not (out / ".pacs-rtstruct").exists()


def test_ctrl_c_ends_cleanly_and_says_how_far_it_got(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 12)
    out = tmp_path / "out"
    process = start(tmp_path / "in", out, *MASKS)
    eventually(lambda: changed(out))
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert b"Traceback" not in err
    done, _, failed = states(out)
    assert failed == 0
    assert told(out)["interrupted"] is True
    assert told(out)["not_begun"] == 12 - done
    end = f"pacs: structure sets: {done} done, 0 failed, {12 - done} left: interrupted, call again to go on."
    assert err.decode().splitlines()[-1] == end
    assert not (out / ".pacs-rtstruct").exists()


def test_a_batch_systems_signal_ends_a_run_as_ctrl_c_does(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 8)
    process = start(tmp_path / "in", tmp_path / "out", *MASKS)
    eventually(lambda: changed(tmp_path / "out"))
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"interrupted" in err) == (INTERRUPTED, True)


def test_a_worker_that_is_killed_fails_one_set(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 8)
    process = start(tmp_path / "in", tmp_path / "out", "--formats", "nifti", "--jobs", "1")
    eventually(lambda: changed(tmp_path / "out"))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [
        int(child)
        for child in children.read_text(encoding="ascii").split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == FAILED, err
    assert states(tmp_path / "out") == (7, 0, 1)
    assert "killed by SIGKILL" in told(tmp_path / "out")["failures"][0]["reason"]
    assert run(tmp_path / "in", tmp_path / "out", *MASKS) == DONE
    assert states(tmp_path / "out") == (1, 7, 0)


def test_what_was_done_is_kept_until_anything_is_asked_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = write_cases(tmp_path / "in", 1)
    arguments = [tmp_path / "in", tmp_path / "out", "--formats", "nifti"]

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
