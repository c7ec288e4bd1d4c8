"""What OHIF's viewport shows, as pixels."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE_MS
from tests.builders import ImageFrame, sample_regions

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Locator, Page

type Picture = NDArray[np.uint8]
"""Shape (rows, columns, 3), red, green and blue."""

FRAME = ImageFrame(size=(24, 256, 256), spacing_mm=(1.5, 1.5), gap_mm=5.0)
COLOURS = {region.name: region.colour for region in sample_regions(FRAME)}

LEAST_PIXELS = 20
"""A contour is one pixel thin and smoothed at its edges, so a part of it has the exact colour."""


def picture_of(page: Page) -> Picture:
    """Return what the viewport shows, once its images are there."""
    expect(page.locator("[data-cy=viewport-overlay-bottom-right]")).to_contain_text("/24)")
    page.wait_for_load_state("networkidle")
    return shot(page.locator("[data-cy=viewport-pane]"))


_DRAWN_WITHIN_MS = 180_000
"""A frame of a volume, which is drawn in software, is long in coming on a busy machine."""


def shot(element: Locator | Page) -> Picture:
    """Return what an element shows now, or a page, which need not stand still for it."""
    png = element.screenshot(animations="disabled", timeout=_DRAWN_WITHIN_MS)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def picture_with(page: Page, region: str, regions: int = len(COLOURS)) -> Picture:
    """Return what the viewport shows as soon as so many regions are listed and this one's colour is drawn."""
    expect(page.locator("[data-cy=data-row]")).to_have_count(regions)
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        picture = picture_of(page)
        if pixels(picture, region) >= LEAST_PIXELS:
            return picture
        assert time.monotonic() < deadline, f"nothing of {region} is drawn"
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
