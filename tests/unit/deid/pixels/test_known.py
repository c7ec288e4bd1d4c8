"""The table of where devices write."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.pixels.boxes import Box
from orthanc_plugins.deid.pixels.known import KnownRegions
from orthanc_plugins.deid.pixels.verdict import PixelPolicy
from orthanc_plugins.errors import ProfileError
from tests.unit.deid.pixels.pictures import slice_of_ct

ULTRASOUND = {"Modality": "US", "Manufacturer": "SIEMENS", "ManufacturerModelName": "S2000"}


def test_a_device_of_the_table_has_its_boxes() -> None:
    dataset = slice_of_ct(**ULTRASOUND, Rows=768, Columns=1024)
    assert KnownRegions.shipped().boxes(dataset) == (Box(0, 0, 1024, 60),)


@pytest.mark.parametrize("said", [{"Rows": 600, "Columns": 1024}, {"Rows": 768, "Columns": 800}])
def test_another_size_of_picture_has_none(said: dict[str, int]) -> None:
    assert KnownRegions.shipped().boxes(slice_of_ct(**ULTRASOUND, **said)) == ()


def test_a_low_dose_scan_is_no_dose_screen() -> None:
    dataset = slice_of_ct(Manufacturer="Philips", SeriesDescription="Low dose chest")
    assert KnownRegions.shipped().boxes(dataset) == ()


def test_every_row_that_is_shipped_tells_its_source() -> None:
    regions = KnownRegions.shipped().regions
    assert len(regions) == 38
    assert all(region.source and region.boxes for region in regions)


def test_a_site_adds_its_own_rows() -> None:
    own = KnownRegions.read("US\tAcme\t\t\t\t\t\t1,2,30,4 0,90,5,5\tours\n")
    dataset = slice_of_ct(Modality="US", Manufacturer="ACME Ltd")
    assert PixelPolicy(known=KnownRegions.shipped().and_also(own)).known.boxes(dataset) == (
        Box(1, 2, 31, 6),
        Box(0, 90, 5, 95),
    )


@pytest.mark.parametrize("boxes", ["1,2,3", "1,2,0,4", "-1,2,3,4", "a,b,c,d"])
def test_a_row_that_is_no_row_is_refused_without_its_words(boxes: str) -> None:
    with pytest.raises(ProfileError, match="line 2 of") as refused:
        KnownRegions.read(f"# ours\nUS\tSecret\t\t\t\t\t\t{boxes}\tours\n")
    assert "Secret" not in str(refused.value)


def test_a_policy_of_unknown_words_is_refused() -> None:
    with pytest.raises(ProfileError, match="'mask' all or identity"):
        PixelPolicy(mask="some")
