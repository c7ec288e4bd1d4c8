"""An archive as the workloads see it, and what has been put into both."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.connection import Connection
from orthanc_plugins.benchmark.dataset import EDGE, SMALL_EDGE
from orthanc_plugins.benchmark.multipart import STOW_HEADERS, stow_body
from orthanc_plugins.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.benchmark.dataset import DatasetSize, StudyMaker, SyntheticStudy
    from orthanc_plugins.benchmark.storage import Dropped, Storage
    from orthanc_plugins.benchmark.targets import Target
    from orthanc_plugins.benchmark.upkeep import Upkeep

TOGETHER = 50
"""Instances of one request where storing is not what is timed: a small archive survives it."""

_FAILED_SOP_SEQUENCE = "00081198"


@dataclass
class Site:
    """One archive, with what is known of its files on this machine.

    Parameters
    ----------
    began_s
        When the run began (seconds since 1970): files that are younger are the benchmark's.
    dropped
        What became of each attempt to take its files out of the system's cache.
    """

    target: Target
    upkeep: Upkeep
    began_s: float
    storage: Storage | None = None
    dropped: list[Dropped] = field(default_factory=list)

    def connect(self) -> Connection:
        """Return a connection that is opened by its first request."""
        return Connection(self.target)

    def drop_from_cache(self) -> None:
        """Have the system forget what it remembers of the archive's files, where they can be seen."""
        if self.storage is not None:
            self.dropped.append(self.storage.drop_from_cache(self.began_s))

    def put(self, files: Iterable[DicomFile]) -> None:
        """Store files without timing that, a few at a time.

        Raises
        ------
        ArchiveError
            The archive does not answer, or refuses.
        BenchmarkError
            It did not store all of them.
        """
        for some in batched(files, TOGETHER, strict=False):
            answer = self.upkeep.web.send("POST", "/studies", stow_body(some), STOW_HEADERS)
            try:
                refused = (answer.content or {}).get(_FAILED_SOP_SEQUENCE, {}).get("Value", [])
            except (ValueError, AttributeError) as error:
                raise self.upkeep.web.not_understood() from error
            if refused:
                raise BenchmarkError(
                    f"{self.target.title} did not store {len(refused)} of {len(some)} synthetic images: see "
                    "its log; its disk may be full."
                )


@dataclass(frozen=True)
class Ground:
    """The data both archives are given before anything is measured.

    Parameters
    ----------
    note
        Writes down Study Instance UIDs before they are sent.
    """

    maker: StudyMaker
    size: DatasetSize
    note: Callable[[Iterable[str]], None]

    def patients(self) -> Sequence[SyntheticStudy]:
        """Return the studies that are queried: one for each patient, of one small image."""
        return [self.maker.study("Q", number, 1, SMALL_EDGE) for number in range(self.size.patients)]

    def large_study(self) -> SyntheticStudy:
        """Return the study that is retrieved."""
        return self.maker.study("L", 0, self.size.retrieved_images, EDGE)

    def uploads(self, purpose: str, round_number: int, count: int) -> Sequence[SyntheticStudy]:
        """Return studies that are uploaded in a round: never twice the same."""
        first = round_number * count
        studies = [
            self.maker.study(purpose, first + place, self.size.upload_images, EDGE) for place in range(count)
        ]
        self.note(study.study_uid for study in studies)
        return studies

    def something_new(self, purpose: str, round_number: int) -> SyntheticStudy:
        """Return a study of one small image, of a patient no query asks for."""
        study = self.maker.study(purpose, round_number, 1, SMALL_EDGE)
        self.note([study.study_uid])
        return study
