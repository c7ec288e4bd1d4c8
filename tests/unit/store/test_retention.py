"""What is old is removed once a day, and nothing else."""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import StoreError
from orthanc_plugins.identifiers import JobId, StudyUid
from orthanc_plugins.store import (
    LEFT,
    RIGHT,
    ContentCheck,
    Holding,
    InventoryRow,
    RepairFiles,
    RepairState,
    ShownFiles,
    SyncRun,
    Writing,
)
from orthanc_plugins.store.retention import Removed, Retention, Tidying
from orthanc_plugins.store.rule_trials import RuleTrialFiles

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.store import Store

NOW = datetime.now(UTC)
KEPT = Retention(
    history=timedelta(days=90),
    undo=timedelta(days=30),
    repairs=timedelta(days=365),
    reports=timedelta(days=30),
)
NOTHING = Removed(0, 0, 0, 0, 0, 0)
OLD, NEW = "0" * 32, "1" * 32


def after(store: Store, data: Path, days: float) -> Tidying:
    """Return what tidies up so many days from now."""
    return Tidying(store, data, KEPT, lambda: NOW + timedelta(days=days))


def age(path: Path, days: float) -> None:
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (then, then))


def repaired(store: Store, data: Path, repair_id: str, state: RepairState = RepairState.VERIFIED) -> str:
    """Have a repair that has ended now, or is in a state; return what was kept of a file before."""
    files = RepairFiles(data)
    store.repairs.request(repair_id, StudyUid("1.2.3"), "{}", JobId("job"), "test")
    store.repairs.planned(repair_id, "digest", [], instances=0, size_bytes=0)
    files.write(repair_id, "plan", {"PatientName": "Müller"})
    store.repairs.begin(repair_id, RepairState.APPLYING, JobId("job"), "test", among=[RepairState.PLANNED])
    if not state.at_work:
        store.repairs.end(repair_id, state)
    return files.keep(repair_id, b"former")


def held(store: Store, archive: str, *uids: str) -> None:
    entries = [
        Holding(
            InventoryRow(
                archive=archive,
                study_uid=StudyUid(uid),
                patient_id="P1",
                patient_name="Müller",
                study_date="20260102",
                modalities=("CT",),
                series_count=1,
                instance_count=1,
                contents_digest="c",
                attributes_digest="a",
                revision="",
                archive_key="",
                listed_at=NOW,
                changed_at=NOW,
                pass_number=1,
            ),
            b"12345678",
        )
        for uid in uids
    ]
    store.inventory.put(archive, entries, Writing("run", NOW))


def compared(store: Store, data: Path, uid: str) -> Path:
    folder = data / "comparisons" / uid
    folder.mkdir(parents=True)
    (folder / "comparison.json").write_text("{}", encoding="utf-8")
    store.inventory.note_check(
        ContentCheck(StudyUid(uid), NOW, None, None, "content", True, {}, "id", f"{uid}/comparison.json")
    )
    return folder


def test_rounds_and_changes_go_after_their_time(store: Store, tmp_path: Path) -> None:
    store.inventory.begin_run(SyncRun("old", "schedule", NOW))
    store.inventory.begin_run(SyncRun("new", "schedule", NOW + timedelta(days=10)))
    assert after(store, tmp_path, 89).remove() == NOTHING
    after(store, tmp_path, 91).remove()
    assert [run.run_id for run in store.inventory.runs().entries] == ["new"]


def test_a_repair_is_kept_longer_than_the_files_it_is_undone_with(store: Store, tmp_path: Path) -> None:
    files, digest = RepairFiles(tmp_path), repaired(store, tmp_path, OLD)
    assert after(store, tmp_path, 29).remove() == NOTHING
    assert after(store, tmp_path, 31).remove().undo_records == 1
    assert not files.holds(OLD, digest)
    assert files.read(OLD, "plan") is not None
    assert store.repairs.repair(OLD).state is RepairState.VERIFIED
    assert after(store, tmp_path, 366).remove().repairs == 1
    assert store.repairs.repairs().total == 0
    assert [path for path in tmp_path.rglob("*") if OLD in path.name] == []


@pytest.mark.parametrize("state", [RepairState.APPLYING, RepairState.PARTLY])
def test_nothing_of_a_repair_at_work_or_that_has_just_ended_goes(
    store: Store, tmp_path: Path, state: RepairState
) -> None:
    digest = repaired(store, tmp_path, NEW, state)
    age(tmp_path / "undo" / NEW, 500)
    assert after(store, tmp_path, 0 if state is RepairState.PARTLY else 500).remove() == NOTHING
    assert RepairFiles(tmp_path).holds(NEW, digest)


def test_a_comparison_goes_when_neither_archive_holds_the_study(store: Store, tmp_path: Path) -> None:
    left, right, gone = (compared(store, tmp_path, uid) for uid in ("1", "2", "3"))
    held(store, LEFT, "1")
    held(store, RIGHT, "2")
    assert after(store, tmp_path, 31).remove() == NOTHING, "it is not known yet what the archives hold"
    for archive in (LEFT, RIGHT):
        store.inventory.arrive(archive, None, NOW, full_pass=True)
    assert after(store, tmp_path, 29).remove() == NOTHING
    assert after(store, tmp_path, 31).remove().comparisons == 1
    assert [path.exists() for path in (left, right, gone)] == [True, True, False]
    assert set(store.inventory.checks([StudyUid("1"), StudyUid("2"), StudyUid("3")])) == {"1", "2"}


def test_reports_and_trials_of_rules_go_by_age(store: Store, tmp_path: Path) -> None:
    old, new = (tmp_path / "comparisons" / "archives" / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    age(old, 31)
    trials = RuleTrialFiles(tmp_path)
    trials.write("0" * 8, "rule", {})
    age(tmp_path / "rule-trials" / f"{'0' * 8}.rule.json", 2)
    removed = after(store, tmp_path, 0).remove()
    assert (removed.reports, removed.rule_trials) == (1, 1)
    assert (old.exists(), new.exists(), trials.read("0" * 8, "rule")) == (False, True, None)


def test_one_worker_tidies_up_a_day_and_says_how_much(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "orthanc_plugins")
    after(store, tmp_path, 0).tidy()
    assert caplog.messages == []
    repaired(store, tmp_path, OLD)
    after(store, tmp_path, 31).tidy()
    assert (tmp_path / "undo" / OLD).exists(), "another has done so today"
    store.leases.release("retention", store.leases.holder("retention") or "")
    after(store, tmp_path, 31).tidy()
    (told,) = caplog.messages
    assert "undo records 1, repairs 0" in told


def test_what_could_not_be_removed_is_tried_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaired(store, tmp_path, OLD)

    def full(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    tidying = after(store, tmp_path, 31)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", full)
        with pytest.raises(StoreError, match="could not be removed"):
            tidying.tidy()
    tidying.tidy()
    assert not (tmp_path / "undo" / OLD).exists()


def test_what_persons_were_shown_goes_after_hours_and_days(store: Store, tmp_path: Path) -> None:
    for kind, hours in (("previews", 2), ("previews", 4), ("held", 50), ("held", 20)):
        ShownFiles(tmp_path, kind).keep(f"of{hours}", "a.png", b"")  # type: ignore[arg-type]
        then = time.time() - hours * 3600
        os.utime(tmp_path / kind / f"of{hours}", (then, then))
    kept = Retention(previews=timedelta(hours=3), held_pictures=timedelta(days=2))
    Tidying(store, tmp_path, kept).forget_shown()
    left = sorted(path.name for kind in ("previews", "held") for path in (tmp_path / kind).iterdir())
    assert left == ["of2", "of20"]
