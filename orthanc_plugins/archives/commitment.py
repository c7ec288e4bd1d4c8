"""Storage commitment (PS3.4 annex J): an archive is asked to commit itself to keeping instances.

The archive answers by N-EVENT-REPORT, on the association it was asked on or, as DCM4CHEE and Orthanc do, on
one of its own: it must know the suite's AE title, host and port.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Any

from orthanc_plugins.identifiers import SopInstanceUid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.events import Event, EventHandlerType

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
_NO_SUCH_TRANSACTION = 0x0211
_NOT_CONFIGURED = (
    "Storage commitment is not available: set Dcm4chee.CommitmentPort, and let DCM4CHEE know the AE title "
    "Dcm4chee.CommitmentAet at this host and port."
)


@dataclass(frozen=True)
class Commitment:
    """What an archive answered when it was asked to commit itself to keeping instances (PS3.4 J.3).

    ``failed`` are FailureReasons (0008,1197) by instance; ``unavailable`` says why there is no answer, empty
    when there is one.
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
        Where the suite listens for the answer, on all addresses of this machine, while it waits for one. 0
        takes a free one, of which ``listening`` is told.
    patience_s
        Seconds until an answer that does not come is given up.
    listening
        Called with the port once it is listened on.
    """

    def __init__(
        self,
        peer: DicomPeer,
        port: int,
        *,
        patience_s: float = 120.0,
        listening: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._peer = peer
        self._port = port
        self._patience_s = patience_s
        self._listening = listening
        self._lock = threading.Lock()

    def ask(self, entries: Sequence[InstanceEntry]) -> Commitment:
        """Return what the archive answered for these instances; that it does not offer it is no error."""
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
            with self._server(entity, handlers):
                return self._transaction(entity, handlers, report, entries)
        except OSError as error:
            return _unavailable(f"the suite cannot listen on port {self._port} ({type(error).__name__})")

    @contextmanager
    def _server(self, entity: ApplicationEntity, handlers: list[EventHandlerType]) -> Iterator[None]:
        """Listen inside the block; the archive calls back from wherever it is."""
        server = entity.start_server(("", self._port), block=False, evt_handlers=handlers)
        assert server is not None
        try:
            self._listening(server.server_address[1])
            yield
        finally:
            server.shutdown()

    def _transaction(
        self,
        entity: ApplicationEntity,
        handlers: list[EventHandlerType],
        report: _Report,
        entries: Sequence[InstanceEntry],
    ) -> Commitment:
        peer = self._peer
        if not _is_reached(peer):
            return _unavailable(f"{peer.called_aet} cannot be reached at {peer.host}:{peer.port}")
        tls = None if peer.tls is None else (peer.tls, peer.host)
        association = entity.associate(
            peer.host, peer.port, ae_title=peer.called_aet, evt_handlers=handlers, tls_args=tls
        )
        try:
            if not association.is_established:
                return _unavailable(f"{peer.called_aet} does not associate for it")
            if not association.accepted_contexts:
                return _unavailable(f"{peer.called_aet} does not offer it")
            status, _ = association.send_n_action(
                _requested(report.transaction_uid, entries),
                _REQUEST_COMMITMENT,
                _PUSH_MODEL,
                _WELL_KNOWN_INSTANCE,
            )
            code = status.get("Status")
            if code != _SUCCESS:
                told = "nothing" if code is None else f"{code:04X}"
                return _unavailable(f"{peer.called_aet} answered the request with {told}")
            if not report.came.wait(self._patience_s):
                return _unavailable(
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


def _unavailable(reason: str) -> Commitment:
    return Commitment(frozenset(), {}, f"Storage commitment is not available: {reason}.")
