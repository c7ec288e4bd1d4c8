"""Values are read without being logged, whatever they are."""

from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING

import pydicom
from pydicom.dataset import Dataset

from orthanc_plugins.deid.pixels.header import numbers, text, whole_number, word, words
from orthanc_plugins.deid.pixels.risk import risk
from orthanc_plugins.deid.pixels.verdict import PixelPolicy
from tests.unit.deid.pixels.pictures import slice_of_ct

if TYPE_CHECKING:
    import pytest

NAME = "zacharias, not a code string"


def stored(dataset: Dataset) -> Dataset:
    """Return a data set as it is read from a file: elements are still bytes."""
    out = io.BytesIO()
    dataset.save_as(out, implicit_vr=False, little_endian=True)
    return pydicom.dcmread(io.BytesIO(out.getvalue()), force=True)


def test_values_read_alike_before_and_after_pydicom_has_read_them() -> None:
    said = slice_of_ct(
        WindowCenter=[40, -600], SeriesDescription="Schädel", SpecificCharacterSet="ISO_IR 192"
    )
    for dataset in (said, stored(said)):
        assert words(dataset, "ImageType") == ("ORIGINAL", "PRIMARY", "AXIAL")
        assert text(dataset, "SeriesDescription") == "Schädel"
        assert numbers(dataset, "WindowCenter") == (40.0, -600.0)
        assert (whole_number(dataset, "Rows"), whole_number(dataset, "NumberOfFrames")) == (64, 1)


def test_what_is_not_there_is_empty() -> None:
    empty = Dataset()
    assert (word(empty, "Modality"), words(empty, "ImageType"), numbers(empty, "WindowWidth")) == ("", (), ())
    assert whole_number(empty, "Rows") == 0


def test_a_value_that_pydicom_would_log_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bad = slice_of_ct(BodyPartExamined=NAME, ImageType=["ORIGINAL", NAME], WindowCenter=1)
        bad["WindowCenter"]._value = NAME
        dataset = stored(bad)
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        risk(dataset, PixelPolicy())
        assert numbers(dataset, "WindowCenter") == ()
    assert NAME not in caplog.text
