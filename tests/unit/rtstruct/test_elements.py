"""Single elements read from their bytes."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from orthanc_plugins.rtstruct.reading.elements import whole_number

ROI_NUMBER = 0x30060022


def item_with(value: bytes) -> Dataset:
    item = Dataset()
    item[Tag(ROI_NUMBER)] = RawDataElement(Tag(ROI_NUMBER), "IS", len(value), value, 0, False, True)
    return item


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"7 ", 7),
        (b"-3", -3),
        (b"2147483647", 2147483647),
        (b"2147483648", None),
        (b"1" * 40, None),
        (b"x", None),
    ],
)
def test_whole_numbers_are_those_of_the_standard(value: bytes, number: int | None) -> None:
    assert whole_number(item_with(value), ROI_NUMBER) == number


def test_an_absent_number_is_none() -> None:
    assert whole_number(Dataset(), ROI_NUMBER) is None
