"""Storing at a DICOMweb archive (STOW-RS, PS3.18 10.5), with an outcome for every instance.

An archive may have stored what it answered with an error, or have answered nothing: before anything is sent
again it is asked what it holds by now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.archives import failure_reasons
from orthanc_plugins.archives.base import StoreOutcome, StoreState
from orthanc_plugins.archives.dicom_json import items, number, rows_of, text
from orthanc_plugins.archives.dicomweb import DICOM_JSON, Request, json_or_none
from orthanc_plugins.archives.multipart import MultipartFiles
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.archives.dicomweb import DicomWebConnection
    from orthanc_plugins.archives.resilience import MayPass

MOST_INSTANCES = 200
MOST_BYTES = 100 * 10**6
"""A batch is in memory once. The archive's heap (512 MB by default) and proxies bear 500 MB."""
_FIRST_INSTANCES = 25
"""The first batch is small and each has twice as many: the archive works while the next is read."""
_ATTEMPTS = 3
_REFERENCED, _FAILED = "00081199", "00081198"
_REFERENCED_UID, _REASON = "00081155", "00081197"
_WARNING = "00081196"
_TELLS_EACH = frozenset({200, 202, 409})
_FOR_ONE_OF_THEM = frozenset({400, 413})
_NONE_STORED = 409
_FULL = 507
_AT_ONCE = frozenset({None, failure_reasons.PROCESSING_FAILURE, failure_reasons.STUDY_IS_BEING_DELETED})
"""Failures after which an instance is sent again at once: without a reason, or with one that passes soon."""
_LISTED = "The archive did not say that it stored it, but lists it: compare."


def batches(
    files: Iterable[DicomFile], most_instances: int, most_bytes: int
) -> Iterator[Sequence[DicomFile]]:
    """Yield files in batches; a file that is larger than a batch may be comes alone.

    No batch holds a SOP Instance UID twice. When the source fails, what it gave before is yielded first.
    """
    batch: dict[SopInstanceUid, DicomFile] = {}
    size = 0
    allowed = min(_FIRST_INSTANCES, most_instances)
    source = iter(files)
    failure: ArchiveError | None = None
    while failure is None:
        try:
            file = next(source, None)
        except ArchiveError as error:
            file, failure = None, error
        full = file is None or len(batch) >= allowed or size + len(file.content) > most_bytes
        if batch and (full or (file is not None and file.sop_instance_uid in batch)):
            yield list(batch.values())
            batch, size = {}, 0
            allowed = min(2 * allowed, most_instances)
        if file is None:
            break
        batch[file.sop_instance_uid] = file
        size += len(file.content)
    if failure is not None:
        raise failure


def outcomes(answer: object, files: Sequence[DicomFile]) -> dict[SopInstanceUid, StoreOutcome]:
    """Return what a STOW answer says of each file; of those it does not mention, nothing.

    An instance that is both referenced and failed has failed.
    """
    sent = {file.sop_instance_uid for file in files}
    found: dict[SopInstanceUid, StoreOutcome] = {}
    for row in rows_of(answer):
        for item in items(row, _REFERENCED):
            uid = SopInstanceUid(text(item, _REFERENCED_UID))
            found[uid] = failure_reasons.of_status(uid, number(item, _WARNING) or 0)
        for item in items(row, _FAILED):
            uid = SopInstanceUid(text(item, _REFERENCED_UID))
            reason = number(item, _REASON)
            found[uid] = failure_reasons.failure(
                uid, failure_reasons.PROCESSING_FAILURE if reason is None else reason
            )
    return {uid: outcome for uid, outcome in found.items() if uid in sent}


@dataclass(frozen=True)
class _Sent:
    """What came of one request: outcomes that are known, and why the others are not."""

    known: dict[SopInstanceUid, StoreOutcome]
    cause: str = ""
    repeatable: bool = True
    none_stored: bool = False


