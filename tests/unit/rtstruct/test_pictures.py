"""Pictures: the contour's colour where the contour is, the image elsewhere, true proportions."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from orthanc_plugins.rtstruct.measures import largest_plane
from orthanc_plugins.rtstruct.pictures import (
    BONE,
    LUNG,
    SOFT_TISSUE,
    Drawn,
    overview,
    overview_planes,
    region_colour,
    region_picture,
    window_for,
)
from tests.builders import Box
from tests.unit.rtstruct.cases import SMALL, case_of, placed_of

CASE = case_of(Box((10.0, -6.0, 0.0), (40.0, 20.0, 24.0)))
GREY = np.full((64, 64), 40, dtype=np.int16)
RED = (255, 0, 0)


def opened(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_the_contour_is_drawn_in_its_colour_at_its_place() -> None:
    placed = placed_of(CASE)[0]
    picture = opened(region_picture(placed, largest_plane(placed), GREY, SOFT_TISSUE, RED))
    assert picture.shape == (512, 512, 3)
    rows, columns = np.nonzero((picture == RED).all(axis=2))
    # the box spans u -10..30 and v -16..4 mm of a field of -64..64, at 4 pixels a millimetre
    assert abs(int(columns.min()) - 216) <= 2
    assert abs(int(columns.max()) - 376) <= 2
    assert abs(int(rows.min()) - 192) <= 2
    assert abs(int(rows.max()) - 272) <= 2
    assert tuple(picture[230, 300]) == (127, 127, 127)


def test_pixels_that_are_not_square_are_shown_in_proportion() -> None:
    frame = replace(SMALL, size=(24, 40, 80), spacing_mm=(2.0, 1.5))
    placed = placed_of(case_of(Box((0.0, 0.0, 0.0), (40.0, 40.0, 24.0)), frame=frame))[0]
    pixels = np.full((40, 80), 40, dtype=np.int16)
    picture = opened(region_picture(placed, largest_plane(placed), pixels, SOFT_TISSUE, RED))
    assert picture.shape == (341, 512, 3)
    rows, columns = np.nonzero((picture == RED).all(axis=2))
    assert abs(int(np.ptp(rows)) - int(np.ptp(columns))) <= 2


def test_the_window_follows_the_region_in_hounsfield_units() -> None:
    assert window_for(GREY, "HU", 30.0) == SOFT_TISSUE
    assert window_for(GREY, "HU", -750.0) == LUNG
    assert window_for(GREY, "HU", 800.0) == BONE


def test_the_window_of_other_images_is_taken_from_their_values() -> None:
    ramp = np.tile(np.linspace(0, 1000, 64, dtype=np.float32), (64, 1))
    low, high = window_for(ramp, "BQML")
    assert 0 <= low < 50
    assert 900 < high <= 1000
    assert window_for(GREY, "arbitrary") == (40, 41)


def test_a_region_without_colour_gets_one_by_its_number() -> None:
    assert region_colour(RED, 3) == RED
    assert region_colour(None, 3) == region_colour(None, 11) != region_colour(None, 4)


def test_the_overview_shows_all_regions_and_a_legend() -> None:
    placed = placed_of(CASE)[0]
    drawn = [Drawn(placed, RED, "1 box"), Drawn(placed, (0, 0, 255), "2 漢 é")]
    planes = overview_planes([placed])
    assert len(planes) == 8
    picture = opened(overview(drawn, placed.grid, [(plane, GREY) for plane in planes], SOFT_TISSUE))
    assert picture.shape == (2 * 320 + 26, 4 * 320, 3)
    assert (picture[:640] == (0, 0, 255)).all(axis=2).any()
    assert (picture[640:] == RED).all(axis=2).any()


def test_pictures_are_the_same_every_time() -> None:
    placed = placed_of(CASE)[0]
    first, second = (region_picture(placed, 12, GREY, SOFT_TISSUE, RED) for _ in range(2))
    assert first == second
