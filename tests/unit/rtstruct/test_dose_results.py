"""Doses through the whole pipeline: results.json, files, report, and what is wrong with some."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from reportlab.platypus import Table

from orthanc_plugins.cli import DONE, main
from orthanc_plugins.errors import ConfigurationError, GeometryError
from orthanc_plugins.rtstruct import (
    FORMATS,
    Results,
    extract,
    read_dose,
    read_structure_set,
    write_documents,
)
from orthanc_plugins.rtstruct.choices import DOSE_METRICS
from orthanc_plugins.rtstruct.documents.report_dose import dose_part
from orthanc_plugins.rtstruct.dose import (
    Curve,
    DoseSummary,
    Histogram,
    curves_picture,
    curves_title,
    evaluate,
    in_other_frame,
    is_metric,
)
from orthanc_plugins.rtstruct.dose.evaluation import MOST_DOSES
from orthanc_plugins.rtstruct.drawing.lettering import Lettering
from orthanc_plugins.rtstruct.reading.finding import doses_of, find_files
from orthanc_plugins.settings import Settings
from tests.builders import Ellipsoid, RegionSpec, ball, build_case, build_dose, uniform
from tests.unit.rtstruct.cases import SMALL, file_bytes, read, series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import ImageDraw
    from pydicom.dataset import FileDataset

    from orthanc_plugins.rtstruct import Dose, PlacedRegion
    from orthanc_plugins.rtstruct.choices import Format

CASE = build_case(
    frame=SMALL,
    regions=(
        RegionSpec("target", Ellipsoid((0.0, 0.0, 0.0), (15.0, 15.0, 15.0)), 100.0),
        RegionSpec("far", Ellipsoid((45.0, 0.0, 0.0), (10.0, 10.0, 10.0)), 50.0),
    ),
)


def run(folder: Path, *doses: FileDataset, **options: Any) -> Results:
    files = [file_bytes(dose) for dose in doses]
    chosen = {"formats": ("json", "png"), **options}
    return extract(read(CASE), chosen.pop("images", series(CASE)), folder, doses=files, **chosen)


def codes(results: Results) -> list[str]:
    return [problem.code for problem in results.problems]


def test_results_hold_what_every_region_receives(tmp_path: Path) -> None:
    results = run(tmp_path, build_dose(CASE, uniform(20)), dose_metrics=("D95%", "V20Gy[cc]"))
    assert not results.problems
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    (dose,) = found["doses"]
    assert (dose["unit"], dose["summation_type"], dose["maximum"]) == ("Gy", "PLAN", pytest.approx(20))
    for region in found["regions"]:
        (received,) = region["dose"]
        assert received["dose_uid"] == dose["sop_instance_uid"]
        assert received["volume_cc"] == region["volume_cc"]
        assert [received[key] for key in ("min", "max", "mean", "median")] == pytest.approx(
            [20] * 4, abs=1e-3
        )
        d95, v20 = received["metrics"]
        assert (d95["name"], d95["unit"], d95["value"]) == ("D95%", "Gy", pytest.approx(20, abs=1e-3))
        assert (v20["name"], v20["unit"]) == ("V20Gy[cc]", "cc")
        assert v20["value"] == pytest.approx(region["volume_cc"], rel=1e-3)
    assert "dose" in [phase["name"] for phase in found["phases"]]


def test_without_doses_nothing_of_dose_is_made(tmp_path: Path) -> None:
    results = run(tmp_path)
    assert (results.doses, results.dvh_picture_path) == ((), None)
    assert all(region.dose == () and region.dvh_path is None for region in results.regions)
    assert "dose" not in [phase.name for phase in results.phases]
    assert not (tmp_path / "dose").exists()


@pytest.mark.parametrize(("asked", "doses"), [("nifti", 0), ("stl", 0), ("json", 1), ("pdf", 1), ("png", 1)])
def test_doses_are_looked_at_only_where_something_shows_them(
    tmp_path: Path, asked: Format, doses: int
) -> None:
    results = run(tmp_path, build_dose(CASE, uniform(20)), formats=(asked,))
    assert len(results.doses) == len(results.regions[0].dose) == doses
    assert ("dose" in [phase.name for phase in results.phases]) == bool(doses)


def test_histograms_stand_in_files_beside_the_results(tmp_path: Path) -> None:
    results = run(tmp_path, build_dose(CASE, ball(60, 20)))
    assert results.dvh_picture_path == "dose/dvh.png"
    target = results.regions[0]
    assert target.dvh_path == "dose/001_target.json"
    content = json.loads((tmp_path / target.dvh_path).read_text(encoding="utf-8"))
    assert content["region"] == {"number": 1, "name": "target"}
    (curve,) = content["doses"]
    differential, cumulative = curve["differential_cc"], curve["cumulative_cc"]
    assert curve["bin_width"] == 0.05
    assert (len(cumulative), cumulative[-1]) == (len(differential) + 1, 0)
    assert sum(differential) == pytest.approx(cumulative[0]) == pytest.approx(target.volume_cc, rel=1e-3)
    assert all(above >= below for above, below in pairwise(cumulative))
    share = next(one.value for one in target.dose[0].metrics if one.name == "V20Gy")
    assert share is not None
    assert cumulative[round(20 / 0.05)] == pytest.approx(share / 100 * cumulative[0], abs=1e-3)


def test_the_same_doses_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(tmp_path / name, build_dose(CASE, ball(60, 20)))
    for name in ("001_target.json", "dvh.png"):
        assert (tmp_path / "a/dose" / name).read_bytes() == (tmp_path / "b/dose" / name).read_bytes()


def test_the_whole_plan_comes_first_and_each_dose_once(tmp_path: Path) -> None:
    beam, plan = build_dose(CASE, uniform(5), summation_type="BEAM"), build_dose(CASE, uniform(20))
    results = run(tmp_path, beam, plan, beam)
    assert [dose.summation_type for dose in results.doses] == ["PLAN", "BEAM"]
    assert [received.mean for received in results.regions[0].dose] == pytest.approx([20, 5], abs=1e-3)


def test_a_region_beyond_the_dose_grid_is_told_and_the_others_are_whole(tmp_path: Path) -> None:
    results = run(tmp_path, build_dose(CASE, uniform(20), extent_mm=(60, 60, 20), centre_mm=(5, 0, 0)))
    target, far = results.regions
    assert [problem.code for problem in target.problems] == ["partly_outside_dose"]
    assert [problem.code for problem in far.problems] == ["outside_dose"]
    assert (far.state, far.dose[0].mean, far.dose[0].volume_in_dose_cc) == ("done", None, 0)
    assert target.dose[0].mean == pytest.approx(20, abs=1e-3)


def test_a_dose_of_another_frame_of_reference_is_refused_unless_asked_for(tmp_path: Path) -> None:
    dose = build_dose(CASE, uniform(20))
    dose.FrameOfReferenceUID = "1.2.3"
    refused, allowed = run(tmp_path, dose), run(tmp_path, dose, allow_other_frame=True)
    assert (codes(refused), refused.doses) == (["dose_unusable"], ())
    assert "1.2.3" in refused.problems[0].message
    assert (codes(allowed), len(allowed.doses)) == (["dose_other_frame"], 1)


def test_a_dose_that_cannot_be_read_stops_nothing_else(tmp_path: Path) -> None:
    broken = build_dose(CASE, uniform(20))
    del broken.DoseGridScaling
    results = run(tmp_path, broken, build_dose(CASE, uniform(20), summation_type="FRACTION"))
    assert codes(results) == ["dose_unusable"]
    assert results.problems[0].severity == "error"
    assert [dose.summation_type for dose in results.doses] == ["FRACTION"]


def test_the_file_of_a_dose_that_is_gone_stops_nothing_else(tmp_path: Path) -> None:
    doses: list[bytes | Path] = [tmp_path / "gone.dcm", file_bytes(build_dose(CASE, uniform(20)))]
    results = extract(read(CASE), series(CASE), tmp_path, formats=("json",), doses=doses)
    assert codes(results) == ["dose_unusable"]
    assert len(results.doses) == len(results.regions[0].dose) == 1


def test_a_metric_that_does_not_exist_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'V20'"):
        run(tmp_path, build_dose(CASE, uniform(20)), dose_metrics=("D95%", "V20"))
    assert list(tmp_path.iterdir()) == []


def test_curves_and_the_report_are_those_of_one_dose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region without a histogram of the first dose has no curve, rather than that of the second."""

    def evaluated(placed: PlacedRegion, volume_ml: float, dose: Dose, metrics: Sequence[str]) -> Any:
        if placed.number == 1 and dose.summation_type == "PLAN":
            raise GeometryError("The contours are too entangled.")
        return evaluate(placed, volume_ml, dose, metrics)

    drawn: list[Sequence[Curve]] = []

    titles = []

    def picture(curves: Sequence[Curve], unit: str, title: str) -> bytes:
        drawn.append(curves)
        titles.append(title)
        return curves_picture(curves, unit, title)

    monkeypatch.setattr("orthanc_plugins.rtstruct.dose.evaluate", evaluated)
    monkeypatch.setattr("orthanc_plugins.rtstruct.dose.curves_picture", picture)
    plan, beam = build_dose(CASE, uniform(20)), build_dose(CASE, uniform(5), summation_type="BEAM")
    results = run(tmp_path, plan, beam)
    assert codes(results) == ["dose_impossible"]
    assert [curve.caption for curve in drawn[0]] == ["2 far"]
    assert titles == [f"Dose PLAN, PHYSICAL, UID …{plan.SOPInstanceUID[-12:]}, 1 of 2 doses"]
    assert [len(region.dose) for region in results.regions] == [1, 2]
    (told,) = [part for part in dose_part(tmp_path, results) if isinstance(part, Table)]
    assert len(told._cellvalues) == 2  # the titles and the region that has the plan's dose


