"""Runs of the command line over many structure sets: mixtures, and what cuts a run off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, FAILED, INTERRUPTED
from tests.builders import build_case
from tests.runs import MASKS, TINY, changed, index, run, states, told, uid_of, write_cases
from tests.stack import eventually

if TYPE_CHECKING:
    from tests.builders import Case

EVERYTHING = ("--formats", "nifti,stl,json,png,pdf,html")
ONE_AT_A_TIME = (*EVERYTHING, "--jobs", "1")
"""Slow enough for something to happen in the middle."""


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start an extraction as from a terminal: Ctrl-C counts, also where the tests run in the background."""
    command = ["env", "--default-signal=INT", sys.executable, "-m", "orthanc_plugins", "rtstruct"]
    command.extend(map(str, arguments))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    """Studies: some share a folder, one has no images, one is cut short; and there are other files."""
    folder = tmp_path_factory.mktemp("many")
    cases = write_cases(folder, 30)
    for seed in range(30, 34):
        case = build_case(frame=TINY, regions=2, seed=seed, modality="MR" if seed % 2 else "CT")
        for number, image in enumerate(case.images):
            image.save_as(folder / f"IM{seed}{number:03d}", enforce_file_format=True)
        case.structure_set.save_as(folder / f"RS{seed}", enforce_file_format=True)
        cases.append(case)
    for path in (folder / "study 03" / "images").iterdir():
        path.unlink()
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
    assert err.endswith("pacs: structure sets: 33 done (1 with problems, see run.json), 1 failed.\n")


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 12)
    out = tmp_path / "out"
    process = start(tmp_path / "in", out, *ONE_AT_A_TIME)
    eventually(lambda: len(changed(out)) >= 3, "three sets are done")
    process.kill()
    process.communicate()
    before = changed(out)
    assert run(tmp_path / "in", out, *EVERYTHING, "--quiet") == DONE
    after = changed(out)
    assert len(before) < 12
    assert len(after) == 12
    assert {path: after[path] for path in before} == before
    assert states(out)[1] >= len(before)
    assert len({row["structure_set_uid"] for row in index(out)}) == 12
    assert not (out / ".pacs-rtstruct").exists()


def test_ctrl_c_ends_cleanly_and_says_how_far_it_got(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 40)
    out = tmp_path / "out"
    process = start(tmp_path / "in", out, *ONE_AT_A_TIME)
    eventually(lambda: changed(out), "a set is done")
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert b"Traceback" not in err
    done, _, failed = states(out)
    assert failed == 0
    assert told(out)["interrupted"] is True
    assert told(out)["not_begun"] == 40 - done
    end = f"pacs: structure sets: {done} done, 0 failed, {40 - done} left: interrupted, call again to go on."
    assert err.decode().splitlines()[-1] == end
    assert not (out / ".pacs-rtstruct").exists()


def test_a_batch_systems_signal_ends_a_run_as_ctrl_c_does(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 40)
    process = start(tmp_path / "in", tmp_path / "out", *ONE_AT_A_TIME)
    eventually(lambda: changed(tmp_path / "out"), "a set is done")
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"interrupted" in err) == (INTERRUPTED, True)


def test_a_worker_that_is_killed_fails_one_set(tmp_path: Path) -> None:
    write_cases(tmp_path / "in", 8)
    process = start(tmp_path / "in", tmp_path / "out", *ONE_AT_A_TIME)
    assert process.stderr is not None
    for line in process.stderr:  # its files are there a moment before the worker has told of them
        if line.startswith(b"[1/8]"):
            break
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
    assert run(tmp_path / "in", tmp_path / "out", *EVERYTHING) == DONE
    assert states(tmp_path / "out") == (1, 7, 0)
