"""A run over all structure sets of the inputs: one after another or side by side, and the end."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from orthanc_plugins.cli.commands import DONE, FAILED, INTERRUPTED, USAGE
from orthanc_plugins.cli.interruption import terminated_as_interrupted
from orthanc_plugins.cli.rtstruct.set_folder import held_results
from orthanc_plugins.cli.rtstruct.set_work import Outcome, SetTask, do_set
from orthanc_plugins.cli.rtstruct.summary import RUN_NAME, EndedSet, write_summary
from orthanc_plugins.cli.rtstruct.table import write_table
from orthanc_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from orthanc_plugins.cli.rtstruct.options import Options
    from orthanc_plugins.cli.rtstruct.plan import Plan
    from orthanc_plugins.cli.rtstruct.progress import Progress
    from orthanc_plugins.cli.rtstruct.set_work import State

_MOST_NAMES = 60
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
            work_folder = self.output / _WORK
            shutil.rmtree(work_folder, ignore_errors=True)
            try:
                with terminated_as_interrupted(), self.progress.ticking():
                    self._work(work_folder)
            except KeyboardInterrupt:
                interrupted = True
            finally:
                shutil.rmtree(work_folder, ignore_errors=True)
                self._summarise({"started": started, "interrupted": interrupted, **facts})
        if len(self.plan.sets) == 1:
            self._show(out)
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
                self._ended(task.place, do_set(task, partial(self._on_phase, task)))
            return
        self._work_in_processes(tasks)

    def _work_in_processes(self, tasks: Iterator[SetTask]) -> None:
        from orthanc_plugins.cli.processes import Lost, in_processes  # noqa: PLC0415 - for many sets alone

        results = in_processes(
            do_set, tasks, self.jobs, lambda task: self._on_phase(task, ""), self._on_phase
        )
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

    def _on_phase(self, task: SetTask, phase: str) -> None:
        self.progress.current(self._name(task.place), phase)

    def _name(self, place: int) -> str:
        """Return what a set is called while it is worked on: of several, their folders tell them apart."""
        planned = self.plan.sets[place]
        return planned.label if len(self.plan.sets) == 1 else planned.folder.name

    def _ended(self, place: int, outcome: Outcome) -> None:
        self._outcomes[place] = outcome
        label = self.plan.sets[place].label
        self.progress.ended(label, outcome.state, outcome.duration_s, outcome.reason, self._name(place))
        self.progress.odd(label, outcome.problems)

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
        if unmatched and self._count("done", "kept"):
            named = ", ".join(repr(pattern) for pattern in unmatched)
            self.progress.say(f"pacs: --regions: no region matches {named}.", always=True)

    def _count(self, *states: State) -> int:
        return sum(outcome.state in states for outcome in self._outcomes.values())

    def _show(self, out: TextIO) -> None:
        """Show what a single set has given."""
        planned, outcome = self.plan.sets[0], self._outcomes.get(0)
        results = held_results(planned.folder)
        if outcome is None or outcome.state not in {"done", "kept"} or results is None:
            return
        if not self.progress.quiet:
            write_table(planned.label, planned.folder, results, out)

    def _end(self, *, interrupted: bool) -> int:
        """Say how it all ended, and return the exit code."""
        done, failed, without = self._count("done", "kept"), self._count("failed"), self._count("no_region")
        text = f"pacs: structure sets: {done} done{self._details()}, {failed} failed"
        text += f", {without} without any of the --regions" if without else ""
        if interrupted:
            left = len(self.plan.sets) - len(self._outcomes)
            self.progress.say(f"{text}, {left} left: interrupted, call again to go on.", always=True)
            return INTERRUPTED
        if without and not (done or failed):
            self.progress.say(
                f"pacs: --regions: no region of any structure set matches. {self._names_there_are()}",
                always=True,
            )
        self.progress.say(f"{text}.", always=True)
        if failed:
            return FAILED
        return DONE if done else USAGE

    def _details(self) -> str:
        """Return what is to be known of the sets that are done, in brackets."""
        kept = self._count("kept")
        odd = sum(bool(outcome.problems) for outcome in self._outcomes.values())
        details = []
        if odd:
            details.append(f"{odd} with problems, see {RUN_NAME}")
        if kept:
            details.append(f"{kept} of them before this run; --again does them anew")
        return f" ({'; '.join(details)})" if details else ""

    def _names_there_are(self) -> str:
        names = sorted({name for outcome in self._outcomes.values() for name in outcome.names})
        if not names:
            return "There are no regions."
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"There are: {', '.join(names[:_MOST_NAMES])}{more}."


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
