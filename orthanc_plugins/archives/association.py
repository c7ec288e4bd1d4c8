"""One association for C-STORE (PS3.8, PS3.7 9.1.1), over a socket that waits for nothing but the peer.

pynetdicom writes and reads the PDUs of the negotiation. Data goes over the wire as it is stored, in P-DATA-TF
PDUs written here: pynetdicom's own reactor looks for answers once a millisecond, hands single PDUs through
queues and re-encodes data sets; it took five times as long as DCMTK's storescu (`tests/bench/transports.py`).
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Self

from pynetdicom import build_context
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)

from orthanc_plugins.archives.dicom_file import read_file_meta
from orthanc_plugins.archives.dicom_peer import AssociationLost, AssociationRejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.archives.dicom_peer import DicomPeer

type Context = tuple[str, str]
"""A SOP class and the one transfer syntax it is proposed with."""

MOST_CONTEXTS = 128
"""Presentation context IDs are the odd numbers from 1 to 255 (PS3.8 9.3.2.2)."""
_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_IMPLEMENTATION_UID = "2.25.205411268345670147810921837215423190242"
_IMPLEMENTATION_VERSION = "PACS_SUITE"
_RECEIVED_PDU_BYTES = 1 << 16
_SENT_PDU_BYTES = 1 << 17
"""Of peers that take PDUs of any length; those of others are theirs."""
_LONGEST_PDU_BYTES = 1 << 20
_SENT_AT_ONCE = 1 << 20
_ACCEPT, _REJECT, _P_DATA, _RELEASE_RQ, _ABORT = 2, 3, 4, 5, 7
_RELEASE_REQUEST = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_RELEASE_RESPONSE = b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_ABORT_REQUEST = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_COMMAND, _LAST = 1, 2
_C_STORE_RQ, _C_STORE_RSP = 0x0001, 0x8001
_STATUS, _COMMAND_FIELD, _RESPONDED_TO = 0x0900, 0x0100, 0x0120
_PERMANENT = 1
_RELEASE_PATIENCE_S = 5.0
_PDV_OVERHEAD = 6
MALFORMED = (
    ValueError,
    TypeError,
    NotImplementedError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    struct.error,
)
"""What pynetdicom raises at a PDU that is none."""


class Association:
    """An association that is established; leaving it as a context releases it.

    Raises
    ------
    AssociationRejected, AssociationLost
        When it cannot be made.
    """

    def __init__(self, peer: DicomPeer, contexts: Sequence[Context]) -> None:
        self._message_id = 0
        try:
            self._socket = _connected(peer)
        except ssl.SSLCertVerificationError as error:
            raise AssociationRejected(
                "its certificate is not trusted: check its address and the file of certificates",
                permanent=True,
            ) from error
        except OSError as error:
            raise AssociationLost(f"it cannot be reached ({type(error).__name__})") from error
        try:
            self._pdu_bytes, self._accepted = self._negotiate(peer, contexts)
        except BaseException:
            self._socket.close()
            raise
        self.proposed = frozenset(contexts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def accepts(self, context: Context) -> bool:
        """Return whether the peer takes a SOP class in a transfer syntax."""
        return context in self._accepted

    def is_quiet(self) -> bool:
        """Return whether the peer has sent nothing unasked: it would be the end of the association."""
        looking = select.poll()
        looking.register(self._socket, select.POLLIN)
        return not looking.poll(0)

    def store(self, file: DicomFile) -> int:
        """Send a file in an accepted context, and return the status the peer answers (PS3.7 annex C).

        Raises
        ------
        AssociationLost
            There was no answer, or another one.
        """
        self._message_id = self._message_id % 0xFFFF + 1
        context_id = self._accepted[file.sop_class_uid, file.transfer_syntax_uid]
        begin = read_file_meta(file.content).data_set_offset
        command = _c_store_request(file, self._message_id)
        try:
            self._send(self._pdus(context_id, _COMMAND, memoryview(command)))
            self._send(self._pdus(context_id, 0, memoryview(file.content)[begin:]))
        except OSError as error:
            raise AssociationLost(
                f"the connection broke ({type(error).__name__})", timed_out=isinstance(error, TimeoutError)
            ) from error
        return self._answer()

    def _send(self, pdus: Iterator[bytes]) -> None:
        """Send PDUs, many in one call: after each one waits for the threads that read the next files."""
        waiting: list[bytes] = []
        size = 0
        for pdu in pdus:
            waiting.append(pdu)
            size += len(pdu)
            if size >= _SENT_AT_ONCE:
                self._socket.sendall(b"".join(waiting))
                waiting, size = [], 0
        self._socket.sendall(b"".join(waiting))

    def release(self) -> None:
        """End the association; a peer that does not answer is not waited for long."""
        try:
            self._socket.settimeout(_RELEASE_PATIENCE_S)
            self._socket.sendall(_RELEASE_REQUEST)
            self._pdu()
        except (OSError, AssociationLost):
            pass  # it is over in any case
        self._socket.close()

    def abort(self) -> None:
        """End the association at once."""
        try:
            self._socket.settimeout(_RELEASE_PATIENCE_S)
            self._socket.sendall(_ABORT_REQUEST)
        except OSError:
            pass  # it is over in any case
        self._socket.close()

    def _negotiate(self, peer: DicomPeer, contexts: Sequence[Context]) -> tuple[int, Mapping[Context, int]]:
        """Return how long PDUs may be, and the IDs of the contexts that are accepted."""
        identifiers = {2 * index + 1: context for index, context in enumerate(contexts)}
        try:
            self._socket.sendall(_associate_request(peer, identifiers))
            kind, pdu = self._pdu()
        except OSError as error:
            raise AssociationLost(f"it did not associate ({type(error).__name__})") from error
        try:
            if kind == _REJECT:
                raise _rejection(pdu, peer)
            if kind != _ACCEPT:
                raise AssociationLost("it did not associate")
            accepted = A_ASSOCIATE_AC()
            accepted.decode(pdu)
            if not accepted.presentation_context:
                raise AssociationLost("it answers something else than DICOM")
            negotiated = accepted.user_information
            longest = (negotiated.maximum_length if negotiated else 0) or _SENT_PDU_BYTES
            taken = {
                identifiers[context.context_id]: context.context_id
                for context in accepted.presentation_context
                if context.result == 0 and context.context_id in identifiers
            }
        except MALFORMED as error:
            raise AssociationLost("it answers something else than DICOM") from error
        # Fragments but the last have an even length (PS3.8 annex E.2).
        return max(2, (longest - _PDV_OVERHEAD) & ~1), taken

    def _pdus(self, context_id: int, control: int, message: memoryview) -> Iterator[bytes]:
        """Yield a part of a message in P-DATA-TF PDUs (PS3.8 9.3.5), one fragment in each."""
        for begin in range(0, len(message), self._pdu_bytes):
            fragment = message[begin : begin + self._pdu_bytes]
            last = _LAST if begin + len(fragment) == len(message) else 0
            size = len(fragment)
            head = struct.pack(">BBLLBB", _P_DATA, 0, size + 6, size + 2, context_id, control | last)
            yield head + fragment

    def _answer(self) -> int:
        """Return the status of the answer to the message just sent."""
        command = b""
        try:
            while True:
                kind, pdu = self._pdu()
                if kind != _P_DATA:
                    raise self._ended(kind)
                for control, fragment in _fragments(pdu):
                    command += fragment if control & _COMMAND else b""
                    if control & _COMMAND and control & _LAST:
                        return self._status(command)
        except OSError as error:
            raise AssociationLost(
                f"it did not answer ({type(error).__name__})",
                complete=True,
                timed_out=isinstance(error, TimeoutError),
            ) from error
        except struct.error as error:
            raise AssociationLost("its answer cannot be read", complete=True) from error

    def _status(self, command: bytes) -> int:
        elements = _command_elements(command)
        answered = elements.get(_COMMAND_FIELD), elements.get(_RESPONDED_TO)
        if answered != (_C_STORE_RSP, self._message_id) or _STATUS not in elements:
            raise AssociationLost("it answered something that was not asked", complete=True)
        return elements[_STATUS]

    def _ended(self, kind: int) -> AssociationLost:
        if kind == _RELEASE_RQ:
            self._socket.sendall(_RELEASE_RESPONSE)
        return AssociationLost("it aborted the association" if kind == _ABORT else "it ended", complete=True)

    def _pdu(self) -> tuple[int, bytes]:
        """Return the type of the next PDU, and all its bytes."""
        head = self._received(6)
        kind, length = head[0], int.from_bytes(head[2:], "big")
        if length > _LONGEST_PDU_BYTES:
            raise AssociationLost("it answers something else than DICOM", complete=True)
        return kind, head + self._received(length)

    def _received(self, count: int) -> bytes:
        buffer = bytearray(count)
        view, got = memoryview(buffer), 0
        while got < count:
            more = self._socket.recv_into(view[got:])
            if not more:
                raise ConnectionResetError
            got += more
        return bytes(buffer)


def _connected(peer: DicomPeer) -> socket.socket:
    connection = socket.create_connection((peer.host, peer.port), timeout=peer.timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if peer.tls is None:
        return connection
    try:
        return peer.tls.wrap_socket(connection, server_hostname=peer.host)
    except BaseException:
        connection.close()
        raise


def _associate_request(peer: DicomPeer, contexts: Mapping[int, Context]) -> bytes:
    """Return an A-ASSOCIATE-RQ PDU (PS3.8 9.3.2)."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = _APPLICATION_CONTEXT
    primitive.calling_ae_title = peer.calling_aet
    primitive.called_ae_title = peer.called_aet
    proposed = []
    for context_id, (sop_class, transfer_syntax) in contexts.items():
        context = build_context(sop_class, transfer_syntax)
        context.context_id = context_id
        proposed.append(context)
    primitive.presentation_context_definition_list = proposed
    longest = MaximumLengthNotification()
    longest.maximum_length_received = _RECEIVED_PDU_BYTES
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = _IMPLEMENTATION_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = _IMPLEMENTATION_VERSION
    primitive.user_information = [longest, implementation, version]
    request = A_ASSOCIATE_RQ()
    request.from_primitive(primitive)
    encoded: bytes = request.encode()
    return encoded


