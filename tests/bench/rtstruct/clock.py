"""Run a program and tell what it took: ``python -I -S clock.py TIMEOUT_S MEASURE_TREE LOG COMMAND…``.

Prints one line of JSON: seconds, cpu_s, peak_mb, code (None when it was ended after the time-out). The
peak is of the largest process; with MEASURE_TREE 1 it is of the whole tree, looked at a hundred times a
second. It imports the standard library alone and stays small, because a child begins with the peak of its
parent.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time

_PAGE = os.sysconf("SC_PAGE_SIZE")


def _tree_bytes(process: int) -> int:
    """Return the resident memory of a process and of all below it; 0 when it is gone."""
    total = 0
    with contextlib.suppress(OSError):
        with open(f"/proc/{process}/statm", encoding="ascii") as stream:  # noqa: PTH123 - pathlib is large
            total = int(stream.read().split()[1]) * _PAGE
        for task in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 - the same
            with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as stream:  # noqa: PTH123
                total += sum(_tree_bytes(int(child)) for child in stream.read().split())
    return total


def _watch(process: int, ended: threading.Event, peak: list[int]) -> None:
    while not ended.wait(0.01):
        peak[0] = max(peak[0], _tree_bytes(process))


def _start(command: list[str], log: str) -> int:
    """Start the program in a process group of its own, its output in the log."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    actions = [(os.POSIX_SPAWN_DUP2, output, stream) for stream in (1, 2)]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setpgroup=0)


def _end(process: int, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def main(timeout_s: str, measure_tree: str, log: str, *command: str) -> None:
    """Run, wait and print."""
    ended, late, peak = threading.Event(), threading.Event(), [0]
    began = time.perf_counter()
    process = _start(list(command), log)
    timer = threading.Timer(float(timeout_s), _end, (process, late))
    timer.start()
    if measure_tree == "1":
        threading.Thread(target=_watch, args=(process, ended, peak), daemon=True).start()
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    timer.cancel()
    ended.set()
    told = {
        "seconds": seconds,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": max(usage.ru_maxrss * 1024, peak[0]) / 1e6,
        "code": None if late.is_set() else os.waitstatus_to_exitcode(status),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
