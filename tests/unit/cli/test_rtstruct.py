"""The command line, from arguments to files and exit codes."""

from __future__ import annotations

import csv
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from orthanc_plugins.cli import DONE, FAILED, USAGE, main
from orthanc_plugins.rtstruct import FORMATS
from tests.builders import DAMAGES, ImageFrame, build_case, build_dose, renamed, uniform
from tests.builders.damage import two_points

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

SMALL = ImageFrame(size=(16, 48, 48), spacing_mm=(3.0, 3.0))


SUMMARY = {"index.csv", "run.json"}


def of_set(output: Path) -> Path:
    """Return the folder of the only structure set that lies in an output."""
    (folder,) = (path for path in output.iterdir() if path.is_dir())
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_case_becomes_files_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_case(frame=SMALL, regions=4).write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]) == DONE
    out, err = capsys.readouterr()
    assert "Lung_L" in out
    assert "002_Lung_L.nii.gz 002_Lung_L.stl 002_Lung_L.png" in out
    assert "rtstruct.dcm: rasterise" in err
    results = json.loads((of_set(tmp_path / "out") / "results.json").read_text(encoding="utf-8"))
    assert results["phases"][0]["name"] == "read_metadata"
    assert (of_set(tmp_path / "out") / "masks" / "labels.nii.gz").is_file()


def test_every_file_of_a_region_is_in_the_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = build_case(frame=SMALL, regions=2)
    case.write(tmp_path / "in")
    build_dose(case, uniform(20)).save_as(tmp_path / "in" / "dose.dcm", enforce_file_format=True)
    options = ["--formats", ",".join(FORMATS), "--partial-volume"]
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), *options]) == DONE
    of_region = {name for name in files(tmp_path / "out") if "002_Lung_L" in name}
    assert len(of_region) == 8
    shown = next(line for line in capsys.readouterr().out.splitlines() if "Lung_L" in line).split()
    dose = {name for name in of_region if "/dose/" in name}
    assert {Path(name).name for name in of_region - dose} | {"dose/002_Lung_L.json"} == set(shown[5:])
    with (tmp_path / "out" / "index.csv").open(encoding="utf-8", newline="") as stream:
        row = list(csv.DictReader(stream))[1]
    assert of_region == {value for key, value in row.items() if key.endswith("_path")}


def test_the_folder_holds_what_the_service_makes(tmp_path: Path) -> None:
    build_case(frame=SMALL, regions=2).write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]) == DONE
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_file()} == SUMMARY
    assert files(of_set(tmp_path / "out")) == {
        "contours.json",
        "masks/001_BODY.nii.gz",
        "masks/002_Lung_L.nii.gz",
        "masks/labels.nii.gz",
        "meshes/001_BODY.stl",
        "meshes/002_Lung_L.stl",
        "previews/001_BODY.png",
        "previews/002_Lung_L.png",
        "previews/overview.png",
        "report.pdf",
        "results.json",
        "scene.html",
    }


def test_doses_among_the_inputs_are_in_the_results_and_a_new_one_has_them_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = build_case(frame=SMALL, regions=2)
    case.write(tmp_path / "in")
    run = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]
    assert main(run) == DONE
    build_dose(case, uniform(20)).save_as(tmp_path / "in" / "dose.dcm", enforce_file_format=True)
    assert main(run) == DONE
    assert "doses: 1" in capsys.readouterr().err
    results = json.loads((of_set(tmp_path / "out") / "results.json").read_text(encoding="utf-8"))
    assert [region["dose"][0]["mean"] for region in results["regions"]] == pytest.approx([20, 20], abs=1e-3)
    assert (of_set(tmp_path / "out") / "dose" / "dvh.png").is_file()


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("nifti", {".gz", ".json"}),
        ("stl", {".stl", ".json"}),
        ("json", {".json"}),
        (" PNG ,stl", {".png", ".stl", ".json"}),
        ("pdf", {".pdf", ".png", ".json"}),
        ("html", {".html", ".stl", ".json"}),
    ],
)
def test_formats_are_chosen_and_the_results_are_always_written(
    tmp_path: Path, asked: str, written: set[str]
) -> None:
    build_case(frame=SMALL, regions=2).write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", asked]) == DONE
    found = files(of_set(tmp_path / "out"))
    assert {Path(name).suffix for name in found} == written
    assert "results.json" in found
    assert ("contours.json" in found) == ("json" in asked)


