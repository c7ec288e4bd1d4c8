"""Dummies: legal values that say nothing (PS3.15 E.1.1, action D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job

DUMMY_TEXT = b"REMOVED "
"""For every text; short enough for SH and CS."""
_DUMMIES = {
    b"AS": b"000D",
    b"DA": b"19000101",
    b"DS": b"0 ",
    b"DT": b"19000101000000",
    b"IS": b"0 ",
    b"TM": b"000000",
    b"UR": b"urn:removed ",
}
"""The dummy date is the same in all projects and is never shifted, so it tells no patient's offset."""
_BYTES = {b"AT": 4, b"FD": 8, b"FL": 4, b"SL": 4, b"SS": 2, b"SV": 8, b"UL": 4, b"US": 2, b"UV": 8}


def dummy_value(vr: bytes, value: bytes, job: Job) -> bytes:
    """Return a dummy of this VR, of even length; a UID's dummy is the project's replacement of it."""
    if vr == b"UI":
        return job.pseudonyms.uid_bytes(value)
    if vr in _BYTES:
        return b"\0" * _BYTES[vr]
    if vr in {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"}:
        return b"\0" * 8
    return _DUMMIES.get(vr, DUMMY_TEXT)
