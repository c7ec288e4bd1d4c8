"""Progress on a terminal and in a log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from orthanc_plugins.cli.rtstruct.progress import Progress
from orthanc_plugins.cli.rtstruct.tally import Tally
from orthanc_plugins.rtstruct.reading.finding import FoundFiles, FoundSet

LONG = "2.25.12345678901234567890.2.3"


class Clock:
    """Tells the seconds a test has set."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def progress(*, live: bool, quiet: bool = False) -> tuple[Progress, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    return Progress(stream, quiet, live, clock), stream, clock


def test_a_log_gets_a_line_for_each_set_with_rate_and_remaining_time() -> None:
    told, stream, clock = progress(live=False)
    told.begin(4)
    clock.now_s = 10
    told.ended("a/rtstruct.dcm", "done", 9.5)
    told.ended("b/rtstruct.dcm", "kept", 0.1)
    told.ended("c/rtstruct.dcm", "failed", 0.1, "It is cut short.")
    assert stream.getvalue().splitlines() == [
        "[1/4] a/rtstruct.dcm: done in 9.5 s  360/h, 30 s left",
        "[2/4] b/rtstruct.dcm: done before  360/h, 20 s left",
        "c/rtstruct.dcm: failed: It is cut short.",
    ]


def test_a_terminal_gets_one_line_that_is_taken_away() -> None:
    told, stream, clock = progress(live=True)
    told.searched(FoundFiles(structure_sets=[FoundSet(Path("a"), "1.2")], files=1200))
    told.begin(3)
    clock.now_s = 2
    with told.ticking():
        told.current(LONG, "read_contours")
        told.current(LONG, "too_soon_after")
        clock.now_s = 12
        told.current("…2.4\x1b[31m")
        clock.now_s = 14
        told.current(LONG, "rasterise")
        clock.now_s = 15
        told.tick()
        clock.now_s = 20
        told.ended("b", "done", 2, name=LONG)
        told.tick()
    told.tick()
    told.say("the end")
    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "searching: 1,200 files, 0 images, 1 structure sets",
        "[1/3] …2345678901234567890.2.3  read contours  0 s",
        "[1/3] …2.4?[31m  0 s  (and 1 more)",
        "[1/3] …2345678901234567890.2.3  rasterise  12 s  (and 1 more)",
        "[1/3] …2345678901234567890.2.3  rasterise  13 s  (and 1 more)",
        "[2/3] …2.4?[31m  8 s  180/h, 40 s left",
        "the end\n",
    ]


def test_a_single_set_has_a_line_for_each_phase_in_a_log_and_several_have_not() -> None:
    for total, expected in ((1, "[1/1] a: read contours …\n"), (2, "")):
        told, stream, _ = progress(live=False)
        told.begin(total)
        told.current("a", "read_contours")
        assert stream.getvalue() == expected


@pytest.mark.parametrize(
    ("total", "quiet", "said"),
    [(2, False, "ab"), (2, True, "b"), (1, False, ""), (1, True, "b")],
)
def test_sets_with_problems_are_told_and_quietly_only_those_with_errors(
    total: int, quiet: bool, said: str
) -> None:
    lines = {
        "a": "a: 1 warning: no_images\n",
        "b": "b: 2 errors, 3 warnings: no_pixels, absent_images\n",
    }
    told, stream, _ = progress(live=False, quiet=quiet)
    told.begin(total)
    told.odd("a", Tally(0, 1, ("no_images",)))
    told.odd("b", Tally(2, 3, ("no_pixels", "absent_images")))
    told.odd("c", Tally())
    assert stream.getvalue() == "".join(lines[name] for name in said)


def test_quiet_tells_failures_and_what_must_be_said() -> None:
    told, stream, _ = progress(live=False, quiet=True)
    told.begin(2)
    told.say("counts")
    told.current("a", "rasterise")
    told.ended("a", "done", 1)
    told.ended("b", "failed", 1, "why")
    told.say("the end", always=True)
    assert stream.getvalue() == "b: failed: why\nthe end\n"
