"""The place of a trail tells what is missing there, what was found wrong, and when it may be begun anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.audit.chain import Broken, Fault
from orthanc_plugins.audit.inspection import note
from orthanc_plugins.audit.parties import Participant
from orthanc_plugins.audit.place import TrailPlace
from orthanc_plugins.audit.trail import AuditTrail, Verdict
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import KEY, an_export

if TYPE_CHECKING:
    from pathlib import Path

ALTERED = Verdict(2, Broken(1, Fault.ALTERED), 0)


@pytest.fixture
def empty(tmp_path: Path) -> TrailPlace:
    return TrailPlace(tmp_path / "trail", tmp_path / "head.json")


@pytest.fixture
def place(empty: TrailPlace) -> TrailPlace:
    """A trail of two records."""
    trail = AuditTrail.create(empty.folder, KEY, anchor=empty.anchor)
    for _ in range(2):
        trail.append(an_export())
    return replace(empty, is_due=True)


def test_a_trail_is_opened_where_it_ends_as_it_was_left(place: TrailPlace) -> None:
    place.opened(KEY).append(an_export())
    assert place.verdict(KEY) == Verdict(3, None, 0)


def test_a_trail_that_is_not_there_is_not_opened_and_not_made(empty: TrailPlace) -> None:
    with pytest.raises(AuditError, match=r"is not in .*trail; restore it.*pacs audit begin-anew"):
        empty.opened(KEY)
    assert not empty.folder.exists()


def test_a_trail_that_was_cut_is_not_opened(place: TrailPlace) -> None:
    (segment,) = place.folder.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(AuditError, match="pacs audit verify tells what is wrong"):
        place.opened(KEY)


def test_without_a_key_what_was_never_begun_is_told_from_what_cannot_be_verified(empty: TrailPlace) -> None:
    missing = Verdict(0, Broken(1, Fault.KEY_MISSING), 0)
    with pytest.raises(AuditError, match="No audit trail was begun"):
        empty.verdict(None)
    assert replace(empty, is_due=True).verdict(None) == missing
    empty.anchor.touch()
    assert empty.verdict(None) == missing
    empty.anchor.unlink()
    empty.folder.mkdir()
    assert empty.verdict(None) == missing


def test_what_was_last_found_wrong_is_a_warning_where_a_trail_is_due(place: TrailPlace) -> None:
    assert place.warning() is None
    note(place.folder, ALTERED)
    warning = place.warning()
    assert warning is not None
    assert warning.startswith("The audit trail is broken at record 1: altered. pacs audit verify")
    assert replace(place, is_due=False).warning() is None
    (place.folder / "verdict.json").write_text("{")
    assert "is damaged" in (place.warning() or "")


def test_only_a_broken_trail_may_be_begun_anew(place: TrailPlace) -> None:
    with pytest.raises(AuditError, match="it goes on, and is not begun anew"):
        place.expect_broken(KEY)
    (segment,) = place.folder.glob("*.jsonl")
    segment.unlink()
    place.expect_broken(KEY)
    place.expect_broken(None)
    aside = place.begin_anew(
        KEY, reporter=Participant("suite"), asker=Participant("ann"), reason="disk_failure"
    )
    assert aside.parent == place.folder
    assert place.verdict(KEY) == Verdict(1, None, 0)
