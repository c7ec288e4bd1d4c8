"""OHIF beside the suite, on one origin: both archives, segmentations, reports, and the modes it brings."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
import requests
from playwright.sync_api import expect

from tests.browser.pictures import (
    COLOURS,
    FRAME,
    LEAST_PIXELS,
    extent,
    is_soft_tissue,
    picture_with,
    pixels,
    shot,
    shows_body,
)
from tests.builders import Case, Identity, ImageFrame, build_case, sample_regions
from tests.builders.pet import build_pet
from tests.builders.segmentation import build_segmentation
from tests.stack import PATIENCE_S, eventually, send

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from tests.browser.conftest import Visit
    from tests.stack import Stack
    from tests.standin import StandIn

ARCHIVES = ("Orthanc", "DCM4CHEE")
SEGMENTED = ("GTV", "Heart")
COARSE = ImageFrame(size=(24, 96, 96), spacing_mm=(4.0, 4.0), gap_mm=5.0)
DRAWN_PX = 200
"""How long a line is drawn, in pixels of the screen."""


@dataclass(frozen=True)
class Archives:
    """Both archives as OHIF sees them, on the suite's own origin."""

    stack: Stack
    dcm4chee: StandIn

    def page(self, archive: str, case: Case, mode: str = "viewer", **parameters: str) -> str:
        """Return the address of a study of an archive."""
        study = case.reference.study_uid
        further = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"{self.stack.front}/ohif/{mode}/{archive}?StudyInstanceUIDs={study}{further}"

    def reports(self, archive: str, case: Case) -> list[pydicom.Dataset]:
        """Return the structured reports of a study that an archive holds."""
        root = {"Orthanc": "/dicom-web", "DCM4CHEE": f"/dcm4chee-arc/aets/{self.dcm4chee.aet}/rs"}[archive]
        study = f"{self.stack.front}{root}/studies/{case.reference.study_uid}"
        series = requests.get(f"{study}/series?Modality=SR", timeout=PATIENCE_S)
        found = [] if series.status_code == 204 else series.json()
        return [_object(f"{study}/series/{one['0020000E']['Value'][0]}") for one in found]


def _object(series: str) -> pydicom.Dataset:
    """Return the one object of a series."""
    answer = requests.get(
        series, headers={"Accept": 'multipart/related; type="application/dicom"'}, timeout=PATIENCE_S
    )
    return pydicom.dcmread(io.BytesIO(answer.content[answer.content.index(b"DICM") - 128 :]))


@pytest.fixture(scope="module")
def archives(stack: Stack, dcm4chee: StandIn) -> Archives:
    return Archives(stack, dcm4chee)


