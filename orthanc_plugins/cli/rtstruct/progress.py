"""Tell how far a run is: one live line on a terminal, else a line for each structure set."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.commands import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.rtstruct.reading.finding import FoundFiles

_LIVE_EVERY_S = 0.1
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
        Only failures and the last word are written.
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

    def say(self, text: str, *, always: bool = False) -> None:
        """Write a line of its own."""
        if always or not self.quiet:
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

    def current(self, label: str, phase: str = "") -> None:
        """Tell what is worked on now; without a terminal, phases get lines of their own."""
        what = f"{label}: {phase.replace('_', ' ')} …" if phase else label
        if self.live:
            self._show(f"{self._counted()}{self._speed()}  {what}")
        elif phase:
            self.say(f"[{self._ended + 1}/{self.total}] {what}")

    def ended(self, label: str, state: str, duration_s: float, reason: str = "") -> None:
        """Tell that a structure set has come to an end; ``state`` is that of its outcome."""
        self._ended += 1
        self._worked += state != "kept"
        if state == "failed":
            self.say(f"{label}: failed: {reason}", always=True)
        elif not self.live and self.total > 1:
            how = "done before" if state == "kept" else f"done in {duration_s:.1f} s"
            self.say(f"{self._counted()} {label}: {how}{self._speed()}")

    def finish(self) -> None:
        """Take the live line away."""
        self._clear()

    def _counted(self) -> str:
        return f"[{self._ended}/{self.total}]"

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
