"""Everything that is said of one tool's work on the planted corpus."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.validation.conformance import errors_of
from tests.bench.deid.keeping import Tally, facts, references
from tests.bench.deid.looking import Leak, Search
from tests.bench.deid.opened import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.builders.planted import Corpus

MARKERS = ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence")
LONGITUDINAL = "LongitudinalTemporalInformationModified"
_OLDEST = 89


@dataclass
class Verdict:
    """What a tool released of the corpus, and how.

    Parameters
    ----------
    released, failed
        Files of the corpus; the second with why.
    leaks
        Planted values still there.
    facts, references
        What became of them, by kind and by role.
    regions
        Names of regions that identify nobody: those kept, and all.
    intervals
        Of those between studies of one patient that could be told: those kept, and all.
    ages
        Files that tell an age above 89.
    marked
        In how many files each marker stands.
    errors, errors_before
        Of dciodvfy in what was released, and in its originals.
    hostile
        What became of hostile files: refused, released, those of them that leak, dead.
    notes
        What else is to be said.
    """

    released: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    leaks: list[Leak] = field(default_factory=list)
    facts: dict[str, Tally] = field(default_factory=dict)
    references: dict[str, Tally] = field(default_factory=dict)
    regions: tuple[int, int] = (0, 0)
    intervals: tuple[int, int] = (0, 0)
    ages: list[str] = field(default_factory=list)
    marked: dict[str, int] = field(default_factory=dict)
    errors: int = 0
    errors_before: int = 0
    hostile: dict[str, int] = field(default_factory=dict)
    hostile_leaks: list[Leak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self) | {
            "leaks": [leak._asdict() for leak in self.leaks],
            "hostile_leaks": [leak._asdict() for leak in self.hostile_leaks],
        }


class Judge:
    """Knows a corpus, and judges what tools make of it."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._search = Search(corpus)
        self._originals = {file: Opened.of(corpus.path(file)) for file in corpus.files}
        self._errors = {file: errors_in(corpus.path(file)) for file in corpus.files}

    def verdict(self, made: Mapping[str, Path], failed: Mapping[str, str]) -> Verdict:
        """Return what is to be said of files, each made of one of the corpus."""
        released = {file: Opened.of(path) for file, path in made.items()}
        verdict = Verdict(list(released), dict(failed))
        for file, opened in released.items():
            verdict.leaks += self._search.leaks(file, opened, self._originals[file])
            if _age(opened) > _OLDEST:
                verdict.ages.append(file)
        verdict.facts = facts(self._corpus, released)
        verdict.references = references(self._corpus, self._originals, released)
        verdict.regions = _regions(self._corpus, released)
        verdict.intervals = _intervals(self._corpus, released)
        verdict.marked = _marked(released.values())
        verdict.errors = sum(errors_in(path) for path in made.values())
        verdict.errors_before = sum(self._errors[file] for file in made)
        return verdict

    def hostile_leaks(self, file: str, path: Path) -> list[Leak]:
        """Return what of the corpus is in a file made of a hostile one."""
        nothing = Opened(b"")
        return list(self._search.leaks(file, Opened.of(path), nothing))


def errors_in(path: Path) -> int:
    """Return how many errors dciodvfy finds; one where it cannot even read."""
    try:
        return len(errors_of(path))
    except InvalidDicom:
        return 1


def _age(opened: Opened) -> int:
    """Return the patient's age in years as it is told, 0 where it is not."""
    said = [place.value for place in opened.places if place.path == "(0010,1010)"]
    digits = said[0].strip(b"\0 ") if said else b""
    return int(digits[:3]) if digits[:3].isdigit() and digits[3:] == b"Y" and digits != b"090Y" else 0


def _regions(corpus: Corpus, released: Mapping[str, Opened]) -> tuple[int, int]:
    """Return how many names of regions that say nothing of a person stayed, and how many there were."""
    usable = [region for region in corpus.regions if not region.is_identity and region.file in released]
    said = {
        (file, place.value.rstrip(b"\0 ").decode("latin-1"))
        for file, opened in released.items()
        for place in opened.places
        if place.tag == 0x30060026
    }
    return sum((region.file, region.name) in said for region in usable), len(usable)


def _intervals(corpus: Corpus, released: Mapping[str, Opened]) -> tuple[int, int]:
    kept = told = 0
    for interval in corpus.intervals:
        days = [_study_day(label, released) for label in (interval.earlier, interval.later)]
        if (earlier := days[0]) is not None and (later := days[1]) is not None:
            told += 1
            kept += (later - earlier).days == interval.days
    return kept, told or len(corpus.intervals)


def _study_day(label: str, released: Mapping[str, Opened]) -> datetime | None:
    """Return the date of a study, where all its files tell one and the same."""
    said = Counter(
        place.value.strip(b"\0 ")
        for file, opened in released.items()
        if file.startswith(f"{label}/")
        for place in opened.places
        if place.path == "(0008,0020)"
    )
    try:
        (only,) = said
        return datetime.strptime(only.decode("ascii"), "%Y%m%d")  # noqa: DTZ007 - a day, of no zone
    except ValueError:
        return None


def _marked(released: Iterable[Opened]) -> dict[str, int]:
    marked = dict.fromkeys((*MARKERS, LONGITUDINAL), 0)
    for opened in released:
        for keyword in marked:
            marked[keyword] += bool(opened.dataset.get(keyword))
    return marked
