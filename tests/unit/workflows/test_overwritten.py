"""What came to Orthanc again since it was sent is compared by content: the archive keeps what it has."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import TransferError
from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import transfer_job_id
from orthanc_plugins.rules import ForwardingRule
from orthanc_plugins.services import Forwarding
from orthanc_plugins.store import (
    InstanceState,
    TransferredInstance,
    TransferRequest,
    TransferState,
)
from orthanc_plugins.store.transfers_tables import TransferRow
from orthanc_plugins.transfers import Limiter
from orthanc_plugins.workflows.forward_study import StudyForwarder
from orthanc_plugins.workflows.transfer_study import StudyTransfer
from tests.fakes import MemoryArchive
from tests.fakes.orthanc_rest import orthanc_id
from tests.standin_objects import build_object, content_of

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import Depth, TransferRecord
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = StudyUid("1.2")
A, B, C = (SopInstanceUid(f"1.2.1.{number}") for number in range(3))
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)


def receive(orthanc: FakeOrthancRest, *uids: str, at: datetime, aet: str = "CT1") -> None:
    for uid in uids:
        metadata = {"RemoteAET": aet, "ReceptionDate": f"{at:%Y%m%dT%H%M%S}"}
        orthanc.store(STUDY, "1.2.1", uid, study_tags={"PatientID": "P1"}, metadata=metadata)


@pytest.fixture(autouse=True)
def _received(orthanc: FakeOrthancRest) -> None:
    orthanc.ahead = timedelta(0)
    receive(orthanc, A, B, at=NOW - HOUR)


def earlier(
    services: Services,
    name: str = "earlier",
    *,
    at: datetime = NOW,
    sends: int = 1,
    state: InstanceState = InstanceState.VERIFIED,
    verify: Depth = "instances",
    brings: bool = False,
) -> None:
    """Let the ledger tell of a transfer of two instances that has ended."""
    ways = ("dcm4chee", "orthanc") if brings else ("orthanc", "dcm4chee")
    transfers = services.store.transfers
    transfers.request(
        TransferRequest(name, transfer_job_id(name), STUDY, *ways, "rule:R", "stow", (), verify=verify)
    )
    transfers.note(name, [TransferredInstance(uid, state, sends) for uid in (A, B)])
    transfers.end(name, TransferState.VERIFIED)
    with transfers._sessions.begin() as session:
        session.get_one(TransferRow, name).requested_at = at


def forward(services: Services, job: str = "forward-study.x.2", **rule: Any) -> dict[str, Any]:
    services = replace(services, forwarding=Forwarding(rules=(ForwardingRule(name="R", **rule),)))
    return dict(StudyForwarder(services).forward(JobId(job), orthanc_id(STUDY)))


def asked(services: Services, result: dict[str, Any]) -> dict[str, tuple[TransferRecord, set[str]]]:
    """Return the transfers of a result by what is asked back, each with its instances."""
    found: dict[str, tuple[TransferRecord, set[str]]] = {}
    for one in result["transfers"]:
        record = services.store.transfers.transfer(one["transfer_id"])
        assert record is not None
        instances = services.store.transfers.instances(record.transfer_id)
        found[record.verify] = (record, {str(instance.sop_instance_uid) for instance in instances})
    assert len(found) == len(result["transfers"])
    return found


def test_what_came_again_since_it_was_sent_is_compared_and_the_rest_only_asked_back(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    earlier(services)
    receive(orthanc, A, at=NOW + HOUR)
    receive(orthanc, C, at=NOW + HOUR)
    result = forward(services, priority=4, window="18:00-06:00")
    transfers = asked(services, result)
    compared, uids = transfers["content"]
    assert uids == {A}
    assert transfers["instances"][1] == {B, C}
    assert (compared.cause, compared.window, compared.priority) == ("rule:R", "18:00-06:00", 4)
    assert compared.job_id == transfer_job_id(compared.transfer_id)
    assert compared.remark.startswith("Orthanc received 1 instance again after an earlier transfer")
    assert [one.get("remark", "") for one in result["transfers"]] == ["", compared.remark]
    assert transfers["instances"][0].remark == ""


def test_done_again_it_asks_for_the_same(services: Services, orthanc: FakeOrthancRest) -> None:
    earlier(services)
    receive(orthanc, A, at=NOW + HOUR)
    first = forward(services)
    for one in first["transfers"]:
        instances = services.store.transfers.instances(one["transfer_id"])
        done = [replace(two, state=InstanceState.VERIFIED, sends=1) for two in instances]
        services.store.transfers.note(one["transfer_id"], done)
    assert forward(services) == first


def test_where_all_of_it_came_again_there_is_one_transfer(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    earlier(services)
    receive(orthanc, A, B, at=NOW + HOUR)
    assert asked(services, forward(services))["content"][1] == {A, B}


def test_what_came_before_it_was_sent_is_only_asked_back(services: Services) -> None:
    earlier(services)
    assert asked(services, forward(services))["instances"][1] == {A, B}


def test_without_an_earlier_transfer_nothing_is_compared(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    receive(orthanc, A, B, at=NOW + HOUR)
    assert set(asked(services, forward(services))) == {"instances"}


def test_a_rule_that_compares_all_has_one_transfer_as_before(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    earlier(services)
    receive(orthanc, A, at=NOW + HOUR)
    (record, uids) = asked(services, forward(services, verify="content"))["content"]
    assert (uids, record.remark) == ({A, B}, "")


@pytest.mark.parametrize("ahead", [timedelta(hours=5), timedelta(hours=-5)])
def test_whether_it_came_again_is_known_however_wrong_orthancs_clock_is(
    services: Services, orthanc: FakeOrthancRest, ahead: timedelta
) -> None:
    orthanc.ahead = ahead
    receive(orthanc, A, at=NOW + ahead - HOUR)
    receive(orthanc, B, at=NOW + ahead + HOUR)
    earlier(services)
    assert asked(services, forward(services))["content"][1] == {B}


def test_a_transfer_that_only_found_it_there_proves_nothing(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    earlier(services, "first", at=NOW - 3 * HOUR)
    receive(orthanc, A, B, at=NOW - 2 * HOUR)
    earlier(services, "second", at=NOW - HOUR, sends=0)
    assert asked(services, forward(services))["content"][1] == {A, B}


@pytest.mark.parametrize("alike", [True, False])
def test_what_was_compared_and_alike_is_compared_no_more_until_it_comes_again(
    services: Services, orthanc: FakeOrthancRest, *, alike: bool
) -> None:
    earlier(services, "first", at=NOW - 3 * HOUR)
    receive(orthanc, A, B, at=NOW - 2 * HOUR)
    state = InstanceState.VERIFIED if alike else InstanceState.FAILED
    earlier(services, "second", at=NOW - HOUR, sends=0, state=state, verify="content")
    assert set(asked(services, forward(services))) == {"instances" if alike else "content"}


def test_what_came_again_while_it_was_on_its_way_is_compared(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    earlier(services, state=InstanceState.SENDING)
    receive(orthanc, A, at=NOW + HOUR)
    assert asked(services, forward(services))["content"][1] == {A}


def test_what_was_brought_and_a_modality_sent_since_is_compared(
    services: Services, orthanc: FakeOrthancRest
) -> None:
    earlier(services, brings=True)
    receive(orthanc, A, at=NOW + HOUR)
    assert asked(services, forward(services))["content"][1] == {A}


def test_where_the_archive_kept_the_old_one_the_transfer_fails_and_tells_what_differs(
    services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue
) -> None:
    archives: dict[ArchiveName, Any] = {name: MemoryArchive(name) for name in ArchiveName}
    for uid in (A, B):
        data_set = build_object(StudyInstanceUID=STUDY, SeriesInstanceUID="1.2.1", SOPInstanceUID=uid)
        for archive in archives.values():
            archive.put(
                uid, study=STUDY, series="1.2.1", sop_class=data_set.SOPClassUID, content=content_of(data_set)
            )
    earlier(services)
    data_set.PatientComments = "corrected"
    archives[ArchiveName.ORTHANC].put(
        B, study=STUDY, series="1.2.1", sop_class=data_set.SOPClassUID, content=content_of(data_set)
    )
    receive(orthanc, A, B, at=NOW + HOUR)
    (record, _) = asked(services, forward(services))["content"]
    queue.start(record.job_id)
    limiter = Limiter(None, time.monotonic, time.sleep)
    step = StudyTransfer(
        replace(services, archives=archives), limiter, clock=time.monotonic, sleep=lambda _: None
    )
    with pytest.raises(TransferError, match=f"{B}: Its content differs: PatientComments"):
        step.run(record.job_id, "worker", record.transfer_id)
    ended = services.store.transfers.transfer(record.transfer_id)
    assert ended is not None
    assert (ended.state, ended.verified, ended.failed) == (TransferState.PARTLY, 1, 1)
