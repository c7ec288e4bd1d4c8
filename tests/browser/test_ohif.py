"""OHIF shows the contours of a structure set on its images, from a plain link and without a click."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.builders import Case, Identity, ImageFrame, build_case, sample_regions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.browser.conftest import Visit
    from tests.stack import Stack

type Picture = NDArray[np.uint8]
"""Shape (rows, columns, 3), red, green and blue."""

FRAME = ImageFrame(size=(24, 256, 256), spacing_mm=(1.5, 1.5), gap_mm=5.0)
COLOURS = {region.name: region.colour for region in sample_regions(FRAME)}

LEAST_PIXELS = 20
"""A contour is one pixel thin and smoothed at its edges, so a part of it has the exact colour."""

LINE_PIXELS = 3
"""How far the drawn line may lie from where the contour is, in pixels of the screen."""


@pytest.fixture(scope="module")
def case(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case that the suite has received: images and structure set."""
    case = build_case(frame=FRAME)
    folder = tmp_path_factory.mktemp("case")
    case.write(folder)
    stack.receive(folder)
    return case


@pytest.fixture(scope="module")
def images_alone(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Another patient's images, without a structure set."""
    case = build_case(frame=FRAME, seed=1, identity=Identity("Alone^Images", "PHANTOM-0002"))
    folder: Path = tmp_path_factory.mktemp("images")
    case.write(folder)
    stack.receive(folder / "images")
    return case


def viewer(stack: Stack, case: Case, **parameters: str) -> str:
    study = case.structure_set.StudyInstanceUID
    return "&".join(
        [f"{stack.ohif}/viewer?StudyInstanceUIDs={study}", *(f"{k}={v}" for k, v in parameters.items())]
    )


def image_series(case: Case) -> str:
    return str(case.images[0].SeriesInstanceUID)


def picture_of(page: Page) -> Picture:
    """Return what the viewport shows, once its images are there."""
    expect(page.locator("[data-cy=viewport-overlay-bottom-right]")).to_contain_text("/24)")
    page.wait_for_load_state("networkidle")
    png = page.locator("[data-cy=viewport-pane]").screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def picture_with(page: Page, region: str) -> Picture:
    """Return what the viewport shows as soon as the regions are listed and this one's colour is drawn."""
    expect(page.locator("[data-cy=data-row]")).to_have_count(len(COLOURS))
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        picture = picture_of(page)
        if pixels(picture, region) >= LEAST_PIXELS:
            return picture
        assert time.monotonic() < deadline, f"no contour of {region} is drawn"
        page.wait_for_timeout(250)


def is_coloured(picture: Picture, region: str) -> NDArray[np.bool_]:
    coloured: NDArray[np.bool_] = (picture == COLOURS[region]).all(axis=2)
    return coloured


def pixels(picture: Picture, region: str) -> int:
    return int(is_coloured(picture, region).sum())


def is_soft_tissue(picture: Picture) -> NDArray[np.bool_]:
    """Return where the grey of soft tissue is: the image itself, neither contours nor texts."""
    grey: NDArray[np.bool_] = (
        (np.ptp(picture, axis=2) == 0) & (picture[..., 0] > 60) & (picture[..., 0] < 200)
    )
    return grey


def shows_body(picture: Picture) -> bool:
    return bool(is_soft_tissue(picture).mean() > 0.1)


def extent(mask: NDArray[np.bool_], at_least: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and last (column, row) that hold at least so many pixels."""
    columns, rows = (np.flatnonzero(mask.sum(axis=axis) >= at_least) for axis in (0, 1))
    return np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]])


@dataclass(frozen=True)
class ContourExtent:
    """The corners, (x, y) in mm LPS, of a region's contour on one axial image."""

    image_uid: str
    low_mm: NDArray[np.float64]
    high_mm: NDArray[np.float64]


def contours_of_one_slice(case: Case, *regions: str) -> list[ContourExtent]:
    """Return where each region is on the middle slice of the last one."""
    contours = [
        case.structure_set.ROIContourSequence[list(COLOURS).index(one)].ContourSequence for one in regions
    ]
    image_uid = contours[-1][len(contours[-1]) // 2].ContourImageSequence[0].ReferencedSOPInstanceUID
    points_mm = [
        np.array(contour.ContourData, dtype=float).reshape(-1, 3)[:, :2]
        for sequence in contours
        for contour in sequence
        if contour.ContourImageSequence[0].ReferencedSOPInstanceUID == image_uid
    ]
    return [ContourExtent(image_uid, points.min(axis=0), points.max(axis=0)) for points in points_mm]


def test_result_gives_the_plain_link(stack: Stack, case: Case) -> None:
    stack.job_in_state(case.reference.study_uid, "succeeded")
    result = stack.results(case.structure_set.SeriesInstanceUID)
    assert result["viewer_url"] == viewer(stack, case)


def test_plain_link_shows_the_contours(stack: Stack, case: Case, visit: Visit) -> None:
    page = visit(viewer(stack, case))
    picture = picture_with(page, "GTV")
    assert shows_body(picture)
    drawn = {region: pixels(picture, region) for region in ("BODY", "GTV", "Heart", "Lung_R", "Spine")}
    assert min(drawn.values()) >= LEAST_PIXELS, drawn
    names = page.locator("[data-cy=data-row-title]").all_inner_texts()
    assert names == list(COLOURS)


def test_contours_vanish_when_hidden(stack: Stack, case: Case, visit: Visit) -> None:
    page = visit(viewer(stack, case))
    picture_with(page, "GTV")
    page.locator("[data-cy=all-segments-visibility-toggle]").click()
    expect(page.locator("[data-cy=viewport-pane] svg.svg-layer path")).to_have_count(0)
    picture = picture_of(page)
    assert shows_body(picture)
    assert {region: pixels(picture, region) for region in ("GTV", "BODY", "Heart")} == {
        "GTV": 0,
        "BODY": 0,
        "Heart": 0,
    }


def test_contour_lies_where_the_structure_set_says(stack: Stack, case: Case, visit: Visit) -> None:
    """The body in the image gives the scale, since its contour is known; the target's must fit in with it."""
    body, target = contours_of_one_slice(case, "BODY", "GTV")
    page = visit(viewer(stack, case, initialSOPInstanceUID=target.image_uid))
    picture = picture_with(page, "GTV")
    low, high = extent(is_soft_tissue(picture), at_least=5)
    pixels_per_mm = (high - low) / (body.high_mm - body.low_mm)
    drawn_low, drawn_high = extent(is_coloured(picture, "GTV"))
    assert low + (target.low_mm - body.low_mm) * pixels_per_mm == pytest.approx(drawn_low, abs=LINE_PIXELS)
    assert low + (target.high_mm - body.low_mm) * pixels_per_mm == pytest.approx(drawn_high, abs=LINE_PIXELS)


def test_same_images_without_their_structure_set_show_no_contour(
    stack: Stack, case: Case, visit: Visit
) -> None:
    picture = picture_of(visit(viewer(stack, case, SeriesInstanceUIDs=image_series(case))))
    assert shows_body(picture)
    assert {pixels(picture, region) for region in ("BODY", "GTV", "Heart")} == {0}


def test_study_of_images_alone_opens(stack: Stack, images_alone: Case, visit: Visit) -> None:
    page = visit(viewer(stack, images_alone))
    assert shows_body(picture_of(page))
    assert page.locator("[data-cy=viewport-pane] svg.svg-layer path").count() == 0


@pytest.mark.usefixtures("images_alone")
def test_study_list_finds_a_patient_and_opens_the_study(stack: Stack, case: Case, visit: Visit) -> None:
    page = visit(f"{stack.ohif}/")
    expect(page.get_by_text("Alone, Images")).to_be_visible()
    page.locator("input").first.fill("Synth")
    page.wait_for_url("**patientName=Synth*")
    expect(page.get_by_text("Alone, Images")).to_have_count(0)
    row = page.get_by_role("row").filter(has_text="Phantom, Synthetic")
    expect(row.get_by_text(case.images[0].StudyDescription, exact=True)).to_be_visible()
    row.click()
    page.get_by_role("button", name="Basic Viewer").click()
    picture_with(page, "GTV")
