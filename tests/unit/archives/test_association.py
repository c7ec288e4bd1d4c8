"""C-STORE over the loopback: against pynetdicom's SCP, and against a peer that says what a test dictates."""

from __future__ import annotations

import ast
import io
import socket
import struct
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pynetdicom
import pynetdicom.pdu
import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    RTStructureSetStorage,
)
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.pdu import A_ASSOCIATE_RQ

from orthanc_plugins.archives.association import MALFORMED, MOST_CONTEXTS, Association
from orthanc_plugins.archives.base import StoreState
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.dicom_peer import AssociationLost, AssociationRejected, DicomPeer
from orthanc_plugins.archives.dimse import CStore
from orthanc_plugins.archives.resilience import CircuitBreaker
from orthanc_plugins.errors import ArchiveUnavailable, ConfigurationError
from orthanc_plugins.identifiers import SopInstanceUid
from tests.fakes.faulty_archive import dicom_file, faulty_wire

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


@pytest.fixture(scope="module", autouse=True)
def _scps_end() -> Iterator[None]:
    """Servers of one kind are shared, since each takes half a second to end."""
    yield
    threads = [threading.Thread(target=scp.close) for scp in _RUNNING.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _RUNNING.clear()


@contextmanager
def running_scp(**options: Any) -> Iterator[Scp]:
    """Give a server in its first state."""
    kind = repr(options)
    if kind not in _RUNNING:
        _RUNNING[kind] = Scp(**options)
    scp = _RUNNING[kind]
    scp.begin_anew()
    yield scp


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


@pytest.mark.parametrize("longest_pdu", [0, 128, 16382, 1 << 20])
def test_files_arrive_as_they_are_stored_over_one_association(longest_pdu: int) -> None:
    sent = [*files(3), *files(1, pixel_bytes=200_001)]
    with running_scp(longest_pdu=longest_pdu) as scp:
        outcomes = Sending(scp.port)(*sent)
        assert [outcome.state for outcome in outcomes] == [StoreState.STORED] * 4
        assert scp.got == [data_set(file) for file in sent]
        assert scp.associations == 1


@pytest.mark.parametrize(
    ("status", "state", "says"),
    [
        (0x0000, StoreState.STORED, ""),
        (0xB000, StoreState.STORED, "changed attributes"),
        (0xB006, StoreState.STORED, "left out"),
        (0xB007, StoreState.STORED, "does not fit"),
        (0x0111, StoreState.STORED, "held it already"),
        (0x0110, StoreState.FAILED, "failed while it stored"),
        (0xA700, StoreState.FAILED, "out of resources"),
        (0xA701, StoreState.FAILED, "out of resources"),
        (0xA771, StoreState.REFUSED, "rejected at the archive before"),
        (0xA77A, StoreState.FAILED, "deleting this study"),
        (0xA900, StoreState.REFUSED, "does not fit its SOP class"),
        (0xC123, StoreState.REFUSED, "cannot understand"),
        (0x0124, StoreState.REFUSED, "right to"),
        (0x0999, StoreState.REFUSED, "see its log"),
    ],
)
def test_each_status_has_its_outcome(status: int, state: StoreState, says: str) -> None:
    with running_scp() as scp:
        scp.status = status
        (outcome,) = Sending(scp.port)(*files(1))
    assert outcome.state is state
    assert outcome.failure_reason == (status or None)
    assert says in outcome.detail


def test_one_refusal_does_not_touch_the_others() -> None:
    with running_scp() as scp:
        scp.status = lambda uid: 0xA900 if uid.endswith(".1") else 0
        outcomes = Sending(scp.port)(*files(3))
        assert scp.associations == 1
    assert [outcome.state.value for outcome in outcomes] == ["stored", "refused", "stored"]


def test_what_is_not_accepted_is_refused_with_what_to_do_and_nothing_transcoded() -> None:
    compressed = described(dicom_file("1.9", transfer_syntax_uid=ExplicitVRLittleEndian))
    compressed = type(compressed)(
        compressed.sop_instance_uid, compressed.sop_class_uid, JPEG2000Lossless, compressed.content
    )
    mr = described(dicom_file("1.8", sop_class_uid=MRImageStorage))
    with running_scp() as scp:
        outcomes = Sending(scp.port)(compressed, mr, *files(1))
        assert len(scp.got) == 1
    assert [outcome.state.value for outcome in outcomes] == ["refused", "refused", "stored"]
    assert JPEG2000Lossless in outcomes[0].detail
    assert MRImageStorage in outcomes[1].detail
    assert "transfer capabilities" in outcomes[1].detail


def test_an_object_with_uids_that_are_none_is_refused_before_anyone_is_asked() -> None:
    (file,) = files(1)
    odd = type(file)(file.sop_instance_uid, "no class", file.transfer_syntax_uid, file.content)
    (outcome,) = Sending(1)(odd)
    assert outcome.state is StoreState.REFUSED
    assert "UIDs that are none" in outcome.detail


def test_an_association_is_made_anew_for_what_it_was_not_negotiated_for_and_keeps_the_rest() -> None:
    images, sets = files(2), [described(dicom_file("1.7", sop_class_uid=RTStructureSetStorage))]
    with running_scp(classes=(CTImageStorage, RTStructureSetStorage)) as scp:
        outcomes = Sending(scp.port)(images[0], *sets, images[1])
        assert scp.associations == 2
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}


