"""One JSON for each certificate, and nothing but a certificate is read as one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest

from orthanc_plugins.certificates.canonical import (
    LONGEST_TEXT,
    MOST_EXACT,
    canonical,
    parsed,
    plain,
    restored,
)
from orthanc_plugins.errors import DeidError


@dataclass(frozen=True)
class Sample:
    name: str
    at: datetime
    parts: tuple[int, ...]
    more: int | None
    since: int = 0
    known: Annotated[str, "[a-z]"] | None = None


WHOLE = {"name": "a", "at": "2026-11-30T09:00:00Z", "parts": [1, 2], "more": None}


def test_names_are_in_order_without_space_in_utf_8() -> None:
    assert canonical({"b": [1, None], "a": {"d": "é€", "c": '"\\'}}) == (
        '{"a":{"c":"\\"\\\\","d":"é€"},"b":[1,null]}'.encode()
    )


def test_a_dataclass_comes_back_as_it_was() -> None:
    sample = Sample("a", datetime(2026, 11, 30, 9, tzinfo=UTC), (1, 2), None)
    assert plain(sample) == WHOLE
    assert restored(Sample, WHOLE, "it") == sample


def test_a_field_that_was_added_later_is_left_out_where_it_says_nothing() -> None:
    grown = Sample("a", datetime(2026, 11, 30, 9, tzinfo=UTC), (1, 2), None, 3, "k")
    assert plain(grown) == WHOLE | {"since": 3, "known": "k"}
    assert restored(Sample, WHOLE | {"since": 3, "known": "k"}, "it") == grown


@pytest.mark.parametrize(
    "changed",
    [
        {"name": 1},
        {"name": "a\n"},
        {"name": "\x1b[31m"},
        {"name": "\ud800"},
        {"name": "a" * (LONGEST_TEXT + 1)},
        {"at": "2026-11-30"},
        {"at": "2026-11-30T9:00:00Z"},
        {"at": "2026-11-30T09:00:00+00:00"},
        {"at": 5},
        {"parts": {}},
        {"parts": ["1"]},
        {"parts": [True]},
        {"parts": [1.0]},
        {"parts": [-1]},
        {"parts": [MOST_EXACT + 1]},
        {"more": "x"},
        {"since": 0},
        {"known": None},
        {"known": "K"},
        {"unknown": 1},
    ],
)
def test_what_has_another_form_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(DeidError, match="no certificate, or was altered: it"):
        restored(Sample, WHOLE | changed, "it")


@pytest.mark.parametrize("name", list(WHOLE))
def test_a_field_that_is_missing_is_refused(name: str) -> None:
    with pytest.raises(DeidError, match="lacks a field"):
        restored(Sample, {key: value for key, value in WHOLE.items() if key != name}, "it")


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff", b"{", b'{"a":1,"a":1}', b'{"a":NaN}', b'{"a":Infinity}', b"[" * 100_000, b"1" * 10_000],
)
def test_what_is_no_json_of_one_meaning_is_refused(text: bytes) -> None:
    with pytest.raises(DeidError, match="not the JSON"):
        parsed(text)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 30, 9),  # noqa: DTZ001 - that is what is refused
        datetime(2026, 11, 30, 9, tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 11, 30, 9, microsecond=1, tzinfo=UTC),
    ],
)
def test_a_time_that_has_no_one_form_is_refused(moment: datetime) -> None:
    with pytest.raises(DeidError, match="UTC"):
        plain(moment)


def test_a_fraction_is_refused_in_writing() -> None:
    with pytest.raises(DeidError, match="no values of this kind"):
        plain((0.1,))


def test_what_is_refused_is_not_quoted() -> None:
    with pytest.raises(DeidError) as refused:
        restored(
            Sample, json.loads(json.dumps(WHOLE | {"DOE^JANE": "DOE^JANE\n", "name": "DOE^JANE\n"})), "it"
        )
    assert "DOE" not in str(refused.value)
