"""Whether a value is what its representation allows (PS3.5 6.2)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.keeping import is_legal, is_long_number, whole_number


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        (b"DS", b"-1.5e+3\\ 2 "),
        (b"IS", b"12\\-3"),
        (b"CS", b"HFS _1\\AXIAL "),
        (b"DA", b"20240229\\ "[:8]),
        (b"DA", b"20240229\\20240301"),
        (b"TM", b"101500.123456"),
        (b"TM", b"10\\1015"),
        (b"TM", b"235960"),
        (b"DT", b"20240229101500.5+0100"),
        (b"DT", b"2024"),
        (b"UI", b"1.2.840\0"),
        (b"UI", b"1.2\\1.3"),
        (b"AS", b"064Y"),
        (b"LO", b"anything at all"),
        (b"OB", b"\x00\xff"),
        *((vr, b"") for vr in (b"DS", b"IS", b"CS", b"DA", b"TM", b"DT", b"UI", b"AS")),
    ],
)
def test_legal_values(vr: bytes, value: bytes) -> None:
    assert is_legal(vr, value)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        (b"DS", b"1.5mm"),
        (b"IS", b"Doe"),
        (b"CS", b"Doe"),
        (b"CS", b"DOE^JOHN"),
        (b"DA", b"20241301"),
        (b"DA", b"2024-01-01"),
        (b"DA", b"Doe20240101"),
        (b"DA", b"20240101Doe"),
        (b"TM", b"246060"),
        (b"TM", b"101500.1234567"),
        (b"DT", b"20240229Doe"),
        (b"DT", b"202402291015+01"),
        (b"UI", b"1.2.Doe"),
        (b"UI", b"1" * 65),
        (b"AS", b"64Y"),
        (b"AS", b"064YDoe"),
    ],
)
def test_values_in_which_something_hides(vr: bytes, value: bytes) -> None:
    assert not is_legal(vr, value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"7 ", 7),
        (b" 007\0", 7),
        (b"", None),
        (b"-7", None),
        (b"7.0", None),
        (b"x", None),
        (b"1" * 5000, None),
    ],
)
def test_whole_numbers_are_read_and_nothing_else_is(value: bytes, number: int | None) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("value", "may_identify"),
    [
        (b"48151", False),
        (b"481516", True),
        (b"1234567890123456", True),
        (b"12345678901234567", False),
        (b"481.516", False),
    ],
)
def test_numbers_of_six_to_sixteen_digits_may_be_identifiers(value: bytes, may_identify: bool) -> None:
    assert is_long_number(value) is may_identify
