"""A whole study: who it is of, each of its objects, and what only shows between them."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.validation.conformance import CHECK as CONFORMANCE
from orthanc_plugins.validation.conformance import Conformance
from orthanc_plugins.validation.dates import check_shifts
from orthanc_plugins.validation.identity import Identity, identity_of
from orthanc_plugins.validation.instance import CHECKS, FILES, Checked, check_instance
from orthanc_plugins.validation.processes import process_pool
from orthanc_plugins.validation.reading import read
from orthanc_plugins.validation.references import check_net
from orthanc_plugins.validation.report import Finding, Report
from orthanc_plugins.validation.residual import Residue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.validation.claims import Claims, Pair

_BATCH = 8
"""Files that a process is handed at once."""


class _Work:
    """What is done with each pair. Other processes are handed it once, when they start."""

    here: ClassVar[_Work]

    def __init__(self, claims: Claims, residue: Residue, *, conformance: bool) -> None:
        self._claims = claims
        self._residue = residue
        self._judge = Conformance() if conformance else None

    def check(self, numbered: tuple[int, Pair]) -> Checked:
        """Return what is found in one pair."""
        position, pair = numbered
        return check_instance(pair, position, self._claims, self._residue, self._judge)

    def begin(self) -> None:
        """Have this be the work of this process."""
        _Work.here = self

    @staticmethod
    def check_here(numbered: tuple[int, Pair]) -> Checked:
        """Return what is found in one pair by the work of this process."""
        return _Work.here.check(numbered)


def check_study(  # noqa: PLR0913 - beside what is checked, each says how, and may be left out
    pairs: Sequence[Pair],
    claims: Claims,
    *,
    wider_identity: Identity | None = None,
    folder: Path | None = None,
    conformance: bool = False,
    workers: int = 1,
) -> Report:
    """Return what is found in a study's released objects, held against their originals.

    Parameters
    ----------
    pairs
        Each original of the study, and what is to leave of it.
    wider_identity
        What the patient's other studies tell of the same identity (`gather`).
    folder
        Where nothing may be but the released files; not looked at if it is None.
    conformance
        Have dciodvfy judge, of objects that are alike but for their values one.
    workers
        Processes; with 1, this one alone.
    """
    begin = perf_counter()
    identity, unread = _identity(pairs, workers)
    residue = Residue((identity | (wider_identity or Identity())).without_claimed(claims))
    gathered = perf_counter() - begin
    work = _Work(claims, residue, conformance=conformance)
    checked = _checked(work, list(enumerate(pairs)), workers)
    findings = [*unread, *_files(pairs, folder)]
    findings += [finding for one in checked for finding in one.findings]
    findings += check_net((one.links for one in checked), claims)
    findings += check_shifts(shift for one in checked for shift in one.shifts)
    seconds = Counter[str]({"gathering": gathered})
    for one in checked:
        seconds.update(one.seconds)
    checks = tuple(check for check in CHECKS if conformance or check != CONFORMANCE)
    return Report(tuple(findings), len(pairs), sum(one.size for one in checked), checks, dict(seconds))


def gather(originals: Iterable[Path]) -> Identity:
    """Return the identity that files hold, of a patient's other studies for example.

    Raises
    ------
    InvalidDicom
        One cannot be read.
    """
    return identity_of(map(read, originals))


def _identity(pairs: Sequence[Pair], workers: int) -> tuple[Identity, list[Finding]]:
    """Return the identity of all originals that can be read, and which cannot."""
    originals = [pair.original for pair in pairs]
    if workers == 1:
        found = [_identity_in(path) for path in originals]
    else:
        with process_pool(workers) as pool:
            found = list(pool.map(_identity_in, originals, chunksize=_BATCH))
    unread = [
        Finding(FILES, f"#{position + 1}", "", "the original cannot be read: who it is of is not known")
        for position, one in enumerate(found)
        if one is None
    ]
    return reduce(Identity.__or__, (one for one in found if one is not None), Identity()), unread


def _identity_in(original: Path) -> Identity | None:
    try:
        return gather((original,))
    except InvalidDicom:
        return None


def _checked(work: _Work, numbered: Sequence[tuple[int, Pair]], workers: int) -> list[Checked]:
    """Return what is found in each pair, in their order."""
    if workers == 1:
        return [work.check(one) for one in numbered]
    with process_pool(workers, work.begin) as pool:
        return list(pool.map(_Work.check_here, numbered, chunksize=_BATCH))


def _files(pairs: Sequence[Pair], folder: Path | None) -> Iterator[Finding]:
    """Yield files that are no pair's, and such as are two pairs'."""
    if not pairs:
        yield Finding(FILES, "", "", "there is nothing to release")
    released = Counter(pair.released.resolve() for pair in pairs)
    for position, pair in enumerate(pairs):
        if released[pair.released.resolve()] > 1:
            yield Finding(FILES, f"#{position + 1}", "", "the released file is also that of another original")
    if folder is not None:
        extra = sum(path.is_file() and path.resolve() not in released for path in folder.rglob("*"))
        if extra:
            yield Finding(FILES, "", "", f"{extra} files are there that are of no original")
