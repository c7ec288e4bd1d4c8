"""Transfers between a real Orthanc and what stands in DCM4CHEE's place, with what goes wrong between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import Transport
from orthanc_plugins.content import same_content
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.store import TransferState
from orthanc_plugins.transfers import Transfer, TransferOutcome
from tests.contract.between_archives.pairs import Ledger, Pair, effects
from tests.fakes.faulty_archive import Fault, faulty_proxy, faulty_wire

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import DicomFile

_BOTH = pytest.mark.parametrize("transport", list(Transport))


def assert_all_there(pair: Pair, outcome: TransferOutcome, ledger: Ledger) -> None:
    assert outcome.state is TransferState.VERIFIED, ledger.instances
    assert pair.held() == pair.uids
    assert sorted(ledger.instances) == pair.uids
    assert ledger.states() == {"verified": len(pair.uids)}


@_BOTH
def test_a_study_goes_to_the_archive_once_and_is_asked_back(pair: Pair, transport: Transport) -> None:
    with pair.right() as right:
        outcome, ledger = pair.run(right, transport)
        assert_all_there(pair, outcome, ledger)
        assert {one.sends for one in ledger.instances.values()} == {1}
        again, second = pair.run(right, transport)
        assert_all_there(pair, again, second)
        assert {one.sends for one in second.instances.values()} == {0}


def test_a_study_comes_back_from_the_archive(pair: Pair) -> None:
    with pair.right() as right:
        pair.run(right)
        for study in pair.left.rest.lookup(pair.study_uid, "Study"):
            pair.left.rest.delete_resource("Study", study)
        ledger = Ledger()
        transfer = Transfer(right, pair.left, pair.study_uid, Transport.STOW)
        assert transfer.run(effects(ledger)).state is TransferState.VERIFIED
        assert sorted(one.sop_instance_uid for one in pair.left.instances(pair.study_uid)) == pair.uids


@_BOTH
def test_content_is_compared_with_what_the_archive_gives_back(pair: Pair, transport: Transport) -> None:
    def compared(left: DicomFile, right: DicomFile) -> str | None:
        found = same_content(left, right)
        return ", ".join(str(one.keyword) for one in found) or None

    with pair.right() as right:
        assert_all_there(pair, *pair.run(right, transport, same_content=compared))


# What goes wrong with STOW


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", path=r"/studies$", lose_answer=True, times=1),
        Fault(method="POST", path=r"/studies$", drop_request_after=50_000, times=2),
        Fault(method="POST", path=r"/studies$", drop_answer_after=20, times=1),
        Fault(method="POST", path=r"/studies$", status=503, times=3),
        Fault(method="POST", path=r"/studies$", pretend_stored=True, times=1),
        Fault(method="POST", path=r"/studies$", refuse_stored=0x0110, times=1),
        Fault(method="GET", path=r"/instances$", status=503, times=1),
        Fault(path=r"/count$", count=3),
    ],
    ids=lambda fault: (
        next(
            name
            for name in (
                "lose_answer",
                "drop_request_after",
                "drop_answer_after",
                "pretend_stored",
                "refuse_stored",
            )
            if getattr(fault, name)
        )
        if not (fault.status or fault.count)
        else f"status {fault.status}, count {fault.count}"
    ),
)
def test_what_goes_wrong_for_a_moment_is_made_good(pair: Pair, fault: Fault) -> None:
    with faulty_proxy(pair.standin.url, fault) as proxy, pair.right(proxy.url) as right:
        outcome, ledger = pair.run(right)
    assert_all_there(pair, outcome, ledger)


def test_an_archive_that_is_full_is_waited_for_and_takes_it_later(pair: Pair) -> None:
    fault = Fault(method="POST", path=r"/studies$", refuse_stored=0xA700)
    with faulty_proxy(pair.standin.url, fault) as proxy, pair.right(proxy.url) as right:
        ledger = Ledger()
        with pytest.raises(ArchiveUnavailable, match="A700"):
            pair.run(right, ledger=ledger)
        assert pair.held() == []
        assert "verified" not in ledger.states()
        proxy.faults.clear()
        outcome, ledger = pair.run(right, ledger=ledger)
    assert_all_there(pair, outcome, ledger)


def test_a_disk_that_is_full_is_waited_for(pair: Pair) -> None:
    fault = Fault(method="POST", path=r"/studies$", status=507)
    with faulty_proxy(pair.standin.url, fault) as proxy, pair.right(proxy.url) as right:
        with pytest.raises(ArchiveUnavailable):
            pair.run(right)
        proxy.faults.clear()
        assert_all_there(pair, *pair.run(right))


def test_an_archive_that_always_says_stored_and_stores_nothing_is_found_out(pair: Pair) -> None:
    fault = Fault(method="POST", path=r"/studies$", pretend_stored=True)
    with faulty_proxy(pair.standin.url, fault) as proxy, pair.right(proxy.url) as right:
        outcome, ledger = pair.run(right)
    assert outcome.state is TransferState.FAILED
    assert ledger.states() == {"failed": len(pair.uids)}
    assert all("does not list it" in one.detail for one in ledger.instances.values())
    assert pair.held() == []


def test_an_archive_that_is_away_is_told_and_nothing_is_sent(pair: Pair) -> None:
    fault = Fault(status=503)
    with (
        faulty_proxy(pair.standin.url, fault) as proxy,
        pair.right(proxy.url) as right,
        pytest.raises(ArchiveUnavailable),
    ):
        pair.run(right)
    assert not any(line.startswith("POST") for line in proxy.requests)


# What goes wrong with C-STORE


def test_an_association_that_breaks_is_made_again(pair: Pair) -> None:
    with (
        faulty_wire(pair.standin.dicom_port) as wire,
        pair.right(dicom_port=wire.port) as right,
    ):
        wire.cut_after = 40_000
        outcome, ledger = pair.run(right, Transport.C_STORE)
        assert wire.connections > 1
    assert_all_there(pair, outcome, ledger)


def test_a_dicom_port_that_does_not_answer_is_waited_for(pair: Pair) -> None:
    with (
        faulty_wire(pair.standin.dicom_port) as wire,
        pair.right(dicom_port=wire.port, timeout_s=1.0) as right,
    ):
        wire.stalled = True
        with pytest.raises(ArchiveUnavailable):
            pair.run(right, Transport.C_STORE)
    with pair.right() as right:
        assert_all_there(pair, *pair.run(right, Transport.C_STORE))


# Rejected before


def test_what_was_rejected_before_is_told_and_the_rest_is_verified(pair: Pair) -> None:
    with pair.right() as right:
        pair.run(right)
        rejected = right.instances(pair.study_uid)[:2]
        right.remove(pair.study_uid, rejected)
        outcome, ledger = pair.run(right)
    assert outcome.state is TransferState.PARTLY
    lost = {one.sop_instance_uid for one in rejected}
    assert {uid for uid, one in ledger.instances.items() if one.state == "failed"} == lost
    assert ledger.states()["verified"] == len(pair.uids) - 2
