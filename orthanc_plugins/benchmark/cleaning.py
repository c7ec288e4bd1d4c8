"""Removal of what earlier runs have left: killed ones, and whatever carries the benchmark's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.dataset import patient_prefix
from orthanc_plugins.benchmark.journal import JOURNALS, leftovers, living
from orthanc_plugins.benchmark.telling import counted
from orthanc_plugins.benchmark.upkeep import studies_with, upkeep_of
from orthanc_plugins.errors import BenchmarkError, BenchmarkRefused
from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from orthanc_plugins.archives.base import ArchiveName
    from orthanc_plugins.benchmark.targets import Target


def clean_leftovers(
    folder: Path, targets: Mapping[ArchiveName, Target], say: Callable[[str], None]
) -> list[str]:
    """Remove what runs that no longer live have left in these archives, and return which runs those were.

    Parameters
    ----------
    folder
        That of the results; journals are below it.
    say
        Told what is removed, and of what is left in other archives.

    Raises
    ------
    ArchiveError
        An archive does not answer, or refuses.
    BenchmarkError
        Studies stay although they were removed.
    """
    cleaned = []
    for leftover in leftovers(folder / JOURNALS):
        if not leftover.is_of(targets):
            places = " and ".join(leftover.archives.values())
            say(f"run {leftover.run_id} may have left studies in {places}: clean with these addresses")
            continue
        say(f"removing what run {leftover.run_id} has left")
        for target in targets.values():
            _remove(target, patient_prefix(leftover.run_id), leftover.study_uids)
        leftover.path.unlink()
        cleaned.append(leftover.run_id)
    return cleaned


def clean_all(folder: Path, targets: Mapping[ArchiveName, Target], say: Callable[[str], None]) -> int:
    """Remove from both archives whatever a benchmark has made, and return how many studies that were.

    Raises
    ------
    BenchmarkRefused
        A run lives now.
    ArchiveError
        An archive does not answer, or refuses.
    BenchmarkError
        Studies stay although they were removed.
    """
    if running := living(folder / JOURNALS):
        raise BenchmarkRefused(f"Run {', '.join(sorted(running))} lives now: let it end first.")
    clean_leftovers(folder, targets, say)
    return sum(_remove(target, BENCHMARK_PATIENT_PREFIX, ()) for target in targets.values())


def _remove(target: Target, prefix: str, study_uids: Collection[str]) -> int:
    upkeep = upkeep_of(target)
    removed = upkeep.remove(prefix, study_uids)
    if left := len(studies_with(upkeep.web, prefix)):
        raise BenchmarkError(
            f"{target.title} at {target.dicomweb} still lists {counted(left, 'study', 'studies')} of the "
            "benchmark after removing them: see its log, and whether this user may delete."
        )
    return removed
