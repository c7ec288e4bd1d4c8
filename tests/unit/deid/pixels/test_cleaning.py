"""Text is painted over, looked for again, and what stays in doubt is held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from orthanc_plugins.deid.pixels.boxes import Box
from orthanc_plugins.deid.pixels.cleaning import cleaned, look
from orthanc_plugins.deid.pixels.finder import Reading
from orthanc_plugins.deid.pixels.known import KnownRegions
from orthanc_plugins.deid.pixels.native import values_of
from orthanc_plugins.deid.pixels.verdict import PixelPolicy, PixelState, Reason
from orthanc_plugins.errors import HeldForReview
from tests.unit.deid.pixels.pictures import LightFinder, drawn, instance, slice_of_ct

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLICY = PixelPolicy(known=KnownRegions(()))
TECHNICAL = Reading("12.3 mm", 0.95)
GROUND = (np.add.outer(np.arange(60), np.arange(80)) % 100 + 50).astype(np.uint8)
TEXT, LETTERS = drawn(GROUND, "ANNA", (10, 20), size=12, colour=255, smooth=False)


class Everywhere(LightFinder):
    """Finds text wherever it looks, and never the same twice."""

    def find(self, picture: NDArray[np.uint8], *, is_moving: bool = False) -> tuple[Box, ...]:
        del is_moving
        self.looked_at.append(picture.shape[:2])
        at = len(self.looked_at) * 16
        return (Box(at, at, at + 8, at + 8),)


def frames_of(dataset: Dataset) -> NDArray[Any]:
    return values_of(dataset).frames


def kinds() -> list[Any]:
    """Return a text in every kind of pixels, with the darkest value of each."""
    colours = np.repeat(TEXT[..., np.newaxis], 3, axis=2)
    ybr = np.stack([TEXT, np.full_like(TEXT, 128), np.full_like(TEXT, 128)], axis=2)
    return [
        pytest.param(instance(TEXT[np.newaxis]), [50], id="grey"),
        pytest.param(instance(255 - TEXT[np.newaxis], photometric="MONOCHROME1"), [205], id="turned"),
        pytest.param(instance(TEXT[np.newaxis].astype(np.int16) - 90), [-40], id="signed"),
        pytest.param(instance(TEXT[np.newaxis].astype(np.uint16) * 16, BitsStored=12), [800], id="12 bits"),
        pytest.param(instance(colours[np.newaxis], photometric="RGB"), [0, 0, 0], id="RGB"),
        pytest.param(
            instance(colours[np.newaxis], photometric="RGB", PlanarConfiguration=1), [0, 0, 0], id="planes"
        ),
        pytest.param(instance(ybr[np.newaxis], photometric="YBR_FULL"), [0, 128, 128], id="YBR"),
        pytest.param(by_palette(), [99], id="palette"),
    ]


def by_palette() -> Dataset:
    """Return a text by a palette that is turned around: the darkest colours have the highest numbers."""
    colours = (np.arange(255, -1, -1) * 257).astype("<u2").tobytes()
    said: dict[str, Any] = {}
    for name in ("Red", "Green", "Blue"):
        said[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        said[f"{name}PaletteColorLookupTableData"] = colours
    numbers = np.where(TEXT == 255, 0, np.clip(TEXT, 70, 99))
    return instance(numbers[np.newaxis].astype(np.uint8), photometric="PALETTE COLOR", **said)


@pytest.mark.parametrize(("dataset", "dark"), kinds())
def test_text_is_painted_with_the_darkest_value(dataset: Dataset, dark: list[int]) -> None:
    before = frames_of(dataset).copy()
    result, verdict = cleaned(dataset, policy=POLICY, finder=LightFinder())
    after = frames_of(result)
    box = verdict.boxes[0]
    assert verdict.state is PixelState.MASKED
    assert box.covers(LETTERS)
    assert (after[:, box.top : box.bottom, box.left : box.right] == dark).all()
    outside = np.ones(TEXT.shape, np.bool_)
    outside[box.top : box.bottom, box.left : box.right] = False
    assert np.array_equal(after[:, outside], before[:, outside])


def test_the_instance_given_stays_as_it_is() -> None:
    dataset = instance(TEXT[np.newaxis])
    before = bytes(dataset.PixelData)
    cleaned(dataset, policy=POLICY, finder=LightFinder())
    assert dataset.PixelData == before


def test_pixels_without_text_are_clean_and_the_same_object() -> None:
    dataset = instance(GROUND[np.newaxis])
    result, verdict = cleaned(dataset, policy=POLICY, finder=LightFinder(is_blind=True))
    assert result is dataset
    assert (verdict.state, verdict.boxes, verdict.frames_looked_at) == (PixelState.CLEAN, (), 1)
    assert verdict.was_looked_at


def test_a_measured_slice_is_not_looked_at_and_no_marker_may_say_so() -> None:
    finder = LightFinder()
    _, verdict = cleaned(slice_of_ct(), policy=POLICY, finder=finder)
    assert (verdict.state, finder.looked_at) == (PixelState.NOT_NEEDED, [])
    assert not verdict.was_looked_at


def test_text_that_is_found_after_painting_is_held() -> None:
    large = np.tile(TEXT, (4, 4))
    with pytest.raises(HeldForReview, match=Reason.TEXT_REMAINS):
        cleaned(instance(large[np.newaxis]), policy=POLICY, finder=Everywhere())


def test_what_is_found_after_painting_and_cannot_be_read_holds_nothing() -> None:
    large = np.tile(TEXT, (4, 4))
    finder = Everywhere(Reading("ANNA", 0.3))
    _, verdict = cleaned(instance(large[np.newaxis]), policy=POLICY, finder=finder)
    assert (verdict.state, len(verdict.boxes)) == (PixelState.MASKED, 2)


def test_a_reading_does_not_show_its_text() -> None:
    assert "ANNA" not in repr(Reading("ANNA", 0.3))


def test_text_of_one_frame_is_painted_in_all() -> None:
    frames = np.stack([GROUND, GROUND, TEXT, GROUND])
    result, verdict = cleaned(instance(frames), policy=POLICY, finder=LightFinder())
    box = next(one for one in verdict.boxes if one.covers(LETTERS))
    assert (frames_of(result)[:, box.top : box.bottom, box.left : box.right] == 50).all()


def test_a_still_film_is_looked_at_once_and_a_change_where_it_is() -> None:
    large = np.tile(GROUND, (4, 4))
    changed = large.copy()
    changed[100:105, 150:160] = 0
    finder = LightFinder(is_blind=True)
    _, verdict = cleaned(instance(np.stack([large, large, changed])), policy=POLICY, finder=finder)
    assert verdict.frames_looked_at == 2
    assert set(finder.looked_at) == {(240, 320), (101, 106)}


def test_more_frames_than_the_profile_allows_are_held() -> None:
    with pytest.raises(HeldForReview, match="3 of at most 2"):
        cleaned(instance(np.stack([TEXT] * 3)), policy=replace(POLICY, most_frames=2), finder=LightFinder())


def test_technical_text_stays_where_the_profile_says_so() -> None:
    policy = replace(POLICY, mask="identity")
    _, technical = cleaned(instance(TEXT[np.newaxis]), policy=policy, finder=LightFinder(TECHNICAL))
    assert technical.state is PixelState.CLEAN
    for says in (Reading("ANNA", 0.95), Reading("12.3 mm", 0.6)):
        _, named = cleaned(instance(TEXT[np.newaxis]), policy=policy, finder=LightFinder(says))
        assert named.state is PixelState.MASKED


def test_all_text_goes_by_default_technical_or_not() -> None:
    _, verdict = cleaned(instance(TEXT[np.newaxis]), policy=POLICY, finder=LightFinder(TECHNICAL))
    assert verdict.state is PixelState.MASKED


def test_known_regions_are_painted_though_no_text_is_found() -> None:
    policy = replace(POLICY, known=KnownRegions.read("OT\t\t\t\t\t\t\t0,0,80,10\tours"))
    result, verdict = cleaned(instance(GROUND[np.newaxis]), policy=policy, finder=LightFinder(is_blind=True))
    assert verdict.boxes == (Box(0, 0, 80, 10),)
    assert (frames_of(result)[:, :10] == 50).all()


def test_what_is_outside_the_regions_of_an_ultrasound_can_go() -> None:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 10, 15
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 69, 49
    dataset = instance(GROUND[np.newaxis], SequenceOfUltrasoundRegions=Sequence([region]))
    policy = replace(POLICY, outside_ultrasound_regions=True)
    result, _ = cleaned(dataset, policy=policy, finder=LightFinder(is_blind=True))
    after = frames_of(result)[0, ..., 0]
    assert np.array_equal(after[15:50, 10:70], GROUND[15:50, 10:70])
    assert (after[:15] == 50).all()
    assert (after[:, 70:] == 50).all()


def test_looking_changes_nothing_and_says_that_there_is_text() -> None:
    dataset = instance(TEXT[np.newaxis])
    before = bytes(dataset.PixelData)
    verdict = look(dataset, policy=POLICY, finder=LightFinder())
    assert verdict.state is PixelState.HELD
    assert Reason.TEXT in verdict.reasons
    assert dataset.PixelData == before


def test_pixels_that_cannot_be_read_are_held_by_both() -> None:
    dataset = instance(TEXT[np.newaxis], photometric="CMYK")
    assert look(dataset, policy=POLICY, finder=LightFinder()).state is PixelState.HELD
    with pytest.raises(HeldForReview, match="photometric interpretation"):
        cleaned(dataset, policy=POLICY, finder=LightFinder())


def test_an_overlay_in_spare_bits_is_cleared() -> None:
    hidden = GROUND[np.newaxis].astype(np.uint16)
    hidden[0, 20:30, 10:40] |= 0x8000
    dataset = instance(hidden, BitsStored=12)
    dataset.add_new(0x60000010, "US", 60)
    result, verdict = cleaned(dataset, policy=POLICY, finder=LightFinder(is_blind=True))
    assert verdict.state is PixelState.MASKED
    assert np.array_equal(frames_of(result)[0, ..., 0], GROUND)


def test_a_large_film_is_looked_at_again_only_around_what_was_painted() -> None:
    ground = (np.add.outer(np.arange(1600), np.arange(1400)) % 100 + 50).astype(np.uint8)
    still = np.repeat(ground[np.newaxis], 2, axis=0)
    still[:, 40:60, 40:200] = 255
    finder = LightFinder()
    _, verdict = cleaned(instance(still), policy=POLICY, finder=finder)
    assert verdict.state is PixelState.MASKED
    assert (finder.looked_at[0], finder.looked_at[-1]) == ((1600, 1400), (116, 256))
