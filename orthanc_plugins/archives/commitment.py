"""Storage commitment (PS3.4 annex J): an archive is asked to commit itself to keeping instances.

The archive answers by N-EVENT-REPORT, on the association it was asked on or, as DCM4CHEE and Orthanc do, on
one of its own: it must know the suite's AE title, host and port.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ArchiveUnavailable, InstancesNotTaken
from orthanc_plugins.identifiers import SopInstanceUid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.events import Event, EventHandlerType
    from pynetdicom.transport import ThreadedAssociationServer

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.archives.dicom_peer import DicomPeer

_PUSH_MODEL = "1.2.840.10008.1.20.1"
_WELL_KNOWN_INSTANCE = "1.2.840.10008.1.20.1.1"
"""SOP class and instance of the Storage Commitment Push Model (PS3.4 J.4)."""
_AT_ONCE = 1000
"""Instances of one transaction."""
_REQUEST_COMMITMENT = 1
"""Action Type ID (PS3.4 J.3.2.1.1)."""
_SUCCESS = 0x0000
_PASSING = frozenset({0x0110, 0x0213})
"""Processing failure and resource limitation (PS3.7 annex C.5): another time it may be done."""
_REJECTED_PERMANENT = 1
"""Result of A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
_NO_SUCH_TRANSACTION = 0x0211
_NOT_CONFIGURED = (
    "Storage commitment is not available: set Dcm4chee.CommitmentPort, and let DCM4CHEE know the AE title "
    "Dcm4chee.CommitmentAet at this host and port."
)
_NOT_NOW = "Storage commitment is not to be had now: {}."
PORT_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before the port is tried again: another worker of this machine has it until it has its answer."""


@dataclass(frozen=True)
class Commitment:
    """What an archive answered when it was asked to commit itself to keeping instances (PS3.4 J.3).

    ``failed`` are FailureReasons (0008,1197) by instance; ``unavailable`` says why there is no answer, and
    will be none until somebody changes a setting; it is empty when there is one.
    """

    committed: frozenset[SopInstanceUid]
    failed: Mapping[SopInstanceUid, int]
    unavailable: str = ""


def commitment_not_configured(_: Sequence[InstanceEntry]) -> Commitment:
    """Return that there is nobody to ask, and what to set."""
    return Commitment(frozenset(), {}, _NOT_CONFIGURED)


class StorageCommitment:
    """Asks one archive, one transaction at a time; may be used by several threads.

    Parameters
    ----------
    peer
        Where the archive takes associations, and how the suite calls itself.
    port
        Where the suite listens for the answer while it waits for one.
    address
        Of this machine, on which it listens; all of them when empty.
    patience_s
        Seconds until an answer that does not come is given up.
    pause
        Waits for so many seconds.
    """

    def __init__(
        self,
        peer: DicomPeer,
        port: int,
        *,
        address: str = "",
        patience_s: float = 120.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._peer = peer
        self._port = port
        self._address = address
        self._patience_s = patience_s
        self._pause = pause
        self._lock = threading.Lock()

    def ask(self, entries: Sequence[InstanceEntry]) -> Commitment:
        """Return what the archive answered for these instances; that it does not offer it is no error.

        Raises
        ------
        InstancesNotTaken
            It did not answer or did not report, or could not just now; or another program has the port.
        ArchiveUnavailable
            Its DICOM port does not answer.
        """
        committed: set[SopInstanceUid] = set()
        failed: dict[SopInstanceUid, int] = {}
        with self._lock:
            for part in batched(entries, _AT_ONCE, strict=False):
                answer = self._ask(part)
                if answer.unavailable:
                    return answer
                committed |= answer.committed
                failed.update(answer.failed)
        return Commitment(frozenset(committed), failed)

    def _ask(self, entries: Sequence[InstanceEntry]) -> Commitment:
        # Orthanc's own process must not load what pynetdicom loads.
        from pydicom.uid import generate_uid  # noqa: PLC0415
        from pynetdicom.ae import ApplicationEntity  # noqa: PLC0415
        from pynetdicom.events import EVT_N_EVENT_REPORT  # noqa: PLC0415

        report = _Report(str(generate_uid()))
        entity = ApplicationEntity(ae_title=self._peer.calling_aet)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self._peer.timeout_s
        entity.add_requested_context(_PUSH_MODEL)
        entity.add_supported_context(_PUSH_MODEL, scu_role=True, scp_role=True)
        handlers: list[EventHandlerType] = [(EVT_N_EVENT_REPORT, report.receive)]
        try:
            server = self._started(entity, handlers)
        except OSError as error:
            return _unavailable(f"the suite cannot listen on port {self._port} ({type(error).__name__})")
        try:
            return self._transaction(entity, handlers, report, entries)
        finally:
            server.shutdown()

    def _started(
        self, entity: ApplicationEntity, handlers: list[EventHandlerType]
    ) -> ThreadedAssociationServer:
        """Return what listens on the port; raises OSError when it is not to be had at all."""
        for pause_s in (*PORT_PAUSES_S, None):
            try:
                server = entity.start_server((self._address, self._port), block=False, evt_handlers=handlers)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                if pause_s is None:
                    told = f"another worker or program has port {self._port} of this machine"
                    raise _not_now(told) from error
                self._pause(pause_s)
            else:
                assert server is not None
                return server
        raise AssertionError

    def _transaction(
        self,
        entity: ApplicationEntity,
        handlers: list[EventHandlerType],
        report: _Report,
        entries: Sequence[InstanceEntry],
    ) -> Commitment:
        peer = self._peer
        if not _is_reached(peer):
            raise _away(f"{peer.called_aet} cannot be reached at {peer.host}:{peer.port}")
        tls = None if peer.tls is None else (peer.tls, peer.host)
        association = entity.associate(
            peer.host, peer.port, ae_title=peer.called_aet, evt_handlers=handlers, tls_args=tls
        )
        try:
            if association.rejected_contexts and not association.accepted_contexts:
                return _unavailable(f"{peer.called_aet} does not offer it")
            if association.is_rejected and _is_permanent(association):
                return _unavailable(f"{peer.called_aet} does not associate with {peer.calling_aet} for it")
            if not association.is_established:
                raise _away(f"{peer.called_aet} does not associate for it")
            status, _ = association.send_n_action(
                _requested(report.transaction_uid, entries),
                _REQUEST_COMMITMENT,
                _PUSH_MODEL,
                _WELL_KNOWN_INSTANCE,
            )
            code = status.get("Status")
            if code is None:
                raise _not_now(
                    f"{peer.called_aet} did not answer the request: does it know {peer.calling_aet}?"
                )
            if code != _SUCCESS:
                told = f"{peer.called_aet} answered the request with {code:04X}"
                if code in _PASSING:
                    raise _not_now(told)
                return _unavailable(told)
            if not report.came.wait(self._patience_s):
                raise _not_now(
                    f"{peer.called_aet} took the request and did not report within {self._patience_s:.0f} s: "
                    f"does it know {peer.calling_aet} at this host and port {self._port}?"
                )
        finally:
            if association.is_established:
                association.release()
        return Commitment(frozenset(report.committed), report.failed)


def _is_reached(peer: DicomPeer) -> bool:
    """Return whether anything listens there; pynetdicom leaves a socket open where nothing does."""
    try:
        with socket.create_connection((peer.host, peer.port), timeout=peer.timeout_s):
            return True
    except OSError:
        return False


@dataclass
class _Report:
    """What the archive reports of one transaction."""

    transaction_uid: str
    came: threading.Event = field(default_factory=threading.Event)
    committed: set[SopInstanceUid] = field(default_factory=set)
    failed: dict[SopInstanceUid, int] = field(default_factory=dict)

    def receive(self, event: Event) -> tuple[int, None]:
        """Take an N-EVENT-REPORT (PS3.4 J.3.3); one of another transaction is answered so."""
        told = event.event_information
        if told.get("TransactionUID") != self.transaction_uid:
            return _NO_SUCH_TRANSACTION, None
        self.committed |= {_uid(item) for item in told.get("ReferencedSOPSequence", ())}
        for item in told.get("FailedSOPSequence", ()):
            self.failed[_uid(item)] = int(item.get("FailureReason", 0))
        self.committed -= self.failed.keys()
        self.came.set()
        return _SUCCESS, None


def _uid(item: Any) -> SopInstanceUid:
    return SopInstanceUid(str(item.ReferencedSOPInstanceUID))


def _requested(transaction_uid: str, entries: Sequence[InstanceEntry]) -> Any:
    """Return the Action Information (PS3.4 table J.3-1)."""
    from pydicom.dataset import Dataset  # noqa: PLC0415 - see `StorageCommitment._ask`

    items = []
    for entry in entries:
        item = Dataset()
        item.ReferencedSOPClassUID = entry.sop_class_uid
        item.ReferencedSOPInstanceUID = entry.sop_instance_uid
        items.append(item)
    request = Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = items
    return request


def _is_permanent(association: Association) -> bool:
    """Return whether a rejection is one for good (PS3.8 9.3.4)."""
    return getattr(association.acceptor.primitive, "result", None) == _REJECTED_PERMANENT


def _away(reason: str) -> ArchiveUnavailable:
    return ArchiveUnavailable(_NOT_NOW.format(reason), archive=ArchiveName.DCM4CHEE)


def _not_now(reason: str) -> InstancesNotTaken:
    return InstancesNotTaken(_NOT_NOW.format(reason), archive=ArchiveName.DCM4CHEE)


def _unavailable(reason: str) -> Commitment:
    return Commitment(frozenset(), {}, f"Storage commitment is not available: {reason}.")
