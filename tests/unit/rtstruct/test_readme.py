"""The engine's README runs as it stands, and speaks of what there is."""

from __future__ import annotations

import re
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import orthanc_plugins.rtstruct as engine
from orthanc_plugins.cli.rtstruct.options import add_arguments
from tests.builders import build_case
from tests.unit.rtstruct.cases import SMALL

README = (Path(engine.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_python_block_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = build_case(frame=SMALL, regions=3)
    case.write(tmp_path / "case")
    (tmp_path / "out").mkdir()
    names: dict[str, Any] = {"case_folder": tmp_path / "case", "out": tmp_path / "out"}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)
    assert "['BODY', 'Lung_L', 'Lung_R']" in capsys.readouterr().out
    truth = case.truth["Lung_L"]
    assert names["centre_lps_mm"] == pytest.approx(truth.centroid_lps_mm, abs=0.5)
    assert names["inside"].shape == (names["mask"].sum(),)
    assert names["runs"].count > 0
    assert (tmp_path / "out" / "lung.nii.gz").is_file()
    assert (tmp_path / "out" / "masks" / "002_Lung_L.nii.gz").is_file()


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


def test_the_words_of_the_command_line_exist() -> None:
    import argparse  # noqa: PLC0415 - of this test alone

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert set(re.findall(r"--[a-z-]+", README.split("## On the command line")[1].split("##")[0])) <= {
        word for action in parser._actions for word in action.option_strings
    }


def test_every_public_name_is_documented() -> None:
    public = {name: getattr(engine, name) for name in vars(engine)["__all__"]}
    told = {name: one for name, one in public.items() if isinstance(one, type | FunctionType)}
    assert {"load", "extract", "VoxelGrid", "Problem"} <= told.keys()
    bare = [name for name, one in told.items() if (one.__doc__ or "(").startswith(("(", f"{name}("))]
    assert bare == []  # a data class without a docstring has its signature for one