@pytest.fixture(scope="module")
def segmented(stack: Stack, dcm4chee: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Images with a segmentation, in both archives."""
    case = build_case(frame=FRAME, seed=2, identity=Identity("Segmented^Both", "PHANTOM-0003"))
    folder: Path = tmp_path_factory.mktemp("segmented")
    case.write(folder)
    (folder / "rtstruct.dcm").unlink()
    regions = [region for region in sample_regions(FRAME) if region.name in SEGMENTED]
    build_segmentation(case, regions, seed=2).save_as(folder / "segmentation.dcm")
    send(stack.deployment.ports.dicom, folder)
    send(dcm4chee.dicom_port, folder)
    return case


@pytest.fixture(scope="module")
def outlined(dcm4chee: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Images with a structure set, in DCM4CHEE alone."""
    case = build_case(frame=FRAME, seed=3, identity=Identity("Outlined^There", "PHANTOM-0004"))
    folder: Path = tmp_path_factory.mktemp("outlined")
    case.write(folder)
    send(dcm4chee.dicom_port, folder)
    return case


@pytest.fixture(scope="module")
def fused(dcm4chee: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Images of CT and of PET, in DCM4CHEE alone."""
    case = build_case(frame=COARSE, seed=4, identity=Identity("Fused^There", "PHANTOM-0005"))
    folder: Path = tmp_path_factory.mktemp("fused")
    case.write(folder)
    for number, image in enumerate(build_pet(case, seed=4)):
        image.save_as(folder / "images" / f"pet-{number}.dcm", enforce_file_format=True)
    send(dcm4chee.dicom_port, folder / "images")
    return case


def test_structure_set_of_dcm4chee_is_fetched_whole_and_drawn(
    archives: Archives, outlined: Case, visit: Visit
) -> None:
    page = visit(f"{archives.stack.front}/ohif/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(archives.page("DCM4CHEE", outlined))
    picture = picture_with(page, "GTV")
    assert shows_body(picture)
    assert min(pixels(picture, region) for region in ("BODY", "GTV", "Heart", "Spine")) >= LEAST_PIXELS
    assert page.evaluate("crossOriginIsolated")
    structure_set = outlined.structure_set.SOPInstanceUID
    assert len([url for url in asked if structure_set in url]) == 1


@pytest.mark.parametrize("archive", ARCHIVES)
def test_segmentation_is_drawn_where_no_structure_set_is(
    archive: str, archives: Archives, segmented: Case, visit: Visit
) -> None:
    page = visit(archives.page(archive, segmented))
    picture = picture_with(page, "GTV", len(SEGMENTED))
    assert page.locator("[data-cy=data-row-title]").all_inner_texts() == list(SEGMENTED)
    assert pixels(picture, "Heart") >= LEAST_PIXELS
    assert {pixels(picture, region) for region in COLOURS.keys() - set(SEGMENTED)} == {0}


@pytest.mark.usefixtures("segmented")
def test_the_list_of_studies_changes_the_archive_and_finds_by_name(
    archives: Archives, outlined: Case, visit: Visit
) -> None:
    page = visit(f"{archives.stack.front}/ohif/")
    expect(page.get_by_text("Segmented, Both")).to_be_visible()
    expect(page.get_by_text("Outlined, There")).to_have_count(0)
    page.get_by_label("Archive").select_option("DCM4CHEE")
    expect(page.get_by_text("Segmented, Both")).to_be_visible()
    page.locator("input").first.fill("Outlined")
    expect(page.get_by_text("Segmented, Both")).to_have_count(0)
    page.get_by_role("row").filter(has_text="Outlined, There").click()
    page.get_by_role("button", name="Basic Viewer").click()
    page.wait_for_url("**/ohif/viewer/DCM4CHEE?**")
    picture_with(page, "GTV")
    page.locator("[data-cy=return-to-work-list]").click()
    expect(page.get_by_label("Archive")).to_have_value("DCM4CHEE")
    expect(page.get_by_text("Outlined, There")).to_be_visible()
    assert outlined.reference.study_uid not in page.url


@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_length_that_is_drawn_and_saved_is_a_report_in_the_archive_that_was_read(
    archive: str, archives: Archives, segmented: Case, visit: Visit
) -> None:
    page = visit(archives.page(archive, segmented))
    picture = picture_with(page, "GTV", len(SEGMENTED))
    length_mm = DRAWN_PX * _mm_per_pixel(picture)
    _draw_a_length(page)
    page.locator("[data-cy=prompt-begin-tracking-yes-btn]").click()
    page.locator("[data-cy=trackedMeasurements-btn]").click()
    for number in (1, 2):  # OHIF 1707, 2078: a second report neither hides the first nor divides the study
        _save(page, f"Reading {number}")
        eventually(partial(_are_stored, archives, archive, segmented, number), "the report is stored")
    stored = archives.reports(archive, segmented)
    for report in stored:
        assert report.StudyInstanceUID == segmented.reference.study_uid
        assert report.PatientID == segmented.images[0].PatientID
        assert _lengths_mm(report) == pytest.approx([length_mm], rel=0.01)
    page.goto(archives.page(archive, segmented))
    picture_with(page, "GTV", len(SEGMENTED))
    reports = page.locator("[data-cy=study-browser-thumbnail-no-image]").filter(has_text="SR")
    expect(reports).to_have_count(2)
    expect(page.locator("[data-cy=study-browser-thumbnail]")).to_have_count(1)
    reports.filter(has_text="Reading 1").dblclick()
    drawn = page.locator("[data-cy=viewport-pane] svg.svg-layer text")
    expect(drawn).to_contain_text(f"{_lengths_mm(stored[0])[0]:.0f} mm")


def test_a_report_that_the_archive_refuses_is_told_and_does_not_stand_in_the_list(
    archives: Archives, segmented: Case, context: BrowserContext
) -> None:
    stored = len(archives.reports("Orthanc", segmented))
    page = context.new_page()
    page.route("**/dicom-web/studies", lambda route: route.fulfill(status=409, body="{}"))
    page.goto(archives.page("Orthanc", segmented))
    picture_with(page, "GTV", len(SEGMENTED))
    _draw_a_length(page)
    page.locator("[data-cy=prompt-begin-tracking-yes-btn]").click()
    page.locator("[data-cy=trackedMeasurements-btn]").click()
    _save(page, "Refused")
    expect(page.get_by_text("Orthanc has not stored this (HTTP 409).")).to_be_visible()
    expect(page.locator("[data-cy=study-browser-thumbnail-no-image]")).to_have_count(1 + stored)
    expect(page.locator("[data-cy=viewport-pane] svg.svg-layer text")).to_contain_text("mm")
    page.close()


def _are_stored(archives: Archives, archive: str, case: Case, number: int) -> bool:
    return len(archives.reports(archive, case)) == number


def _mm_per_pixel(picture: np.ndarray) -> float:
    """Return the scale of what is shown: the body's width is known."""
    (body,) = (region for region in sample_regions(FRAME) if region.name == "BODY")
    low, high = extent(is_soft_tissue(picture), at_least=5)
    return float((body.shape.bounds_mm[1] - body.shape.bounds_mm[0])[0] / (high - low + 1)[0])


def _draw_a_length(page: Page) -> None:
    page.locator("[data-cy=MeasurementTools-split-button-primary]").click()
    pane = page.locator("[data-cy=viewport-pane]").bounding_box()
    assert pane is not None
    x, y = pane["x"] + pane["width"] / 2 - DRAWN_PX / 2, pane["y"] + pane["height"] / 2 + 10
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + DRAWN_PX / 2, y)
    page.mouse.move(x + DRAWN_PX, y)
    page.mouse.up()


def _save(page: Page, name: str) -> None:
    page.get_by_role("button", name="Create SR").click()
    page.get_by_placeholder("Report name").fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def _lengths_mm(report: pydicom.Dataset) -> list[float]:
    """Return the values of all lengths (SCT 410668003) of a report."""
    found, left = [], list(report.ContentSequence)
    while left:
        item = left.pop()
        left.extend(item.get("ContentSequence", ()))
        if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeMeaning == "Length":
            (value,) = item.MeasuredValueSequence
            assert value.MeasurementUnitsCodeSequence[0].CodeValue == "mm"
            found.append(float(value.NumericValue))
    return found


@pytest.mark.parametrize(
    ("mode", "protocol", "panes"), [("viewer", "mpr", 3), ("viewer", "main3D", 4), ("tmtv", "", 10)]
)
def test_modes_open(
    mode: str, protocol: str, panes: int, archives: Archives, fused: Case, visit: Visit
) -> None:
    chosen = {"hangingProtocolId": protocol} if protocol else {}
    page = visit(f"{archives.stack.front}/ohif/")
    page.set_viewport_size({"width": 900, "height": 600})  # drawn in software, pixel by pixel
    page.goto(archives.page("DCM4CHEE", fused, mode, **chosen))
    expect(page.locator("[data-cy=viewport-pane]")).to_have_count(panes)
    page.wait_for_load_state("networkidle")
    coloured = {"mpr": 0, "main3D": 1, "": 3}[protocol]
    told = "images are drawn, in colour where fused or in 3D"
    eventually(lambda: _drawn(page) == (panes, coloured), told, within_s=180)


def _drawn(page: Page) -> tuple[int, int]:
    """Return how many viewports show an image, and how many of them in colours."""
    whole = shot(page).astype(int)
    images = coloured = 0
    for pane in page.locator("[data-cy=viewport-pane]").all():
        box = pane.bounding_box()
        assert box is not None
        left, top, width, height = (int(box[side]) for side in ("x", "y", "width", "height"))
        inside = whole[top + 4 : top + height - 4, left + 4 : left + width - 4]
        values = inside[..., 0]
        images += bool(0.05 < (values == np.bincount(values.ravel()).argmax()).mean() < 0.98)
        coloured += bool((np.ptp(inside, axis=2) > 15).mean() > 0.1)
    return images, coloured