def test_as_many_contexts_as_there_can_be_are_proposed_at_once() -> None:
    classes = [context.abstract_syntax for context in StoragePresentationContexts[: MOST_CONTEXTS // 2]]
    contexts = [(str(one), str(syntax)) for one in classes for syntax in SYNTAXES]
    assert len(contexts) == MOST_CONTEXTS == 128
    with (
        running_scp(classes=tuple(map(str, classes))) as scp,
        Association(peer(scp.port), contexts) as association,
    ):
        assert all(association.accepts(context) for context in contexts)


def test_more_contexts_than_one_association_bears_take_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orthanc_plugins.archives.association.MOST_CONTEXTS", 2)
    classes = [CTImageStorage, MRImageStorage, RTStructureSetStorage]
    sent = [
        described(dicom_file(f"1.6.{n}", sop_class_uid=one)) for n, one in enumerate([*classes, *classes])
    ]
    with running_scp(classes=classes) as scp:
        outcomes = Sending(scp.port)(*sent)
        assert scp.associations == 6
        assert len(scp.got) == 6
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}


# Associations that are lost


def test_an_abort_before_the_answer_is_asked_after_and_sent_again_when_it_is_not_there() -> None:
    with running_scp() as scp:
        scp.abort_next = True
        sending = Sending(scp.port)
        outcomes = sending(*files(2))
        assert scp.associations == 2
    assert [outcome.state.value for outcome in outcomes] == ["stored", "stored"]
    assert sending.asked == [["1.2.3.0"]]
    assert sending.waits == [2]


def test_an_abort_after_the_archive_stored_it_does_not_send_it_twice() -> None:
    with running_scp() as scp:
        scp.abort_next = True
        outcomes = Sending(scp.port, held=["1.2.3.0"])(*files(2))
        assert len(scp.got) == 1
    assert [outcome.state.value for outcome in outcomes] == ["stored", "stored"]
    assert "lists it" in outcomes[0].detail


def test_a_wire_that_is_cut_in_the_middle_of_a_file_is_made_anew_and_the_file_sent_again() -> None:
    sent = files(3, pixel_bytes=3_000_000)
    with running_scp() as scp, faulty_wire(scp.port) as wire:
        wire.cut_after = 4_000_000
        sending = Sending(wire.port)
        outcomes = sending(*sent)
        assert wire.connections == 2
        assert sorted(map(len, scp.got)) == sorted(len(data_set(file)) for file in sent)
    assert [outcome.state.value for outcome in outcomes] == ["stored"] * 3
    assert len(sending.asked) <= 1


def test_a_peer_that_does_not_answer_in_time_may_still_be_at_it_and_is_not_sent_it_again() -> None:
    with running_scp() as scp, faulty_wire(scp.port) as wire:
        sending = Sending(wire.port, timeout_s=0.5)
        connections = []

        def stall(uid: str) -> int:
            wire.stalled = True
            connections.append(uid)
            return 0

        scp.status = stall
        (outcome,) = sending(*files(1))
    assert outcome.state is StoreState.FAILED
    assert "did not answer (TimeoutError)" in outcome.detail
    assert connections == ["1.2.3.0"]


def test_a_port_where_nobody_listens_opens_the_circuit_and_every_file_has_its_outcome() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sending = Sending(port)
    outcomes = sending(*files(20))
    assert [outcome.state for outcome in outcomes] == [StoreState.FAILED] * 20
    assert "cannot be reached (ConnectionRefusedError)" in outcomes[0].detail
    assert "has not answered since" in outcomes[-1].detail
    assert sending.breaker.is_open


def test_an_archive_that_is_asked_after_and_does_not_answer_leaves_the_outcome_open() -> None:
    def tell(_: Collection[SopInstanceUid]) -> frozenset[SopInstanceUid]:
        raise ArchiveUnavailable("It is away.", archive="dcm4chee")

    with running_scp() as scp:
        scp.abort_next = True
        c_store = CStore(peer(scp.port), CircuitBreaker("dcm4chee"), tell, lambda _: None)
        (outcome,) = c_store.store(files(1))
    assert outcome.state is StoreState.FAILED
    assert "Whether it is there is not known: It is away." in outcome.detail


def test_the_peer_may_end_the_association_between_two_files() -> None:
    with running_scp() as scp:
        sending = Sending(scp.port)

        def source() -> Iterator[DicomFile]:
            first, second = files(2)
            yield first
            for association in scp.server.active_associations:
                association.abort()
                association.join()
            yield second

        outcomes = list(sending._c_store.store(source()))
        assert scp.associations == 2
    assert [outcome.state.value for outcome in outcomes] == ["stored", "stored"]
    assert sending.asked == []


def test_an_error_of_the_source_ends_the_association_in_order() -> None:
    ended = threading.Event()
    with running_scp() as scp:
        scp.server.bind(evt.EVT_RELEASED, lambda _: ended.set())

        def source() -> Iterator[DicomFile]:
            yield from files(1)
            raise ArchiveUnavailable("The source is away.", archive="orthanc")

        outcomes = Sending(scp.port)._c_store.store(source())
        assert next(outcomes).state is StoreState.STORED
        with pytest.raises(ArchiveUnavailable, match="source"):
            next(outcomes)
        assert ended.wait(5)


# Negotiation


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("require_called_aet", "it is not called ARCHIVE: check its AE title"),
        ("require_calling_aet", "does not know the AE title SUITE"),
    ],
)
def test_a_title_that_is_not_known_is_refused_and_said(setting: str, says: str) -> None:
    with running_scp() as scp:
        scp.server.ae_title = "OTHER"
        setattr(scp.entity, setting, True if setting == "require_called_aet" else ["NOBODY"])
        outcomes = Sending(scp.port)(*files(2))
    assert [outcome.state for outcome in outcomes] == [StoreState.REFUSED] * 2
    assert says in outcomes[0].detail


