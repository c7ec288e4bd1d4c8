"""The command line, from arguments to files and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main
from tests.builders import DAMAGES, ImageFrame, build_case

if TYPE_CHECKING:
    from pathlib import Path

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

SMALL = ImageFrame(size=(16, 48, 48), spacing_mm=(3.0, 3.0))


def test_a_case_becomes_files_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_case(frame=SMALL, regions=4).write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]) == DONE
    out, err = capsys.readouterr()
    assert "Lung_L" in out
    assert "002_Lung_L.nii.gz 002_Lung_L.stl 002_Lung_L.png" in out
    assert "rtstruct.dcm: rasterise" in err
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["phases"][0]["name"] == "read_metadata"
    assert (tmp_path / "out" / "masks" / "labels.nii.gz").is_file()


def test_formats_are_chosen(tmp_path: Path) -> None:
    build_case(frame=SMALL, regions=2).write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "json,stl"]) == DONE
    written = {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {".json", ".stl"}


def test_one_bad_set_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = build_case(frame=SMALL, regions=2)
    good.write(tmp_path / "in")
    content = (tmp_path / "in" / "rtstruct.dcm").read_bytes()
    (tmp_path / "in" / "cut.dcm").write_bytes(content[: len(content) // 2])
    (tmp_path / "in" / "images" / "rtstruct.dcm").write_bytes(content)
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]) == FAILED
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"rtstruct", "rtstruct-2"}
    assert "cut short" in capsys.readouterr().err


def test_a_set_without_images_is_measured_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = build_case(frame=SMALL, regions=2).write(tmp_path / "in")[-1]
    assert main(["rtstruct", str(path), str(tmp_path / "out")]) == DONE
    assert "The images are not there" in capsys.readouterr().out


def test_another_frame_of_reference_needs_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = build_case(frame=SMALL, regions=2)
    DAMAGES["other_frame_of_reference"](case.structure_set)
    case.write(tmp_path / "in")
    arguments = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]
    assert main(arguments) == FAILED
    assert "another frame of reference" in capsys.readouterr().err
    assert main([*arguments, "--allow-other-frame"]) == DONE


def test_nothing_to_do_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]) == USAGE
    assert "no RT Structure Set" in capsys.readouterr().err
    assert main(["rtstruct", str(tmp_path / "absent"), str(tmp_path / "out")]) == USAGE
    assert "not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["rtstruct"],
        ["rtstruct", "a", "b", "--formats", "obj"],
        ["rtstruct", "a", "b", "--jobs", "0"],
        ["none"],
    ],
)
def test_what_is_not_understood_ends_with_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == USAGE


def test_the_command_loads_no_framework() -> None:
    script = (
        "import sys, orthanc_plugins.cli; "
        "print([m for m in ('fastapi', 'dbos', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
