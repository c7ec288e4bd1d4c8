"""A broken trail is kept aside as it was found, and the new chain begins by saying so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.audit.inspection import inspect
from orthanc_plugins.audit.parties import Participant
from orthanc_plugins.audit.query import TrailQuery
from orthanc_plugins.audit.renewal import begin_anew
from orthanc_plugins.audit.segments import segments
from orthanc_plugins.audit.trail import AuditTrail, Verdict
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import KEY, an_export

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 30, 12, 5, 9, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trail = AuditTrail.create(tmp_path / "trail", KEY)
    for _ in range(3):
        trail.append(an_export())
    return tmp_path / "trail"


def begun_anew(folder: Path, reason: str = "disk_failure") -> Path:
    return begin_anew(
        folder,
        KEY,
        folder / "head.json",
        reporter=Participant("suite"),
        asker=Participant("ann"),
        reason=reason,
        now=NOW,
    )


def cut(folder: Path) -> bytes:
    (segment,) = segments(folder)
    left = b"".join(segment.read_bytes().splitlines(keepends=True)[:2])
    segment.write_bytes(left)
    return left


def test_a_broken_trail_is_kept_aside_and_another_begins(folder: Path) -> None:
    left, head = cut(folder), (folder / "head.json").read_bytes()
    aside = begun_anew(folder)
    assert aside == folder / "broken-20261130T120509Z"
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == {
        "trail-000000000001.jsonl": left,
        "head.json": head,
    }
    assert inspect(folder, KEY, folder / "head.json") == Verdict(1, None, 0)


def test_the_first_record_says_who_began_anew_why_and_after_which_fault(folder: Path) -> None:
    cut(folder)
    begun_anew(folder)
    (first,) = AuditTrail(folder, KEY).records(TrailQuery())
    assert (first.sequence, first.event["kind"], first.event["reason"]) == (
        1,
        "security_alert",
        "disk_failure",
    )
    assert [one["user_id"] for one in first.event["participants"]] == ["suite", "ann"]
    assert first.event["objects"][0]["uri"] == "urn:audit-trail:broken-20261130T120509Z:truncated:3"


def test_the_new_chain_goes_on(folder: Path) -> None:
    cut(folder)
    begun_anew(folder)
    assert AuditTrail(folder, KEY).append(an_export()).sequence == 2


def test_a_whole_trail_is_not_begun_anew(folder: Path) -> None:
    with pytest.raises(AuditError, match="is whole"):
        begun_anew(folder)
    assert AuditTrail(folder, KEY).verify() == Verdict(3, None, 0)


def test_a_reason_of_several_words_moves_nothing(folder: Path) -> None:
    cut(folder)
    with pytest.raises(AuditError, match="one word"):
        begun_anew(folder, "the disk failed")
    assert len(segments(folder)) == 1


def test_a_trail_that_is_gone_altogether_is_begun_anew(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert list(begun_anew(folder).iterdir()) == []
    assert AuditTrail(folder, KEY).verify() == Verdict(1, None, 0)
