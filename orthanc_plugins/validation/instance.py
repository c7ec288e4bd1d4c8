"""Everything that is checked of one file by itself: a pure function, so that processes can share the work."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.identifiers import is_dicom_uid
from orthanc_plugins.validation import (
    conformance,
    dates,
    markers,
    numbers,
    pixels,
    references,
    residual,
    structure,
)
from orthanc_plugins.validation.comparison import Comparison
from orthanc_plugins.validation.reading import SOP_INSTANCE, read
from orthanc_plugins.validation.references import Links
from orthanc_plugins.validation.report import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orthanc_plugins.validation.claims import Claims, Pair
    from orthanc_plugins.validation.conformance import Conformance
    from orthanc_plugins.validation.dates import Shift
    from orthanc_plugins.validation.residual import Residue

FILES = "files"
CHECKS = (
    FILES,
    residual.CHECK,
    references.CHECK,
    markers.CHECK,
    numbers.CHECK,
    pixels.CHECK,
    dates.CHECK,
    structure.CHECK,
    conformance.CHECK,
)


@dataclass(frozen=True)
class Checked:
    """Findings on one object, and what the checks of the whole study need of it.

    ``links`` and ``shifts`` hold what must not be told: they never leave the check.
    """

    findings: tuple[Finding, ...]
    links: Links
    shifts: tuple[Shift, ...]
    size: int
    seconds: dict[str, float]


class _Run:
    """Checks of one object, each on its own: one that fails is a finding, and the others still run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self.seconds: dict[str, float] = {}

    def take[Found](self, check: str, find: Callable[[], Iterable[Found]]) -> tuple[Found, ...]:
        """Return all that a check finds."""
        begin = perf_counter()
        try:
            return tuple(find())
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - nothing may leave then; decoders in Rust panic with such
            reason = str(error) if isinstance(error, InvalidDicom) else type(error).__name__
            self.findings.append(Finding(check, self.name, "", f"the check could not be made: {reason}"))
            return ()
        finally:
            self.seconds[check] = self.seconds.get(check, 0.0) + perf_counter() - begin

    def add(self, check: str, find: Callable[[], Iterable[Finding]]) -> None:
        """Add a check's findings."""
        self.findings.extend(self.take(check, find))


def check_instance(
    pair: Pair, position: int, claims: Claims, residue: Residue, judge: Conformance | None = None
) -> Checked:
    """Return what is found in one released object, held against its original; ``judge`` of conformance."""
    run = _Run(f"#{position + 1}")
    compared = run.take(FILES, lambda: (_compare(pair, run.name, claims, residue),))
    if not compared:
        return Checked(tuple(run.findings), Links((), ()), (), 0, run.seconds)
    (comparison,) = compared
    run.name = comparison.instance
    run.add(residual.CHECK, lambda: residue.check(comparison))
    run.add(references.CHECK, lambda: references.check_own(comparison))
    run.add(markers.CHECK, lambda: markers.check_markers(comparison))
    run.add(numbers.CHECK, lambda: numbers.check_content(comparison))
    run.add(pixels.CHECK, lambda: pixels.check_pixels(comparison))
    run.add(dates.CHECK, lambda: dates.check_dates(comparison))
    run.add(structure.CHECK, lambda: structure.check_structure(comparison))
    if judge is not None:
        run.add(conformance.CHECK, lambda: _conformance(comparison, pair, residue, judge))
    links = run.take(references.CHECK, lambda: (references.links_of(comparison),))
    shifts = run.take(dates.CHECK, lambda: dates.shifts_of(comparison))
    size = len(comparison.released.data)
    return Checked(tuple(run.findings), links[0] if links else Links((), ()), shifts, size, run.seconds)


def _compare(pair: Pair, position: str, claims: Claims, residue: Residue) -> Comparison:
    """Return both objects; the released one is told by its UID, unless that is still one of the originals."""
    if not pair.released.is_file():
        raise InvalidDicom("the released file is missing")
    released = read(pair.released)
    uid = released.plain(SOP_INSTANCE)
    name = uid if is_dicom_uid(uid) and not residue.tells(uid) else position
    return Comparison(read(pair.original), released, claims, name, pair.released.name)


def _conformance(
    comparison: Comparison, pair: Pair, residue: Residue, judge: Conformance
) -> Iterator[Finding]:
    """Yield new kinds of errors, in words that tell nothing of the originals."""
    for finding in judge.check(comparison, pair):
        yield (
            finding._replace(text="new errors of a kind not told") if residue.tells(finding.text) else finding
        )
