"""``pacs benchmark``: what it takes, what it tells, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark import interface, site
from orthanc_plugins.benchmark.quiet import SYNCHRONISATION, holder_of
from orthanc_plugins.benchmark.run import Run
from orthanc_plugins.cli import DONE, FAILED, INTERRUPTED, USAGE, main
from orthanc_plugins.store import BenchmarkState, Store, create_store_engine
from tests.unit.benchmark.doubles import ArchiveDouble, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _little_and_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "PAUSES_S", (0.0,))
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(site, "EDGE", 64)
    monkeypatch.setattr(Run, "_measure_client", lambda *_: None)
    monkeypatch.delenv("PACS_SUITE_CONFIGURATION", raising=False)


@pytest.fixture
def orthanc() -> Iterator[ArchiveDouble]:
    with running(ArchiveDouble(ArchiveName.ORTHANC)) as double:
        yield double


@pytest.fixture
def dcm4chee() -> Iterator[ArchiveDouble]:
    with running(ArchiveDouble(ArchiveName.DCM4CHEE)) as double:
        yield double


@pytest.fixture
def pacs(orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path) -> Callable[..., int]:
    """Run the command against both, with results in a folder of the test's own."""

    def run(*arguments: str) -> int:
        both = ["--orthanc", orthanc.target.management, "--dcm4chee", dcm4chee.target.dicomweb]
        return main(["benchmark", "--out", str(tmp_path), *both, *arguments])

    return run


QUICK = ("--scale", "0.005", "--rounds", "1", "--questions", "query")


