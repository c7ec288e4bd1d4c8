"""Reading warns of nothing, in any thread, and leaves the warnings of others alone."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orthanc_plugins.rtstruct import read_pixels, rescaled_pixels
from orthanc_plugins.rtstruct.reading.hush import hush_pydicom
from tests.builders import build_case
from tests.unit.rtstruct.cases import SMALL, file_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LONGEST_S = 20


class SlowImage:
    """An image whose pixels come once something has happened."""

    def __init__(self, happen: Callable[[], object]) -> None:
        self._happen = happen

    def get(self, _: str, otherwise: Any = None) -> Any:
        return otherwise

    @property
    def pixel_array(self) -> NDArray[np.int16]:
        self._happen()
        return np.zeros((2, 2), dtype=np.int16)


def read_overlapping() -> None:
    """Read two images in two threads: the second begins inside the first, and ends after it."""
    first_is_read, second_is_read, first_has_ended = (threading.Event() for _ in range(3))

    def of_first() -> None:
        first_is_read.set()
        assert second_is_read.wait(LONGEST_S)

    def of_second() -> None:
        second_is_read.set()
        assert first_has_ended.wait(LONGEST_S)

    def read_first() -> None:
        rescaled_pixels(SlowImage(of_first))  # type: ignore[arg-type]
        first_has_ended.set()

    def read_second() -> None:
        assert first_is_read.wait(LONGEST_S)
        rescaled_pixels(SlowImage(of_second))  # type: ignore[arg-type]

    threads = [threading.Thread(target=target) for target in (read_first, read_second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_that_read_side_by_side_leave_the_warnings_of_others_alone() -> None:
    read_overlapping()
    with pytest.raises(UserWarning, match="of another"):
        warnings.warn("of another", UserWarning, stacklevel=1)


def too_long() -> bytes:
    """Return an image with more pixels than it announces, of which pydicom warns."""
    image = build_case(frame=SMALL, regions=1).images[0]
    image.PixelData += bytes(64)
    return file_bytes(image)


def test_nothing_is_warned_of_whatever_filters_came_later() -> None:
    content = too_long()
    for _ in range(2):
        assert read_pixels(content).shape == (64, 64)
        warnings.simplefilter("error")


def test_ending_the_exchange_of_filters_of_another_thread_takes_nothing_away() -> None:
    with warnings.catch_warnings():
        hush_pydicom()
    assert read_pixels(too_long()).shape == (64, 64)


def test_filters_do_not_grow() -> None:
    hush_pydicom()
    count = len(warnings.filters)
    for _ in range(5):
        warnings.simplefilter("error")
        hush_pydicom()
    assert len(warnings.filters) <= count + 1
