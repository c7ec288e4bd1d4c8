"""Not on an archive that people work with, unless that is meant.

It knows no numerics: Orthanc's own process asks here before a benchmark is a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.journal import JOURNALS, living
from orthanc_plugins.benchmark.telling import counted
from orthanc_plugins.benchmark.upkeep import PATIENT_ID, studies_with, upkeep_of, value
from orthanc_plugins.errors import BenchmarkRefused
from orthanc_plugins.identifiers import BENCHMARK_PATIENT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orthanc_plugins.benchmark.targets import Target
    from orthanc_plugins.benchmark.upkeep import Counts, Upkeep

_PAGE = 200


def refuse_production(targets: Iterable[Target]) -> None:
    """Check that no patient's study is in any of the archives.

    An archive is one that people work with unless it is a stand-in on this machine, or holds nothing but what
    a benchmark has made.

    Raises
    ------
    BenchmarkRefused
        One is; the text says what was found and what to do.
    ArchiveUnavailable
        An archive does not answer.
    """
    refused = [reason for target in targets if (reason := reason_against(target, upkeep_of(target)))]
    if refused:
        raise BenchmarkRefused(
            f"{' '.join(refused)} A benchmark keeps an archive busy for minutes and puts studies in it, "
            "which are removed afterwards. Run it against archives that are empty; or, if those who work "
            'with this one know, say that it is meant: --i-mean-it, or "i_mean_it": true.'
        )


def refuse_company(folder: Path, targets: Iterable[Target]) -> None:
    """Check that no other benchmark is at work in these archives, or has left studies in them.

    Parameters
    ----------
    folder
        That of the results; journals are below it.

    Raises
    ------
    BenchmarkRefused
        One is: both would disturb each other's times.
    ArchiveError
        An archive does not answer, or refuses.
    """
    if running := living(folder / JOURNALS):
        raise BenchmarkRefused(
            f"Another benchmark (run {', '.join(sorted(running))}) is at work: let it end."
        )
    for target in targets:
        if there := studies_with(upkeep_of(target).web, BENCHMARK_PATIENT_PREFIX):
            held = counted(len(there), "study", "studies")
            raise BenchmarkRefused(
                f"{target.title} at {target.dicomweb} holds {held} of another benchmark: let it end, or, if "
                "none is at work, have them removed with --clean."
            )


def reason_against(target: Target, upkeep: Upkeep) -> str | None:
    """Return why an archive counts as one that people work with, None when it does not."""
    is_stand_in = upkeep.describe().stand_in is not None
    if is_stand_in and target.is_on_loopback:
        return None
    for row in upkeep.web.matches("/studies?includefield=PatientID", _PAGE):
        if not value(row, PATIENT_ID).startswith(BENCHMARK_PATIENT_PREFIX):
            return (
                f"{target.title} at {target.dicomweb} holds studies that no benchmark has made"
                f"{_in_all(upkeep.counts())}."
            )
    return None


def _in_all(counts: Counts) -> str:
    studies = counts.get("studies")
    return "" if studies is None else f" ({counted(studies, 'study', 'studies')} in all)"
