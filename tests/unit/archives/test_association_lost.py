"""Associations that break: what was stored is not sent twice, what was not is sent again."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from pynetdicom import evt

from orthanc_plugins.archives.base import StoreState
from orthanc_plugins.archives.dimse import CStore
from orthanc_plugins.archives.resilience import CircuitBreaker
from orthanc_plugins.errors import ArchiveUnavailable
from tests.fakes.faulty_archive import faulty_wire
from tests.unit.archives.scps import Sending, data_set, files, peer, running_scp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.identifiers import SopInstanceUid


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
