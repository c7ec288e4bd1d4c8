"""Code strings: terms stay, names and numbers in their place do not."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.standard.code_strings import code_strings, is_term
from orthanc_plugins.deid.text.vocabulary import WORDS


@pytest.mark.parametrize(
    "term",
    [
        "ORIGINAL",
        "CT",
        "RTSTRUCT",
        "YBR_FULL_422",
        "CLOSED_PLANAR",
        "M_SE",
        "DIS2D",
        "ISO_10918_1",
        "CHEST",
        "T1",
    ],
)
def test_a_term_stays(term: str) -> None:
    assert is_term(term, WORDS)


@pytest.mark.parametrize("name", ["SMITHSON", "MUELLER JOHANN", "ACC20240117", "12345678", "ID_998877"])
def test_a_name_or_a_number_is_no_term(name: str) -> None:
    assert not is_term(name, WORDS)


def test_every_listed_term_is_a_code_string() -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")
    assert len(code_strings()) > 1900
    assert all(set(term) <= allowed and 0 < len(term) <= 16 for term in code_strings())
