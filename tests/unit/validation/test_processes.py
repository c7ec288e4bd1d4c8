"""Processes that share the work end with the one that has it."""

from __future__ import annotations

import os
import select
import subprocess
import sys

from orthanc_plugins.validation.processes import process_pool

_PARENT = """
import os, sys
from orthanc_plugins.validation.processes import process_pool
if __name__ == "__main__":
    with process_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        sys.stdin.read()
"""


def test_work_is_done_elsewhere() -> None:
    with process_pool(1) as pool:
        assert pool.submit(os.getpid).result() != os.getpid()


def test_a_process_ends_when_the_one_it_works_for_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        ended, _, _ = select.select([worker], [], [], 20)
    os.close(worker)
    assert ended != []
