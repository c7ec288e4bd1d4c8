"""Pictures: the contour's colour where the contour is, the image elsewhere, true proportions."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from orthanc_plugins.rtstruct.drawing.lettering import Lettering
from orthanc_plugins.rtstruct.drawing.pictures import (
    BONE,
    LEGEND_TOP,
    LUNG,
    SOFT_TISSUE,
    Drawn,
    _mark,
    overview,
    overview_planes,
    position_text,
    region_colour,
    region_picture,
    window_for,
)
from orthanc_plugins.rtstruct.measures.region import largest_plane
from tests.builders import Box, rotated
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
    assert picture.shape == (2 * 320 + 38, 4 * 320, 3)
    assert (picture[:640] == (0, 0, 255)).all(axis=2).any()
    assert (picture[640:] == RED).all(axis=2).any()


def test_the_legend_has_a_row_for_every_four_regions_and_the_file_says_where_it_begins() -> None:
    placed = placed_of(CASE)[0]
    drawn = [Drawn(placed, RED, f"{number} {'W' * 64}") for number in range(1, 14)]
    planes = [(plane, GREY) for plane in overview_planes([placed])]
    content = overview(drawn, placed.grid, planes, SOFT_TISSUE)
    picture = opened(content)
    assert picture.shape == (2 * 320 + 4 * 22 + 16, 4 * 320, 3)
    assert Image.open(io.BytesIO(content)).info[LEGEND_TOP] == "640"
    captions = (picture[640:] == 240).all(axis=2)
    assert captions[:, 30:310].any()
    assert not captions[:, 314:346].any()


def test_what_a_font_lacks_is_a_question_mark_in_a_picture() -> None:
    def written(text: str) -> bytes:
        picture = Image.new("L", (300, 40))
        Lettering(16).write(ImageDraw.Draw(picture), (4, 20), text)
        return picture.tobytes()

    assert written("7 \t漢") == written("7 ??")
    assert len({written(name) for name in ("Größe", "Опухоль", "Καρδιά", "หัวใจ", "??????")}) == 5


def test_letters_say_which_way_the_patient_lies_and_where_the_slice_is() -> None:
    marks: list[list[str]] = []

    class Told(Lettering):
        def write(self, draw: Any, place: Any, text: str, anchor: str = "lm") -> None:
            marks[-1].append(text)

    draw = ImageDraw.Draw(Image.new("L", (10, 10)))
    for position in ("HFS", "HFP", "FFS"):
        marks.append([])
        case = case_of(Box((0.0, 0.0, 0.0), (40.0, 20.0, 24.0)), frame=SMALL.positioned(position))
        placed = placed_of(case)[0]
        plane = largest_plane(placed)
        _mark(draw, placed.grid, plane, (10, 10), Told(8))
        image = placed.grid.to_patient(np.array([[plane, 0.0, 0.0]]))[0]
        assert marks[-1].pop() == f"z {image[2]:.1f} mm".replace("-", "\N{MINUS SIGN}")
    assert marks == [["R", "A"], ["L", "P"], ["L", "A"]]


def test_an_oblique_slice_is_told_by_its_distance_along_the_normal() -> None:
    case = case_of(
        Box((0.0, 0.0, 0.0), (40.0, 20.0, 24.0)), frame=replace(SMALL, orientation=rotated(12.0, -8.0, 15.0))
    )
    placed = placed_of(case)[0]
    assert re.fullmatch(r"\N{MINUS SIGN}?\d+\.\d mm", position_text(placed.grid, 3))


def test_pictures_are_the_same_every_time() -> None:
    placed = placed_of(CASE)[0]
    first, second = (region_picture(placed, 12, GREY, SOFT_TISSUE, RED) for _ in range(2))
    assert first == second
