"""Storage commitment between a real Orthanc and what stands in DCM4CHEE's place."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests

from orthanc_plugins.archives.commitment import StorageCommitment
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.errors import ArchiveUnavailable, InstancesNotTaken
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Forwarding, build_services
from orthanc_plugins.store import TransferState, create_store_engine, migrate
from orthanc_plugins.transfers import Limiter
from orthanc_plugins.workflows.forward_study import StudyForwarder
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from tests.contract.repair_pair import settings
from tests.fakes import MemoryQueue
from tests.standin import running_plain_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.between_archives.pairs import Pair


COMMITMENT_AET = "PACS_SUITE"


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
