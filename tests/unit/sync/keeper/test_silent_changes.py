"""What changed and nobody tells is found by counting and by listing."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.sync.inventory import instance_key
from tests.unit.sync.keeper.conftest import ORTHANC, Rounds, fill

if TYPE_CHECKING:
    from orthanc_plugins.store import Inventory


@pytest.mark.parametrize("studies", [3, 100])
def test_what_was_deleted_without_a_word_is_found_by_counting(
    rounds: Rounds, inventory: Inventory, studies: int
) -> None:
    fill(rounds.archive, studies)
    rounds()
    rounds.archive.silently("1.1.1.0", "1.2.1.0", "1.2.1.1")
    change = rounds()
    assert change.how == "log+search"
    assert (change.changed, change.disappeared) == (1, 1)
    assert change.looked_at < 30
    assert rounds.agrees()
    assert (rounds().how, rounds.archive.requests) == ("log", ["changes", "counts"])
    buried = inventory.buried(ORTHANC, [StudyUid("1.1"), StudyUid("1.2")])
    assert (buried[StudyUid("1.1")].whole, buried[StudyUid("1.2")].whole) == (False, True)
    assert buried[StudyUid("1.1")].covers(instance_key("1.1.1.0"))
    assert not buried[StudyUid("1.1")].covers(instance_key("1.1.1.1"))


def test_what_came_without_a_word_is_found_by_counting(rounds: Rounds) -> None:
    fill(rounds.archive, 40)
    rounds()
    archive = rounds.archive
    log = len(archive._log)
    archive.study("2.1", 1, 2, date="20211111")
    archive.put("1.3.1.8", study="1.3", series="1.3.1")
    del archive._log[log:]
    archive._log[:0] = [StudyUid("2.1"), StudyUid("1.3")]  # told before the cursor
    rounds()
    assert rounds.agrees()


def test_studies_without_a_date_are_looked_after(rounds: Rounds) -> None:
    fill(rounds.archive, 40)
    rounds.archive.study("3.1", 1, 2, date="")
    rounds.archive.study("3.2", 1, date="")
    rounds()
    rounds.archive.silently("3.1.1.1", "3.2.1.1")
    change = rounds()
    assert (change.how, change.changed, change.disappeared) == ("log+search", 1, 1)
    assert rounds.agrees()


def test_an_archive_that_does_not_count_by_dates_is_listed(rounds: Rounds) -> None:
    fill(rounds.archive, 40)
    rounds()
    rounds.archive.refuses_dates = True
    rounds.archive.silently("1.1.1.0", "1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.changed, change.disappeared) == ("log+listing", 1, 1)
    assert Counter(rounds.archive.requests)["instances"] == 1
    assert rounds.agrees()


def test_an_archive_that_keeps_no_log_is_listed_each_time(rounds: Rounds) -> None:
    fill(rounds.archive, 30)
    rounds()
    rounds.archive.only_listing = True
    rounds.archive.study("2.1", 1)
    rounds.archive.lose("1.1.1.0")
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.appeared, change.changed, change.disappeared) == ("listing", 1, 1, 1)
    assert Counter(rounds.archive.requests)["instances"] == 2
    assert rounds.agrees()


def test_a_nightly_pass_finds_what_no_count_shows(rounds: Rounds) -> None:
    rounds.archive.revisions = False
    fill(rounds.archive, 30)
    rounds()
    rounds.archive.silently("1.1.1.0")
    log = list(rounds.archive._log)
    rounds.archive.put("1.1.1.9", study="1.1", series="1.1.1")
    rounds.archive._log = log
    assert rounds().changed == 0
    change = rounds(full=True)
    assert (change.how, change.changed, change.disappeared) == ("full", 1, 0)
    assert rounds.agrees()


def test_a_nightly_pass_lists_no_instances_of_what_is_known_to_be_unchanged(rounds: Rounds) -> None:
    fill(rounds.archive, 30)
    rounds()
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds(full=True)
    assert (change.looked_at, change.disappeared) == (30 - 1, 1)
    assert Counter(rounds.archive.requests)["instances"] == 0
    assert rounds.archive.by_uid == [(StudyUid("1.2"),)]
    assert rounds.agrees()


def test_more_counted_than_listed_is_looked_into_once(
    rounds: Rounds, inventory: Inventory, caplog: pytest.LogCaptureFixture
) -> None:
    fill(rounds.archive, 40)
    rounds()
    rounds.archive.faults.miscounts = 1
    with caplog.at_level(logging.WARNING):
        rounds(full=True)
    assert "40 instances more than it lists" in caplog.text
    assert inventory.position(ORTHANC).extra_instances == 40
    assert (rounds().how, rounds.archive.requests) == ("log", ["changes", "counts"])
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.disappeared) == ("log+search", 1)
    assert rounds().how == "log"


def test_what_is_counted_and_never_listed_has_nothing_listed_anew_when_something_else_goes(
    rounds: Rounds,
) -> None:
    fill(rounds.archive, 40)
    rounds.archive.study("9.1", 1, 2, date="")
    rounds.archive.faults.miscounts = 1
    rounds()
    rounds.archive.silently("1.2.1.0", "1.2.1.1")
    change = rounds()
    assert (change.how, change.disappeared) == ("log+search", 1)
    assert rounds.agrees()