def test_a_run_shows_a_table_and_names_its_report(
    pacs: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pacs(*QUICK, "--seed", "5") == DONE
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split()[:4] == ["median", "Orthanc", "DCM4CHEE", "ratio"]
    assert lines[1].startswith("Query that lists 5 patients (QIDO-RS, cold)")
    assert "too few rounds: 1, and 8 are needed for 4 rows" in lines[1]
    assert any("note: Scale 0.005" in line for line in lines)
    (report,) = tmp_path.glob("*/report.html")
    assert lines[-1] == f"report: {report}"
    assert shown.err.count("pacs: warming up (0 of 4 questions asked)") == 1
    assert shown.err.count("pacs: round 1 of 1 (2 of 4 questions asked)") == 1
    assert "query_all" not in shown.err, "a round is one line"
    assert (
        "ratio: the median of DCM4CHEE divided by that of Orthanc; above 1, Orthanc is faster." in shown.out
    )
    content = json.loads((report.parent / "results.json").read_text())
    assert (content["seed"], content["questions"], content["rounds"]) == (5, ["query"], 1)


def test_memory_and_disk_are_shown_when_asked(
    pacs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert pacs("--scale", "0.005", "--rounds", "1", "--questions", "memory,disk") == DONE
    shown = capsys.readouterr().out
    assert "Peak memory of Orthanc: " in shown
    assert "Disk overhead of DCM4CHEE: " in shown


def test_archives_people_work_with_are_refused(
    pacs: Callable[..., int], orthanc: ArchiveDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    orthanc.hold("DOE-4711")
    assert pacs(*QUICK) == USAGE
    told = capsys.readouterr()
    assert "--i-mean-it" in told.err
    assert "DOE" not in told.err
    assert told.out == ""
    assert pacs(*QUICK, "--i-mean-it") == DONE
    assert orthanc.studies == {"1.2.3"}


def test_what_is_left_behind_fails_the_command(
    pacs: Callable[..., int], dcm4chee: ArchiveDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    dcm4chee.fault = lambda method, path: 500 if method == "DELETE" and "/studies/" in path else None
    assert pacs(*QUICK) == FAILED
    assert "dcm4chee is not clean" in capsys.readouterr().err
    dcm4chee.fault = lambda *_: None
    assert pacs("--clean") == DONE
    assert not dcm4chee.images
    assert "none is left" in capsys.readouterr().err


def test_clean_where_nothing_is_left_is_well(
    pacs: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert pacs("--clean") == DONE
    assert "removed 0 studies" in capsys.readouterr().err


def test_an_archive_that_does_not_answer_is_told(
    pacs: Callable[..., int], dcm4chee: ArchiveDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    dcm4chee.fault = lambda *_: "drop"
    assert pacs(*QUICK) == USAGE
    assert "did not answer (RemoteDisconnected)" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_removes_what_it_has_sent(
    pacs: Callable[..., int],
    orthanc: ArchiveDouble,
    dcm4chee: ArchiveDouble,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    sent: list[str] = []

    def interrupt(_: str, path: str) -> None:
        if "limit=1000" in path and "PatientID" in path and not sent:
            sent.append(path)
            os.kill(os.getpid(), number)

    orthanc.fault = interrupt
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert pacs(*QUICK) == INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)
    assert sent
    assert not orthanc.images
    assert not dcm4chee.images
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scale", "0"],
        ["--scale", "2"],
        ["--scale", "much"],
        ["--rounds", "0"],
        ["--rounds", "many"],
        ["--questions", "speed"],
        ["--dcm4chee-dicom", "nowhere"],
    ],
)
def test_what_makes_no_sense_is_not_understood(
    pacs: Callable[..., int], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        pacs(*arguments)
    assert ended.value.code == USAGE
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "no address of orthanc and dcm4chee"),
        (["--orthanc", "http://127.0.0.1:9"], "no address of dcm4chee"),
        (["--orthanc", "127.0.0.1", "--dcm4chee", "http://h/x"], "is written http://HOST:PORT"),
        (
            ["--orthanc", "http://u:secret@127.0.0.1:9", "--dcm4chee", "http://127.0.0.1:9/dicom"],
            "did not answer",
        ),
    ],
)
def test_archives_that_are_not_known_are_told(
    given: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", "--out", str(tmp_path), *QUICK, *given]) == USAGE
    shown = capsys.readouterr().err
    assert told in shown
    assert "secret" not in shown


@pytest.fixture
def settings(
    orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A suite that is set up here; returns its data directory."""
    data = tmp_path / "data"
    (data / "store").mkdir(parents=True)
    section = {
        "DataDirectory": str(data),
        "Orthanc": {"Url": orthanc.target.management},
        "Dcm4chee": {"Url": dcm4chee.target.dicomweb, "DicomPort": 9},
    }
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps({"PacsSuite": section}))
    monkeypatch.setenv("PACS_SUITE_CONFIGURATION", str(path))
    return data


@pytest.fixture
def suite(settings: Path, migrated_database: Path) -> Iterator[Store]:
    """The memory of a suite that was started before."""
    shutil.copy(migrated_database, settings / "store" / "pacs.sqlite")
    store = Store(create_store_engine(f"sqlite:///{settings / 'store' / 'pacs.sqlite'}"))
    yield store
    store.close()


def test_the_settings_tell_where_both_are_and_where_results_go(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", *QUICK]) == DONE
    (report,) = (settings / "benchmarks").glob("*/report.html")
    assert report.is_file()
    assert "the suite here has no database yet" in capsys.readouterr().err


def test_the_suite_lists_what_was_run_on_the_command_line(suite: Store, orthanc: ArchiveDouble) -> None:
    holders: list[str | None] = []

    def look(_: str, path: str) -> None:
        if "limit=1000" in path and "PatientID" in path:
            holders.append(suite.leases.holder(SYNCHRONISATION))

    orthanc.fault = look
    assert main(["benchmark", *QUICK]) == DONE
    (record,) = suite.benchmarks.page(10, 0).entries
    assert record.state is BenchmarkState.SUCCEEDED
    assert record.outcome is not None
    assert len(record.outcome.findings) == 4
    assert set(holders) == {holder_of(record.request.benchmark_id)}  # no round of synchronisation meanwhile
    assert suite.leases.holder(SYNCHRONISATION) is None


def test_results_that_go_elsewhere_are_not_listed(suite: Store, tmp_path: Path) -> None:
    assert main(["benchmark", *QUICK, "--out", str(tmp_path / "elsewhere")]) == DONE
    assert suite.benchmarks.page(10, 0).total == 0


def test_a_run_that_did_not_reach_its_end_is_listed_as_failed(suite: Store, orthanc: ArchiveDouble) -> None:
    orthanc.hold("DOE-4711")
    assert main(["benchmark", *QUICK]) == USAGE
    (record,) = suite.benchmarks.page(10, 0).entries
    assert (record.state, record.error_name) == (BenchmarkState.FAILED, "BenchmarkRefused")


def test_user_and_password_of_an_address_are_sent_and_told_nowhere(
    orthanc: ArchiveDouble, dcm4chee: ArchiveDouble, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_user(url: str) -> str:
        return url.replace("http://", "http://user:geheim@")

    both = [
        "--orthanc", with_user(orthanc.target.management),
        "--dcm4chee", with_user(dcm4chee.target.dicomweb),
    ]  # fmt: skip
    assert main(["benchmark", "--out", str(tmp_path), *QUICK, *both]) == DONE
    told = capsys.readouterr()
    assert "geheim" not in told.out + told.err
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"geheim" not in path.read_bytes()


def test_a_fault_is_told_without_what_it_quotes(
    pacs: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise ValueError("Doe^John")

    monkeypatch.setattr(Run, "go", fault)
    assert pacs(*QUICK) == FAILED
    told = capsys.readouterr().err
    assert "ValueError at" in told
    assert "Doe" not in told
