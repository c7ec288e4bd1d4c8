"""The archive's moments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dcm4chee.standin.clock import Clock, bounds_of, moment_of, server_time


def seconds(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


def test_a_clock_is_ahead_by_its_skew() -> None:
    assert Clock(600).now() - Clock().now() == pytest.approx(600, abs=1)
    assert Clock(600).of_orthanc("20260102T030405") == seconds(2026, 1, 2, 3, 4, 5) + 600


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("20260102030405+0000", seconds(2026, 1, 2, 3, 4, 5), seconds(2026, 1, 2, 3, 4, 6)),
        ("202601020304+0000", seconds(2026, 1, 2, 3, 4), seconds(2026, 1, 2, 3, 5)),
        ("2026010203+0100", seconds(2026, 1, 2, 2), seconds(2026, 1, 2, 3)),
        ("20260102-0130", seconds(2026, 1, 2, 1, 30), seconds(2026, 1, 3, 1, 30)),
        ("202602+0000", seconds(2026, 2, 1), seconds(2026, 3, 1)),
        ("2026+0000", seconds(2026, 1, 1), seconds(2027, 1, 1)),
    ],
)
def test_a_moment_that_is_not_exact_is_a_span(text: str, first: float, after: float) -> None:
    begin, end = bounds_of(text)
    assert begin == first
    assert end == pytest.approx(after, abs=1e-5)


def test_a_moment_with_a_fraction_is_exact() -> None:
    first, last = bounds_of("20260102030405.250+0000")
    assert first == last == seconds(2026, 1, 2, 3, 4, 5) + 0.25


def test_what_is_written_is_read_back() -> None:
    now = seconds(2026, 7, 1, 12) + 0.125
    assert bounds_of(moment_of(now)) == (now, now)
    assert datetime.strptime(server_time(now), "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() == now


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-02", "20261301", "20260102T03"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|month"):
        bounds_of(text)
