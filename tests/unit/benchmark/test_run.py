"""A whole run against both archives in memory: what it finds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.samples import Condition, Outcome
from orthanc_plugins.errors import BenchmarkError
from tests.unit.benchmark.runs import ALL_TIMED, is_empty, journals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orthanc_plugins.benchmark.run import Run
    from tests.unit.benchmark.doubles import ArchiveDouble

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
