"""The report: its facts in its text, its pages counted, no markup from DICOM, the same bytes each time."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from reportlab.platypus import Flowable, Paragraph, Table

from orthanc_plugins.rtstruct import Problem, RegionResult, Results
from orthanc_plugins.rtstruct.documents.report import _story, write_report
from orthanc_plugins.rtstruct.documents.report_page import ReportDocument, picture
from orthanc_plugins.rtstruct.documents.report_shape import shape_table
from orthanc_plugins.rtstruct.drawing.pictures import LEGEND_TOP, region_colour
from orthanc_plugins.rtstruct.results import Diameter, GridSummary, Shape, SliceDiameter, Sources, Statistics
from tests.builders import HOSTILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

REGION = RegionResult(
    3,
    "GTV é",
    "done",
    (255, 0, 0),
    "GTV",
    contours=21,
    slices=14,
    volume_cc=38.8913,
    surface_cm2=57.34,
    statistics=Statistics("HU", 100, -59.55, 12.04, -80.0, -30.0, -58.0, 9.0, 0.1, -0.3, {}),
)
RESULTS = Results(
    sources=Sources("1.2.3", "1.2.4", "1.2.5", "PHANTOM", "1.2.6", "1.2.7", 60),
    regions=(REGION,),
    problems=(),
    phases=(),
    grid=GridSummary("even", (60, 512, 512), (3.0, 0.78125, 0.78125), ()),
)
CREATED = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def texts(*flowables: object) -> list[str]:
    """Return what paragraphs say, those in tables and groups included."""
    found: list[str] = []
    for one in flowables:
        if isinstance(one, Paragraph):
            found.append(one.getPlainText())
        elif isinstance(one, list | tuple):
            found.extend(texts(*one))
        else:
            found.extend(texts(*getattr(one, "_cellvalues", getattr(one, "_content", ()))))
    return found


def said(folder: Path, results: Results, created: datetime | None = None) -> list[str]:
    return texts(_story(folder, results, created))


def pages(folder: Path, results: Results) -> int:
    write_report(folder, results)
    found = re.search(rb"/Count (\d+)", (folder / "report.pdf").read_bytes())
    assert found is not None
    return int(found[1])


def with_pictures(folder: Path, count: int) -> Results:
    """Return results of many regions, each with a picture, and an overview."""
    (folder / "previews").mkdir()
    Image.new("RGB", (1280, 1000), (90, 90, 90)).save(folder / "previews/overview.png")
    Image.new("P", (512, 512), 90).save(folder / "previews/one.png")
    regions = tuple(
        replace(REGION, number=number, preview_path="previews/one.png") for number in range(1, count + 1)
    )
    return replace(RESULTS, regions=regions, overview_path="previews/overview.png")


def test_the_head_says_what_was_read(tmp_path: Path) -> None:
    found = said(tmp_path, RESULTS)
    for fact in ("1.2.3", "1.2.4", "1.2.5", "1.2.6", "1.2.7", "PHANTOM", "60", "1: 1 done"):
        assert fact in found
    assert "60 × 512 × 512, every 3 × 0.7812 × 0.7812 mm; even" in found  # noqa: RUF001 - as shown


def test_a_time_is_shown_only_when_it_is_handed_in(tmp_path: Path) -> None:
    assert "2026-11-21 12:30:00 UTC" in said(tmp_path, RESULTS, CREATED)
    assert "Made" not in said(tmp_path, RESULTS)


def test_a_region_is_a_row_of_measures_with_units(tmp_path: Path) -> None:
    found = said(tmp_path, RESULTS)
    start = found.index("GTV é")
    assert found[start - 1 : start + 8] == [
        "3", "GTV é", "GTV", "38.89", "57.34", "14", "21", "\N{MINUS SIGN}59.55 ± 12.04 HU", "done",
    ]  # fmt: skip
    assert {"Volume [cc]", "Surface [cm²]"} <= set(found)


def test_a_region_with_problems_is_marked_in_the_table(tmp_path: Path) -> None:
    odd, odder = (Problem(code, f"Region 4: {code}.", region=4) for code in ("odd", "odder"))
    regions = (REGION, replace(REGION, number=4, problems=(odd,)), replace(REGION, problems=(odd, odder)))
    found = said(tmp_path, replace(RESULTS, regions=regions, problems=(odd, odder)))
    rows = [found[place : place + 2] for place, text in enumerate(found) if text == "done"]
    assert [row[1] for row in rows] == ["4", "1 problem", "2 problems"]
    assert "3: 3 done; 2 with problems" in found
    assert any(text.startswith("State: with problems counted below it") for text in found)


def test_a_value_that_could_not_be_had_is_a_dash(tmp_path: Path) -> None:
    empty = RegionResult(4, "", "empty", None, "")
    found = said(tmp_path, replace(RESULTS, regions=(empty,)))
    start = found.index("4")
    assert found[start : start + 8] == ["4", *"\N{EN DASH}" * 3, "0", "0", "\N{EN DASH}", "empty"]


def test_all_problems_are_listed_errors_first(tmp_path: Path) -> None:
    no_area = Problem("no_area", "Region 3: no area.", "error", 3)
    failed = replace(REGION, state="failed", problems=(no_area,))
    odd = Problem("odd", "Odd images.")
    found = said(tmp_path, replace(RESULTS, regions=(failed,), problems=(odd, no_area)))
    assert "Problems (2)" in found
    assert found.index("Region 3: no area.") < found.index("Odd images.")
    assert "None was found." in said(tmp_path, RESULTS)


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    names = (*HOSTILE_NAMES, "<b>x</b>", "<img src=x onerror=alert(1)>", "&amp;", "x" * 500, "שם")
    regions = tuple(replace(REGION, number=place, name=name) for place, name in enumerate(names))
    results = replace(RESULTS, regions=regions, sources=replace(RESULTS.sources, structure_set_label="<i>"))
    found = said(tmp_path, results)
    assert {"<b>x</b>", "<img src=x onerror=alert(1)>", "&amp;", "é漢", "<i>"} <= set(found)
    assert any(re.fullmatch("x{40,80}…", text) for text in found)
    assert pages(tmp_path, results) == 1


def test_pages_follow_from_the_number_of_regions(tmp_path: Path) -> None:
    results = with_pictures(tmp_path, 60)
    assert pages(tmp_path, results) == 9
    assert pages(tmp_path, replace(results, regions=results.regions[:4])) == 2


class Watched(ReportDocument):
    """Notes what is laid on which page."""

    laid: list[tuple[int, Flowable]]

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - reportlab's name
        self.laid.append((self.page, flowable))


def laid_out(folder: Path, results: Results) -> list[tuple[int, Flowable]]:
    document = Watched("1.2.3", None)
    document.laid = []
    document.pdf(_story(folder, results, None))
    return document.laid


@pytest.mark.parametrize("count", [1, 4, 10, 13, 22, 23, 24, 25, 26, 48, 60, 100])
def test_nothing_stands_alone_at_a_page_break(tmp_path: Path, count: int) -> None:
    results = with_pictures(tmp_path, count)
    found = tuple(Problem("odd", f"Odd thing {number}. {'Long ' * 60}") for number in range(count))
    laid = laid_out(tmp_path, replace(results, problems=found))
    for (page, flowable), (next_page, _) in pairwise(laid):
        if isinstance(flowable, Paragraph) and flowable.style.name == "heading":
            assert page == next_page, flowable.getPlainText()
    for _, flowable in laid:
        if getattr(flowable, "repeatRows", 0):
            assert len(flowable._cellvalues) - 1 >= min(count, 3)
    story = texts(*(flowable for _, flowable in laid))
    assert {"Overview", "Regions", f"Problems ({count})", "Methods", "Pictures"} <= set(story)


def test_the_overview_has_a_legend_of_all_regions_in_their_colours(tmp_path: Path) -> None:
    results = with_pictures(tmp_path, 6)
    regions = tuple(replace(region, name=f"{'long ' * 20}{region.number}") for region in results.regions)
    regions = (*regions[:5], replace(regions[5], name="שם", colour=None))
    legend = next(
        flowable
        for flowable in _story(tmp_path, replace(results, regions=regions), None)
        if isinstance(flowable, Table) and flowable._ncols == 8
    )
    assert [text.split()[0] for text in texts(legend)] == ["1", "2", "3", "4", "5", "6"]
    assert all(text.endswith("…") for text in texts(legend)[:5])
    colours = [command[3] for command in legend._bkgrndcmds]
    assert [tuple(round(255 * part) for part in colour.rgb()) for colour in colours] == [
        *[(255, 0, 0)] * 5,
        region_colour(None, 6),
    ]


def test_the_overview_is_shown_without_the_legend_of_its_own(tmp_path: Path) -> None:
    facts = PngInfo()
    facts.add_text(LEGEND_TOP, "60")
    Image.new("RGB", (100, 90)).save(tmp_path / "overview.png", pnginfo=facts)
    shown = picture(tmp_path / "overview.png", 100, 100, 100)
    assert (shown.width, shown.height) == (100, 60)


def test_a_picture_is_captioned_with_its_region_and_values(tmp_path: Path) -> None:
    found = said(tmp_path, with_pictures(tmp_path, 1))
    assert found[-2:] == ["● 1 GTV é", "38.89 cc, \N{MINUS SIGN}59.55 ± 12.04 HU"]


@pytest.mark.parametrize("count", [1, 4, 5, 6, 7, 30])
def test_texts_without_end_end_all_the_same(tmp_path: Path, count: int) -> None:
    endless = "W" * 20_000
    assert REGION.statistics is not None
    region = replace(
        REGION, name=endless, interpreted_type=endless, statistics=replace(REGION.statistics, unit=endless)
    )
    sources = replace(RESULTS.sources, structure_set_label=endless)
    problems = (Problem("odd", endless),) * count
    assert (
        pages(tmp_path, replace(RESULTS, regions=(region,) * count, problems=problems, sources=sources))
        <= 2 + count
    )


def test_no_regions_and_no_images_make_a_page_all_the_same(tmp_path: Path) -> None:
    bare = replace(
        RESULTS, regions=(), grid=None, sources=replace(RESULTS.sources, image_series_uid=None, images=0)
    )
    assert pages(tmp_path, bare) == 1
    assert "The structure set holds no regions." in said(tmp_path, bare)


def test_the_same_results_give_the_same_bytes_and_leave_nothing_else(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        write_report(tmp_path, RESULTS, created=CREATED)
        contents.append((tmp_path / "report.pdf").read_bytes())
    assert contents[0] == contents[1]
    assert b"(D:20261121123000" in contents[0]
    assert [path.name for path in tmp_path.iterdir()] == ["report.pdf"]


def test_a_picture_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"overview\.png"):
        write_report(tmp_path, replace(RESULTS, overview_path="previews/overview.png"))
    assert not (tmp_path / "report.pdf").exists()


def test_sixty_regions_are_reported_quickly(tmp_path: Path) -> None:
    results = with_pictures(tmp_path, 60)
    start = time.process_time()
    write_report(tmp_path, results)
    assert time.process_time() - start < 3


def test_shapes_have_a_table_of_their_own() -> None:
    ends = ((0.0, 0.0, 0.0), (0.0, 0.0, 45.25))
    form = Shape(
        extent_lps_mm=(41.94, 40.0, 42.0),
        major_axis_mm=37.9,
        minor_axis_mm=37.5,
        least_axis_mm=36.4,
        axes_lps=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        elongation=0.99,
        flatness=0.96,
        surface_to_volume_per_mm=0.15,
        sphericity=None,
        asphericity=None,
        spherical_disproportion=None,
        compactness_1=None,
        compactness_2=None,
        diameter_3d=Diameter(45.25, ends),
        diameter_in_slice=SliceDiameter(41.9, ends, 22.04, ends, 3),
        contour_holes=0,
    )
    assert shape_table([REGION]) == []
    found = texts(*shape_table([REGION, replace(REGION, number=4, shape=form)]))
    for told in ("41.9 × 40.0 × 42.0", "45.2", "41.9 × 22.0", "37.9 × 37.5 × 36.4", "4", "–"):  # noqa: RUF001
        assert told in found
    assert str(REGION.number) not in found
