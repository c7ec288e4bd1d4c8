"""The key of the corpus: what was planted, what must survive, what refers to what."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Plant:
    """One identifier at one place.

    ``value`` occurs in the corpus only where it was planted. It lies in the file as any one of ``encodings``.
    ``within`` says what has to be undone before they are seen: nothing ("plain"), the deflated data set
    ("deflated"), a stream of a PDF ("flate"), or that a reader of pictures is needed ("drawn").

    Most kinds speak for themselves. Those that a policy may keep with a reason are apart: "time" (of day,
    where dates move by whole weeks), "device date", "vocabulary date", "vocabulary" (an invented word where
    machines write settings), "code string" (one where only defined terms may stand), "measure" (size and
    weight), "house code" (a value of a private scheme that looks like any code), and
    "covert" (bytes no tool can tell from what belongs there).
    """

    value: str
    encodings: tuple[bytes, ...]
    file: str
    location: str
    kind: str
    within: str = "plain"


@dataclass(frozen=True)
class Kept:
    """A value that de-identification must not change: text as it lies there, or the SHA-256 of bytes."""

    kind: str
    file: str
    location: str
    value: str


@dataclass(frozen=True)
class Reference:
    """A UID that points at something of the corpus: ``role`` is instance, study, series, frame of reference
    or item (a UID shared by items: a tracked object, a dimension, a dose reference).

    ``targets`` are the files that carry it as their own; ``frames`` the frames meant, all when empty.
    """

    file: str
    location: str
    role: str
    targets: tuple[str, ...]
    frames: tuple[int, ...] = ()


@dataclass(frozen=True)
class Region:
    """A region of a structure set; ``is_identity`` when its name says who or when."""

    file: str
    number: int
    name: str
    is_identity: bool


@dataclass(frozen=True)
class Age:
    """An age as written (PS3.5 6.2, AS); above 89 years it must leave as 090Y or not at all."""

    file: str
    location: str
    value: str


@dataclass(frozen=True)
class Interval:
    """Whole days between the dates of two studies of one patient."""

    earlier: str
    later: str
    days: int


@dataclass(frozen=True)
class Hostile:
    """A file a tool may refuse, and why."""

    file: str
    fault: str


@dataclass
class Corpus:
    """Where the corpus lies and what is known of it; files are named relative to ``folder``."""

    folder: Path
    files: list[str] = field(default_factory=list)
    plants: list[Plant] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    ages: list[Age] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    namesakes: list[tuple[str, str]] = field(default_factory=list)
    hostile: list[Hostile] = field(default_factory=list)

    def path(self, file: str) -> Path:
        """Return where a file lies."""
        return self.folder / file

    def plants_by_kind(self) -> dict[str, int]:
        """Return how many different values of each kind are planted."""
        return dict(Counter(kind for kind, _ in {(plant.kind, plant.value) for plant in self.plants}))

    def write_key(self, path: Path) -> None:
        """Write everything but the folder as JSON; bytes as hexadecimal digits."""
        said = {name: _plain(value) for name, value in vars(self).items() if name != "folder"}
        path.write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (str, int, bool)):
        return value
    return _plain(asdict(value))
