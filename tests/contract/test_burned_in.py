"""RapidOCR keeps the promise of a finder: drawn names are found, painted over and found no more."""

from __future__ import annotations

import logging
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from orthanc_plugins.deid.pixels import PixelPolicy, PixelState, cleaned, look, rapid_finder
from orthanc_plugins.deid.pixels.boxes import Box, painted
from orthanc_plugins.deid.pixels.search import is_legible
from tests.unit.deid.pixels.pictures import drawn, instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLICY = PixelPolicy()
RNG = np.random.default_rng(11)
NAME = "ZACHARIAS ANNA"


def noise() -> NDArray[np.uint8]:
    return np.clip(RNG.normal(60, 15, (256, 256)), 0, 255).astype(np.uint8)


def body() -> NDArray[np.uint8]:
    """Return an outline of a body with two lungs."""
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    picture = np.where((x / 0.9) ** 2 + (y / 0.7) ** 2 < 1, 120, 5)
    for side in (-0.4, 0.4):
        picture[((x - side) / 0.25) ** 2 + (y / 0.4) ** 2 < 1] = 40
    return np.clip(picture + RNG.normal(0, 4, (256, 256)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "ground", [noise(), body(), np.zeros((256, 256), np.uint8)], ids=("noise", "body", "black")
)
@pytest.mark.parametrize("size", [12, 22])
def test_a_name_is_found_and_painted_over(ground: NDArray[np.uint8], size: int) -> None:
    picture, letters = drawn(ground, NAME, (12, 100), size=size, colour=240)
    dataset = instance(picture[np.newaxis])
    result, verdict = cleaned(dataset, policy=POLICY, finder=rapid_finder())
    after = result.pixel_array[letters.top : letters.bottom, letters.left : letters.right]
    assert verdict.state is PixelState.MASKED
    assert (after == picture.min()).mean() > 0.97
    shown = np.repeat(result.pixel_array[..., np.newaxis], 3, axis=2)
    again = [rapid_finder().read(shown, box) for box in rapid_finder().find(shown)]
    assert not any(is_legible(reading) for reading in again)


@pytest.mark.parametrize("picture", [noise(), body()], ids=("noise", "body"))
def test_a_picture_without_text_is_clean(picture: NDArray[np.uint8]) -> None:
    assert look(instance(picture[np.newaxis]), policy=POLICY, finder=rapid_finder()).state is PixelState.CLEAN


def test_faint_text_and_text_in_colour_are_found() -> None:
    faint, letters = drawn(np.full((256, 256), 100, np.uint8), NAME, (12, 100), size=18, colour=103)
    coloured, _ = drawn(
        np.full((256, 256, 3), (200, 60, 60), np.uint8), NAME, (12, 100), size=18, colour=(60, 60, 200)
    )
    for dataset in (instance(faint[np.newaxis]), instance(coloured[np.newaxis], photometric="RGB")):
        verdict = look(dataset, policy=POLICY, finder=rapid_finder())
        assert any(box.grown(2).covers(letters) for box in verdict.boxes)


def test_text_that_stands_upright_is_found() -> None:
    picture, _ = drawn(noise(), NAME, (12, 100), size=18, colour=240)
    turned = np.ascontiguousarray(np.rot90(picture))
    verdict = look(instance(turned[np.newaxis]), policy=POLICY, finder=rapid_finder())
    assert any(box.bottom - box.top > 100 for box in verdict.boxes)


def test_it_reads_what_is_clear() -> None:
    picture, letters = drawn(np.zeros((256, 256), np.uint8), "12.3 mm", (12, 100), size=18)
    coloured = np.repeat(picture[..., np.newaxis], 3, axis=2)
    reading = rapid_finder().read(coloured, letters)
    assert reading.text.replace(" ", "") == "12.3mm"
    assert reading.confidence > 0.9


def test_nothing_is_fetched_and_nothing_is_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    picture, _ = drawn(noise(), NAME, (12, 100), size=18, colour=240)
    with caplog.at_level(logging.DEBUG):
        fresh = type(rapid_finder())()
        look(instance(picture[np.newaxis]), policy=POLICY, finder=fresh)
    assert "".join((*capfd.readouterr(), caplog.text)) == ""


@pytest.mark.parametrize("size", [16, 22])
def test_letters_as_small_as_on_a_screen_are_found_in_a_large_radiograph(size: int) -> None:
    ground = np.clip(RNG.normal(60, 4, (2400, 2000)), 0, 255).astype(np.uint8)
    picture, letters = drawn(ground, NAME, (830, 900), size=size, colour=240)
    shown = np.repeat(picture[..., np.newaxis], 3, axis=2)
    found = painted(rapid_finder().find(shown), 2400, 2000)
    assert found[letters.top : letters.bottom, letters.left : letters.right].mean() > 0.9


@pytest.mark.parametrize("size", [90, 130])
def test_letters_as_large_as_a_tenth_of_the_picture_are_found(size: int) -> None:
    picture, letters = drawn(np.full((720, 960), 20, np.uint8), NAME, (40, 60), size=size, colour=240)
    found = painted(rapid_finder().find(np.repeat(picture[..., np.newaxis], 3, axis=2)), 720, 960)
    assert found[letters.top : letters.bottom, letters.left : letters.right].mean() > 0.9


def test_text_that_lies_askew_is_found() -> None:
    ground, _ = drawn(np.zeros((480, 480), np.uint8), NAME, (60, 220), size=30, colour=240)
    picture = np.asarray(Image.fromarray(ground).rotate(45))
    (box,) = rapid_finder().find(np.repeat(picture[..., np.newaxis], 3, axis=2))
    (top, left), (bottom, right) = (
        edge(np.argwhere(picture > 120), axis=0).tolist() for edge in (np.min, np.max)
    )
    assert box.covers(Box(left, top, right, bottom))


def test_letters_of_any_size_are_found_in_a_scanned_film() -> None:
    picture = np.clip(RNG.normal(60, 4, (3200, 4200)), 0, 255).astype(np.uint8)
    places = []
    for size, top in ((16, 150), (60, 600), (200, 1200), (500, 2100)):
        picture, letters = drawn(picture, NAME[: 40 * 100 // size], (150, top), size=size, colour=240)
        places.append(letters)
    found = painted(rapid_finder().find(np.repeat(picture[..., np.newaxis], 3, axis=2)), 3200, 4200)
    covered = [found[box.top : box.bottom, box.left : box.right].mean() for box in places]
    assert min(covered) > 0.9


def test_no_more_than_a_tile_of_a_scanned_film_is_in_work_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    def finds_nothing(_: Any, __: Any, picture: NDArray[np.uint8]) -> Any:
        asked.append(picture.shape[:2])
        return SimpleNamespace(boxes=None)

    monkeypatch.setattr(type(rapid_finder()), "_ask", finds_nothing)
    rng = np.random.default_rng(1)
    picture = np.broadcast_to(rng.integers(0, 255, (8000, 10_000, 1), np.uint8), (8000, 10_000, 3))
    assert rapid_finder().find(picture) == ()
    assert max(max(shape) for shape in asked) <= 1280
    assert sum(rows * columns for rows, columns in asked) < 2 * 8000 * 10_000


@pytest.mark.parametrize("size", [10, 14])
def test_a_name_that_is_there_for_one_frame_in_moving_speckle_is_found(size: int) -> None:
    speckle = np.clip(RNG.gamma(2, 20, (5, 400, 500)), 0, 255).astype(np.uint8)
    speckle[3], letters = drawn(speckle[3], NAME, (200, 200), size=size, colour=255)
    verdict = look(instance(speckle), policy=POLICY, finder=rapid_finder())
    found = painted(verdict.boxes, 400, 500)
    assert found[letters.top : letters.bottom, letters.left : letters.right].mean() > 0.9
