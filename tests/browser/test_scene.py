"""The page of surfaces, opened from its file: it draws, it is turned, it runs nothing but its own script."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from orthanc_plugins.rtstruct import extract
from orthanc_plugins.rtstruct.documents.scene import write_scene
from tests.builders import Box, Ellipsoid, ImageFrame, RegionSpec, build_case
from tests.unit.rtstruct.cases import read

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
LONG = "cap of the whole left superior lobe, expanded by half a cm"
FRAME = ImageFrame(size=(24, 64, 64), spacing_mm=(2.0, 2.0), gap_mm=3.0)
LEFT, RIGHT = (255, 40, 40), (40, 90, 255)
HEAD = (40, 230, 60)
REGIONS = (
    RegionSpec(
        "BODY", Box((0.0, 0.0, 0.0), (110.0, 90.0, 66.0)), colour=(200, 180, 160), interpreted_type="EXTERNAL"
    ),
    RegionSpec("ball é漢", Ellipsoid((32.0, 0.0, -8.0), (14.0, 14.0, 14.0)), colour=LEFT),
    RegionSpec(HOSTILE, Ellipsoid((-32.0, 0.0, -8.0), (14.0, 14.0, 14.0)), colour=RIGHT),
    RegionSpec(LONG, Ellipsoid((0.0, 0.0, 22.0), (9.0, 9.0, 9.0)), colour=HEAD),
)


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of four regions and one without a mesh; a dialogue, an error or a request fails the test."""
    folder = tmp_path_factory.mktemp("scene")
    results = extract(read(build_case(frame=FRAME, regions=REGIONS)), None, folder, formats=["stl"])
    point = replace(results.regions[1], number=9, name="isocentre", state="points", stl_path=None)
    nameless = replace(point, number=10, name="  ", state="empty")
    write_scene(folder, replace(results, regions=(*results.regions, point, nameless)))
    faults: list[str] = []
    page = browser.new_page(viewport={"width": 1100, "height": 700})
    page.on("dialog", lambda dialog: _dismiss(dialog, faults))
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("console", lambda message: faults.append(f"console: {message.text}"))
    page.on("request", lambda request: faults.append(f"request: {request.url}"))
    page.goto((folder / "scene.html").as_uri())
    expect(page.get_by_role("checkbox")).to_have_count(4)
    yield page
    page.close()
    assert faults == [f"request: {(folder / 'scene.html').as_uri()}"]


def _dismiss(dialog: Dialog, faults: list[str]) -> None:
    faults.append(f"dialogue: {dialog.message}")
    dialog.dismiss()


def places(page: Page, colour: tuple[int, int, int]) -> np.ndarray:
    """Return the middle (x, y) of the pixels of a hue as shares of the canvas; none gives an empty array."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shot = Image.open(io.BytesIO(page.locator("canvas").screenshot())).convert("RGB")
    pixels = np.asarray(shot).astype(np.int16)
    strongest = int(np.argmax(colour))
    others = np.delete(pixels, strongest, axis=2).max(axis=2)
    rows, columns = np.nonzero((pixels[:, :, strongest] > 110) & (pixels[:, :, strongest] - others > 60))
    if len(rows) < 300:
        return np.zeros(0)
    return np.array((columns.mean() / shot.width, rows.mean() / shot.height))


def _middle(letter: Locator) -> tuple[float, float]:
    box = letter.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def look_from(page: Page, side: str) -> None:
    page.get_by_role("button", name=side, exact=True).click()


def test_each_region_is_drawn_in_its_colour_where_it_lies_in_the_patient(page: Page) -> None:
    look_from(page, "A")
    left, right, head = (places(page, colour) for colour in (LEFT, RIGHT, HEAD))
    assert left[0] > 0.6
    assert right[0] < 0.4
    assert head[1] < left[1]
    assert abs(head[0] - 0.5) < 0.03
    look_from(page, "P")
    assert places(page, LEFT)[0] < 0.4


def test_the_letters_stand_where_the_directions_are(page: Page) -> None:
    look_from(page, "A")
    places(page, LEFT)
    places_of = {letter: _middle(page.locator("#directions span", has_text=letter)) for letter in "LRSI"}
    assert places_of["L"][0] > places_of["S"][0] > places_of["R"][0]
    assert places_of["S"][1] < places_of["L"][1] < places_of["I"][1]
    expect(page.locator("#directions span", has_text="A")).to_be_hidden()


def test_dragging_turns_the_regions(page: Page) -> None:
    look_from(page, "A")
    page.mouse.move(300, 350)
    page.mouse.down()
    page.mouse.move(700, 350, steps=4)
    page.mouse.up()
    turned = places(page, LEFT)
    assert turned.size == 0 or abs(turned[0] - 0.5) < 0.25


def test_a_region_is_hidden_and_shown_again(page: Page) -> None:
    look_from(page, "A")
    box = page.get_by_role("checkbox").nth(1)
    box.uncheck()
    assert places(page, LEFT).size == 0
    assert places(page, RIGHT).size == 2
    box.check()
    assert places(page, LEFT).size == 2


def test_what_stands_around_all_others_is_hazy_at_first(page: Page) -> None:
    sliders = page.get_by_role("slider")
    assert [sliders.nth(place).input_value() for place in range(4)] == ["20", "100", "100", "100"]
    look_from(page, "A")
    sliders.nth(0).fill("100")
    assert places(page, LEFT).size == 0
    sliders.nth(0).fill("20")
    assert places(page, LEFT).size == 2


def test_names_are_shown_as_text(page: Page) -> None:
    expect(page.locator("#regions .name").nth(2)).to_have_text(f"3 {HOSTILE}")
    expect(page.locator("#regions .name").nth(1)).to_have_text("2 ball é漢")
    assert page.locator("img").count() == 0
    expect(page.locator("#without li")).to_have_text(["9 isocentre (points)", "10 \N{EN DASH} (empty)"])


def test_a_long_name_takes_two_lines_beside_its_colour_and_is_whole_on_pointing_at_it(page: Page) -> None:
    row = page.locator("#regions li").nth(3)
    name, swatch, box = row.locator(".name"), row.locator(".swatch"), row.get_by_role("checkbox")
    assert name.get_attribute("title") == f"4 {LONG}"
    tall = name.bounding_box()
    assert tall is not None
    assert 30 < tall["height"] < 45
    for mark in (swatch, box):
        assert abs(_middle(mark)[1] - (tall["y"] + 10)) < 4
