"""What stands in a data set many times is walked once, and written as if it had been walked each time."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid import walk
from tests.builders.writing import EXPLICIT, IMPLICIT, Element, Writing, part_10
from tests.unit.deid.objects import base, deidentified

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def image(uid: str, *more: Element) -> tuple[Element, ...]:
    return (Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", uid), *more)


def contour(uid: str, *more: Element) -> tuple[Element, ...]:
    return (
        Element(0x30060016, "SQ", (image(uid, *more),)),
        Element(0x30060042, "CS", "POINT"),
        Element(0x30060050, "DS", "1\\2\\3"),
    )


NESTED = Element(0x00081199, "SQ", (image("1.9.1"),))
"""Its delimiter comes before that of the sequence around it."""
CONTOURS = (
    *(contour(f"1.9.{number % 3}") for number in range(9)),
    contour("1.9.1", Element(0x00100010, "PN", "Secret^Inner")),
    contour("1.9.1", NESTED),
    contour("1.9.1", NESTED),
    contour("1.9.2", NESTED),
)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("is_open", [True, False])
def test_the_bytes_are_those_of_a_walk_each_time(
    monkeypatch: pytest.MonkeyPatch, syntax: str, *, is_open: bool
) -> None:
    region = (Element(0x30060040, "SQ", CONTOURS), Element(0x30060084, "IS", "1"))
    elements = (*base(RTSTRUCT), Element(0x30060039, "SQ", (region,)))
    data = part_10(elements, Writing(syntax, open_lengths=is_open))
    known = deidentified(data)
    monkeypatch.setattr(walk, "_REPEATED", frozenset())
    each = deidentified(data)
    assert b"".join(known.pieces) == b"".join(each.pieces)
    assert known.counts == each.counts
    assert b"Secret" not in b"".join(known.pieces)
