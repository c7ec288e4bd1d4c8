"""Runs that fail, are interrupted or killed: nothing of them is left in the archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.cleaning import clean_all, clean_leftovers
from orthanc_plugins.benchmark.journal import JOURNALS, Journal, leftovers
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, BenchmarkError, BenchmarkRefused
from tests.unit.benchmark.runs import ALL_TIMED, StopNow, is_empty, journals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orthanc_plugins.benchmark.run import Run
    from orthanc_plugins.benchmark.targets import Target
    from tests.unit.benchmark.doubles import ArchiveDouble

# Faults in each phase: nothing is left


PHASES = {
    "filling": lambda method, path: 500 if method == "POST" and path.endswith("/studies") else None,
    "verifying": lambda _, path: 500 if "/instances?" in path else None,
    "size of what is kept": lambda _, path: 500 if "/size" in path else None,
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_fault_before_the_rounds_leaves_nothing(
    phase: str, make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path
) -> None:
    dcm4chee.fault = PHASES[phase]
    with pytest.raises(ArchiveUnavailable):
        make_run(*ALL_TIMED).go()
    assert orthanc.count("POST", "/studies") > 0
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)
    assert not journals(tmp_path)


def test_an_archive_that_refuses_in_the_rounds_leaves_nothing(
    make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble
) -> None:
    seen: list[str] = []

    def refuse(method: str, path: str) -> int | None:
        seen.extend([path] if method == "POST" and path.endswith("/studies") else [])
        return 403 if len(seen) > 3 and path == seen[0] and method == "POST" else None

    orthanc.fault = refuse
    with pytest.raises(ArchiveRefused, match="HTTP 403"):
        make_run(Question.QUERY, rounds=4).go()
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)


def test_an_archive_that_stops_answering_ends_the_run_after_three_visits(
    make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble
) -> None:
    dcm4chee.fault = lambda _, path: "drop" if "/studies?PatientID" in path and "-Q" in path else None
    with pytest.raises(BenchmarkError, match=r"no right answer in 3 visits .*RemoteDisconnected"):
        make_run(Question.QUERY, rounds=9).go()
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)


@pytest.mark.parametrize("after", [1, 2, 4, 7])
def test_a_run_that_is_interrupted_leaves_nothing(
    after: int, make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path
) -> None:
    calls: list[int] = []

    def interrupt() -> None:
        calls.append(1)
        if len(calls) == after:
            raise StopNow

    with pytest.raises(StopNow):
        make_run(Question.UPLOAD, Question.QUERY, rounds=2, check=interrupt).go()
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)
    assert not journals(tmp_path)


def test_what_cannot_be_removed_is_told_and_its_journal_stays(
    make_run: Callable[..., Run], dcm4chee: ArchiveDouble, tmp_path: Path, said: list[str]
) -> None:
    dcm4chee.fault = lambda method, path: 500 if method == "DELETE" and "/studies/" in path else None
    results = make_run(Question.QUERY).go()
    assert not results.is_clean
    facts = results.archives[ArchiveName.DCM4CHEE]
    assert facts.left_behind is None
    assert "HTTP 500" in facts.cleaning
    assert len(journals(tmp_path)) == 1
    assert any("DCM4CHEE is not clean" in text for text in said)


# What killed runs have left


def leave(make_run: Callable[..., Run], targets: Mapping[ArchiveName, Target], folder: Path) -> None:
    """Do what a run does that is killed after it has filled both archives."""
    run = make_run(Question.QUERY)
    with Journal(folder / JOURNALS, run.plan.run_id, targets) as journal:
        ground = run._ground(journal)
        from orthanc_plugins.benchmark.conditions import circumstances_of  # noqa: PLC0415

        run._fill(ground, circumstances_of(targets))


def test_the_next_run_removes_what_a_killed_one_has_left(
    make_run: Callable[..., Run],
    targets: Mapping[ArchiveName, Target],
    orthanc: ArchiveDouble,
    dcm4chee: ArchiveDouble,
    tmp_path: Path,
) -> None:
    leave(make_run, targets, tmp_path)
    assert orthanc.images
    assert dcm4chee.images
    results = make_run(Question.QUERY).go()
    assert results.archives[ArchiveName.ORTHANC].before["studies"] == 0
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)
    assert not journals(tmp_path)


def test_studies_that_were_rejected_and_not_deleted_are_found_by_the_journal(
    make_run: Callable[..., Run],
    targets: Mapping[ArchiveName, Target],
    dcm4chee: ArchiveDouble,
    tmp_path: Path,
) -> None:
    leave(make_run, targets, tmp_path)
    dcm4chee.rejected |= set(dcm4chee.studies)
    assert not dcm4chee.studies
    assert len(clean_leftovers(tmp_path, targets, lambda _: None)) == 1
    assert not dcm4chee.images


def test_what_was_left_in_other_archives_is_not_touched(
    make_run: Callable[..., Run],
    targets: Mapping[ArchiveName, Target],
    orthanc: ArchiveDouble,
    tmp_path: Path,
    said: list[str],
) -> None:
    leave(make_run, targets, tmp_path)
    others = {**targets, ArchiveName.DCM4CHEE: targets[ArchiveName.ORTHANC]}
    assert clean_leftovers(tmp_path, others, said.append) == []
    assert orthanc.images
    assert len(journals(tmp_path)) == 1
    assert "clean with these addresses" in said[-1]


def test_clean_removes_all_benchmarks_and_nothing_else(
    targets: Mapping[ArchiveName, Target], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path
) -> None:
    for double in (orthanc, dcm4chee):
        double.hold("PACSBENCH-0000aaaa-Q00001", "2.25.7")
        double.hold("DOE", "1.2.3")
        double.hold("PACSBENCH-someone", "1.2.4")  # a name like it, but a UID no benchmark gives
    assert clean_all(tmp_path, targets, lambda _: None) == 2
    for double in (orthanc, dcm4chee):
        assert double.studies == {"1.2.3", "1.2.4"}


def test_clean_waits_for_a_run_that_lives(targets: Mapping[ArchiveName, Target], tmp_path: Path) -> None:
    with (
        Journal(tmp_path / JOURNALS, "0000aaaa", targets),
        pytest.raises(BenchmarkRefused, match="0000aaaa lives now"),
    ):
        clean_all(tmp_path, targets, lambda _: None)


def test_an_archive_that_does_not_delete_is_told(
    targets: Mapping[ArchiveName, Target], orthanc: ArchiveDouble, tmp_path: Path
) -> None:
    orthanc.hold("PACSBENCH-0000aaaa-Q00001", "2.25.7")
    orthanc.alter = lambda _, path, body: b"[]" if "lookup" in path else body
    with pytest.raises(BenchmarkError, match="still lists 1 study of the benchmark"):
        clean_all(tmp_path, targets, lambda _: None)


def test_a_journal_that_was_cut_off_tells_what_it_can(
    targets: Mapping[ArchiveName, Target], tmp_path: Path
) -> None:
    with Journal(tmp_path / JOURNALS, "0000aaaa", targets) as journal:
        journal.note(["2.25.1", "2.25.2"])
        assert list(leftovers(tmp_path / JOURNALS)) == []  # it lives
    path = tmp_path / JOURNALS / "0000aaaa.jsonl"
    path.write_text(path.read_text() + '{"studies": ["2.2')
    (left,) = leftovers(tmp_path / JOURNALS)
    assert left.run_id == "0000aaaa"
    assert left.study_uids == ("2.25.1", "2.25.2")
    assert left.is_of(targets)


# Company


def test_two_runs_at_a_time_are_refused(
    make_run: Callable[..., Run], targets: Mapping[ArchiveName, Target], tmp_path: Path
) -> None:
    with (
        Journal(tmp_path / JOURNALS, "0000aaaa", targets),
        pytest.raises(BenchmarkRefused, match=r"Another benchmark \(run 0000aaaa\) is at work"),
    ):
        make_run(Question.QUERY).go()


def test_studies_of_a_benchmark_nobody_here_knows_are_refused(
    make_run: Callable[..., Run], dcm4chee: ArchiveDouble
) -> None:
    dcm4chee.hold("PACSBENCH-0000aaaa-Q00001", "2.25.7")
    with pytest.raises(BenchmarkRefused, match=r"DCM4CHEE at .* holds 1 study of another benchmark"):
        make_run(Question.QUERY).go()