@pytest.mark.parametrize("asked", ["vtk", "json,vtk", "", "nifti stl"])
def test_an_unknown_format_is_named_beside_those_there_are(
    asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["rtstruct", "in", "out", "--formats", asked])
    assert caught.value.code == USAGE
    said = capsys.readouterr().err
    assert repr(asked.rsplit(",", maxsplit=1)[-1]) in said
    assert "choose from nifti,stl,json,png,pdf,html" in said


def test_several_sets_get_folders_by_their_uid_whatever_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("rtstruct.dcm", "a/RTSTRUCT.dcm", "b/\x1b[31m\n.dcm", "b/\udcff.dcm", "c/ .dcm")
    cases = [build_case(frame=SMALL, regions=1, seed=seed) for seed in range(len(names))]
    uids = [case.structure_set.SOPInstanceUID for case in cases]
    for name, case in zip(names, cases, strict=True):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        case.structure_set.save_as(path, enforce_file_format=True)
    arguments = [str(tmp_path / "out"), "--formats", "json"]
    assert main(["rtstruct", str(tmp_path / "in"), *arguments]) == DONE
    assert {path.name for path in (tmp_path / "out").iterdir()} - SUMMARY == set(uids)
    for uid in uids:
        results = json.loads((tmp_path / "out" / uid / "results.json").read_text(encoding="utf-8"))
        assert results["sources"]["structure_set_uid"] == uid
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "[5/5] " in err
    assert err.endswith("pacs: structure sets: 5 done (5 with problems, see run.json), 0 failed.\n")
    assert main(["rtstruct", str(tmp_path / "in" / "a"), str(tmp_path / "in" / "c"), *arguments]) == DONE
    assert {path.name for path in (tmp_path / "out").iterdir()} - SUMMARY == set(uids)


def test_copies_of_a_set_are_left_out_and_another_set_of_its_uid_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = build_case(frame=SMALL, regions=2)
    path = case.write(tmp_path / "in")[-1]
    (tmp_path / "in" / "same.dcm").write_bytes(path.read_bytes())
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "one"), "--formats", "json"]) == DONE
    assert (of_set(tmp_path / "one") / "results.json").is_file()
    assert "structure sets: 1 (1 copies left out), images: 16" in capsys.readouterr().err
    renamed(case.structure_set, ["other", "names"])
    case.structure_set.save_as(tmp_path / "in" / "same.dcm", enforce_file_format=True)
    uid = str(case.structure_set.SOPInstanceUID).encode()
    (tmp_path / "in" / "third.dcm").write_bytes(
        path.read_bytes().replace(uid, b"../evil".ljust(len(uid), b"."))
    )
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "two"), "--formats", "json"]) == FAILED
    made = {path.name for path in (tmp_path / "two").iterdir()} - SUMMARY
    assert {re.sub("[0-9a-f]{16}", "DIGEST", name) for name in made - {uid.decode()}} == {"no-uid-DIGEST"}
    err = capsys.readouterr().err
    said = (
        f"Another structure set, {path}, has its SOP Instance UID {uid.decode()} and the folder of that name"
    )
    assert f"{tmp_path / 'in' / 'same.dcm'}: failed: {said}: extract it alone" in err
    (failure,) = json.loads((tmp_path / "two" / "run.json").read_text(encoding="utf-8"))["failures"]
    assert failure["reason"].startswith(said)
    assert err.endswith("pacs: structure sets: 2 done, 1 failed.\n")


