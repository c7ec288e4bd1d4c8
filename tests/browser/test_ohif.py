"""OHIF shows the contours of a structure set on its images, from a plain link and without a click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.pictures import (
    COLOURS,
    FRAME,
    LEAST_PIXELS,
    extent,
    is_coloured,
    is_soft_tissue,
    picture_of,
    picture_with,
    pixels,
    shows_body,
)
from tests.builders import Case, Identity, build_case

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.browser.conftest import Visit
    from tests.stack import Stack

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
    assert result["viewer_url"] == viewer(stack, case).replace(stack.ohif, f"{stack.front}/ohif")


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
