"""Two real archives, thousands of studies, differences of every class: ``scripts/bench archives``.

Fills Orthanc and what plays DCM4CHEE with generated studies, of which one in a hundred differs in each way
there is (and as many only seem to), then takes the first inventory of both, a round in which nothing has
changed and one with ten changes, lists everything anew, and with ``--content`` compares the content of every
study. Says what each took, and whether all that was planted was found and nothing invented: exit code 1 when
not.

With ``--keep`` archives once filled are used again. Indexes of both archives and the suite's store are in
PostgreSQL, with ``--sqlite`` in SQLite.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.archives.filled import filled_pair
from tests.bench.archives.measuring import Measurement
from tests.bench.archives.suite import suite_over
from tests.bench.process import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIZES = (1_000, 10_000)


def main() -> int:
    """Measure and print; 1 when something planted was missed, or something else told."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench archives",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--studies", type=int, action="append", help="on each side; several for several runs")
    parser.add_argument("--content", action="store_true", help="compare the content of all studies too")
    parser.add_argument("--sqlite", action="store_true", help="everything in SQLite instead of PostgreSQL")
    parser.add_argument("--keep", type=Path, help="folder of archives that stay filled")
    chosen = parser.parse_args()
    print(machine())
    good = [_measure(studies, chosen) for studies in chosen.studies or _SIZES]
    return int(not all(good))


def _measure(studies: int, chosen: argparse.Namespace) -> bool:
    with (
        _folder(chosen.keep, f"{'sqlite' if chosen.sqlite else 'postgresql'}-{studies}") as folder,
        filled_pair(folder, studies, sqlite=chosen.sqlite) as pair,
        suite_over(pair) as services,
    ):
        measurement = Measurement(services, pair, studies)
        measurement.take_stock()
        measurement.follow()
        if chosen.content:
            measurement.compare_content()
    print("\n".join(_table(measurement)), flush=True)
    return measurement.faultless


@contextmanager
def _folder(keep: Path | None, name: str) -> Iterator[Path]:
    """Yield a folder that PostgreSQL's user can reach too."""
    if keep is not None:
        yield keep / name
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / name


def _table(measurement: Measurement) -> Iterator[str]:
    yield f"\n{measurement.studies} studies on each side"
    yield f"{'':34} {'s':>8} {'CPU s':>7} {'MB before':>9} {'MB peak':>8} {'requests':>8}"
    for figure in measurement.figures:
        numbers = (
            f"{figure.seconds:8.2f} {figure.processor_s:7.2f} {figure.before_mb:9.0f} {figure.peak_mb:8.0f}"
        )
        yield f"{figure.name:34} {numbers} {figure.requests:8}  {figure.told}"
    for name, verdict in measurement.verdicts.items():
        yield f"by {name}: {sum(verdict.right.values())} studies judged rightly"
        yield from (f"  {line}" for line in verdict.lines())
    names = sorted({name for verdict in measurement.verdicts.values() for name in verdict.right})
    yield from _rightly(measurement, names)
    yield from (f"WRONG: {fault}" for fault in measurement.faults)


def _rightly(measurement: Measurement, names: Sequence[str]) -> Iterator[str]:
    """Yield how many studies of each kind were judged rightly by what."""
    verdicts = measurement.verdicts
    yield f"{'judged rightly':34} {' '.join(f'{name:>12}' for name in verdicts)}"
    for name in names:
        yield f"{name:34} {' '.join(f'{verdict.right[name]:12}' for verdict in verdicts.values())}"


if __name__ == "__main__":
    sys.exit(main())
