"""A whole run against both archives in memory: what it finds, and that nothing of it is left in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.cleaning import clean_all, clean_leftovers
from orthanc_plugins.benchmark.journal import JOURNALS, Journal, leftovers
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.samples import Condition, Outcome
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, BenchmarkError, BenchmarkRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orthanc_plugins.benchmark.run import Run
    from orthanc_plugins.benchmark.targets import Target
    from tests.unit.benchmark.doubles import ArchiveDouble

ALL_TIMED = (Question.UPLOAD, Question.QUERY, Question.RETRIEVE, Question.USERS_10)


class StopNow(BaseException):
    """What ends a run from outside, as Ctrl-C does."""


def is_empty(double: ArchiveDouble) -> bool:
    return not double.images and not (double.patients if double.name is ArchiveName.DCM4CHEE else ())


def journals(folder: Path) -> list[Path]:
    return list((folder / JOURNALS).glob("*"))


# What it finds


def test_every_question_is_asked_of_both_archives_alike_and_nothing_of_it_is_left(
    make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path
) -> None:
    results = make_run(*ALL_TIMED).go()
    rows = {(row.kind.key, row.condition) for row in results.rows}
    assert rows == {
        ("upload_stow", Condition.COLD),
        ("upload_stow", Condition.WARM),
        ("query_all", Condition.COLD),
        ("query_all", Condition.WARM),
        ("query_one", Condition.COLD),
        ("query_one", Condition.WARM),
        ("retrieve_wado", Condition.COLD),
        ("retrieve_wado", Condition.WARM),
        ("users_10", Condition.SESSION),
    }
    for row in results.rows:
        sides = [row.sides[name] for name in ArchiveName]
        assert sides[0].requests == sides[1].requests == sides[0].ok == sides[1].ok > 0, row
    asked = [
        Counter(path.removeprefix(one.root) for method, path in one.asked if method == "GET")
        for one in (orthanc, dcm4chee)
    ]
    timed = [
        {path: count for path, count in paths.items() if "-Q" in path or path.endswith("/series")}
        for paths in asked
    ]
    assert len(timed[0]) > 10
    assert timed[0] == timed[1]
    assert results.is_clean
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)
    assert not journals(tmp_path)
    assert all(facts.changed == {} and facts.left_behind == 0 for facts in results.archives.values())


def test_every_sample_is_kept_those_of_the_first_round_too(make_run: Callable[..., Run]) -> None:
    results = make_run(Question.QUERY, rounds=3).go()
    assert {sample.round for sample in results.samples} == {0, 1, 2, 3}
    one_visit = 6 + 11
    assert len(results.samples) == 4 * 2 * one_visit
    assert sum(sample.counts for sample in results.samples) == 3 * 2 * one_visit


def test_which_archive_is_first_is_drawn_by_lot_and_recorded(make_run: Callable[..., Run]) -> None:
    results = make_run(Question.QUERY, rounds=6).go()
    for turn in results.schedule:
        asked = [
            one for one in results.samples if (one.round, one.row, one.number) == (turn.round, turn.row, 0)
        ]
        assert {sample.archive: sample.turn for sample in asked} == {turn.first: 1, turn.first.other: 2}
    assert {turn.first for turn in results.schedule} == set(ArchiveName)


def test_the_same_seed_draws_the_same_order(make_run: Callable[..., Run]) -> None:
    schedules = [make_run(Question.QUERY, rounds=4, seed=seed).go().schedule for seed in (7, 7, 8)]
    assert schedules[0] == schedules[1] != schedules[2]


def test_few_rounds_give_no_ratio_and_say_how_many_are_needed(make_run: Callable[..., Run]) -> None:
    results = make_run(Question.QUERY, rounds=2).go()
    assert {row.performance_ratio for row in results.rows} == {None}
    assert {row.withheld for row in results.rows} == {"too few rounds: 2, and 8 are needed for 4 rows"}


def test_without_c_store_on_both_sides_that_row_is_not_asked_and_it_is_told_why(
    make_run: Callable[..., Run],
) -> None:
    results = make_run(Question.UPLOAD).go()
    assert "upload_c_store" not in {row.kind.key for row in results.rows}
    assert any("DCM4CHEE: its DICOM address is not known" in text for text in results.not_asked)
    assert any("Orthanc: no association with" in text for text in results.not_asked)


def test_disk_and_memory_are_measured_without_a_timed_question(make_run: Callable[..., Run]) -> None:
    disk = make_run(Question.DISK).go().archives[ArchiveName.ORTHANC]
    assert disk.memory is None
    assert disk.disk_use is not None
    assert disk.disk_use.told_overhead_percent == 0
    memory = make_run(Question.MEMORY).go().archives[ArchiveName.ORTHANC].memory
    assert memory is not None
    assert memory.peak_bytes is not None  # the test's own process holds the port
    assert memory.peak_bytes > 10_000_000


def test_the_clients_own_speed_stands_beside_each_row(make_run: Callable[..., Run]) -> None:
    results = make_run(Question.RETRIEVE, alone=True).go()
    assert set(results.ceilings) == {("retrieve_wado", "cold"), ("retrieve_wado", "warm")}
    assert all(duration > 0 for duration in results.ceilings.values())


# Answers that are no success


def test_errors_are_counted_and_never_timed(make_run: Callable[..., Run], dcm4chee: ArchiveDouble) -> None:
    dcm4chee.fault = lambda _, path: 503 if "limit=1000" in path and "PatientID" in path else None
    results = make_run(Question.QUERY).go()
    listing = next(row for row in results.rows if row.kind.key == "query_all" and row.condition == "warm")
    side = listing.sides[ArchiveName.DCM4CHEE]
    assert (side.ok, side.failed, side.faults) == (0, 5, {"HTTP 503": 5})
    assert side.median_s is None
    assert listing.withheld is not None
    assert "5 of 5 requests failed or were answered wrongly by DCM4CHEE" in listing.withheld


def test_an_answer_with_fewer_rows_is_wrong_and_never_timed(
    make_run: Callable[..., Run], orthanc: ArchiveDouble
) -> None:
    def cut(_: str, path: str, body: bytes) -> bytes:
        return b"[]" if "limit=1000" in path and "PatientID" in path else body

    orthanc.alter = cut
    results = make_run(Question.QUERY).go()
    wrong = [one for one in results.samples if one.row == "query_all" and one.archive is ArchiveName.ORTHANC]
    assert {sample.outcome for sample in wrong} == {Outcome.WRONG}
    assert {sample.detail for sample in wrong} == {"0 studies, 0 of the 5 wanted"}


def test_a_store_that_says_yes_and_does_not_is_found_out(
    make_run: Callable[..., Run], dcm4chee: ArchiveDouble
) -> None:
    def lose(method: str, path: str, body: bytes) -> bytes:
        if method == "POST" and path.endswith("/studies"):
            for uid in [uid for uid, image in dcm4chee.images.items() if "-U" in image.patient_id][-1:]:
                del dcm4chee.images[uid]
        return body

    dcm4chee.alter = lose
    with pytest.raises(BenchmarkError, match=r"gave no right answer .* \(1 of 2 instances are there"):
        make_run(Question.UPLOAD, rounds=4).go()


def test_a_connection_that_breaks_is_a_failure_and_the_next_request_is_warm_again(
    make_run: Callable[..., Run], orthanc: ArchiveDouble
) -> None:
    broken: list[str] = []

    def break_once(_: str, path: str) -> str | None:
        if "limit=1000" in path and "PatientID" in path and not broken:
            broken.append(path)
            return "drop"
        return None

    orthanc.fault = break_once
    results = make_run(Question.QUERY).go()
    visit = [one for one in results.samples if one.row == "query_all" and one.archive is ArchiveName.ORTHANC]
    assert [one.outcome for one in visit[:6]] == [Outcome.FAILED, *[Outcome.OK] * 5]
    assert visit[0].detail == "RemoteDisconnected"
    assert orthanc.count("GET", "PACSBENCH-none") == 1  # the connection was opened before the clock ran


def test_pixels_that_were_altered_end_the_run_before_anything_is_timed(
    make_run: Callable[..., Run], orthanc: ArchiveDouble, dcm4chee: ArchiveDouble
) -> None:
    dcm4chee.alter = lambda _, path, body: (
        body[:-2000] + bytes(1000) + body[-1000:] if "/instances/2.25" in path else body
    )
    with pytest.raises(BenchmarkError, match="gives back 0 of 5 images with the pixels sent"):
        make_run(Question.RETRIEVE).go()
    assert is_empty(orthanc)
    assert is_empty(dcm4chee)


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
