"""Peers of an association, over the loopback: pynetdicom's SCP, and one that says what a test dictates."""

from __future__ import annotations

import io
import socket
import struct
import threading
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE, evt

from orthanc_plugins.archives.association import Association
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.archives.dimse import CStore
from orthanc_plugins.archives.resilience import CircuitBreaker
from orthanc_plugins.identifiers import SopInstanceUid
from tests.fakes.faulty_archive import dicom_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from orthanc_plugins.archives.base import DicomFile, StoreOutcome

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


class Scp:
    """pynetdicom's storage SCP; ``status`` is what it answers, ``got`` what it was sent."""

    def __init__(self, *, longest_pdu: int = 16382, classes: Iterable[str] = (CTImageStorage,)) -> None:
        entity = AE("ARCHIVE")
        entity.maximum_pdu_size = longest_pdu
        for sop_class in classes:
            entity.add_supported_context(sop_class, SYNTAXES)
        self.entity = entity
        handlers: Any = [(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._accepted)]
        self.server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

        self.begin_anew()

    def begin_anew(self) -> None:
        self.status: int | Callable[[str], int] = 0
        self.got: list[bytes] = []
        self.associations = 0
        self.abort_next = False
        self.server.ae_title = "ARCHIVE"
        self.entity.require_called_aet = False
        self.entity.require_calling_aet = []
        self.entity.maximum_associations = 10

    @property
    def port(self) -> int:
        port: int = self.server.server_address[1]
        return port

    def _accepted(self, _: evt.Event) -> None:
        self.associations += 1

    def _store(self, event: evt.Event) -> int:
        if self.abort_next:
            self.abort_next = False
            event.assoc.abort()
            return 0
        self.got.append(event.encoded_dataset(include_meta=False))
        if callable(self.status):
            return self.status(str(event.dataset.SOPInstanceUID))
        return self.status

    def close(self) -> None:
        self.server.shutdown()


_RUNNING: dict[str, Scp] = {}
_ASSOCIATE_AC = 2


@contextmanager
def running_scp(**options: Any) -> Iterator[Scp]:
    """Give a server in its first state."""
    kind = repr(options)
    if kind not in _RUNNING:
        _RUNNING[kind] = Scp(**options)
    scp = _RUNNING[kind]
    scp.begin_anew()
    yield scp


def end_scps() -> None:
    """End the servers that are shared, all at once: each takes half a second."""
    threads = [threading.Thread(target=scp.close) for scp in _RUNNING.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _RUNNING.clear()


def peer(port: int, **options: Any) -> DicomPeer:
    return DicomPeer(
        "127.0.0.1", port, "ARCHIVE", "SUITE", timeout_s=options.pop("timeout_s", 5.0), **options
    )


class Sending:
    """C-STORE as the archive uses it, with an archive that lists what a test says."""

    def __init__(self, port: int, *, held: Collection[str] = (), **options: Any) -> None:
        self.asked: list[list[str]] = []
        self.waits: list[int] = []
        self._held = frozenset(SopInstanceUid(uid) for uid in held)
        self.breaker = CircuitBreaker("dcm4chee", title="The DICOM port")
        self._c_store = CStore(peer(port, **options), self.breaker, self._tell, self.waits.append)

    def _tell(self, uids: Collection[SopInstanceUid]) -> frozenset[SopInstanceUid]:
        self.asked.append(list(uids))
        return self._held & frozenset(uids)

    def __call__(self, *files: DicomFile) -> list[StoreOutcome]:
        return list(self._c_store.store(files))


def files(count: int, **options: Any) -> list[DicomFile]:
    return [described(dicom_file(f"1.2.3.{number}", **options)) for number in range(count)]


def data_set(file: DicomFile) -> bytes:
    """Return what of a file goes over the wire, as pydicom finds it."""
    meta = dcmread(io.BytesIO(file.content), stop_before_pixels=True).file_meta
    return file.content[144 + meta.FileMetaInformationGroupLength :]


class Parrot:
    """Accepts one connection and answers it with bytes: to the association, and to all that is sent then."""

    def __init__(self, *answers: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(answers,))
        self._thread.start()

    def _serve(self, answers: tuple[bytes, ...]) -> None:
        with self._server:
            connection, _ = self._server.accept()
        with connection:
            for answer in answers:
                if not connection.recv(1 << 20):
                    return
                connection.sendall(answer)

    def close(self) -> None:
        self._thread.join()


def accepted() -> bytes:
    """Return the A-ASSOCIATE-AC of pynetdicom to a proposal of CT."""
    sent: SimpleQueue[bytes] = SimpleQueue()
    with running_scp() as scp:
        scp.server.bind(evt.EVT_DATA_SENT, lambda event: sent.put(bytes(event.data)))
        with Association(peer(scp.port), [(CTImageStorage, ExplicitVRLittleEndian)]):
            pass
    while (answer := sent.get(timeout=10))[0] != _ASSOCIATE_AC:
        """The server is shared: this ended the association of a test before."""
    return answer


def p_data(command: bytes, control: int = 3) -> bytes:
    return struct.pack(">BBLLBB", 4, 0, len(command) + 6, len(command) + 2, 1, control) + command


def element(number: int, value: int) -> bytes:
    return struct.pack("<HHLH", 0, number, 2, value)
