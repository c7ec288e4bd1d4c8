"""Descriptions under Clean Descriptors, value by value (PS3.15 E.3.5, PS3.5 6.2)."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.actions import ByType, CleanedText
from orthanc_plugins.deid.job import Job
from orthanc_plugins.deid.rules import Kind, Place, Rule
from orthanc_plugins.deid.wire import EXPLICIT_LITTLE
from tests.unit.deid.objects import PATIENT, PSEUDONYMS


@pytest.mark.parametrize(("vr", "expected"), [(b"LO", b"chest\\\\abdomen"), (b"ST", b"chest abdomen ")])
def test_each_value_of_a_description_is_cleaned_and_a_backslash_parts_none_in_a_text(
    vr: bytes, expected: bytes
) -> None:
    rule = Rule(0x0008103E, Kind.ACTED, vr, frozenset({vr}), "C")
    job = Job(PSEUDONYMS, PATIENT, 0, lambda _: False, lambda _: False)
    value = b"chest\\Smithson\\abdomen"
    assert CleanedText(ByType("X"))(value, rule, Place(EXPLICIT_LITTLE), job) == expected