def test_congestion_is_tried_again_and_may_pass() -> None:
    with running_scp(longest_pdu=16000) as scp:  # a server of its own: others still end associations
        scp.entity.maximum_associations = 1
        with Association(peer(scp.port), [(CTImageStorage, ExplicitVRLittleEndian)]):
            sending = Sending(scp.port)
            (outcome,) = sending(*files(1))
    assert outcome.state is StoreState.FAILED
    assert sending.waits == [2, 3]
    assert not sending.breaker.is_open


@pytest.mark.parametrize("title", ["", " ", "A" * 17, "ÄRCHIV", "A\nB"])
def test_an_ae_title_that_is_none_is_a_mistake_of_the_configuration(title: str) -> None:
    with pytest.raises(ConfigurationError, match="no AE title"):
        DicomPeer("host", 104, title, "SUITE")


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
    answers: list[bytes] = []
    with running_scp() as scp:
        scp.server.bind(evt.EVT_DATA_SENT, lambda event: answers.append(bytes(event.data)))
        with Association(peer(scp.port), [(CTImageStorage, ExplicitVRLittleEndian)]):
            pass
    return answers[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x02\x00\x00\x00\x00\x04\x00\x00\x00\x00",
        b"\x02\x00\x00\x00\x00\x50" + bytes(80),
        b"\x03\x00\x00\x00\x00\x04\x00\x09\x09\x09",
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",
        b"\x63\x00\xff\xff\xff\xff",
        b"",
    ],
)
def test_an_answer_that_is_no_association_is_lost(answer: bytes) -> None:
    parrot = Parrot(answer)
    with pytest.raises((AssociationLost, AssociationRejected)):
        Association(peer(parrot.port), [(CTImageStorage, ExplicitVRLittleEndian)])
    parrot.close()


