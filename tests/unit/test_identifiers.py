"""What may be a DICOM UID and what an Orthanc identifier."""

from __future__ import annotations

import doctest

import pytest

from orthanc_plugins import identifiers
from orthanc_plugins.identifiers import is_dicom_uid, is_orthanc_id
from tests.fakes.orthanc_rest import orthanc_id


def test_the_examples_of_the_docstrings_hold() -> None:
    outcome = doctest.testmod(identifiers)
    assert outcome.attempted >= 2
    assert outcome.failed == 0


@pytest.mark.parametrize("text", ["1", "0.0", "1.2.840", "2.25." + "9" * 59])
def test_valid_uids(text: str) -> None:
    assert is_dicom_uid(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".1", "1..2", "01.2", "1.02", "1.2.a", "1.2\n", "../1", "1 2", "1" * 65, "\u0661.\u0662"],
)
def test_invalid_uids(text: str) -> None:
    assert not is_dicom_uid(text)


def test_an_orthanc_identifier_is_five_groups_of_eight_hex_digits() -> None:
    valid = orthanc_id("1.2.3")
    assert is_orthanc_id(valid)
    for invalid in (
        valid.upper(),
        valid[:-1],
        valid + "\n",
        valid + "-00000000",
        valid.replace("-", "/"),
        "",
    ):
        assert not is_orthanc_id(invalid)
