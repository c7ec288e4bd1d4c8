"""Storing at an archive by C-STORE (PS3.4 annex B), with an outcome for every instance.

Nothing is transcoded: what the archive does not take in its transfer syntax is refused, with what to do. An
association that is lost is made anew; an instance of which nobody knows whether it arrived is asked for.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from orthanc_plugins.archives import failure_reasons
from orthanc_plugins.archives.base import StoreOutcome, StoreState
from orthanc_plugins.archives.dicom_peer import AssociationLost, AssociationRejected
from orthanc_plugins.errors import ArchiveError, ArchiveUnavailable, InvalidDicom
from orthanc_plugins.identifiers import is_dicom_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from orthanc_plugins.archives.association import Association, Context
    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.archives.dicom_peer import DicomPeer
    from orthanc_plugins.archives.resilience import CircuitBreaker
    from orthanc_plugins.identifiers import SopInstanceUid

_ATTEMPTS = 3


class CStore:
    """Storing over associations with one archive; may be used by several threads.

    Parameters
    ----------
    held
        Which of some instances the archive holds by now; raises ArchiveError.
    wait
        Waits before the attempt of a number, from 2 on.
    """

    def __init__(
        self,
        peer: DicomPeer,
        breaker: CircuitBreaker,
        held: Callable[[Collection[SopInstanceUid]], AbstractSet[SopInstanceUid]],
        wait: Callable[[int], None],
    ) -> None:
        self._peer = peer
        self._breaker = breaker
        self._held = held
        self._wait = wait

    def store(self, files: Iterable[DicomFile]) -> Iterator[StoreOutcome]:
        """Send files over as few associations as can be, and yield the outcome of each.

        Only an error of their source is raised.
        """
        line = _Line(self._peer, self._breaker)
        try:
            for file in files:
                yield self._stored(line, file)
        finally:
            line.release()

    def _stored(self, line: _Line, file: DicomFile) -> StoreOutcome:
        """Return the outcome of a file, sent again a few times when it surely did not arrive."""
        cause = ""
        for attempt in range(1, _ATTEMPTS + 1):
            if attempt > 1:
                self._wait(attempt)
            outcome, cause = self._attempt(line, file)
            if outcome is not None:
                return outcome
        return StoreOutcome(file.sop_instance_uid, StoreState.FAILED, None, cause)

    def _attempt(self, line: _Line, file: DicomFile) -> tuple[StoreOutcome | None, str]:
        """Return the outcome of a file, or None and why it may be sent again."""
        uid = file.sop_instance_uid
        try:
            return line.store(file), ""
        except AssociationRejected as error:
            cause = f"{self._name}: {error}."
            return (StoreOutcome(uid, StoreState.REFUSED, None, cause) if error.permanent else None), cause
        except AssociationLost as error:
            line.drop()
            cause = f"{self._name}: {error}."
            return (self._known(uid, error, cause) if error.complete else None), cause
        except ArchiveUnavailable as error:
            return StoreOutcome(uid, StoreState.FAILED, None, str(error)), ""

    @property
    def _name(self) -> str:
        return f"The DICOM port of {self._peer.called_aet}"

    def _known(self, uid: SopInstanceUid, lost: AssociationLost, cause: str) -> StoreOutcome | None:
        """Return the outcome of an instance that was sent whole, None when it is to be sent again."""
        try:
            if uid in self._held([uid]):
                return StoreOutcome(uid, StoreState.STORED, None, f"{cause} The archive lists it: compare.")
        except ArchiveError as error:
            return StoreOutcome(
                uid, StoreState.FAILED, None, f"{cause} Whether it is there is not known: {error}"
            )
        if lost.timed_out:  # it may still be at it: never two at the same time
            return StoreOutcome(uid, StoreState.FAILED, None, cause)
        return None


class _Line:
    """The association there is, if any; it is made anew for what it was not negotiated for."""

    def __init__(self, peer: DicomPeer, breaker: CircuitBreaker) -> None:
        self._peer = peer
        self._breaker = breaker
        self._association: Association | None = None
        self._contexts: dict[Context, None] = {}

    def store(self, file: DicomFile) -> StoreOutcome:
        """Send a file; AssociationRejected and AssociationLost when it did not come to an answer."""
        uid, context = file.sop_instance_uid, (file.sop_class_uid, file.transfer_syntax_uid)
        if not all(is_dicom_uid(one) for one in (uid, *context)):
            return StoreOutcome(
                uid, StoreState.REFUSED, None, "It has UIDs that are none: correct the object."
            )
        association = self._associated(context)
        if not association.accepts(context):
            return StoreOutcome(uid, StoreState.REFUSED, None, _not_accepted(context))
        try:
            return failure_reasons.of_status(uid, association.store(file))
        except InvalidDicom as error:
            return StoreOutcome(uid, StoreState.REFUSED, None, str(error))

    def _associated(self, context: Context) -> Association:
        """Return an association on which a context was proposed."""
        from orthanc_plugins.archives import association as wire  # noqa: PLC0415 - it loads numpy

        if self._association is not None and not self._association.is_quiet():
            self.drop()
        if self._association is not None and context in self._association.proposed:
            return self._association
        self.release()
        self._contexts.pop(context, None)
        self._contexts[context] = None
        for oldest in list(self._contexts)[: -wire.MOST_CONTEXTS]:
            del self._contexts[oldest]
        self._breaker.admit()
        try:
            self._association = wire.Association(self._peer, list(self._contexts))
        except AssociationLost:
            self._breaker.failed()
            raise
        except AssociationRejected:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return self._association

    def release(self) -> None:
        """End the association in order."""
        if self._association is not None:
            self._association.release()
            self._association = None

    def drop(self) -> None:
        """End the association at once."""
        if self._association is not None:
            with suppress(OSError):
                self._association.abort()
            self._association = None


def _not_accepted(context: Context) -> str:
    sop_class, transfer_syntax = context
    return (
        f"The archive takes no {sop_class} in the transfer syntax {transfer_syntax}: add it to the transfer "
        "capabilities of its AE, or send it by STOW."
    )