class Stow:
    """Storing over one connection.

    Parameters
    ----------
    held
        Which of some instances the archive holds by now; raises ArchiveError.
    wait
        Waits before the attempt of a number, from 2 on.
    most_instances, most_bytes
        Limits of one request.
    """

    def __init__(
        self,
        connection: DicomWebConnection,
        held: Callable[[Collection[SopInstanceUid]], AbstractSet[SopInstanceUid]],
        wait: Callable[[int], None],
        *,
        most_instances: int = MOST_INSTANCES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._connection = connection
        self._held = held
        self._wait = wait
        self._most_instances = most_instances
        self._most_bytes = most_bytes

    def store(self, files: Iterable[DicomFile]) -> Iterator[StoreOutcome]:
        """Send files, and yield the outcome of each; only an error of their source is raised."""
        for batch in batches(files, self._most_instances, self._most_bytes):
            yield from self._batch(batch)
            del batch  # or it would be in memory while the next one is collected

    def _batch(self, files: Sequence[DicomFile]) -> Iterator[StoreOutcome]:
        """Yield the outcome of each file of a batch; what may be taken a moment later is sent again."""
        left = list(files)
        for attempt in range(1, _ATTEMPTS + 1):
            if attempt > 1:
                self._wait(attempt)
            try:
                sent = self._sent(left)
            except ArchiveRefused as error:
                yield from self._refused(left, error)
                return
            settled, again = self._settled(left, sent)
            if attempt == _ATTEMPTS:
                again = frozenset()
            yield from (outcome for uid, outcome in settled.items() if uid not in again)
            left = [file for file in left if file.sop_instance_uid in again]
            if not left:
                return

    def _sent(self, files: Sequence[DicomFile]) -> _Sent:
        """Send files in one request; ArchiveRefused when the archive takes none of them."""
        timed_out = False

        def again(failure: MayPass) -> bool:
            nonlocal timed_out
            timed_out = failure.timed_out
            return not failure.sent

        body = MultipartFiles(files)
        headers = {"Accept": DICOM_JSON, "Content-Type": body.content_type}
        request = Request("POST", "/studies", (), headers, body, expected=_TELLS_EACH, again=again)
        try:
            answer = self._connection.ask(request)
        except ArchiveUnavailable as error:
            # After a time-out the archive may still be at it: never two at the same time.
            return _Sent({}, str(error), repeatable=not timed_out and error.status != _FULL)
        return _Sent(
            outcomes(json_or_none(answer.content), files),
            f"It answered HTTP {answer.status}, but did not name the instance.",
            none_stored=answer.status == _NONE_STORED,
        )

    def _settled(
        self, files: Sequence[DicomFile], sent: _Sent
    ) -> tuple[dict[SopInstanceUid, StoreOutcome], frozenset[SopInstanceUid]]:
        """Return the outcome of every file, and which are to be sent again.

        Where there is doubt the archive is asked what it holds; when it does not tell, nothing is sent again.
        """
        answered = {file.sop_instance_uid: sent.known.get(file.sop_instance_uid) for file in files}
        doubtful = [uid for uid, outcome in answered.items() if _in_doubt(outcome, sent)]
        held: AbstractSet[SopInstanceUid] = frozenset()
        cause, repeatable = sent.cause, sent.repeatable
        if doubtful:
            try:
                held = self._held(doubtful)
            except ArchiveError as error:
                cause, repeatable = f"{cause} Whether it is there is not known: {error}", False
        settled = {
            uid: StoreOutcome(uid, StoreState.STORED, None, _LISTED)
            if uid in held
            else outcome or StoreOutcome(uid, StoreState.FAILED, None, cause)
            for uid, outcome in answered.items()
        }
        again = (uid for uid, outcome in settled.items() if repeatable and _passes_soon(outcome))
        return settled, frozenset(again)

    def _refused(self, files: Sequence[DicomFile], error: ArchiveRefused) -> Iterator[StoreOutcome]:
        """Yield the outcomes of a batch that was refused whole, by halves where one may be to blame."""
        if error.status in _FOR_ONE_OF_THEM and len(files) > 1:
            middle = len(files) // 2
            yield from self._batch(files[:middle])
            yield from self._batch(files[middle:])
            return
        for file in files:
            yield StoreOutcome(file.sop_instance_uid, StoreState.REFUSED, None, str(error))


def _passes_soon(outcome: StoreOutcome) -> bool:
    return outcome.state is StoreState.FAILED and outcome.failure_reason in _AT_ONCE


def _in_doubt(outcome: StoreOutcome | None, sent: _Sent) -> bool:
    """Return whether an instance may be there although nobody said so.

    It may when the answer does not name it; and when none was stored because of a failure inside the archive,
    which can come after the storing. Other reasons are believed.
    """
    if outcome is None:
        return True
    return sent.none_stored and outcome.failure_reason == failure_reasons.PROCESSING_FAILURE
