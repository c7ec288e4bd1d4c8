"""Hours in which transfers may run, on the clock of the place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.rules import Window

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Window.parse("18:00-06:00")
CLINIC = Window.parse("Mon-Fri 18:00-06:00, Sat-Sun 00:00-24:00")


def berlin(day: str, time: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("time", "open_"),
    [("17:59", False), ("18:00", True), ("23:59", True), ("00:00", True), ("05:59", True), ("06:00", False)],
)
def test_hours_pass_midnight(time: str, *, open_: bool) -> None:
    assert NIGHT.is_open(berlin("2026-11-25", time), BERLIN) is open_


def test_an_open_window_opens_now_and_a_closed_one_later() -> None:
    at_night = berlin("2026-11-25", "22:00")
    assert NIGHT.opens_at(at_night, BERLIN) == at_night
    assert NIGHT.opens_at(berlin("2026-11-25", "12:00"), BERLIN) == berlin("2026-11-25", "18:00")
    assert NIGHT.opens_at(berlin("2026-11-25", "12:00"), BERLIN).tzinfo is UTC


@pytest.mark.parametrize(
    ("day", "time", "opens"),
    [
        ("2026-11-27", "12:00", ("2026-11-27", "18:00")),  # Friday noon
        ("2026-11-28", "05:00", None),  # Friday's night, and Saturday
        ("2026-11-29", "15:00", None),  # Sunday
        ("2026-11-30", "00:00", ("2026-11-30", "18:00")),  # Sunday has ended
        ("2026-12-01", "03:00", None),  # Monday's night
        ("2026-12-01", "07:00", ("2026-12-01", "18:00")),
    ],
)
def test_days_of_the_week_are_those_on_which_the_hours_begin(
    day: str, time: str, opens: tuple[str, str] | None
) -> None:
    now = berlin(day, time)
    assert CLINIC.opens_at(now, BERLIN) == (now if opens is None else berlin(*opens))


def test_days_may_pass_the_end_of_the_week() -> None:
    window = Window.parse("Sat-Mon 08:00-09:00")
    assert window.opens_at(berlin("2026-11-30", "08:30"), BERLIN) == berlin("2026-11-30", "08:30")
    assert window.opens_at(berlin("2026-11-30", "09:00"), BERLIN) == berlin("2026-12-05", "08:00")


def test_an_hour_that_the_clock_leaves_out_is_none_of_the_window() -> None:
    window = Window.parse("02:00-03:00")
    assert window.opens_at(berlin("2026-03-28", "12:00"), BERLIN) == berlin("2026-03-30", "02:00")
    weekly = Window.parse("Sun 02:00-03:00")
    assert weekly.opens_at(berlin("2026-03-28", "12:00"), BERLIN) == berlin("2026-04-05", "02:00")


def test_an_hour_that_comes_twice_is_meant_the_first_time() -> None:
    window = Window.parse("02:00-02:30")
    assert window.is_open(berlin("2026-10-25", "02:15"), BERLIN)
    assert not window.is_open(berlin("2026-10-25", "02:15", fold=1), BERLIN)


def test_a_night_in_which_the_clock_changes_is_an_hour_shorter_or_longer() -> None:
    for day, hours in (("2026-03-28", 11), ("2026-10-24", 13), ("2026-11-24", 12)):
        opens = NIGHT.opens_at(berlin(day, "12:00"), BERLIN)
        assert NIGHT.is_open(opens + timedelta(hours=hours, seconds=-1), BERLIN)
        assert not NIGHT.is_open(opens + timedelta(hours=hours), BERLIN)


def test_without_a_zone_the_clock_of_the_machine_is_meant() -> None:
    local = datetime(2026, 11, 25, 12, 0).astimezone()
    assert NIGHT.opens_at(local) == local + timedelta(hours=6)
    assert NIGHT.is_open(local + timedelta(hours=6))


MINUTES = st.integers(0, 24 * 60 - 1)
DAYS = st.sampled_from(["", "Mon ", "Sun ", "Mon-Fri ", "Sat-Sun ", "Fri-Mon "])


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


WINDOWS = (
    st.lists(
        st.tuples(DAYS, MINUTES, MINUTES).filter(lambda span: span[1] != span[2]), min_size=1, max_size=3
    )
    .map(lambda spans: ", ".join(f"{days}{clock(opens)}-{clock(closes)}" for days, opens, closes in spans))
    .map(Window.parse)
)
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(WINDOWS, TIMES, st.floats(0.001, 0.999))
def test_a_window_is_open_when_it_opens_and_not_before(window: Window, now: datetime, share: float) -> None:
    opens = window.opens_at(now, BERLIN)
    assert now <= opens <= now + timedelta(days=15)
    assert window.is_open(opens, BERLIN)
    assert (opens == now) == window.is_open(now, BERLIN)
    if opens > now:
        between = now + (opens - now) * share
        assert not window.is_open(between, BERLIN) or between == opens


@pytest.mark.parametrize(
    "text",
    [
        "",
        "18-06",
        "18:00",
        "18:00-18:00",
        "24:00-06:00",
        "25:00-06:00",
        "18:60-19:00",
        "Mon-Fri",
        "Mo-Fr 18:00-06:00",
        "18:00-06:00,",
        "18:00-24:01",
        "Mon-Xyz 18:00-06:00",
    ],
)
def test_what_is_no_window_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="it is written 18:00-06:00"):
        Window.parse(text)
