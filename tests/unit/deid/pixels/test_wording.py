"""Text that names nobody is told from all other text."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.pixels.wording import is_technical

TECHNICAL = [
    "R",
    "L",
    "AP",
    "12.3 mm",
    "120 kV",
    "kVp 120",
    "-400",
    "7",
    "512 x 512",
    "MI 1.2",
    "Zoom: 1.5",
    "45 dB",
    "W: 400",
    "3.2 cm x 1.8 cm",
    "Im: 12/60",
    "100%",
    "28Hz",
    "11cm",
]
IDENTITIES = [
    "Smith",
    "A. Ng",
    "12.03.1961",
    "1961-03-12",
    "12/03/61",
    "1961",
    "0815",
    "4711-0815",
    "14:22",
    "St. Mary",
    "R Smith",
    "ID 12",
    "L 1961",
    "DOB 3",
    "",
    "R\nSmith",
    "12.3 mm Smith",
    "Se 20260102",
    "1961 s",
]


@pytest.mark.parametrize("text", TECHNICAL)
def test_sides_scales_and_settings_are_technical(text: str) -> None:
    assert is_technical(text)


@pytest.mark.parametrize("text", IDENTITIES)
def test_names_dates_and_numbers_are_identities(text: str) -> None:
    assert not is_technical(text)
