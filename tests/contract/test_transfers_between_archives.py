"""Transfers between a real Orthanc and what stands in DCM4CHEE's place, with what goes wrong between them."""

from __future__ import annotations

import itertools
import socket
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.archives import Dcm4cheeArchive, OrthancArchive, OrthancRest
from orthanc_plugins.archives.base import Archive, Transport
from orthanc_plugins.archives.commitment import StorageCommitment
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.content import same_content
from orthanc_plugins.errors import ArchiveUnavailable, InstancesNotTaken
from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Forwarding, build_services
from orthanc_plugins.store import TransferredInstance, TransferState, create_store_engine, migrate
from orthanc_plugins.transfers import Effects, Limiter, Transfer, TransferOutcome
from orthanc_plugins.workflows.forward_study import StudyForwarder
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from scripts.lib.sample import STORESCU
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.contract.repair_pair import settings
from tests.fakes import MemoryQueue
from tests.fakes.faulty_archive import Fault, faulty_proxy, faulty_wire
from tests.standin import PlainOrthanc, StandIn, running_plain_orthanc, running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.archives.base import DicomFile

_SEEDS = itertools.count(7000)
_BOTH = pytest.mark.parametrize("transport", list(Transport))
COMMITMENT_AET = "PACS_SUITE"


@dataclass
class Ledger:
    """A recorder in memory."""

    instances: dict[SopInstanceUid, TransferredInstance] = field(default_factory=dict)

    def note(self, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0) -> None:
        assert bytes_sent >= 0
        self.instances.update({one.sop_instance_uid: one for one in instances})

    def become(self, state: TransferState) -> None:
        assert not state.ended

    def states(self) -> Counter[str]:
        return Counter(one.state.value for one in self.instances.values())