def test_no_more_doses_are_looked_at_than_a_plan_has(tmp_path: Path) -> None:
    doses = [
        build_dose(CASE, uniform(5), spacing_mm=(20, 20, 20), seed=seed) for seed in range(MOST_DOSES + 2)
    ]
    results = run(tmp_path, *doses)
    assert len(results.doses) == MOST_DOSES
    assert codes(results) == ["too_many_doses"]


def test_doses_need_no_images(tmp_path: Path) -> None:
    with_images, without = (
        run(tmp_path, build_dose(CASE, ball(60, 20)), images=images) for images in (series(CASE), None)
    )
    for one, other in zip(with_images.regions, without.regions, strict=True):
        assert other.dose[0].mean == pytest.approx(one.dose[0].mean, abs=0.05)


def test_a_relative_dose_says_so(tmp_path: Path) -> None:
    results = run(tmp_path, build_dose(CASE, uniform(0.9), units="RELATIVE"))
    received = results.regions[0].dose[0]
    assert received.unit == "relative"
    assert received.mean == pytest.approx(0.9, abs=1e-4)
    assert {one.value for one in received.metrics if one.name.startswith("V")} == {None}


def test_curves_have_a_title_and_both_axes_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    words = []
    write = Lettering.write

    def noted(self: Lettering, draw: ImageDraw.ImageDraw, place: Any, text: str, anchor: str = "lm") -> None:
        words.append(text)
        write(self, draw, place, text, anchor)

    monkeypatch.setattr(Lettering, "write", noted)
    histogram = Histogram(0.5, np.ones(100), 0.0, 50.0, 25.0)
    dose = DoseSummary("1.2.3", "1.2", None, "BEAM", "", "Gy", 50.0, (1, 1, 1), (1.0, 1.0, 1.0))
    content = curves_picture([Curve(histogram, (255, 0, 0), "1 GTV")], "Gy", curves_title([dose]))
    assert {"Dose BEAM, UID 1.2.3", "volume [%]", "dose received at least [Gy]", "100", "50"} <= set(words)
    assert not [word for word in words if word.endswith(" %")]
    with Image.open(io.BytesIO(content)) as picture:
        for box in ((70, 0, 720, 40), (10, 250, 30, 360)):  # title, words of the upright axis
            assert len(np.unique(np.asarray(picture.crop(box).convert("L")))) > 10


