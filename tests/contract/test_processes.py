"""Tasks in processes: a worker that ends costs the one task it had."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.cli.processes import Lost, in_processes
from tests.contract.waiting import eventually
from tests.contract.worked import double_or_die, process_of

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]


def is_alive(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_worker_that_dies_costs_one_task() -> None:
    results = dict(in_processes(double_or_die, range(10), 2))
    assert {task: result for task, result in results.items() if not isinstance(result, Lost)} == {
        number: 2 * number for number in (0, 1, 2, 4, 6, 8, 9)
    }
    lost = {task: result.reason for task, result in results.items() if isinstance(result, Lost)}
    assert "killed by SIGKILL (often for want of memory)" in lost[3]
    assert "ended with status 7" in lost[5]
    assert "RuntimeError at worked.py" in lost[7]
    assert "secret" not in lost[7]


def test_workers_are_used_again_and_never_more_than_asked() -> None:
    begun: list[int] = []
    results = [result for _, result in in_processes(process_of, iter(range(8)), 2, begun.append)]
    assert sorted(result[0] for result in results if not isinstance(result, Lost)) == list(range(8))
    assert len({result[1] for result in results if not isinstance(result, Lost)}) <= 2
    assert begun == list(range(8))
    assert list(in_processes(process_of, [], 2)) == []


def test_tasks_are_taken_when_a_worker_is_free() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    with closing(in_processes(process_of, tasks(), 2)) as results:
        next(results)
    assert taken == [0, 1]


def test_leaving_early_ends_the_workers() -> None:
    with closing(in_processes(process_of, range(100), 2)) as results:
        _, result = next(results)
    assert not isinstance(result, Lost)
    assert not is_alive(result[1])


def test_a_parent_that_is_killed_takes_its_workers_along(tmp_path: Path) -> None:
    place = tmp_path / "process"
    script = (
        "from pathlib import Path; from orthanc_plugins.cli.processes import in_processes; "
        "from tests.contract.worked import note_and_wait\n"
        f"if __name__ == '__main__': list(in_processes(note_and_wait, [Path({str(place)!r})], 1))"
    )
    (tmp_path / "parent.py").write_text(script, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env=environment)
    eventually(lambda: place.is_file() and place.read_text(encoding="ascii"), "the worker works")
    worker = int(place.read_text(encoding="ascii"))
    parent.kill()
    parent.wait(10)
    eventually(lambda: not is_alive(worker), "the worker has ended")
