"""How fast the client itself is: each workload against a server that does nothing but answer.

Where an archive comes near to that, it is the client that was measured, and two archives look more alike than
they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.site import Site
from orthanc_plugins.benchmark.targets import DicomAddress, Target
from orthanc_plugins.benchmark.upkeep import OrthancUpkeep
from orthanc_plugins.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orthanc_plugins.benchmark.samples import Condition
    from orthanc_plugins.benchmark.site import Ground
    from orthanc_plugins.benchmark.workloads import Workload

VISITS = 3

_ROOT = "/dicom-web"
_BYTES_PER_STUDY = 1100
"""Of a study in the answer to a query, as Orthanc and dcm4chee answer by default."""
_BYTES_PER_HEADER = 1300
_ENOUGH_S = 20


@contextmanager
def ceiling_site(ground: Ground, *, dicom: bool) -> Iterator[tuple[Site, DicomAddress | None]]:
    """Run the server that does nothing but answer, as something that workloads can visit.

    Raises
    ------
    BenchmarkError
        It did not start.
    """
    command = [sys.executable, "-m", "orthanc_plugins.benchmark.ceiling_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this program
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{json.dumps({'answers': _answers(ground), 'dicom': dicom})}\n")
            process.stdin.flush()
            told = process.stdout.readline()
            if not told:
                raise BenchmarkError(
                    "The server that measures the client's own speed did not start: see the error above, and "
                    "check that this Python has the suite's packages."
                )
            yield _site(json.loads(told))
        finally:
            process.stdin.close()
            try:
                process.wait(_ENOUGH_S)
            except subprocess.TimeoutExpired:
                process.kill()


def ceiling_of(workload: Workload, site: Site) -> Mapping[Condition, float]:
    """Return the client's median duration of each condition, in seconds; the workload is prepared."""
    durations: dict[Condition, list[float]] = {condition: [] for condition in workload.kind.conditions}
    for _ in range(VISITS):
        for reading in workload.visit(site):
            durations[reading.condition].append(reading.duration_s)
    return {condition: median(found) for condition, found in durations.items() if found}


def _site(ports: Mapping[str, int | None]) -> tuple[Site, DicomAddress | None]:
    root = f"http://127.0.0.1:{ports['http']}"
    target = Target(ArchiveName.ORTHANC, root + _ROOT, root)
    dicom = ports["dicom"]
    address = None if dicom is None else DicomAddress("CEILING", "127.0.0.1", dicom)
    return Site(target, OrthancUpkeep(target), time.time()), address


def _answers(ground: Ground) -> Mapping[str, Mapping[str, int]]:
    """Return answers as long as an archive's, by the beginning of the path."""
    studies, prefix = f"{_ROOT}/studies", ground.maker.patient_prefix
    small, large = ground.patients()[0], ground.large_study()
    answers: dict[str, Mapping[str, int]] = {
        f"{studies}?": {"bytes": _BYTES_PER_STUDY},
        f"{studies}?PatientID={prefix}Q*": {"bytes": _BYTES_PER_STUDY * ground.size.patients},
        f"{studies}/": {"bytes": small.pixel_bytes + _BYTES_PER_HEADER, "parts": 1},
        f"{studies}/{large.study_uid}": {
            "bytes": large.pixel_bytes // large.images + _BYTES_PER_HEADER,
            "parts": large.images,
        },
    }
    return answers
