"""Attributes that an archive changed by its own rules, as far as its own record proves it.

DCM4CHEE merges what it knows of patient, study and series into what it stores and gives out, and records
the values from before in Original Attributes Sequence (0400,0561; PS3.3 C.12.1.1.9.1). A difference is
explained by such a record exactly when a recorded value is the one that the other copy has: then the other
copy is what was before. A record of something else proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.content.attributes import elements_by_key, same
from orthanc_plugins.content.datasets import ORIGINAL_ATTRIBUTES, has_pixels
from orthanc_plugins.content.findings import side
from orthanc_plugins.sync.differences import DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orthanc_plugins.content.attributes import Apart, Element
    from orthanc_plugins.content.encoding import DataSet

_MODIFIED = 0x04000550
_WHEN, _SYSTEM, _REASON = 0x04000562, 0x04000563, 0x04000565
_REASONS = {
    "COERCE": "to its own values",
    "CORRECT": "to correct it",
}
"""Defined terms of Reason for the Attribute Modification (0400,0565)."""


def with_coercions(apart: Iterable[Apart], left: DataSet, right: DataSet) -> Iterator[Apart]:
    """Yield findings, those that an archive's record explains as coerced."""
    known: dict[bytes, str | None] = {}
    for one in apart:
        if one.key not in known:
            known[one.key] = _explanation(one.key, left, right)
        detail = known[one.key]
        if detail is not None and one.finding.kind is DifferenceClass.METADATA:
            finding = one.finding._replace(kind=DifferenceClass.COERCED, detail=detail)
            yield one._replace(finding=finding)
        else:
            yield one


def _explanation(key: bytes, left: DataSet, right: DataSet) -> str | None:
    """Return how a record explains that an element differs, None where none does."""
    for holder, other in ((left, right), (right, left)):
        records = holder.items(ORIGINAL_ATTRIBUTES)
        there = _element(key, other) if records else None
        for record in records:
            for modified in record.items(_MODIFIED):
                before = _element(key, modified)
                if before is not None and same(before, there):
                    return _sentence(record, is_left=holder is left)
    return None


def _element(key: bytes, data_set: DataSet) -> Element | None:
    return elements_by_key(data_set, pixels=has_pixels(data_set)).get(key)


def _sentence(record: DataSet, *, is_left: bool) -> str:
    """Return who changed the value when and why, as far as the record tells."""
    system, when = record.text(_SYSTEM), record.text(_WHEN)
    reason = record.text(_REASON)
    parts = [
        f" {_REASONS.get(reason, f'({reason})')}" if reason else "",
        f", by {system}" if system else "",
        f", at {when}" if when else "",
    ]
    return (
        f"{side(left=is_left)}'s copy records that the value was changed{''.join(parts)}; before, it was "
        f"that of {side(left=not is_left)}'s copy."
    )
