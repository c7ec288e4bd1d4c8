"""The engine's README runs as it stands, and speaks of what there is."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import SimpleITK

import orthanc_plugins.rtstruct as engine
from orthanc_plugins.cli import rtstruct, rtstruct_compare
from tests.builders import ball, build_case, build_dose
from tests.unit.rtstruct.cases import SMALL

if TYPE_CHECKING:
    from orthanc_plugins.cli.commands import Command

README = (Path(engine.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_python_block_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = build_case(frame=SMALL, regions=3)
    case.write(tmp_path / "case")
    (tmp_path / "out").mkdir()
    build_dose(case, ball(60, 20)).save_as(tmp_path / "case" / "dose.dcm", enforce_file_format=True)
    other_case = engine.load(case.images, case.structure_set)
    names: dict[str, Any] = {
        "case_folder": tmp_path / "case",
        "out": tmp_path / "out",
        "other_case": other_case,
    }
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 6
    for block in blocks:
        exec(block, names)
    assert "['BODY', 'Lung_L', 'Lung_R']" in capsys.readouterr().out
    truth = case.truth["Lung_L"]
    assert names["centre_lps_mm"] == pytest.approx(truth.centroid_lps_mm, abs=0.5)
    assert names["inside"].shape == (names["mask"].sum(),)
    assert names["runs"].count > 0
    assert names["whole"].sum() > names["mask"].sum()
    assert names["received"].mean == names["dvh"].mean
    assert names["results"].regions[1].dose[0].mean == names["dvh"].mean
    assert [pair.overlap.dice for pair in names["compared"].pairs] == [1, 1, 1]
    assert (tmp_path / "out" / "lung.nii.gz").is_file()
    assert (tmp_path / "out" / "masks" / "002_Lung_L.nii.gz").is_file()
    assert len(list((tmp_path / "out" / "lungs" / "masks").glob("*Lung_?.nii.gz"))) == 2


def test_what_it_says_of_simple_itk_is_so(tmp_path: Path) -> None:
    case = build_case(frame=replace(SMALL, spacing_mm=(0.78125, 0.78125)), regions=2)
    case.write(tmp_path)
    loaded, itk = engine.load(tmp_path), cast("Any", SimpleITK)
    (tmp_path / "lung.nii.gz").write_bytes(loaded["Lung_L"].nifti())
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "images")))
    ct, mask = reader.Execute(), itk.ReadImage(tmp_path / "lung.nii.gz")
    statistics = itk.LabelStatisticsImageFilter()
    with pytest.raises(RuntimeError, match="do not occupy the same physical space"):
        statistics.Execute(ct, mask)
    mask.CopyInformation(ct)
    statistics.Execute(ct, mask)
    assert statistics.GetMean(1) == pytest.approx(loaded["Lung_L"].statistics().mean)  # type: ignore[union-attr]


def test_what_it_says_of_rt_utils_is_so(tmp_path: Path) -> None:
    rt_utils = pytest.importorskip("rt_utils")
    *images, structure_set = build_case(frame=SMALL, regions=3).write(tmp_path)
    theirs = rt_utils.RTStructBuilder.create_from(str(images[0].parent), str(structure_set))
    ours = engine.load(images[0].parent, structure_set)
    assert ours.names == theirs.get_roi_names()
    mask = theirs.get_roi_mask_by_name("Lung_L")
    moved = np.moveaxis(ours["Lung_L"].mask(), 0, 2)
    assert mask.shape == moved.shape
    assert not (moved & ~mask).any()
    assert mask.sum() > moved.sum()


@pytest.mark.filterwarnings("ignore")
def test_a_mask_that_rt_utils_wrote_comes_back_smaller_and_whole_as_it_is_told(tmp_path: Path) -> None:
    rt_utils = pytest.importorskip("rt_utils")
    case = build_case(frame=SMALL, regions=3)
    case.write(tmp_path)
    mask = engine.load(case.images, case.structure_set)["Lung_L"].mask()
    written = rt_utils.RTStructBuilder.create_new(str(tmp_path / "images"))
    written.add_roi(mask=np.moveaxis(mask, 0, 2), name="lung")
    written.save(str(tmp_path / "written.dcm"))
    back = engine.load(tmp_path / "images", tmp_path / "written.dcm")
    lung = back["lung"]
    assert mask.sum() > lung.mask().sum()
    assert not (lung.mask() & ~mask).any()
    names = {"np": np, "case": back, "lung": lung, "place": engine.place, "rasterise": engine.rasterise}
    exec(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[-1], names)
    np.testing.assert_array_equal(names["whole"], mask)


@pytest.mark.parametrize(
    "command", [rtstruct.COMMAND, rtstruct_compare.COMMAND], ids=lambda command: command.name
)
def test_the_words_of_the_command_line_are_those_there_are(command: Command) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    there = [action.option_strings for action in parser._actions if action.dest != "help"]
    synopsis = README.split("## On the command line")[1].split("```")[1].split(f"pacs {command.name} ")[1]
    told = set(re.findall(r"--[a-z-]+", synopsis.split("\npacs ")[0]))
    assert told <= {word for words in there for word in words}
    assert [words for words in there if words and not told & set(words)] == []


def test_every_public_name_is_documented() -> None:
    public = {name: getattr(engine, name) for name in vars(engine)["__all__"]}
    told = {name: one for name, one in public.items() if isinstance(one, type | FunctionType)}
    assert {"load", "extract", "VoxelGrid", "Problem"} <= told.keys()
    bare = [name for name, one in told.items() if (one.__doc__ or "(").startswith(("(", f"{name}("))]
    assert bare == []  # a data class without a docstring has its signature for one