def _rejection(pdu: bytes, peer: DicomPeer) -> AssociationRejected:
    rejected = A_ASSOCIATE_RJ()
    rejected.decode(pdu)
    reasons: dict[tuple[int | None, int | None], str] = {
        (
            1,
            3,
        ): f"it does not know the AE title {peer.calling_aet} that the suite calls itself: allow it there",
        (1, 7): f"it is not called {peer.called_aet}: check its AE title in the settings",
    }
    why = f"it rejects the association: {rejected.reason_str}"
    reason = reasons.get((rejected.source, rejected.reason_diagnostic), why)
    return AssociationRejected(reason, permanent=rejected.result == _PERMANENT)


def _c_store_request(file: DicomFile, message_id: int) -> bytes:
    """Return a C-STORE-RQ command (PS3.7 9.3.1.1), in Implicit VR Little Endian."""
    elements = (
        _uid(0x0002, file.sop_class_uid)
        + struct.pack("<HHLH", 0, _COMMAND_FIELD, 2, _C_STORE_RQ)
        + struct.pack("<HHLH", 0, 0x0110, 2, message_id)
        + struct.pack("<HHLH", 0, 0x0700, 2, 0)  # priority: medium
        + struct.pack("<HHLH", 0, 0x0800, 2, 1)  # a data set follows
        + _uid(0x1000, file.sop_instance_uid)
    )
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii") + bytes(len(uid) % 2)
    return struct.pack("<HHL", 0, element, len(value)) + value


def _fragments(pdu: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield control byte and content of each fragment of a P-DATA-TF PDU."""
    position = 6
    while position < len(pdu):
        length, _, control = struct.unpack_from(">LBB", pdu, position)
        yield control, pdu[position + 6 : position + 4 + length]
        position += 4 + length


def _command_elements(command: bytes) -> dict[int, int]:
    """Return the elements of a command that are numbers of two bytes."""
    elements, position = {}, 0
    while position < len(command):
        _, element, length = struct.unpack_from("<HHL", command, position)
        if length == 2:  # noqa: PLR2004 - US, PS3.5 6.2
            (elements[element],) = struct.unpack_from("<H", command, position + 8)
        position += 8 + length
    return elements