@pytest.mark.parametrize("units", ["GY", "RELATIVE"])
def test_the_titles_of_the_report_s_columns_are_not_broken_within_a_word(tmp_path: Path, units: str) -> None:
    metrics = (*DOSE_METRICS[:-1], "V20Gy[cc]")
    results = run(tmp_path, build_dose(CASE, uniform(0.9), units=units), dose_metrics=metrics)
    (table,) = [part for part in dose_part(tmp_path, results) if isinstance(part, Table)]
    columns = zip(table._cellvalues[0], table._colWidths, strict=True)
    assert [title.text for title, width in columns if title.minWidth() > width - 6] == []


def test_the_report_has_a_page_of_dose(tmp_path: Path) -> None:
    results = run(tmp_path, build_dose(CASE, ball(60, 20)), formats=FORMATS)
    write_documents(read(CASE), results, tmp_path, FORMATS)
    with_dose = (tmp_path / "report.pdf").stat().st_size
    write_documents(read(CASE), run(tmp_path, formats=FORMATS), tmp_path, FORMATS)
    assert with_dose > (tmp_path / "report.pdf").stat().st_size + 5000


@pytest.mark.parametrize("highest", [0.0, 0.004, 3.3, 66.6, 4000.0])
def test_curves_of_any_height_are_drawn(highest: float) -> None:
    histogram = Histogram(max(highest, 1.0) / 100, np.ones(100), 0.0, highest, highest / 2)
    content = curves_picture([Curve(histogram, (255, 0, 0), f"{index} Región") for index in range(40)], "Gy")
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.height > 40 * 20
        assert picture.getpixel((740, 56)) == (255, 0, 0)


