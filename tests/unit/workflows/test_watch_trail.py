"""The worker verifies the audit trail time and again, and leaves word of what it finds."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.projects import Custodian, reading_by
from orthanc_plugins.workflows.watch_trail import TrailWatch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def custodian(tmp_path: Path) -> Custodian:
    custodian = Custodian(tmp_path / "custody", tmp_path / "audit")
    custodian.create("trial")
    for reader in ("ann", "bob"):
        custodian.trail().append(reading_by(reader))
    return custodian


@pytest.fixture
def watch(custodian: Custodian) -> TrailWatch:
    return TrailWatch(custodian, lambda: datetime(2026, 11, 30, tzinfo=UTC))


def test_a_whole_trail_is_no_warning(custodian: Custodian, watch: TrailWatch) -> None:
    watch.look()
    assert custodian.trail_place().warning() is None


def test_a_record_altered_in_the_middle_is_a_warning_and_recovered_is_none(
    custodian: Custodian, watch: TrailWatch, tmp_path: Path
) -> None:
    watch.look()
    (segment,) = (tmp_path / "audit").glob("*.jsonl")
    whole = segment.read_text()
    segment.write_text(whole.replace("ann", "eve"))
    watch.look()
    warning = custodian.trail_place().warning()
    assert warning is not None
    assert "broken at record 1: altered" in warning
    segment.write_text(whole)
    watch.look()
    assert custodian.trail_place().warning() is None


def test_after_it_was_begun_anew_there_is_no_warning(
    custodian: Custodian, watch: TrailWatch, tmp_path: Path
) -> None:
    (segment,) = (tmp_path / "audit").glob("*.jsonl")
    segment.unlink()
    watch.look()
    assert custodian.trail_place().warning() is not None
    custodian.begin_trail_anew("ann", "disk_failure")
    assert custodian.trail_place().warning() is None
    watch.look()
    assert custodian.trail_place().warning() is None


def test_a_folder_that_is_gone_is_not_made(watch: TrailWatch, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "audit")
    watch.look()
    assert not (tmp_path / "audit").exists()


def test_where_no_project_is_nothing_is_looked_at(tmp_path: Path) -> None:
    for custodian in (Custodian(tmp_path / "none", tmp_path / "audit"), Custodian(tmp_path / "none")):
        TrailWatch(custodian, lambda: datetime(2026, 11, 30, tzinfo=UTC)).look()
    assert list(tmp_path.iterdir()) == []
