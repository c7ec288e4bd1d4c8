"""Many patterns are found at once, wherever they begin and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.validation.identity import Identity
from orthanc_plugins.validation.patterns import Kind, Pattern, patterns_of
from orthanc_plugins.validation.search import Index

LONGER = st.binary(min_size=6, max_size=14).map(bytes.lower)


def starts(codes: list[bytes], data: bytes) -> set[tuple[bytes, int]]:
    index = Index([Pattern(code, Kind.NAME, "utf-8") for code in codes])
    return {(hit.pattern.code, hit.start) for hit in index.search(data)}


@given(st.lists(LONGER, min_size=1, max_size=5, unique=True), st.lists(st.binary(max_size=9), max_size=6))
def test_it_finds_what_a_plain_search_finds(codes: list[bytes], between: list[bytes]) -> None:
    data = b"".join(gap + codes[at % len(codes)] for at, gap in enumerate(between))
    lowered = data.lower()
    expected = {(code, at) for code in codes for at in range(len(data)) if lowered.startswith(code, at)}
    assert starts(codes, data) == expected


@pytest.mark.parametrize("length", [6, 7, 8, 9, 10, 11])
@pytest.mark.parametrize("ahead", [0, 1, 2, 3])
@pytest.mark.parametrize("behind", [0, 1])
def test_it_finds_at_both_ends_of_the_data(length: int, ahead: int, behind: int) -> None:
    code = b"abcdefghijkl"[:length]
    assert starts([code], b"x" * ahead + code.upper() + b"y" * behind) == {(code, ahead)}


def test_nothing_is_found_in_nothing() -> None:
    assert starts([b"abcdef"], b"") == starts([b"abcdef"], b"abcde") == starts([], b"abcdef") == set()


def test_a_pattern_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Index([Pattern(b"abcde", Kind.NAME, "utf-8")])


def hits(identity: Identity, data: bytes) -> int:
    """Return whether there are any, as a number; UTF-16 may be read from either end."""
    return int(any(Index(patterns_of(identity)).search(data)))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"x123456y", 1),
        (b"000123456", 1),
        (b"\\123456\\", 1),
        (b"1234567", 0),
        (b"0.123456", 0),
        (b"12.123456\\", 0),
        (b"123456.5", 0),
        (b"2.25.9123456", 0),
        ("n=123456;".encode("utf-16-le"), 1),
        ("n=9123456;".encode("utf-16-le"), 0),
    ],
)
def test_a_number_is_met_as_a_whole_one(data: bytes, found: int) -> None:
    assert hits(Identity(identifiers=frozenset({"00123456"})), data) == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"20240131", 1),
        (b"20240131120000.5", 1),
        (b"x20240131120000x", 1),
        (b"20240131000000000000000", 0),
        (b"2.25.120240131", 0),
        (b"1.20240131.5", 0),
        (b"1.31.1.2024", 0),
        (b"31.1.20245", 0),
        (b" 31.1.2024.", 1),
    ],
)
def test_a_date_is_met_by_itself_or_ahead_of_a_time(data: bytes, found: int) -> None:
    assert hits(Identity(dates=frozenset({"20240131"})), data) == found


@pytest.mark.parametrize(
    ("uid", "data", "found"),
    [
        ("1.2.826.0.1.3680043.5", b"=1.2.826.0.1.3680043.5\0", 1),
        ("1.2.826.0.1.3680043.5", b"=1.2.826.0.1.3680043.5.9", 1),
        ("1.2.826.0.1.3680043.5", b"11.2.826.0.1.3680043.5", 0),
        ("1.2.3.4", b" 1.2.3.4 ", 1),
        ("1.2.3.4", b" 1.2.3.45", 0),
        ("1.2.3.4", b" 1.2.3.4.5", 0),
        ("1.2.3.4", b"0.1.2.3.4", 0),
    ],
)
def test_a_uid_is_met_from_its_begin_and_a_short_one_to_its_end(uid: str, data: bytes, found: int) -> None:
    assert hits(Identity(uids=frozenset({uid})), data) == found


def test_without_an_identity_nothing_is_searched_for() -> None:
    assert patterns_of(Identity()) == []
