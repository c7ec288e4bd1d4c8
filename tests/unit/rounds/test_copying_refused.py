"""What archives do not take, and what they are asked about it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins import copying
from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.rules import SyncRule
from orthanc_plugins.synchronisation import Rounds
from tests.fakes.archive import MemoryArchive
from tests.unit.holdings import RIGHT
from tests.unit.rounds.two_archives import Listing, asked, fill, unsettled, with_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orthanc_plugins.archives.base import ArchiveName
    from orthanc_plugins.services import Services


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
