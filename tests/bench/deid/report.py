"""Verdicts and times as tables in Markdown, as they stand in the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.deid.looking import by_kind
from tests.bench.deid.speed import IMAGES, SETS, WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.bench.deid.judging import Verdict
    from tests.bench.deid.keeping import Tally
    from tests.bench.deid.looking import Leak
    from tests.bench.deid.speed import Timed

VOCABULARY = frozenset({"vocabulary", "vocabulary date"})
"""What machines fill, and standards date: no identity, and a policy's matter."""
RETAINED = {"ours, research_rt": frozenset({"measure", "time"})}
"""What a tool's options retain: sizes and weights, and with dates moved by whole weeks the time of day."""
_ETHNIC_GROUP = "(0010,2160)"
"""Kept, too, by the option to retain patient characteristics."""
_PLACES = 60


def leaked(name: str, leaks: Iterable[Leak]) -> list[Leak]:
    """Return those leaks that no option of the tool allows."""
    allowed = VOCABULARY | RETAINED.get(name, frozenset())
    is_retained = name in RETAINED
    return [
        leak
        for leak in leaks
        if leak.kind not in allowed and not (is_retained and leak.location.endswith(_ETHNIC_GROUP))
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def leaks_table(verdicts: Mapping[str, Verdict], all_files: int) -> str:
    """Return one row a tool: what it lets through, what it breaks, what it says of it."""
    head = (
        "",
        "objects released",
        "identities left",
        "places",
        "references broken, lost",
        "facts falsified, lost",
        "region names kept",
        "interval kept",
        "ages over 89",
        "marked",
        "dciodvfy errors (input)",
        "hostile: refused, released, dead, leaking",
    )
    return _table(head, [_leaks_row(name, verdict, all_files) for name, verdict in verdicts.items()])


def _leaks_row(name: str, verdict: Verdict, all_files: int) -> list[str]:
    leaks = leaked(name, verdict.leaks)
    hostile = verdict.hostile
    dangerous = len({leak.file for leak in leaked(name, verdict.hostile_leaks)})
    return [
        name,
        f"{len(verdict.released)} of {all_files}",
        str(len({leak.value for leak in leaks})),
        str(len({(leak.value, leak.file, leak.location) for leak in leaks})),
        _broken(verdict.references.values()),
        _broken(verdict.facts.values()),
        "{} of {}".format(*verdict.regions),
        "{} of {}".format(*verdict.intervals),
        str(len(verdict.ages)),
        f"{min(verdict.marked.values(), default=0)} fully, {max(verdict.marked.values(), default=0)} in part",
        f"{verdict.errors} ({verdict.errors_before})",
        ", ".join(str(hostile.get(one, 0)) for one in ("refused", "released", "dead")) + f", {dangerous}",
    ]


def _broken(tallies: Iterable[Tally]) -> str:
    several = list(tallies)
    changed, lost = sum(one.changed for one in several), sum(one.lost for one in several)
    return f"{changed}, {lost} of {sum(one.kept for one in several) + changed + lost}"


def kinds_table(verdicts: Mapping[str, Verdict], planted: Mapping[str, int]) -> str:
    """Return how many values of each kind each tool leaves; what its options retain is in brackets."""
    counts = {name: by_kind(verdict.leaks) for name, verdict in verdicts.items()}
    leaks = {name: by_kind(leaked(name, verdict.leaks)) for name, verdict in verdicts.items()}
    rows = [
        [
            kind,
            str(number),
            *(_cell(leaks[name].get(kind, 0), counts[name].get(kind, 0)) for name in verdicts),
        ]
        for kind, number in planted.items()
    ]
    return _table(("kind", "planted", *verdicts), rows)


def _cell(leaks: int, all_: int) -> str:
    return f"({all_})" if all_ > leaks == 0 else str(leaks)


def losses_table(verdicts: Mapping[str, Verdict], part: str) -> str:
    """Return what became of facts or references by kind: falsified, lost; nothing where all are kept."""
    kinds = dict.fromkeys(kind for verdict in verdicts.values() for kind in getattr(verdict, part))
    rows = [
        [kind, *(_loss(getattr(verdict, part).get(kind)) for verdict in verdicts.values())] for kind in kinds
    ]
    return _table((part, *verdicts), rows)


def _loss(tally: Tally | None) -> str:
    if tally is None:
        return "\N{EN DASH}"
    all_ = tally.kept + tally.changed + tally.lost
    return (
        f"{all_} kept" if not tally.changed and not tally.lost else f"{tally.changed}, {tally.lost} of {all_}"
    )


def details(name: str, verdict: Verdict) -> Iterator[str]:
    """Yield where a tool leaks, breaks and fails, line by line; values are told by their kind."""
    files: dict[tuple[str, str], dict[str, None]] = {}
    for leak in leaked(name, verdict.leaks):
        files.setdefault((leak.kind, leak.location), {})[leak.file] = None
    for (kind, location), some in list(files.items())[:_PLACES]:
        yield f"leak: {kind} at {location} in {next(iter(some)) if len(some) == 1 else f'{len(some)} files'}"
    if len(files) > _PLACES:
        yield f"leak: and at {len(files) - _PLACES} more places"
    for part in (verdict.references, verdict.facts):
        for kind, tally in part.items():
            yield from (f"{kind}: {example}" for example in tally.examples[:_PLACES])
    yield from (f"not released: {reason}: {files}" for reason, files in _by_reason(verdict.failed).items())
    yield from (f"note: {note}" for note in verdict.notes)


def _by_reason(failed: Mapping[str, str]) -> dict[str, str]:
    reasons: dict[str, list[str]] = {}
    for file, reason in failed.items():
        reasons.setdefault(reason, []).append(file)
    return {reason: ", ".join(files) for reason, files in reasons.items()}


def speed_table(found: Mapping[str, Mapping[str, Timed]]) -> str:
    """Return one row a tool: files in a second, and seconds a structure set, with the ratio to ours."""
    head = ["", "CT files/s, best", "median", "per core second", "times ours"]
    for name in SETS:
        head += [f"{name}, best", "median", "times ours"]
    first = found.get(next(iter(WAYS)), {})
    return _table(head, [[name, *_speed_row(cases, first)] for name, cases in found.items()])


def _speed_row(cases: Mapping[str, Timed], first: Mapping[str, Timed]) -> Iterator[str]:
    images = cases[IMAGES]
    if images.passes:
        yield f"{images.files / images.best_s:.0f}"
        yield f"{images.files / images.median_s:.0f}"
        yield f"{images.a_core:.0f}"
        yield _ratio(images, first.get(IMAGES))
    else:
        yield from (f"failed: {images.failed}", *["\N{EN DASH}"] * 3)
    for name in SETS:
        timed = cases[name]
        if timed.passes:
            yield from (f"{timed.best_s:.3f} s", f"{timed.median_s:.3f} s", _ratio(timed, first.get(name)))
        else:
            yield from (f"failed: {timed.failed}", *["\N{EN DASH}"] * 2)


def _ratio(timed: Timed, ours: Timed | None) -> str:
    if ours is None or not ours.passes:
        return "\N{EN DASH}"
    return f"{timed.best_s / ours.best_s:.2f}"
