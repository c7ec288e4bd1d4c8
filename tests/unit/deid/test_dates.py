"""Encoded dates move by whole weeks, and what cannot move honestly is nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.deid.dates import capped_age, is_tm, shifted_da, shifted_dt

DAYS = st.dates(date(1911, 1, 1), date(2099, 12, 31)).filter(lambda day: (day.month, day.day) != (1, 1))
WEEKS = st.integers(52, 520)


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        (b"20240305", -7, b"20240227"),
        (b"20230305", -7, b"20230226"),
        (b"20240229", -364, b"20230302"),
        (b"20000229", 366, b"20010301"),
        (b"2024.03.05", -7, b"20240227"),
        (b"20240305 ", -7, b"20240227"),
        (b"20240305\0\0", -7, b"20240227"),
        (b"20240305\\20240312", -7, b"20240227\\20240305 "),
        (b"20240305\\\\20240312", -7, b"20240227\\\\20240305"),
        (b"19000102", -7, b"18991226"),
        (b"", -7, b""),
        (b"  ", -7, b""),
    ],
)
def test_a_date_moves(value: bytes, days: int, moved: bytes) -> None:
    assert shifted_da(value, days) == moved


@pytest.mark.parametrize(
    "value",
    [
        b"20230229",
        b"19000229",
        b"20241301",
        b"20240100",
        b"00000101",
        b"2024",
        b"202403",
        b"2024-03-05",
        b"2024.0305",
        b"20240305-",
        b"20240305-20240312",
        b"20240305\\Doe^Jane",
        b" 20240305",
        b"20240305120000",
        b"\xb2\xb0\xb2\xb4\xb0\xb3\xb0\xb5",
        "٢٠٢٤٠٣٠٥".encode(),
    ],
)
def test_what_is_no_date_is_nothing(value: bytes) -> None:
    assert shifted_da(value, -364) is None


@pytest.mark.parametrize(
    "value",
    [b"00010101", b"16010101", b"18581117", b"18991230", b"19000101", b"19700101", b"19800101", b"99991231"],
)
def test_a_placeholder_never_tells_the_offset(value: bytes) -> None:
    assert shifted_da(value, -364) is None
    assert shifted_dt(value + b"000000", -364) is None


@given(day=DAYS, weeks=WEEKS)
def test_the_weekday_and_the_way_back_stay(day: date, weeks: int) -> None:
    value = day.strftime("%Y%m%d").encode()
    moved = shifted_da(value, -7 * weeks)
    if moved is not None:
        there = date.fromisoformat(moved.decode())
        assert there.weekday() == day.weekday()
        assert there + timedelta(weeks=weeks) == day
        assert shifted_dt(value, -7 * weeks) == moved


@given(day=DAYS, later=st.integers(0, 3000), weeks=WEEKS)
def test_intervals_stay(day: date, later: int, weeks: int) -> None:
    first = shifted_da(day.strftime("%Y%m%d").encode(), -7 * weeks)
    second = shifted_da((day + timedelta(later)).strftime("%Y%m%d").encode(), -7 * weeks)
    if first and second:
        between = date.fromisoformat(second.decode()) - date.fromisoformat(first.decode())
        assert between == timedelta(later)


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        (b"20240305", -7, b"20240227"),
        (b"2024030510", -7, b"2024022710"),
        (b"202403051015", -7, b"202402271015"),
        (b"20240305101559", -7, b"20240227101559"),
        (b"20240305101560", -7, b"20240227101560"),
        (b"20240305101559.123456", -7, b"20240227101559.123456 "),
        (b"20240305101559.1-0330", -7, b"20240227101559.1-0330 "),
        (b"20240305+0000", -7, b"20240227+0000 "),
        (b"20240305101559+1400\\20240312", -7, b"20240227101559+1400\\20240305"),
        (b"", -7, b""),
    ],
)
def test_a_date_with_time_moves_and_keeps_its_time(value: bytes, days: int, moved: bytes) -> None:
    assert shifted_dt(value, days) == moved


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        (b"202403", 0, b"202403"),
        (b"2024", 0, b"2024"),
        (b"202403", -364, b"2023"),
        (b"202412", -364, None),
        (b"202401", -364, b"2023"),
        (b"202303", 31, b"2023"),
        (b"202302", 365, b"202402"),
        (b"202403+0100", -364, b"2023+0100 "),
        (b"2024", -364, None),
        (b"2024+0100", -364, None),
        (b"202400", -7, None),
        (b"202413", -7, None),
        (b"9999", -7, None),
    ],
)
def test_a_span_keeps_only_what_is_still_true(value: bytes, days: int, moved: bytes | None) -> None:
    assert shifted_dt(value, days) == moved


@pytest.mark.parametrize(
    "value",
    [
        b"20240230101559",
        b"2024030524",
        b"202403051060",
        b"20240305101561",
        b"20240305101559.",
        b"20240305101559.1234567",
        b"2024030510.5",
        b"20240305101559+1401",
        b"20240305101559-0000",
        b"20240305101559-1230",
        b"20240305101559+01",
        b"20240305101559Z",
        b"20240305-20240312",
        b"2024-03-05",
        b"Doe",
    ],
)
def test_what_is_no_date_with_time_is_nothing(value: bytes) -> None:
    assert shifted_dt(value, -364) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"10",
        b"1015",
        b"101559",
        b"235960",
        b"101559.1",
        b"101559.123456",
        b"10:15:59",
        b"10:15",
        b"10\\1015 ",
    ],
)
def test_times_of_the_standard_are_times(value: bytes) -> None:
    assert is_tm(value)


@pytest.mark.parametrize(
    "value",
    [
        b"24",
        b"1060",
        b"101561",
        b"1",
        b"101",
        b"10.5",
        b"1015.5",
        b"101559.1234567",
        b"101559.",
        b"1000-1200",
        b"10:1559",
        b"noon",
    ],
)
def test_others_are_none(value: bytes) -> None:
    assert not is_tm(value)


@pytest.mark.parametrize(
    ("value", "capped"),
    [
        (b"089Y", b"089Y"),
        (b"090Y", b"090Y"),
        (b"091Y", b"090Y"),
        (b"999Y", b"090Y"),
        (b"045Y", b"045Y"),
        (b"999M", b"999M"),
        (b"012W", b"012W"),
        (b"003D", b"003D"),
        (b"", b""),
        (b"101Y\\012M", b"090Y\\012M "),
    ],
)
def test_ages_above_89_years_become_90(value: bytes, capped: bytes) -> None:
    assert capped_age(value) == capped


@pytest.mark.parametrize("value", [b"45Y", b"101", b"101y", b"0101Y", b"101 Y", b"about 101", b"-91Y"])
def test_what_is_no_age_is_nothing(value: bytes) -> None:
    assert capped_age(value) is None
