"""Forwarded to what stands in DCM4CHEE's place, and rejected or deleted there before the next round."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from orthanc_plugins import copying
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.services import Synchronisation
from orthanc_plugins.store import Absence, TransferRequest
from orthanc_plugins.synchronisation import Rounds
from orthanc_plugins.transfers import Limiter, ask_for_transfer
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from tests.contract.repair_pair import pair_of
from tests.contract.standin.asked import reject
from tests.fakes import MemoryQueue
from tests.standin import running_plain_orthanc, running_standin
from tests.standin_objects import build_series, content_of, new_uid
from tests.unit.workflows.repaired import DurableSteps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.services import Services
    from tests.standin import PlainOrthanc, StandIn

ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE
OUT_FOR = {"patient safety": "113037^DCM", "wrong worklist": "113038^DCM", "expired": "113039^DCM"}
"""Reasons to reject; what had expired is taken when it is sent again, the others are not."""


@dataclass
class Joined:
    """Both archives, what the worker has of them, and the queue that it works from."""

    services: Services
    queue: MemoryQueue
    orthanc: PlainOrthanc
    standin: StandIn

    def send(self, study_uid: StudyUid) -> None:
        for data_set in build_series(3, StudyInstanceUID=study_uid):
            requests.post(
                f"{self.orthanc.url}/instances", data=content_of(data_set), timeout=30
            ).raise_for_status()

    def forward(self, study_uid: StudyUid) -> None:
        job_id = transfer_job_id(f"rule.{study_uid}")
        request = TransferRequest(
            f"rule.{study_uid}", job_id, study_uid, ORTHANC, DCM4CHEE, "rule:all", "stow"
        )
        ask_for_transfer(self.services.store.transfers, self.queue, request)
        self.queue.start(job_id)
        limiter = Limiter(None, time.monotonic, time.sleep)
        step = StudyTransfer(self.services, limiter, clock=time.monotonic, sleep=time.sleep)
        assert step.run(job_id, "worker", request.transfer_id)["outcome"] == "verified"


@pytest.fixture
def joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Joined]:
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))
    with (
        running_plain_orthanc(tmp_path / "orthanc") as orthanc,
        running_standin(tmp_path / "dcm4chee" / "standin") as standin,
    ):
        pair = pair_of(orthanc, standin, tmp_path / "data", DurableSteps())
        queue = MemoryQueue()
        services = replace(
            pair.services, queue=queue, synchronisation=Synchronisation(direction="orthanc_to_dcm4chee")
        )
        yield Joined(services, queue, orthanc, standin)
        services.close()


def test_what_was_forwarded_and_taken_out_before_the_next_round_stays_away(joined: Joined) -> None:
    seen = StudyUid(new_uid())
    joined.send(seen)
    joined.forward(seen)
    rounds = Rounds(joined.services)
    rounds.run("first", "schedule")
    studies = {why: StudyUid(new_uid()) for why in (*OUT_FOR, "deleted")}
    for why, study_uid in studies.items():
        joined.send(study_uid)
        joined.forward(study_uid)
        path = f"/studies/{study_uid}"
        assert reject(joined.standin, path, OUT_FOR.get(why, "113001^DCM")).ok
        if why == "deleted":
            requests.delete(f"{joined.standin.url}{path}", timeout=30).raise_for_status()
    rounds.run("next", "schedule")
    asked = Rounds(joined.services).run("asked", "request")
    assert (asked.state, asked.transfers, asked.differing) == ("succeeded", (), 4)
    inventory = joined.services.store.inventory
    buried = inventory.buried(DCM4CHEE, studies.values())
    expected = {**dict.fromkeys(OUT_FOR, Absence.REJECTED), "deleted": Absence.DISAPPEARED}
    assert {why: buried[uid].told for why, uid in studies.items()} == expected

    inventory.lift(DCM4CHEE, studies.values(), at=datetime.now(UTC), by="request")
    lifted = Rounds(joined.services).run("lifted", "request", full=True)
    found = {why for why, uid in studies.items() if any(uid in one for one in lifted.transfers)}
    assert found == {"expired", "deleted"}
    assert lifted.notes[0].startswith("Not sent: 6 instances of 2 studies.")
