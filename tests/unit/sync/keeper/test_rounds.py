"""An archive is looked at: the first time, and for what it tells has changed since."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.store import EventFilter, EventKind, SyncRun
from tests.unit.sync.keeper.conftest import DCM4CHEE, NOW, ORTHANC, Rounds, TestArchive, fill

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.store import Inventory, Store


class SeveralAtOnce(TestArchive):
    """One that lists the instances of several studies in one request."""

    def instances_of(self, study_uids: Sequence[StudyUid]) -> Mapping[StudyUid, Sequence[InstanceEntry]]:
        self._ask("instances_of")
        return {uid: found for uid in study_uids if (found := self._of_study(uid))}


# The first look


def test_a_first_look_lists_everything_and_is_no_news(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 5)
    change = rounds()
    assert (change.how, change.looked_at, change.appeared, change.instances_come) == ("first", 5, 5, 10)
    assert rounds.agrees()
    assert inventory.events().total == 0
    position = inventory.position(ORTHANC)
    assert (position.state, position.full_pass_at) == ("current", rounds.time)


def test_a_first_look_that_was_cut_off_goes_on(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 300)
    rounds.archive.breaks_after_studies = 250
    with pytest.raises(ArchiveUnavailable):
        rounds()
    assert inventory.position(ORTHANC).state == "unreachable"
    assert inventory.totals(ORTHANC).studies == 200
    rounds.archive.breaks_after_studies = None
    change = rounds()
    assert (change.how, change.appeared) == ("first", 100)
    assert Counter(rounds.archive.requests)["instances"] == 100
    assert rounds.agrees()


def test_an_empty_archive_has_an_empty_inventory(rounds: Rounds) -> None:
    assert rounds().appeared == 0
    assert rounds.agrees()
    rounds.archive.study("1.1", 1)
    assert rounds().appeared == 1


def test_several_studies_are_listed_at_once_where_the_archive_can(inventory: Inventory) -> None:
    rounds = Rounds(inventory, SeveralAtOnce())
    fill(rounds.archive, 150, instances=40)
    rounds()
    assert rounds.agrees()
    assert Counter(rounds.archive.requests)["instances"] == 0
    assert Counter(rounds.archive.requests)["instances_of"] == 13  # 12 studies, 480 instances each time


# What changed


def test_a_round_asks_only_for_what_changed(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 50)
    rounds()
    rounds.archive.study("2.1", 1, 2, 3)
    rounds.archive.put("1.7.1.9", study="1.7", series="1.7.1")
    rounds.archive.lose("1.8.1.0")
    rounds.archive.lose("1.9.1.0")
    rounds.archive.lose("1.9.1.1")
    change = rounds()
    assert (change.how, change.appeared, change.changed, change.disappeared) == ("log", 1, 2, 1)
    assert change.study_uids == {"2.1", "1.7", "1.8", "1.9"}
    assert (change.instances_come, change.instances_gone) == (4, 3)
    assert change.looked_at == 3
    assert Counter(rounds.archive.requests) == Counter(changes=1, studies=1, instances=3, counts=1)
    assert rounds.agrees()
    kinds = {event.study_uid: event.kind for event in inventory.events().entries}
    assert kinds == {
        "2.1": EventKind.APPEARED,
        "1.7": EventKind.CHANGED,
        "1.8": EventKind.CHANGED,
        "1.9": EventKind.DISAPPEARED,
    }


def test_what_a_round_costs_does_not_grow_with_the_archive(store: Store) -> None:
    asked = []
    for studies in (20, 200):
        archive = TestArchive(ORTHANC if studies == 20 else DCM4CHEE)
        rounds = Rounds(store.inventory, archive)
        fill(archive, studies)
        rounds()
        for number in range(10):
            archive.study(f"2.{number}", 1)
        change = rounds()
        assert (change.appeared, change.looked_at) == (10, 10)
        asked.append(Counter(archive.requests))
    assert asked[0] == asked[1]


def test_nothing_changed_is_two_questions(rounds: Rounds) -> None:
    fill(rounds.archive, 10)
    rounds()
    change = rounds()
    assert (change.looked_at, change.requests) == (0, 2)
    assert rounds.archive.requests == ["changes", "counts"]


def test_a_changed_attribute_is_a_change(rounds: Rounds, inventory: Inventory) -> None:
    rounds.archive.study("1.1", 1)
    rounds()
    rounds.archive.describe("1.1", PatientID="P2")
    assert rounds().changed == 1
    assert inventory.rows(ORTHANC, [StudyUid("1.1")])[StudyUid("1.1")].patient_id == "P2"
    rounds.archive.describe("1.1", PatientID=" P2 ")
    assert rounds().changed == 0


def test_a_half_arrived_study_is_followed_until_it_is_whole(rounds: Rounds, inventory: Inventory) -> None:
    archive = rounds.archive
    archive.study("0.1", 1)
    rounds()
    archive.study("1.1", 1, 2)
    arriving = iter(range(3, 30))

    def one_more(method: str) -> None:
        if method == "instances":
            archive.put(f"1.1.1.{next(arriving)}", study="1.1", series="1.1.1")

    archive.faults.hook = one_more
    for _ in range(3):
        assert rounds().study_uids == {"1.1"}
    archive.faults.hook = None
    rounds()
    assert rounds.agrees()
    kinds = [event.kind for event in inventory.events(EventFilter(study_uid=StudyUid("1.1"))).entries]
    assert kinds[-1] is EventKind.APPEARED
    assert set(kinds[:-1]) == {EventKind.CHANGED}
    assert inventory.tombstones().total == 0


def test_a_study_listed_twice_is_one(rounds: Rounds) -> None:
    rounds.archive.twice = True
    fill(rounds.archive, 5)
    rounds()
    assert rounds.agrees()
    rounds.archive.study("2.1", 1)
    rounds()
    assert rounds.agrees()


def test_the_archives_clock_does_not_matter(rounds: Rounds) -> None:
    fill(rounds.archive, 5)
    rounds()
    rounds.time -= timedelta(hours=5)
    rounds.archive.study("2.1", 1)
    assert rounds().appeared == 1
    assert rounds.agrees()


# What is noted


def test_each_look_is_noted_with_its_round(rounds: Rounds, inventory: Inventory) -> None:
    fill(rounds.archive, 3)
    inventory.begin_run(SyncRun("run at 12:01", "schedule", NOW))
    rounds()
    (noted,) = inventory.runs().entries[0].archives
    assert (noted.archive, noted.how, noted.looked_at, noted.appeared) == ("orthanc", "first", 3, 3)
    assert noted.requests > 0
    inventory.begin_run(SyncRun("run at 12:02", "schedule", NOW))
    rounds.archive.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        rounds()
    (failed,) = inventory.run("run at 12:02").archives  # type: ignore[union-attr]
    assert failed.error


def test_nothing_of_a_patient_is_logged_or_told(rounds: Rounds, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        fill(rounds.archive, 100)
        rounds()
        rounds.archive.silently(*list(rounds.archive._held))
        change = rounds()
    assert "Name of" not in caplog.text + repr(change)