@dataclass
class Pair:
    """Both archives, and a study in Orthanc."""

    orthanc: PlainOrthanc
    standin: StandIn
    left: OrthancArchive
    study_uid: StudyUid = field(default=StudyUid(""))
    uids: list[str] = field(default_factory=list)

    def fill(self, folder: Path, images: int = 12) -> None:
        """Put a study of images and a structure set into Orthanc."""
        frame = ImageFrame(size=(images, 64, 64), spacing_mm=(4.0, 4.0), gap_mm=3.0)
        case = build_case(frame=frame, regions=2, seed=next(_SEEDS))
        case.write(folder)
        self.study_uid = StudyUid(case.reference.study_uid)
        self.uids = sorted(str(one.SOPInstanceUID) for one in (*case.images, case.structure_set))
        target = ["-aec", self.orthanc.aet, "127.0.0.1", str(self.orthanc.dicom_port)]
        subprocess.run([STORESCU, "+sd", "+r", *target, str(folder)], check=True, timeout=60)

    @contextmanager
    def right(self, url: str | None = None, **options: Any) -> Iterator[Dcm4cheeArchive]:
        """Reach the archive, perhaps by a proxy."""
        chosen: dict[str, Any] = {
            "policy": RetryPolicy(attempts=2),
            "clocks": Clocks(sleep=lambda _: None),
            "dicom_host": "127.0.0.1",
            "dicom_port": self.standin.dicom_port,
            "timeout_s": 10.0,
        } | options
        archive = Dcm4cheeArchive(url or self.standin.url, **chosen)
        try:
            yield archive
        finally:
            archive.close()

    def run(
        self,
        right: Archive,
        transport: Transport = Transport.STOW,
        ledger: Ledger | None = None,
        *,
        patient: bool = True,
        **options: Any,
    ) -> tuple[TransferOutcome, Ledger]:
        """Transfer the study to the archive."""
        ledger = ledger or Ledger()
        known = dict(ledger.instances)
        transfer = Transfer(self.left, right, self.study_uid, transport, known=known, patient=patient)
        return transfer.run(effects(ledger, **options)), ledger

    def held(self) -> list[str]:
        """Return what the archive holds of the study, asked past the shim."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": self.study_uid}, "Expand": True}
        answer = requests.post(f"{self.standin.orthanc_url}/tools/find", json=query, timeout=30)
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in answer.json())


def effects(ledger: Ledger, **options: Any) -> Effects:
    return Effects(
        recorder=ledger,
        limiter=Limiter(None, lambda: 0.0, lambda _: None),
        check=lambda: None,
        guard=lambda: None,
        pause=lambda _: None,
        **options,
    )


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlainOrthanc, StandIn]]:
    with (
        running_plain_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc,
        running_standin(tmp_path_factory.mktemp("dcm4chee") / "standin") as standin,
    ):
        yield orthanc, standin


@pytest.fixture
def pair(servers: tuple[PlainOrthanc, StandIn], tmp_path: Path) -> Iterator[Pair]:
    orthanc, standin = servers
    pair = Pair(orthanc, standin, OrthancArchive(OrthancRest(orthanc.url)))
    pair.fill(tmp_path / "case")
    yield pair
    pair.left.close()


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


# Storage commitment


def committing(dicom_port: int, port: int | None = None, patience_s: float = 0.5) -> StorageCommitment:
    peer = DicomPeer("127.0.0.1", dicom_port, "DCM4CHEE", COMMITMENT_AET, timeout_s=10.0)
    return StorageCommitment(peer, port or free_port(), address="127.0.0.1", patience_s=patience_s)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def introduced(orthanc_url: str, port: int) -> Iterator[None]:
    """Let the archive know the suite inside the block."""
    place = {"AET": COMMITMENT_AET, "Host": "127.0.0.1", "Port": port, "AllowStorageCommitment": True}
    requests.put(f"{orthanc_url}/modalities/suite", json=place, timeout=30).raise_for_status()
    yield
    requests.delete(f"{orthanc_url}/modalities/suite", timeout=30).raise_for_status()


def test_an_archive_commits_itself_to_what_it_holds_and_to_nothing_else(pair: Pair, tmp_path: Path) -> None:
    with running_plain_orthanc(
        tmp_path / "archive", DicomAet="DCM4CHEE", DicomAlwaysAllowStore=True
    ) as archive:
        port = free_port()
        commitment = committing(archive.dicom_port, port, patience_s=30)
        entries = pair.left.instances(pair.study_uid)
        files = list(pair.left.retrieve(pair.study_uid, entries[:-1]))
        kept = {file.sop_instance_uid for file in files}
        for file in files:
            requests.post(f"{archive.url}/instances", data=file.content, timeout=30).raise_for_status()
        with introduced(archive.url, port):
            answer = commitment.ask(entries)
        assert answer.unavailable == ""
        assert answer.committed == kept
        assert set(answer.failed) == {one.sop_instance_uid for one in entries} - kept


def test_an_archive_that_does_not_know_the_suite_may_know_it_later(pair: Pair) -> None:
    commitment = committing(pair.standin.dicom_port)
    with pytest.raises(
        InstancesNotTaken, match=r"not to be had now: DCM4CHEE did not .* does it know PACS_SUITE"
    ):
        commitment.ask(pair.left.instances(pair.study_uid))


def test_an_archive_that_is_not_there_may_be_later(pair: Pair) -> None:
    commitment = committing(1)
    with pytest.raises(ArchiveUnavailable, match=r"DCM4CHEE cannot be reached at 127\.0\.0\.1:1") as raised:
        commitment.ask(pair.left.instances(pair.study_uid))
    assert not isinstance(raised.value, InstancesNotTaken)


def test_a_transfer_with_a_commitment_that_never_comes_is_not_verified(pair: Pair) -> None:
    commitment = committing(pair.standin.dicom_port)
    with pair.right() as right:
        with pytest.raises(InstancesNotTaken, match="does it know"):
            pair.run(right, commit=commitment.ask)
        outcome, ledger = pair.run(right, commit=commitment.ask, patient=False)
    assert outcome.state is TransferState.PARTLY
    assert "not to be had now" in outcome.remark
    assert ledger.states() == {"verified": len(pair.uids)}


def test_a_rule_with_storage_commitment_waits_for_it_and_is_verified_with_it(
    pair: Pair, tmp_path: Path
) -> None:
    rule = ForwardingRule(name="kept", storage_commitment=True)
    wanted = settings(pair.orthanc, pair.standin.url, pair.standin.dicom_port, tmp_path / "data")
    (tmp_path / "data" / "store").mkdir(parents=True)
    engine = create_store_engine(wanted.store_url)
    migrate(engine)
    engine.dispose()
    queue = MemoryQueue()
    port = free_port()
    commitment = committing(pair.standin.dicom_port, port, patience_s=30)
    services = replace(
        build_services(wanted, None),
        queue=queue,
        forwarding=Forwarding(rules=(rule,)),
        commit=commitment.ask,
    )
    (study,) = services.orthanc.find_studies({"StudyInstanceUID": pair.study_uid})
    StudyForwarder(services).forward(JobId("forward-study.x.1"), study.orthanc_id)
    ((asked,), _) = services.store.transfers.transfers()
    step = StudyTransfer(services, Limiter(None, float, time.sleep), clock=time.monotonic, sleep=time.sleep)
    queue.start(asked.job_id)
    waiting = step.run(asked.job_id, "worker", asked.transfer_id)
    assert waiting["outcome"] == "waiting"
    assert "Storage commitment is not to be had now" in str(waiting["reason"])
    with introduced(pair.standin.orthanc_url, port):
        ended = step.run(asked.job_id, "worker", asked.transfer_id)
    services.close()
    assert ended == {"outcome": "verified", "instances": len(pair.uids), "sent": len(pair.uids)}
