"""What rounds of synchronisation ask to be copied, and how; what they leave over; what nobody may lose."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins import copying
from orthanc_plugins.archives.base import StudyQuery
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import JobId, OrthancId, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import forward_study_request
from orthanc_plugins.rules import ForwardingRule, SyncRule
from orthanc_plugins.services import Forwarding, Synchronisation
from orthanc_plugins.store import TransferRequest, TransferState, WaitsFor
from orthanc_plugins.synchronisation import Rounds
from orthanc_plugins.transfers import RULES_CHANGED
from tests.fakes.archive import MemoryArchive
from tests.unit.holdings import LEFT, NOW, RIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.archives.base import ArchiveName, StudyEntry
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord
    from tests.fakes import MemoryQueue

NIGHT = "18:00-06:00"
_EVERY = StudyQuery()


class Listing(MemoryArchive):
    """An archive with keys of its own, which can fail when it is asked for one study, and counts that."""

    broken: str | None = None
    asked = 0

    def studies(self, query: StudyQuery = _EVERY) -> Iterator[StudyEntry]:
        if query.study_uids is not None and len(query.study_uids) == 1:
            self.asked += 1
            if query.study_uids == (self.broken,):
                raise ArchiveUnavailable("orthanc does not answer.", archive="orthanc")
        for entry in super().studies(query):
            yield dataclasses.replace(entry, archive_key=orthanc_id(entry.study_uid))


def orthanc_id(study_uid: str) -> OrthancId:
    return OrthancId(study_uid.replace(".", "-"))


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives in these tests is whole."""
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))


@pytest.fixture
def left() -> Listing:
    return Listing(LEFT)


@pytest.fixture
def right() -> MemoryArchive:
    return MemoryArchive(RIGHT)


@pytest.fixture
def joined(services: Services, left: MemoryArchive, right: MemoryArchive) -> Services:
    return with_rules(dataclasses.replace(services, archives={LEFT: left, RIGHT: right}))


def with_rules(services: Services, *rules: SyncRule, direction: Any = "both") -> Services:
    return dataclasses.replace(services, synchronisation=Synchronisation(direction=direction, rules=rules))


def fill(archive: MemoryArchive, study: str, *instances: int, **options: Any) -> None:
    for number in instances:
        archive.put(f"{study}.{number}", study=study, series=f"{study}.0", **options)


def asked(services: Services) -> dict[tuple[str, str], TransferRecord]:
    """Return the transfers asked for, each by its study and destination."""
    found, _ = services.store.transfers.transfers(limit=1000)
    return {(str(one.study_uid), one.destination): one for one in found}


def unsettled(services: Services) -> list[str]:
    return list(services.store.inventory.unsettled())


# How


def test_a_rule_tells_how_when_and_how_urgently_a_study_is_copied(
    joined: Services, left: MemoryArchive, right: MemoryArchive
) -> None:
    fill(left, "1.1", 1, modality="CT")
    fill(right, "1.2", 1, modality="CT")
    fill(left, "1.3", 1, modality="MR")
    rule = SyncRule(
        name="CT", direction="both", modalities=("CT",), transport="c-store", priority=7, window=NIGHT
    )
    services = with_rules(joined, rule, direction="none")
    Rounds(services).run("r1", "schedule")
    found = {key: (one.transport, one.priority, one.window) for key, one in asked(services).items()}
    assert found == {
        ("1.1", "dcm4chee"): ("c-store", 7, NIGHT),
        ("1.2", "orthanc"): ("stow", 7, NIGHT),  # the transport is how DCM4CHEE is sent to
    }