def test_a_terminal_that_cannot_show_a_name_ends_no_run(tmp_path: Path) -> None:
    case = build_case(frame=SMALL, regions=1)
    renamed(case.structure_set, ["Lunge 肺"])
    case.write(tmp_path / "in")
    done = subprocess.run(
        [sys.executable, "-m", "orthanc_plugins", "rtstruct", tmp_path / "in", tmp_path / "out"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, b"Lunge \\u80ba" in done.stdout) == (DONE, True)


def test_a_folder_that_cannot_be_written_fails_the_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_case(frame=SMALL, regions=1).write(tmp_path / "in")
    (tmp_path / "taken").write_text("a file")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "taken" / "out")]) == FAILED
    assert "failed: " in capsys.readouterr().err


def test_problems_of_the_regions_are_told_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = build_case(frame=SMALL, regions=3)
    DAMAGES["two_points"](case.structure_set)
    case.write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "json"]) == DONE
    out = capsys.readouterr().out
    assert out.count("  warning: Region 1: ") == 1
    assert out.endswith("  regions: 3 done; problems: 1\n")


def test_no_more_than_five_problems_flood_the_screen_and_errors_come_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = build_case(frame=SMALL, regions=8)
    for region in range(1, 8):
        two_points(case.structure_set, region)
    case.structure_set.StructureSetROISequence[7].ReferencedFrameOfReferenceUID = "2.25.1"
    case.write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "json"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    told = [line.split(":")[0].strip() for line in lines if line.startswith(("  error", "  warning"))]
    assert told == ["error", *["warning"] * 4]
    more = json.loads((of_set(tmp_path / "out") / "results.json").read_text(encoding="utf-8"))["problems"][5:]
    assert lines[-2] == f"  … and {len(more)} more in results.json"


def test_a_zip_is_to_be_unpacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ZipFile(tmp_path / "study.dcm", "w") as packed:
        packed.writestr("a", b"x")
    assert main(["rtstruct", str(tmp_path / "study.dcm"), str(tmp_path / "out")]) == USAGE
    assert "a zip is not read: unpack it and give the folder: " in capsys.readouterr().err


def test_one_bad_set_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = build_case(frame=SMALL, regions=2)
    good.write(tmp_path / "in")
    content = (tmp_path / "in" / "rtstruct.dcm").read_bytes()
    (tmp_path / "in" / "cut.dcm").write_bytes(content[: len(content) // 2])
    arguments = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "nifti", "--jobs", "1"]
    assert main(arguments) == FAILED
    made = {path.name for path in (tmp_path / "out").iterdir()} - SUMMARY
    assert made == {good.structure_set.SOPInstanceUID}
    assert "cut short" in capsys.readouterr().err


def problems_of_run(output: Path) -> list[dict[str, str]]:
    told: list[dict[str, str]] = json.loads((output / "run.json").read_text(encoding="utf-8"))["problems"]
    return told


def test_a_set_without_images_is_measured_and_that_masks_are_lost_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = build_case(frame=SMALL, regions=2).write(tmp_path / "in")[-1]
    assert main(["rtstruct", str(path), str(tmp_path / "out"), "--quiet"]) == DONE
    assert "1 error: no_images" in capsys.readouterr().err
    (problem,) = problems_of_run(tmp_path / "out")
    assert (problem["code"], problem["severity"]) == ("no_images", "error")
    assert problem["message"].startswith("The images are not there")


def test_images_of_another_series_and_frame_are_told_and_used_when_allowed(tmp_path: Path) -> None:
    case, other = build_case(frame=SMALL, regions=2), build_case(frame=SMALL, regions=1, seed=5)
    other.write(tmp_path / "in")
    case.structure_set.save_as(tmp_path / "in" / "rtstruct.dcm", enforce_file_format=True)
    arguments = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "nifti"]
    alone = ["rtstruct", str(tmp_path / "in" / "rtstruct.dcm"), *arguments[2:]]
    assert main(alone) == DONE
    assert problems_of_run(tmp_path / "out")[0]["message"].startswith("The images are not there")
    assert main(arguments) == DONE
    (problem,) = problems_of_run(tmp_path / "out")
    assert f"there, but in frame of reference {other.reference.frame_uid}" in problem["message"]
    assert problem["message"].endswith("give --allow-other-frame.")
    assert not list((tmp_path / "out").rglob("*.nii.gz"))
    assert main([*arguments, "--allow-other-frame"]) == DONE
    codes = {problem["code"] for problem in problems_of_run(tmp_path / "out")}
    assert codes == {"other_series", "absent_images", "other_frame_of_reference"}
    assert (of_set(tmp_path / "out") / "masks" / "002_Lung_L.nii.gz").is_file()


