"""Faults that nobody foresaw: each costs the part it is met in and is told; all else is made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.rtstruct import comparison, documents, dose, drawing, extract, files, surfaces
from orthanc_plugins.rtstruct.documents import Documents
from orthanc_plugins.rtstruct.dose import evaluation
from orthanc_plugins.rtstruct.shown import Shown
from tests.builders import build_dose, uniform
from tests.unit.rtstruct.cases import file_bytes
from tests.unit.rtstruct.extraction import CASE, codes, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "Doe^Jane"
FAULTS = [TypeError, KeyError, AttributeError, AssertionError, ValueError, MemoryError]


def failing(error: type[Exception]) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error(SECRET)

    return fail


def held(folder: Path) -> str:
    """Return ``results.json``, which must be there and tell nothing of what a fault stumbled over."""
    text = (folder / "results.json").read_text(encoding="utf-8")
    assert SECRET not in text
    return text


@pytest.mark.parametrize("error", FAULTS)
def test_a_fault_in_one_region_costs_that_region(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rasterise = extract.__globals__["rasterise"]
    calls = iter([rasterise, failing(error), rasterise])

    def in_turn(placed: object) -> object:
        return next(calls)(placed)

    monkeypatch.setitem(extract.__globals__, "rasterise", in_turn)
    results = run(CASE, tmp_path, formats=["nifti", "json"], jobs=1)
    assert [region.state for region in results.regions] == ["done", "failed", "done"]
    (problem,) = results.problems
    assert (problem.code, problem.region) == ("unexpected", 2)
    assert f"({error.__name__} at test_faults.py:" in problem.message
    held(tmp_path)


@pytest.mark.parametrize("error", FAULTS)
@pytest.mark.parametrize(
    ("module", "function", "lost"),
    [
        (drawing, "region_picture", "preview_path"),
        (files, "mask_nifti", "mask_path"),
        (surfaces, "mesh_bytes", "stl_path"),
    ],
)
def test_a_fault_in_a_file_of_a_region_costs_that_file(
    error: type[Exception],
    module: object,
    function: str,
    lost: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, function, failing(error))
    results = run(CASE, tmp_path, formats=["nifti", "stl", "png", "json"])
    for region in results.regions:
        paths = {name: getattr(region, name) for name in ("mask_path", "stl_path", "preview_path")}
        assert (region.state, codes(region)) == ("done", ["not_written"])
        assert error.__name__ in region.problems[0].message
        assert paths.pop(lost) is None
        assert all((tmp_path / str(path)).is_file() for path in paths.values())
    held(tmp_path)


def test_a_picture_that_cannot_open_its_font_costs_that_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "overview", failing(OSError))
    results = run(CASE, tmp_path, formats=["nifti", "png"])
    assert [problem.code for problem in results.problems] == ["not_written"]
    assert all(region.mask_path for region in results.regions)


@pytest.mark.parametrize("error", FAULTS)
@pytest.mark.parametrize(
    ("module", "function", "field", "what"),
    [
        (drawing, "overview", "overview_path", "previews/overview.png"),
        (files, "labels_nifti", "label_map", "masks/labels.nii.gz"),
        (dose, "curves_picture", "dvh_picture_path", "dose/dvh.png"),
    ],
)
def test_a_fault_in_a_file_of_all_regions_costs_that_file(
    error: type[Exception],
    module: object,
    function: str,
    field: str,
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, function, failing(error))
    given = file_bytes(build_dose(CASE, uniform(20)))
    results = run(CASE, tmp_path, formats=["nifti", "png", "json"], doses=[given], comparison=False)
    (problem,) = results.problems
    assert (problem.code, problem.severity, problem.region) == ("not_written", "error", None)
    assert problem.message.startswith(f"{what} cannot be made ({error.__name__} at")
    assert getattr(results, field) is None
    assert all(region.state == "done" and region.mask_path for region in results.regions)
    held(tmp_path)


def test_a_full_disk_ends_the_whole(tmp_path: Path) -> None:
    (tmp_path / "masks").write_text("where a folder should be", encoding="utf-8")
    with pytest.raises(OSError, match="masks"):
        run(CASE, tmp_path, formats=["nifti"])


@pytest.mark.parametrize("error", FAULTS)
def test_a_fault_in_the_images_costs_intensities_and_pictures(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shown, "load", failing(error))
    results = run(CASE, tmp_path, formats=["nifti", "png", "json"])
    (problem,) = results.problems
    assert (problem.code, problem.severity) == ("no_pixels", "error")
    assert error.__name__ in problem.message
    assert all(region.mask_path and region.statistics is None for region in results.regions)
    held(tmp_path)


def test_a_fault_in_what_follows_a_region_is_told_of_that_region(tmp_path: Path) -> None:
    def on_region(work: object) -> None:
        if getattr(work, "stem", "").startswith("002"):
            raise TypeError(SECRET)

    results = run(CASE, tmp_path, formats=["nifti"], on_region=on_region)
    assert [codes(region) for region in results.regions] == [[], ["not_taken_over"], []]
    assert all(region.mask_path for region in results.regions)
    held(tmp_path)


@pytest.mark.parametrize("error", FAULTS)
def test_a_fault_in_the_comparison_or_a_dose_costs_these(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "pair_table", failing(error))
    monkeypatch.setattr(evaluation, "read_dose", failing(error))
    results = run(CASE, tmp_path, formats=["json"], doses=[b"a dose"])
    assert [problem.code for problem in results.problems] == ["dose_unusable", "not_compared"]
    assert all(error.__name__ in problem.message for problem in results.problems)
    assert all(region.state == "done" for region in results.regions)
    held(tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_a_number_that_json_cannot_hold_costs_its_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_ml = extract.__globals__["measure"]

    def measure(placed: object, region: object) -> object:
        found = volume_ml(placed, region)
        if getattr(region, "number", 0) == 2:
            object.__setattr__(found, "volume_ml", float("nan"))
        return found

    monkeypatch.setitem(extract.__globals__, "measure", measure)
    results = run(CASE, tmp_path, formats=["nifti"])
    assert [region.state for region in results.regions] == ["done", "failed", "done"]
    found = json.loads(held(tmp_path))
    assert [region["volume_cc"] is None for region in found["regions"]] == [False, True, False]


def test_documents_are_those_of_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "overview", failing(TypeError))
    results = run(CASE, tmp_path, formats=["pdf", "html", "json"])
    Documents(
        extract.__globals__["read_structure_set"](file_bytes(CASE.structure_set)),
        tmp_path,
        ("pdf", "html", "json"),
    ).write(results)
    assert (tmp_path / "report.pdf").is_file()
    assert (tmp_path / "scene.html").is_file()


def test_a_document_that_cannot_be_made_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = run(CASE, tmp_path, formats=["pdf", "html", "json"])
    monkeypatch.setattr(documents, "write_scene", failing(TypeError))
    structure_set = extract.__globals__["read_structure_set"](file_bytes(CASE.structure_set))
    (problem,) = Documents(structure_set, tmp_path, ("pdf", "html", "json")).write(results)
    assert (problem.code, problem.severity) == ("not_written", "error")
    assert problem.message.startswith("scene.html cannot be made (TypeError at ")
    assert (tmp_path / "report.pdf").is_file()
    assert (tmp_path / "contours.json").is_file()
