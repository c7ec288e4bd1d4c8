"""A run over all structure sets of the inputs: one after another or side by side, and the end."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orthanc_plugins.cli.commands import DONE, FAILED, INTERRUPTED
from orthanc_plugins.cli.rtstruct.set_work import Outcome, SetTask, do_set, held_results
from orthanc_plugins.cli.rtstruct.summary import EndedSet, write_summary
from orthanc_plugins.cli.rtstruct.table import write_table
from orthanc_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from orthanc_plugins.cli.rtstruct.options import Options
    from orthanc_plugins.cli.rtstruct.plan import Plan
    from orthanc_plugins.cli.rtstruct.progress import Progress

_WORK = ".pacs-rtstruct"
"""Folder below the output where results are made; what a killed run has left in it goes at the next one."""


@dataclass(eq=False)
class Run:
    """One call of the command, once its inputs are known."""

    plan: Plan
    output: Path
    options: Options
    progress: Progress
    again: bool = False
    jobs: int = 1
    _outcomes: dict[int, Outcome] = field(default_factory=dict, init=False)

    def go(self, facts: dict[str, Any], out: TextIO) -> int:
        """Work on every set, tell how each ended, and return the exit code.

        Raises
        ------
        ConfigurationError
            Another run writes to the same folder.
        OSError
            The folder cannot be written to.
        """
        interrupted = False
        started = datetime.now(UTC)
        with _sole_writer(self.output):
            held_files = any(self.output.iterdir())
            work_folder = self.output / _WORK
            shutil.rmtree(work_folder, ignore_errors=True)
            try:
                with _terminated_as_interrupted():
                    self._work(work_folder)
            except KeyboardInterrupt:
                interrupted = True
            self.progress.finish()
            shutil.rmtree(work_folder, ignore_errors=True)
            self._summarise({"started": started, "interrupted": interrupted, **facts})
        if len(self.plan.sets) == 1:
            self._show(out, held_files=held_files)
        return self._end(interrupted=interrupted)

    def _work(self, work_folder: Path) -> None:
        sets = self.plan.sets
        self.progress.begin(len(sets))
        for place, planned in enumerate(sets):
            if planned.fault:
                self._ended(place, Outcome("failed", planned.fault))
        tasks = self._tasks(work_folder)
        if len(sets) == 1:
            for task in tasks:
                self._ended(task.place, do_set(task, self._on_phase))
            return
        self._work_in_processes(tasks)

    def _work_in_processes(self, tasks: Iterator[SetTask]) -> None:
        from orthanc_plugins.cli.processes import Lost, in_processes  # noqa: PLC0415 - for many sets alone

        results = in_processes(do_set, tasks, self.jobs, lambda task: self.progress.current(task.folder.name))
        with closing(results):
            for task, result in results:
                ended = Outcome("failed", result.reason) if isinstance(result, Lost) else result
                self._ended(task.place, ended)

    def _tasks(self, work_folder: Path) -> Iterator[SetTask]:
        """Yield what is to be done, each made when its turn comes."""
        threads = max(1, self.jobs // len(self.plan.sets))
        for place, planned in enumerate(self.plan.sets):
            if not planned.fault:
                yield SetTask(
                    planned.open(),
                    planned.folder,
                    work_folder / str(place),
                    self.options,
                    again=self.again,
                    threads=threads,
                    place=place,
                )

    def _on_phase(self, phase: str) -> None:
        self.progress.current(self.plan.sets[0].label, phase)

    def _ended(self, place: int, outcome: Outcome) -> None:
        self._outcomes[place] = outcome
        label = self.plan.sets[place].label
        self.progress.ended(label, outcome.state, outcome.duration_s, outcome.reason)

    def _summarise(self, facts: dict[str, Any]) -> None:
        """Write the summary, and say which regions that were asked for were in no set."""
        sets = self.plan.sets
        ended = [
            EndedSet(sets[place].label, sets[place].sop_instance_uid, sets[place].folder, outcome)
            for place, outcome in sorted(self._outcomes.items())
        ]
        times = {
            "started": facts.pop("started").isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        facts |= {"not_begun": len(sets) - len(ended)}
        unmatched = write_summary(self.output, ended, self.options, times | facts)
        if unmatched and len(ended) > sum(one.outcome.state == "failed" for one in ended):
            named = ", ".join(repr(pattern) for pattern in unmatched)
            self.progress.say(f"pacs: --regions: no region matches {named}.", always=True)

    def _show(self, out: TextIO, *, held_files: bool) -> None:
        """Show what a single set has given."""
        planned, outcome = self.plan.sets[0], self._outcomes.get(0)
        results = held_results(planned.folder)
        if outcome is None or outcome.state == "failed" or results is None:
            return
        if outcome.state == "done" and held_files:
            self.progress.say("its folder held files already; those not written again have stayed")
        if not self.progress.quiet:
            write_table(planned.label, planned.folder, results, out)

    def _end(self, *, interrupted: bool) -> int:
        """Say how it all ended, and return the exit code."""
        states = [outcome.state for outcome in self._outcomes.values()]
        done, kept, failed = (states.count(state) for state in ("done", "kept", "failed"))
        before = f" ({kept} of them before this run; --again does them anew)" if kept else ""
        text = f"pacs: structure sets: {done + kept} done{before}, {failed} failed"
        if interrupted:
            left = len(self.plan.sets) - len(states)
            self.progress.say(f"{text}, {left} left: interrupted, call again to go on.", always=True)
            return INTERRUPTED
        self.progress.say(f"{text}.", always=True)
        return FAILED if failed else DONE


@contextmanager
def _sole_writer(output: Path) -> Iterator[None]:
    """Make the folder, and keep other runs out of it until the block, or this process, ends."""
    output.mkdir(parents=True, exist_ok=True)
    folder = os.open(output, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"Another run writes to {output}: let it end first.") from error
        except OSError as error:
            if error.errno not in {errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS}:
                raise  # else: a file system without locks
        yield
    finally:
        os.close(folder)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, which batch systems send, end a run as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