def test_another_frame_of_reference_needs_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = build_case(frame=SMALL, regions=2)
    DAMAGES["other_frame_of_reference"](case.structure_set)
    case.write(tmp_path / "in")
    arguments = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]
    assert main(arguments) == FAILED
    told = capsys.readouterr().err
    assert "another frame of reference" in told
    assert "give --allow-other-frame" in told
    assert "Structures.RequireSameFrameOfReference" not in told
    assert main([*arguments, "--allow-other-frame"]) == DONE


def test_partial_volumes_are_asked_for(tmp_path: Path) -> None:
    build_case(frame=SMALL, regions=1).write(tmp_path / "in")
    arguments = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "nifti"]
    assert main(arguments) == DONE
    assert not list((tmp_path / "out").rglob("*.partial.nii.gz"))
    assert main([*arguments, "--partial-volume"]) == DONE
    assert len(list((of_set(tmp_path / "out") / "masks").glob("*.partial.nii.gz"))) == 1


def test_nothing_to_do_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out")]) == USAGE
    assert "no RT Structure Set" in capsys.readouterr().err
    assert main(["rtstruct", str(tmp_path / "absent"), str(tmp_path / "out")]) == USAGE
    assert "not found" in capsys.readouterr().err
    path = build_case(frame=SMALL, regions=1).write(tmp_path / "in")[-1]
    assert main(["rtstruct", str(tmp_path / "in"), str(path)]) == USAGE
    assert "is a file: the last argument is the folder for the results" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["rtstruct"],
        ["rtstruct", "a", "b", "--jobs", "0"],
        ["none"],
    ],
)
def test_what_is_not_understood_ends_with_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == USAGE


def test_points_and_open_lines_are_seen_to_have_nothing_to_fill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = build_case(frame=SMALL, regions=3)
    for contour in case.structure_set.ROIContourSequence[1].ContourSequence:
        contour.ContourGeometricType = "OPEN_PLANAR"
    case.write(tmp_path / "in")
    assert main(["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "nifti"]) == DONE
    assert re.search(r"Lung_L +lines +- +- +open lines alone: nothing to fill\n", capsys.readouterr().out)
    with (tmp_path / "out" / "index.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["state"] for row in csv.DictReader(stream)] == ["done", "lines", "done"]


def test_every_command_tells_its_own_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for command in ("rtstruct", "rtstruct-compare"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        said[command] = " ".join(capsys.readouterr().out.split())
    assert "Orthanc does not answer" in said["rtstruct"]
    assert "a set has no such region as --pair names" in said["rtstruct-compare"]
    assert "structure set failed" not in said["rtstruct-compare"]


def test_the_installed_package_brings_the_command() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    module, function = project["project"]["scripts"]["pacs"].split(":")
    assert getattr(importlib.import_module(module), function) is main


def test_the_command_loads_no_framework() -> None:
    script = (
        "import sys, orthanc_plugins.cli; "
        "print([m for m in ('fastapi', 'dbos', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_masks_alone_load_nothing_of_surfaces(tmp_path: Path) -> None:
    """Half a second, in a run of half a second."""
    build_case(frame=SMALL, regions=2).write(tmp_path / "in")
    script = (
        "import sys, orthanc_plugins.cli as cli; "
        f"cli.main(['rtstruct', {str(tmp_path / 'in')!r}, {str(tmp_path / 'out')!r}, '--formats', 'nifti']); "
        "print(sys.modules.keys() & {'pydicom', 'scipy', 'PIL', 'trimesh', 'reportlab', 'requests'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
    assert (of_set(tmp_path / "out") / "masks" / "001_BODY.nii.gz").is_file()