def test_what_failed_one_way_is_tried_when_a_rule_tells_another(
    joined: Services, left: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    (transfer,) = Rounds(joined).run("r1", "schedule").transfers
    joined.store.transfers.end(transfer, TransferState.FAILED)
    services = with_rules(joined, SyncRule(name="all", direction="both", transport="c-store"))
    (second,) = Rounds(services).run("r2", "schedule").transfers
    found = services.store.transfers.transfer(second)
    assert found is not None
    assert found.transport == "c-store"


@pytest.mark.parametrize(("error", "again"), [((RULES_CHANGED, "No rule has it."), True), (None, False)])
def test_what_the_rules_gave_up_is_copied_once_they_ask_for_it_again(
    joined: Services, left: MemoryArchive, error: tuple[str, str] | None, *, again: bool
) -> None:
    fill(left, "1.1", 1)
    (transfer,) = Rounds(joined).run("r1", "schedule").transfers
    joined.store.transfers.end(transfer, TransferState.CANCELLED, error)
    assert Rounds(joined).run("r2", "schedule").transfers == ((transfer,) if again else ())


# What is under way


def forwarded(services: Services, *instances: str) -> str:
    """Have a rule of forwarding wait for its hours with instances of the study 1.1; without, with all."""
    ledger = services.store.transfers
    wanted = tuple(map(SopInstanceUid, instances)) or None
    study = StudyUid("1.1")
    ledger.request(
        TransferRequest("f", JobId("j"), study, LEFT, RIGHT, "rule:CT", "c-store", wanted, window=NIGHT)
    )
    ledger.wait("f", WaitsFor.WINDOW, NOW + timedelta(days=3650), "It waits for its hours.")
    return "f"


@pytest.mark.parametrize("cause", ["schedule", "request", "nightly"])
@pytest.mark.parametrize("instances", [("1.1.1", "1.1.2"), ()])
def test_what_waits_for_the_hours_of_forwarding_is_not_copied_before(
    joined: Services, left: MemoryArchive, cause: Any, instances: tuple[str, ...]
) -> None:
    fill(left, "1.1", 1, 2)
    forwarded(joined, *instances)
    outcome = Rounds(joined).run("r1", cause)
    assert (outcome.state, outcome.differing, outcome.transfers) == ("succeeded", 1, ())
    assert [one.cause for one in asked(joined).values()] == ["rule:CT"]


@pytest.mark.parametrize("cause", ["schedule", "request"])
def test_what_the_rules_of_forwarding_have_yet_to_decide_about_waits_for_that(
    joined: Services, left: MemoryArchive, queue: MemoryQueue, cause: Any
) -> None:
    forwarding = Forwarding(rules=(ForwardingRule(name="CT at night", window=NIGHT),))
    services = dataclasses.replace(joined, forwarding=forwarding)
    job_id = queue.submit(forward_study_request(orthanc_id("1.1"), "content"))
    fill(left, "1.1", 1)
    fill(left, "1.2", 1)
    rounds = Rounds(services)
    rounds.run("r1", cause)
    assert asked(services).keys() == {("1.2", "dcm4chee")}
    queue.start(job_id)
    assert rounds.run("r2", "schedule").transfers == ()
    queue.succeed(job_id)
    rounds.run("r3", "schedule")
    assert ("1.1", "dcm4chee") in asked(services)


def test_what_came_after_is_copied_by_itself(joined: Services, left: MemoryArchive) -> None:
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    forwarded(joined, "1.1.1")
    rounds.run("r1", "schedule")
    fill(left, "1.1", 2)
    (transfer,) = rounds.run("r2", "schedule").transfers
    instances = joined.store.transfers.instances(transfer)
    assert [one.sop_instance_uid for one in instances] == ["1.1.2"]


def test_what_forwarding_did_not_bring_is_copied_once_that_has_ended(
    joined: Services, left: MemoryArchive
) -> None:
    fill(left, "1.1", 1)
    joined.store.transfers.end(forwarded(joined, "1.1.1"), TransferState.FAILED)
    assert len(Rounds(joined).run("r1", "schedule").transfers) == 1


# What is left over


def test_what_whoever_took_stock_saw_first_is_copied_by_the_next_round(
    joined: Services, left: MemoryArchive
) -> None:
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    fill(left, "1.1", 1)
    Rounds(joined).take_stock("comparison")
    rounds.run("r2", "schedule")
    assert ("1.1", "dcm4chee") in asked(joined)


def test_what_a_requested_round_leaves_over_is_copied_by_later_ones(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_TRANSFERS", 2)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    for number in range(5):
        fill(left, f"1.{number + 1}", 1)
    outcome = Rounds(joined).run("r2", "request")
    assert (outcome.differing, len(outcome.transfers)) == (5, 2)
    assert rounds.run("r3", "schedule").transfers == ()  # as many as may be are under way
    for number in range(2):
        for transfer in asked(joined).values():
            joined.store.transfers.end(transfer.transfer_id, TransferState.VERIFIED)
        rounds.run(f"r{number + 4}", "schedule")
    assert len(asked(joined)) == 5
    assert unsettled(joined) == []


def test_those_that_wait_for_their_hours_take_no_room(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_TRANSFERS", 1)
    fill(left, "1.1", 1)
    rounds = Rounds(joined)
    (transfer,) = rounds.run("r1", "schedule").transfers
    joined.store.transfers.wait(transfer, WaitsFor.WINDOW, NOW, "It waits for its hours.")
    fill(left, "1.2", 1)
    assert len(rounds.run("r2", "schedule").transfers) == 1


def test_what_one_worker_left_another_goes_on_with(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Rounds(joined), Rounds(joined)
    one.run("r1", "schedule")
    other.run("r2", "schedule")
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(hours=1))
    fill(left, "1.1", 1)
    assert one.run("r3", "schedule").transfers == ()  # it may still be arriving
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))
    assert len(other.run("r4", "schedule").transfers) == 1


def test_what_a_requested_round_could_not_ask_about_is_asked_about_by_the_next(
    joined: Services, left: Listing
) -> None:
    services = with_rules(joined, SyncRule(name="none", direction="none", study_description="*phantom*"))
    rounds = Rounds(services)
    rounds.run("r1", "schedule")
    fill(left, "1.1", 1)
    left.broken = "1.1"
    Rounds(services).take_stock("comparison")
    outcome = Rounds(services).run("r2", "request")
    assert (outcome.state, outcome.errors) == ("partial", ("orthanc does not answer.",))
    left.broken = None
    assert len(rounds.run("r3", "schedule").transfers) == 1


# What an archive would not take


class Refusing(MemoryArchive):
    """An archive that does not take again what was rejected in it, and counts how often it is asked."""

    def __init__(self, name: ArchiveName) -> None:
        super().__init__(name)
        self.out: set[str] = set()
        self.questions: list[list[str]] = []
        self.tells = True

    def kept_out(self, study_uids: Sequence[StudyUid]) -> dict[StudyUid, frozenset[SopInstanceUid]]:
        self.questions.append([str(uid) for uid in study_uids])
        if not self.tells:
            raise ArchiveUnavailable("dcm4chee does not answer.", archive="dcm4chee")
        found = {
            uid: frozenset(SopInstanceUid(one) for one in self.out if one.startswith(f"{uid}."))
            for uid in study_uids
        }
        return {uid: instances for uid, instances in found.items() if instances}


@pytest.fixture
def refusing(joined: Services) -> tuple[Services, Refusing]:
    archive = Refusing(RIGHT)
    return dataclasses.replace(joined, archives={**joined.archives, RIGHT: archive}), archive


def test_what_an_archive_would_not_take_is_not_asked_for_and_is_told(
    refusing: tuple[Services, Refusing], left: MemoryArchive
) -> None:
    services, right = refusing
    fill(left, "1.1", 1, 2)
    fill(left, "1.2", 1, 2)
    fill(left, "1.3", 1)
    right.out = {"1.1.1", "1.1.2", "1.2.1"}
    outcome = Rounds(services).run("r1", "request")
    assert (outcome.state, outcome.errors, outcome.differing) == ("succeeded", (), 3)
    assert {key[0]: one.wanted for key, one in asked(services).items()} == {"1.2": 1, "1.3": 1}
    (note,) = outcome.notes
    assert note.startswith("Not sent: 3 instances of 2 studies. DCM4CHEE does not take it")
    assert "reject/REVOKE_REJECTION^99DCM4CHEE" in note
    assert unsettled(services) == []
    right.out.clear()
    second = Rounds(services).run("r2", "request")
    assert (second.notes, len(second.transfers)) == ((), 4)


def test_an_archive_is_asked_once_about_many_studies_that_would_be_sent_there(
    refusing: tuple[Services, Refusing], left: MemoryArchive
) -> None:
    services, right = refusing
    for number in range(9):
        fill(left, f"1.{number + 1}", 1)
    fill(right, "1.99", 1)
    services = with_rules(services, SyncRule(name="none", direction="none", study_description="*phantom*"))
    left.describe("1.3", StudyDescription="Phantom")
    Rounds(services).run("r1", "request")
    assert [set(asked_for) for asked_for in right.questions] == [
        {f"1.{number + 1}" for number in range(9)} - {"1.3"}
    ]
    Rounds(services).run("r2", "request")
    assert len(right.questions) == 1  # they are under way


def test_an_archive_that_does_not_tell_is_sent_what_it_misses(
    refusing: tuple[Services, Refusing], left: MemoryArchive
) -> None:
    services, right = refusing
    fill(left, "1.1", 1)
    right.out, right.tells = {"1.1.1"}, False
    outcome = Rounds(services).run("r1", "request")
    assert (outcome.state, len(outcome.transfers), outcome.notes) == ("succeeded", 1, ())


# What it costs


def test_an_error_about_one_study_costs_that_study_only(joined: Services, left: Listing) -> None:
    services = with_rules(joined, SyncRule(name="none", direction="none", study_description="*phantom*"))
    for study in ("1.1", "1.2", "1.3"):
        fill(left, study, 1)
    left.describe("1.3", StudyDescription="Phantom")
    left.broken = "1.1"
    outcome = Rounds(services).run("r1", "request")
    assert (outcome.state, outcome.errors) == ("partial", ("orthanc does not answer.",))
    assert asked(services).keys() == {("1.2", "dcm4chee")}


def test_an_archive_that_tells_of_no_study_is_not_asked_about_every_one(
    joined: Services, left: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_FAILURES", 2)
    for number in range(9):
        fill(left, f"1.{number + 1}", 1)
    rounds = Rounds(joined)
    Rounds(joined).take_stock("comparison")
    left.requests.clear()

    def away(method: str) -> None:
        if method == "instances":
            raise ArchiveUnavailable("orthanc does not answer.", archive="orthanc")

    left.faults.hook = away
    assert rounds.run("r1", "schedule").errors == ("orthanc does not answer.",)
    assert left.requests.count("instances") == 2
    assert unsettled(joined)[-2:] == ["1.1", "1.2"]  # the others come first now
    left.faults.hook = None
    rounds.run("r2", "schedule")
    assert len(asked(joined)) == 9


def test_only_what_is_then_asked_for_costs_questions(
    joined: Services, left: Listing, right: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "MOST_TRANSFERS", 2)
    services = with_rules(joined, SyncRule(name="none", direction="none", study_description="*phantom*"))
    for number in range(9):
        fill(left, f"1.{number + 1}", 1)
    Rounds(services).take_stock("comparison")
    left.asked = 0
    outcome = Rounds(services).run("r1", "request")
    assert (outcome.differing, len(outcome.transfers), left.asked) == (9, 2, 2)


def test_a_round_reads_what_is_marked_and_not_the_archives(
    joined: Services, left: MemoryArchive, right: MemoryArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(left, "1.1", 1)
    fill(right, "1.1", 1)
    rounds = Rounds(joined)
    rounds.run("r1", "schedule")
    rounds.run("r2", "schedule")
    assert unsettled(joined) == []
    monkeypatch.setattr(joined.store.inventory, "differing", None)
    fill(left, "1.2", 1)
    assert rounds.run("r3", "schedule").differing == 1