def test_the_settings_know_the_same_metrics() -> None:
    assert Settings().structures.dose_metrics == DOSE_METRICS
    assert all(is_metric(name) for name in DOSE_METRICS)


def test_doses_among_files_are_those_of_the_frame_of_reference(tmp_path: Path) -> None:
    CASE.write(tmp_path)
    own, other = build_dose(CASE, uniform(20)), build_dose(CASE, uniform(20), seed=7)
    other.FrameOfReferenceUID = "1.2.3"
    for name, dose in (("own.dcm", own), ("copy.dcm", own), ("other.dcm", other)):
        dose.save_as(tmp_path / name, enforce_file_format=True)
    found = find_files([tmp_path])
    paths = doses_of(read_structure_set(tmp_path / "rtstruct.dcm"), found)
    assert [read_dose(path).sop_instance_uid for path in paths.values()] == [own.SOPInstanceUID]
    assert found.others == 0


def test_a_dose_of_the_study_in_another_frame_of_reference_is_told(tmp_path: Path) -> None:
    CASE.write(tmp_path / "in")
    other, foreign = build_dose(CASE, uniform(20)), build_dose(CASE, uniform(20), seed=7)
    other.FrameOfReferenceUID = foreign.FrameOfReferenceUID = "1.2.3"
    foreign.StudyInstanceUID = "1.2.4"
    for name, dose in (("other.dcm", other), ("foreign.dcm", foreign)):
        dose.save_as(tmp_path / "in" / name, enforce_file_format=True)
    words = ["rtstruct", str(tmp_path / "in"), str(tmp_path / "out"), "--formats", "json"]
    assert main(words) == DONE
    (path,) = (tmp_path / "out").rglob("results.json")
    (problem,) = json.loads(path.read_text(encoding="utf-8"))["problems"]
    assert (problem["code"], problem["severity"], problem["region"]) == ("dose_other_frame", "warning", None)
    assert problem["message"].startswith("1 RT Dose of the study lies in another Frame of Reference than the")
    assert in_other_frame(3).reason.startswith("3 RT Doses of the study lie in another Frame of Reference")
