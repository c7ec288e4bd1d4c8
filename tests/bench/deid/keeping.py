"""What de-identification must leave as it was: facts, and what refers to what."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tests.bench.deid.opened import PIXELS, general
from tests.builders.planted.retained import kept_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.bench.deid.opened import Opened
    from tests.builders.planted import Corpus, Kept, Reference

_AT_TOP = {"(0008,0018)", "(0020,000D)", "(0020,000E)", "(0020,0052)"}
_OF_ITEMS = {0x00200052, 0x00209164, 0x00620021, 0x0070031A, 0x300A0013}
"""By which items carry a UID: frames of reference, dimensions, what is tracked, fiducials, doses."""
type Files = Mapping[str, Opened]


@dataclass
class Tally:
    """How many values are as they were, are others now, or are gone; the last two by place."""

    kept: int = 0
    changed: int = 0
    lost: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, expected: Counter[str], found: Counter[str], place: str) -> None:
        """Count what was expected at a place, whatever the order."""
        missing, other = expected - found, found - expected
        self.kept += (expected & found).total()
        self.changed += (changed := min(missing.total(), other.total()))
        self.lost += (lost := missing.total() - changed)
        if changed or lost:
            self.examples.append(f"{place}: {changed} changed, {lost} lost")

    def record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def facts(corpus: Corpus, released: Files) -> dict[str, Tally]:
    """Return what became of the facts of released files, by kind.

    Values are compared by their path without the numbers of items, as items before them may be gone.
    """
    expected: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for kept in corpus.kept:
        if kept.file in released:
            expected[kept.kind, kept.file, general(kept.location)][kept.value] += 1
    found = {key: Counter[str]() for key in expected}
    for file, opened in released.items():
        for kept in _facts(file, opened):
            if (key := (kept.kind, file, general(kept.location))) in found:
                found[key][kept.value] += 1
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for (kind, file, location), values in expected.items():
        if "pixels" in kind:
            found[kind, file, location] = _pixels(released[file], decoded=kind.startswith("decoded"))
        tallies[kind].add(values, found[kind, file, location], f"{file} {location}")
    return dict(tallies)


def _facts(file: str, opened: Opened) -> Iterator[Kept]:
    for place in opened.places:
        if place.tag != PIXELS:
            try:
                kept = kept_at(file, place)
            except Exception:  # noqa: BLE001 - what it stands beside cannot be read: no fact
                continue
            if kept is not None:
                yield kept


def _pixels(opened: Opened, *, decoded: bool) -> Counter[str]:
    """Return the SHA-256 of pixels, as they lie there or decoded; nothing where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = opened.dataset.pixel_array.tobytes() if decoded else opened.dataset.PixelData
        except Exception:  # noqa: BLE001 - whatever hinders a reader
            return Counter()
    return Counter([hashlib.sha256(data).hexdigest()])


def references(corpus: Corpus, originals: Files, released: Files) -> dict[str, Tally]:
    """Return what became of references between released files, by role: they resolve, do not, or are gone."""
    new = _renamed(originals, released)
    expected: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for reference in corpus.references:
        if reference.file in released and any(target in released for target in reference.targets):
            key = reference.role, reference.file, general(reference.location)
            expected[key].update(_targets(reference, originals, new))
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    for (role, file, location), uids in expected.items():
        said = Counter(uid for uid in _uids(released[file], location) if uid)
        tallies[role].add(uids, said, f"{file} {location}")
    return dict(tallies)


def _targets(reference: Reference, originals: Files, new: Mapping[str, str]) -> list[str]:
    """Return what a reference must say now; a target that has two new UIDs, or none, cannot be met."""
    said = [place for place in originals[reference.file].places if place.path == reference.location]
    return [new[uid] for uid in _split(said[0].value) if uid in new]


def _renamed(originals: Files, released: Files) -> dict[str, str]:
    """Return the new UID of every old one by the files that carry it as their own.

    Those of studies, series, instances and frames of reference stand at the top of a file; others are carried
    by items. Where the files disagree it is "two", which nothing refers to.
    """
    top: defaultdict[str, set[str]] = defaultdict(set)
    items: defaultdict[str, set[str]] = defaultdict(set)
    for file, opened in released.items():
        now = {place.path: place.value for place in opened.places}
        for place in originals[file].places:
            if place.path in _AT_TOP or place.tag in _OF_ITEMS:
                new = top if place.path in _AT_TOP else items
                for uid, other in zip_longest(_split(place.value), _split(now.get(place.path, b""))):
                    new[uid or ""].add(other or "none")
    return {uid: uids.pop() if len(uids) == 1 else "two" for uid, uids in {**items, **top}.items()}


def _uids(opened: Opened, location: str) -> Iterable[str]:
    return (uid for place in opened.places if general(place.path) == location for uid in _split(place.value))


def _split(value: bytes) -> list[str]:
    return [uid.rstrip("\0 ") for uid in value.decode("latin-1").split("\\")]
