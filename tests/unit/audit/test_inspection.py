"""A trail is inspected however broken it is, and what nothing has touched is not read again."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.audit import inspection
from orthanc_plugins.audit.chain import Broken, Fault
from orthanc_plugins.audit.inspection import Seen, inspect, note, noted
from orthanc_plugins.audit.segments import segments, whole_lines
from orthanc_plugins.audit.trail import AuditTrail, Verdict
from orthanc_plugins.errors import AuditError
from tests.unit.audit.samples import KEY, an_export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A trail of three records, each in a file of its own."""
    folder = tmp_path / "trail"
    AuditTrail.create(folder, KEY)
    trail = AuditTrail(folder, KEY, largest_segment_bytes=1)
    for _ in range(3):
        trail.append(an_export())
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []

    def noticed(segment: Path) -> Iterator[bytes]:
        names.append(segment.name)
        return whole_lines(segment)

    monkeypatch.setattr(inspection, "whole_lines", noticed)
    return names


def inspected(folder: Path, seen: Seen | None = None) -> Verdict:
    return inspect(folder, KEY, folder / "head.json", seen)


def alter(segment: Path) -> None:
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b"j.doe@site", b"a.doe@site", 1))
    assert segment.read_bytes() != content


def test_a_whole_trail_is_whole(folder: Path) -> None:
    assert inspected(folder) == Verdict(3, None, 0)


def test_an_altered_record_is_told_where_it_is(folder: Path) -> None:
    alter(segments(folder)[1])
    assert inspected(folder) == Verdict(2, Broken(2, Fault.ALTERED), 0)


def test_a_trail_cut_at_its_end_is_told(folder: Path) -> None:
    segments(folder)[2].unlink()
    assert inspected(folder) == Verdict(2, Broken(3, Fault.TRUNCATED), 0)


def test_a_trail_whose_files_are_gone_is_told(folder: Path) -> None:
    for segment in segments(folder):
        segment.unlink()
    assert inspected(folder) == Verdict(0, Broken(1, Fault.TRUNCATED), 0)


def test_a_trail_whose_folder_is_gone_is_told_and_not_made(folder: Path) -> None:
    shutil.rmtree(folder)
    assert inspected(folder) == Verdict(0, Broken(1, Fault.FOLDER_MISSING), 0)
    assert not folder.exists()


def test_a_trail_without_its_head_is_told(folder: Path) -> None:
    (folder / "head.json").unlink()
    assert inspected(folder) == Verdict(3, Broken(4, Fault.HEAD_MISSING), 0)


@pytest.mark.parametrize("content", [b"", b'{"sequence":1}', b'{"digest":"","seal":"","sequence":2}\n'])
def test_a_trail_with_another_head_is_told(folder: Path, content: bytes) -> None:
    (folder / "head.json").write_bytes(content)
    assert inspected(folder) == Verdict(3, Broken(4, Fault.HEAD_FORGED), 0)


def test_what_nothing_touched_is_not_read_again(folder: Path, read: list[str]) -> None:
    seen = Seen()
    inspected(folder, seen)
    read.clear()
    AuditTrail(folder, KEY).append(an_export())
    assert inspected(folder, seen) == Verdict(4, None, 0)
    assert read == ["trail-000000000003.jsonl"]


def test_what_was_altered_after_it_was_seen_is_told(folder: Path) -> None:
    seen = Seen()
    inspected(folder, seen)
    alter(segments(folder)[0])
    assert inspected(folder, seen).broken == Broken(1, Fault.ALTERED)


def test_what_was_cut_after_it_was_seen_is_told(folder: Path, read: list[str]) -> None:
    seen = Seen()
    inspected(folder, seen)
    segments(folder)[2].unlink()
    read.clear()
    assert inspected(folder, seen).broken == Broken(3, Fault.TRUNCATED)
    assert read == []


def test_once_a_day_all_is_read(folder: Path, read: list[str]) -> None:
    seen = Seen()
    seen.renew(NOON)
    inspected(folder, seen)
    read.clear()
    seen.renew(NOON + timedelta(hours=23))
    inspected(folder, seen)
    assert read == []
    seen.renew(NOON + timedelta(hours=24))
    inspected(folder, seen)
    assert len(read) == 3


def test_what_was_found_is_noted(folder: Path) -> None:
    assert noted(folder) is None
    note(folder, Verdict(1, Broken(1, Fault.ALTERED), 0))
    assert noted(folder) == Broken(1, Fault.ALTERED)
    note(folder, Verdict(3, None, 0))
    assert noted(folder) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"broken":{"sequence":1,"fault":"odd"}}'])
def test_a_damaged_note_is_told(folder: Path, content: bytes) -> None:
    (folder / "verdict.json").write_bytes(content)
    with pytest.raises(AuditError, match="pacs audit verify"):
        noted(folder)
