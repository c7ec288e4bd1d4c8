"""Tell how far a run is: one live line on a terminal, else a line for each structure set."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.commands import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.cli.rtstruct.tally import Tally
    from orthanc_plugins.rtstruct.reading.finding import FoundFiles

_LIVE_EVERY_S = 0.1
_TICK_S = 0.5
_NAME_WIDTH = 24
"""Of a name in the live line only the end is shown, so that the phase has room in a narrow terminal."""
_HOUR_S = 3600
_CLEAR = "\r\x1b[K"


@dataclass
class Progress:
    """Writes to a stream what goes on.

    Parameters
    ----------
    stream
        Standard error, as a rule.
    quiet
        Only failures, sets with errors and the last word are written.
    live
        Whether the stream is a terminal, on which one line is written over and over.
    now
        Gives seconds; only differences count.
    """

    stream: TextIO
    quiet: bool
    live: bool
    now: Callable[[], float] = time.monotonic
    total: int = 0
    _ended: int = field(default=0, init=False)
    _worked: int = field(default=0, init=False)
    _start_s: float = field(default=0.0, init=False)
    _shown_s: float = field(default=float("-inf"), init=False)
    _shows: bool = field(default=False, init=False)
    _running: dict[str, tuple[str, float]] = field(default_factory=dict, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    def say(self, text: str, *, always: bool = False) -> None:
        """Write a line of its own."""
        if always or not self.quiet:
            with self._lock:
                self._clear()
                self.stream.write(f"{printable(text)}\n")
                self.stream.flush()

    def searched(self, found: FoundFiles) -> None:
        """Tell how many files were looked at so far; only shown live."""
        self._show(
            f"searching: {found.files:,} files, {found.images:,} images, "
            f"{len(found.structure_sets):,} structure sets"
        )

    def begin(self, total: int) -> None:
        """Begin to count structure sets."""
        self.total, self._start_s = total, self.now()

    def current(self, name: str, phase: str = "") -> None:
        """Tell what is worked on now; in the log of a single set, phases get lines of their own."""
        phase = phase.replace("_", " ")
        with self._lock:
            _, since_s = self._running.pop(name, ("", self.now()))
            self._running[name] = (phase, since_s)
        if self.live:
            self.tick()
        elif phase and self.total == 1:
            self.say(f"[1/1] {name}: {phase} …")

    def tick(self) -> None:
        """Bring the live line up to date: the set of which news came last, and since when it is worked on."""
        with self._lock:
            if not self._running:
                return
            name, (phase, since_s) = next(reversed(self._running.items()))
            others = f"  (and {len(self._running) - 1} more)" if len(self._running) > 1 else ""
            seconds = f"{self.now() - since_s:.0f} s"
            end = name if len(name) <= _NAME_WIDTH else f"…{name[1 - _NAME_WIDTH :]}"
            parts = (f"[{self._ended + 1}/{self.total}] {end}", phase, seconds)
            self._show(f"{'  '.join(filter(None, parts))}{others}{self._speed()}")

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Keep the live line up to date inside the block, and take it away at its end."""
        stop = threading.Event()

        def tick() -> None:
            while not stop.wait(_TICK_S):
                self.tick()

        ticker = threading.Thread(target=tick, daemon=True)
        if self.live and not self.quiet:
            ticker.start()
        try:
            yield
        finally:
            stop.set()
            if ticker.ident is not None:
                ticker.join()
            self._clear()

    def ended(self, label: str, state: str, duration_s: float, reason: str = "", name: str = "") -> None:
        """Tell that a structure set has come to an end; ``state`` is that of its outcome."""
        with self._lock:
            self._running.pop(name or label, None)
            self._ended += 1
            self._worked += state != "kept" and duration_s > 0  # else it was refused before any work
        if state == "failed":
            self.say(f"{label}: failed: {reason}", always=True)
        elif state == "no_region":
            self.say(f"{label}: {reason}")
        elif not self.live and self.total > 1:
            how = "done before" if state == "kept" else f"done in {duration_s:.1f} s"
            self.say(f"[{self._ended}/{self.total}] {label}: {how}{self._speed()}")

    def odd(self, label: str, problems: Tally) -> None:
        """Tell of a structure set that has problems; a single one's are told by its table."""
        if problems and (self.total > 1 or self.quiet):
            self.say(f"{label}: {problems}", always=problems.errors > 0)

    def _speed(self) -> str:
        """Return how fast it goes and how long it will take; nothing before the first is done."""
        elapsed_s = self.now() - self._start_s
        if not self._worked or elapsed_s <= 0 or self.total < 2:  # noqa: PLR2004 - one has no speed
            return ""
        rate = self._worked / elapsed_s
        return f"  {rate * _HOUR_S:,.0f}/h, {_duration((self.total - self._ended) / rate)} left"

    def _show(self, text: str) -> None:
        if self.quiet or not self.live or self.now() - self._shown_s < _LIVE_EVERY_S:
            return
        with self._lock:
            self._write_live(text)

    def _write_live(self, text: str) -> None:
        self._shown_s, self._shows = self.now(), True
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(_CLEAR + printable(text)[:width])
        self.stream.flush()

    def _clear(self) -> None:
        if self._shows:
            self.stream.write(_CLEAR)
            self._shows = False


def _duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> _duration(5), _duration(125), _duration(7380)
    ('5 s', '2 min', '2 h 03 min')
    """
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
