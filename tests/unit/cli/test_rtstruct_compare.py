"""``pacs rtstruct-compare``, from arguments to files and exit codes."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from orthanc_plugins.cli import DONE, FAILED, USAGE, main, rtstruct_compare
from tests.builders import Ellipsoid, ImageFrame, RegionSpec, build_case

if TYPE_CHECKING:
    from pathlib import Path

# scikit-image 0.26 sets the shape of an array in place, which NumPy 2.5 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")

FRAME = ImageFrame(size=(16, 48, 48), spacing_mm=(2.0, 2.0))


def write(folder: Path, **centres: float) -> Path:
    """Write a case whose regions have these names, and return its structure set."""
    specs = [RegionSpec(name, Ellipsoid((x, 0.0, 0.0), (14.0, 14.0, 14.0))) for name, x in centres.items()]
    return build_case(frame=FRAME, regions=specs).write(folder)[-1]


def test_two_sets_become_json_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write(tmp_path / "a", GTV=0.0, Lung=20.0), write(tmp_path / "b", gtv=2.0)
    out = tmp_path / "out"
    assert main(["rtstruct-compare", str(a), str(b), str(tmp_path / "a" / "images"), str(out)]) == DONE
    shown, err = capsys.readouterr()
    assert "GTV" in shown
    assert "without a pair: 2 Lung (first, no counterpart)" in shown
    assert "pairs: 1" in err
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert content["pairs"][0]["overlap"]["centroid_distance_mm"] == pytest.approx(2.0, abs=0.2)
    assert content["grid"]["kind"] == "even"
    with (out / "comparison.csv").open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["region"], row["region_name"]) == ("1", "GTV")
    volumes = f"{float(row['volume_voxels_cc']):.2f}", f"{float(row['other_volume_voxels_cc']):.2f}"
    assert tuple(shown.splitlines()[1].split()[2:4]) == volumes
    title = shown.splitlines()[0]
    assert "surface Dice 2 mm" in title
    assert len(title) == len(shown.splitlines()[1])


def test_regions_that_were_not_asked_for_are_counted_and_not_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write(tmp_path / "a", GTV=0.0, Lung=20.0, Heart=-20.0)
    assert main(["rtstruct-compare", str(a), str(a), str(tmp_path / "out"), "--pair", "GTV=Lung"]) == DONE
    shown, err = capsys.readouterr()
    assert "without a pair" not in shown
    assert err == "pacs: pairs: 1, regions not asked for: 4.\n"


def test_a_folder_stands_for_the_one_set_in_it_and_its_images(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", GTV=0.0), write(tmp_path / "b", GTV=2.0)
    for name, first, second in (("files", a, b), ("folders", a.parent, b.parent)):
        arguments = [str(first), str(second), *([str(tmp_path / "a")] if name == "files" else [])]
        assert main(["rtstruct-compare", *arguments, str(tmp_path / name)]) == DONE
    found = [(tmp_path / name / "comparison.json").read_bytes() for name in ("files", "folders")]
    assert json.loads(found[1])["grid"]["kind"] == "even"
    assert json.loads(found[0])["pairs"] == json.loads(found[1])["pairs"]
    again = ["rtstruct-compare", str(a.parent), str(a.parent), str(tmp_path / "same")]
    assert main(again) == DONE


def test_a_folder_of_no_set_or_of_several_is_told_with_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write(tmp_path / "both" / name, GTV=x) for name, x in (("a", 0.0), ("b", 1.0))]
    images = paths[0].parent / "images"
    assert main(["rtstruct-compare", str(images), str(paths[0]), str(tmp_path / "out")]) == USAGE
    assert capsys.readouterr().err == (
        f"pacs: {images} holds no RT Structure Set: give a file, or a folder with one.\n"
    )
    assert main(["rtstruct-compare", str(paths[0]), str(tmp_path / "both"), str(tmp_path / "out")]) == USAGE
    assert capsys.readouterr().err == (
        f"pacs: {tmp_path / 'both'} holds 2 RT Structure Sets: give one of {paths[0]}, {paths[1]}.\n"
    )


def test_what_cannot_be_written_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write(tmp_path / "a", GTV=0.0)
    assert main(["rtstruct-compare", str(a), str(a), str(a / "out")]) == FAILED
    err = capsys.readouterr().err
    assert "not compared: Not a directory: " in err
    assert "Errno" not in err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--pair", "GTV=auto"], [(1, 2)]),
        (["--pair", "#2=#1", "--pair", "gtv=#2"], [(2, 1), (1, 2)]),
        (["--match", "overlap"], [(1, 2), (2, 1)]),
    ],
)
def test_pairs_are_chosen(tmp_path: Path, options: list[str], expected: list[tuple[int, int]]) -> None:
    a, b = write(tmp_path / "a", GTV=0.0, Lung=20.0), write(tmp_path / "b", other=21.0, auto=1.0)
    assert main(["rtstruct-compare", str(a), str(b), str(tmp_path / "out"), *options]) == DONE
    content = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert [(pair["region"], pair["other"]) for pair in content["pairs"]] == expected


def test_what_cannot_be_compared_fails_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write(tmp_path / "a", GTV=0.0), write(tmp_path / "b", Lung=0.0)
    assert main(["rtstruct-compare", str(a), str(b), str(tmp_path / "out")]) == FAILED
    assert "no region in common" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["rtstruct-compare", str(a), str(tmp_path / "absent.dcm"), str(tmp_path / "out")]) == USAGE
    assert main(["rtstruct-compare", str(a), str(b), str(a)]) == USAGE


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (
            "GTV=Nix",
            "of the second structure set is 'Nix'. Its regions with closed contours: #1 Heart, #2 Lung.",
        ),
        ("#9=Heart", "of the first structure set is #9. Its regions with closed contours: #1 GTV."),
    ],
)
def test_a_pair_of_what_is_not_there_names_it_and_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pair: str, said: str
) -> None:
    a, b = write(tmp_path / "a", GTV=0.0), write(tmp_path / "b", Heart=0.0, Lung=20.0)
    assert main(["rtstruct-compare", str(a), str(b), str(tmp_path / "out"), "--pair", pair]) == USAGE
    assert capsys.readouterr().err == f"pacs: --pair: no region, or more than one, {said}\n"


def test_regions_of_a_set_are_not_compared_where_it_is_not_wanted(tmp_path: Path) -> None:
    write(tmp_path / "a", GTV=0.0, Lung=5.0)
    for option, there in ([], True), (["--no-comparison"], False):
        arguments = ["rtstruct", str(tmp_path / "a"), str(tmp_path / "out"), "--formats", "json", *option]
        assert main(arguments) == DONE
        (made,) = (tmp_path / "out").glob("*/results.json")
        content = json.loads(made.read_text(encoding="utf-8"))
        assert (content["comparison"] is not None) == there
    assert content["comparison"] is None


def test_another_frame_of_reference_is_allowed_by_the_word_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write(tmp_path / "a", GTV=0.0), write(tmp_path / "b", GTV=1.0)
    dataset = dcmread(b)
    dataset.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = "1.2.3"
    for item in dataset.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "1.2.3"
    dataset.save_as(b)
    arguments = ["rtstruct-compare", str(a), str(b), str(tmp_path / "out")]
    assert main(arguments) == FAILED
    told = capsys.readouterr().err
    assert "if the two are known to agree, give --allow-other-frame." in told
    assert "Structures.RequireSameFrameOfReference" not in told
    assert main([*arguments, "--allow-other-frame"]) == DONE


def test_an_unforeseen_fault_is_told_without_what_it_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumbling(*_: object) -> None:
        raise KeyError("Doe^Jane")

    a = write(tmp_path / "a", GTV=0.0)
    monkeypatch.setattr(rtstruct_compare, "_compare", stumbling)
    assert main(["rtstruct-compare", str(a), str(a), str(tmp_path / "out")]) == FAILED
    err = capsys.readouterr().err
    assert "not compared: the suite met a fault it does not know: KeyError at test_rtstruct_compare.py" in err
    assert "Doe" not in err
