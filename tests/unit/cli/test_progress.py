"""Progress on a terminal and in a log."""

from __future__ import annotations

import io
from pathlib import Path

from orthanc_plugins.cli.rtstruct.progress import Progress
from orthanc_plugins.rtstruct.reading.finding import FoundFiles, FoundSet


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
    told.begin(2)
    clock.now_s = 2
    told.current("1.2.3")
    told.ended("a", "done", 2)
    clock.now_s = 4
    told.current("1.2.4\x1b[31m")
    told.current("too soon after")
    told.finish()
    told.say("the end")
    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "searching: 1,200 files, 0 images, 1 structure sets",
        "[0/2]  1.2.3",
        "[1/2]  900/h, 4 s left  1.2.4?[31m",
        "the end\n",
    ]


def test_quiet_tells_failures_and_what_must_be_said() -> None:
    told, stream, _ = progress(live=False, quiet=True)
    told.begin(2)
    told.say("counts")
    told.current("a", "rasterise")
    told.ended("a", "done", 1)
    told.ended("b", "failed", 1, "why")
    told.say("the end", always=True)
    assert stream.getvalue() == "b: failed: why\nthe end\n"
