"""Retrieval from a DICOMweb archive (WADO-RS, PS3.18 10.4), part by part.

How files of a study are had is decided anew after each failure, for what is still missing: the whole study
in one request, whole series, or single instances, several at a time.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.dicomweb import Request
from orthanc_plugins.archives.multipart import BrokenMultipart, media_type, read_parts
from orthanc_plugins.errors import ArchiveUnavailable, InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from orthanc_plugins.archives.base import DicomFile, InstanceEntry
    from orthanc_plugins.archives.dicomweb import DicomWebConnection
    from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

_LOGGER = logging.getLogger(__name__)

_HEADERS = {
    # Without a transfer syntax the archive decompresses what is compressed.
    "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*',
    "Accept-Encoding": "identity",
}
_GIVEN = frozenset({200, 206})
_NOT_GIVEN = frozenset({404, 406, 410})
"""Not there, not in any form the archive can give, or no longer accessible."""
_PIECE_BYTES = 1 << 18
_WORTH_THE_STUDY = 0.8
_WORTH_THE_SERIES = 0.5
"""From this share of the instances on, one request for all of them costs less than one for each."""
_AT_A_TIME = 4


class Wado:
    """Retrieval over one connection.

    Parameters
    ----------
    at_a_time
        Single instances asked for in parallel; so many files are in memory then, and one more.
    """

    def __init__(self, connection: DicomWebConnection, *, at_a_time: int = _AT_A_TIME) -> None:
        self._connection = connection
        self._at_a_time = at_a_time

    def files(
        self, study_uid: StudyUid, held: Sequence[InstanceEntry], wanted: Sequence[InstanceEntry]
    ) -> Iterator[DicomFile]:
        """Yield wanted files of a study, each once.

        Parameters
        ----------
        held
            All instances of the study, as the archive lists them.
        wanted
            Which of them.

        Raises
        ------
        ArchiveUnavailable
            After the last file, when some did not come.
        """
        missing = {entry.sop_instance_uid: entry for entry in wanted}
        lost: dict[SopInstanceUid, int] = {}
        cause = ""
        singly = given_up = False
        while missing and not given_up:
            before = len(missing)
            paths = _singles(missing) if singly else plan(study_uid, held, missing)
            broken = False
            try:
                for file in self._round(paths, missing, lost):
                    if missing.pop(file.sop_instance_uid, None) is not None:
                        yield file
            except ArchiveUnavailable as error:
                cause, broken = str(error), True
                _LOGGER.warning("%s %d files of study %s are still to come.", cause, len(missing), study_uid)
            fruitless = len(missing) == before
            given_up = (fruitless and singly) or missing.keys() <= lost.keys()
            # What came whole and lacked files, or broke off where it did before, will do so again.
            singly = singly or fruitless or not broken
        if missing:
            raise self._incomplete(study_uid, (len(wanted) - len(missing), len(wanted)), lost, cause)

    def _round(
        self,
        paths: Sequence[str],
        missing: Mapping[SopInstanceUid, InstanceEntry],
        lost: dict[SopInstanceUid, int],
    ) -> Iterator[DicomFile]:
        """Yield what some paths give: those of several files one after the other, single ones in parallel."""
        single = {_instance_path(entry): uid for uid, entry in missing.items()}
        for path in paths:
            if path not in single:
                with closing(self._stream(path)) as files:
                    yield from (file for file in files if not isinstance(file, int))
        singles = [path for path in paths if path in single]
        for path, got in self._in_parallel(singles):
            if isinstance(got, int):
                lost[single[path]] = got
            else:
                yield got

    def _stream(self, path: str) -> Generator[DicomFile | int]:
        """Yield the files at a path; where it gives none, the status that was answered instead."""
        request = Request("GET", path, headers=_HEADERS, expected=_GIVEN | _NOT_GIVEN)
        with self._connection.streamed(request) as answer:
            if answer.status in _NOT_GIVEN:
                answer.content()
                yield answer.status
                return
            try:
                yield from _dicom(answer.pieces(_PIECE_BYTES), answer.headers.get("Content-Type", ""))
            except BrokenMultipart as error:
                raise ArchiveUnavailable(
                    f"{self._connection.title} answered {request.shown} with a body that cannot be read: "
                    f"{error}",
                    archive=self._connection.archive,
                    status=answer.status,
                ) from error

    def _single(self, path: str) -> DicomFile | int:
        """Return the file at the path of an instance, or the status that was answered instead."""
        with closing(self._stream(path)) as files:
            got = next(files, None)
            return 204 if got is None else got

    def _in_parallel(self, paths: Sequence[str]) -> Iterator[tuple[str, DicomFile | int]]:
        if not paths:
            return
        with ThreadPoolExecutor(min(self._at_a_time, len(paths)), "wado") as pool:
            asked: deque[tuple[str, Future[DicomFile | int]]] = deque()
            to_ask = iter(paths)
            try:
                while True:
                    while len(asked) < self._at_a_time and (path := next(to_ask, None)) is not None:
                        asked.append((path, pool.submit(self._single, path)))
                    if not asked:
                        return
                    path, future = asked.popleft()
                    yield path, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _incomplete(
        self, study_uid: StudyUid, given: tuple[int, int], lost: Mapping[SopInstanceUid, int], cause: str
    ) -> ArchiveUnavailable:
        if lost:
            statuses = Counter(lost.values())
            answers = ", ".join(
                f"HTTP {status} ({count} times)" for status, count in sorted(statuses.items())
            )
            cause = f"it lists the others, but answers {answers} for them: see its storage."
        return ArchiveUnavailable(
            f"{self._connection.title} gave {given[0]} of {given[1]} files of study {study_uid}: "
            f"{cause or 'the others were not among what it answered.'}",
            archive=self._connection.archive,
        )


def plan(
    study_uid: StudyUid,
    held: Sequence[InstanceEntry],
    missing: Mapping[SopInstanceUid, InstanceEntry],
) -> list[str]:
    """Return the paths of what is missing that cost least: of the study, of series, of instances."""
    if len(missing) > 1 and len(missing) >= _WORTH_THE_STUDY * len(held):
        return [f"/studies/{study_uid}"]
    size_of = Counter(entry.series_uid for entry in held)
    by_series: dict[SeriesUid, dict[SopInstanceUid, InstanceEntry]] = {}
    for uid, entry in missing.items():
        by_series.setdefault(entry.series_uid, {})[uid] = entry
    paths = []
    for series_uid, entries in by_series.items():
        if len(entries) > 1 and len(entries) >= _WORTH_THE_SERIES * size_of[series_uid]:
            paths.append(f"/studies/{study_uid}/series/{series_uid}")
        else:
            paths += _singles(entries)
    return paths


def _singles(entries: Mapping[SopInstanceUid, InstanceEntry]) -> list[str]:
    return [_instance_path(entry) for entry in entries.values()]


def _instance_path(entry: InstanceEntry) -> str:
    return f"/studies/{entry.study_uid}/series/{entry.series_uid}/instances/{entry.sop_instance_uid}"


def _dicom(pieces: Iterable[bytes], content_type: str) -> Iterator[DicomFile]:
    for part in read_parts(pieces, content_type):
        kind, _ = media_type(part.headers.get("content-type", "application/dicom"))
        if kind != "application/dicom":
            continue
        try:
            yield described(part.content)
        except InvalidDicom:
            _LOGGER.warning("A part that is no DICOM file was passed over.")