def p_data(command: bytes, control: int = 3) -> bytes:
    return struct.pack(">BBLLBB", 4, 0, len(command) + 6, len(command) + 2, 1, control) + command


def element(number: int, value: int) -> bytes:
    return struct.pack("<HHLH", 0, number, 2, value)


@pytest.mark.parametrize(
    "answer",
    [
        p_data(element(0x100, 0x8001) + element(0x120, 99) + element(0x900, 0)),  # to another message
        p_data(element(0x100, 0x8030) + element(0x120, 1) + element(0x900, 0)),  # to C-ECHO
        p_data(element(0x100, 0x8001) + element(0x120, 1)),  # without a status
        p_data(b"\x00\x00\x00"),  # half an element
        b"\x04\x00\x00\x00\x00\x02\x00\x00",  # half a fragment
        b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00",  # the wish to end
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",  # an abort
        b"\x04\x00\x00\x00",  # half a PDU
    ],
)
def test_an_answer_that_was_not_asked_for_loses_the_association_with_the_file_sent(answer: bytes) -> None:
    parrot = Parrot(accepted(), answer)
    association = Association(peer(parrot.port), [(CTImageStorage, ExplicitVRLittleEndian)])
    with pytest.raises(AssociationLost) as caught:
        association.store(files(1)[0])
    assert caught.value.complete
    association.abort()
    parrot.close()


def test_an_answer_in_several_fragments_is_read() -> None:
    command = element(0x100, 0x8001) + element(0x120, 1) + element(0x900, 0xB000)
    parrot = Parrot(accepted(), p_data(command[:7], 1) + p_data(command[7:], 3))
    association = Association(peer(parrot.port), [(CTImageStorage, ExplicitVRLittleEndian)])
    assert association.store(files(1)[0]) == 0xB000
    association.abort()
    parrot.close()


def test_what_is_proposed_can_be_read_by_pynetdicom() -> None:
    heard: list[bytes] = []
    with running_scp() as scp:
        scp.server.bind(evt.EVT_DATA_RECV, lambda event: heard.append(bytes(event.data)))
        with Association(peer(scp.port), [(CTImageStorage, one) for one in SYNTAXES]):
            pass
    request = A_ASSOCIATE_RQ()
    request.decode(heard[0])
    assert [context.presentation_context_id for context in request.presentation_context] == [1, 3]
    assert request.calling_ae_title.strip() == "SUITE"


def test_every_error_that_pynetdicom_raises_at_a_pdu_is_known() -> None:
    folder = Path(pynetdicom.__file__).parent
    raised = {
        node.exc.func.id
        for name in ("pdu", "pdu_items", "pdu_primitives", "presentation", "_validators", "utils")
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }
    assert raised >= {"ValueError", "TypeError"}
    assert raised <= {kind.__name__ for kind in MALFORMED}
