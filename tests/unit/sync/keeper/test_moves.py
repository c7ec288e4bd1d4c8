"""An archive that is asked at another address: nothing it lacks there is taken for deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import ArchiveUnavailable
from orthanc_plugins.store import Absence
from orthanc_plugins.sync.addresses import address_of, normalised
from tests.unit.sync.keeper.conftest import DCM4CHEE, NOW, ORTHANC, Rounds, TestArchive, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.base import StudyEntry, StudyQuery
    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.store import Inventory

HERE, THERE = "http://stand-in.test/rs", "http://archive.test/rs"


class At(TestArchive):
    """An archive at an address."""

    def __init__(self, url: str, studies: int = 0) -> None:
        super().__init__(DCM4CHEE)
        self.at = url
        fill(self, studies)

    @property
    def url(self) -> str:
        return self.at


@pytest.fixture
def archive() -> At:
    return At(HERE, studies=5)


@pytest.fixture
def moved(rounds: Rounds) -> Rounds:
    """Rounds that have been at the first address, and are to go on at another, of an empty archive."""
    rounds()
    rounds()
    rounds.archive = At(THERE)
    return rounds


def told(inventory: Inventory) -> dict[str, Absence]:
    return {str(one.study_uid): one.told for one in inventory.tombstones(lifted=False).entries}


def test_what_another_archive_lacks_is_held_however_little_it_is(moved: Rounds, inventory: Inventory) -> None:
    moved.archive.study("1.1", 0, 1)
    moved.archive.study("1.2", 0)
    change = moved()
    assert (change.how, change.mass_loss, change.disappeared) == ("moved", True, 3)
    assert moved.agrees()
    assert told(inventory) == dict.fromkeys(("1.0", "1.2", "1.3", "1.4"), Absence.HELD)
    hold = inventory.holds()[DCM4CHEE]
    assert (hold.former_address, hold.address, hold.studies) == (HERE, THERE, 4)
    for part in (f"from {HERE} to {THERE}", "4 studies", "--refill dcm4chee", "--bury dcm4chee"):
        assert part in hold.text


def test_a_later_round_is_one_as_any_other_and_the_hold_stays(moved: Rounds, inventory: Inventory) -> None:
    moved()
    moved.archive.study("2.1", 1)
    change = moved()
    assert (change.how, change.appeared, change.mass_loss) == ("log", 1, False)
    assert inventory.holds()[DCM4CHEE].former_address == HERE


@pytest.mark.parametrize("bury", [False, True])
def test_a_decision_settles_that_it_moved(moved: Rounds, inventory: Inventory, bury: bool) -> None:
    moved()
    assert inventory.end_hold(DCM4CHEE, bury=bury, at=NOW, by="Jo") == 5
    moved()
    assert (inventory.holds(), inventory.position(DCM4CHEE).former_address) == ({}, None)


def test_the_same_archive_under_another_name_changes_nothing(rounds: Rounds, inventory: Inventory) -> None:
    rounds()
    rounds.archive.lose("1.1.1.0")
    rounds()
    before = told(inventory)
    assert before == {"1.1": Absence.DISAPPEARED}
    assert isinstance(rounds.archive, At)
    rounds.archive.at = THERE
    change = rounds()
    assert (change.how, change.mass_loss, change.changed + change.disappeared) == ("moved", False, 0)
    assert (told(inventory), inventory.holds()) == (before, {})
    position = inventory.position(DCM4CHEE)
    assert (position.address, position.former_address) == (THERE, None)
    assert rounds().how == "log"


def test_set_back_before_a_decision_all_is_as_before(moved: Rounds, inventory: Inventory) -> None:
    moved()
    moved.archive = At(HERE, studies=5)
    moved()
    assert moved.agrees()
    assert (told(inventory), inventory.holds()) == ({}, {})
    assert inventory.position(DCM4CHEE).former_address is None


def test_what_came_to_the_other_archive_meanwhile_is_held_when_it_is_set_back(
    moved: Rounds, inventory: Inventory
) -> None:
    moved.archive.study("2.1", 1)
    moved()
    moved.archive = At(HERE, studies=5)
    moved()
    assert told(inventory) == {"2.1": Absence.HELD}
    assert "1 study that was known is not there" in inventory.holds()[DCM4CHEE].text


def test_cut_off_in_between_the_next_round_holds_the_rest(
    moved: Rounds, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = type(inventory).remove_over

    def cut_off(self: Inventory, archive: str, part: dict[StudyUid, object], *rest: object) -> object:
        remove(self, archive, dict(list(part.items())[:2]), *rest)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(type(inventory), "remove_over", cut_off)
    with pytest.raises(KeyboardInterrupt):
        moved()
    monkeypatch.undo()
    assert len(told(inventory)) == 2
    change = moved()
    assert (change.how, change.mass_loss) == ("moved", True)
    assert set(told(inventory).values()) == {Absence.HELD}
    assert inventory.holds()[DCM4CHEE].text.count("5 studies") == 1


def test_cut_off_and_set_back_nothing_is_left(
    moved: Rounds, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved.archive.study("1.1", 0)  # as many studies, and another of the same name
    moved.archive.breaks_after_studies = 1
    whole = TestArchive.studies

    def breaking(self: TestArchive, query: StudyQuery) -> Iterator[StudyEntry]:
        yield from whole(self, query)
        raise ArchiveUnavailable("It broke off.", archive="test")

    monkeypatch.setattr(TestArchive, "studies", breaking)
    with pytest.raises(ArchiveUnavailable):
        moved()
    monkeypatch.undo()
    moved.archive = At(HERE, studies=5)
    assert moved().how == "moved"
    assert moved.agrees()
    assert inventory.holds() == {}


def test_a_first_listing_that_goes_on_elsewhere_buries_nothing(rounds: Rounds, inventory: Inventory) -> None:
    rounds.archive.breaks_after_studies = 3
    with pytest.raises(ArchiveUnavailable):
        rounds()
    rounds.archive = At(THERE, studies=2)
    assert rounds().how == "first"
    assert rounds.agrees()
    assert told(inventory) == {}


def test_where_no_address_is_remembered_the_present_one_is_taken(
    rounds: Rounds, inventory: Inventory
) -> None:
    inventory.arrive(DCM4CHEE, "0", NOW, full_pass=True)
    assert inventory.position(DCM4CHEE).address is None
    rounds.archive.lose("1.1.1.0")
    assert rounds().how != "moved"
    assert inventory.position(DCM4CHEE).address == HERE


def test_an_archive_that_does_not_answer_at_its_new_address_loses_nothing(
    moved: Rounds, inventory: Inventory
) -> None:
    moved.archive.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        moved()
    assert (inventory.totals(DCM4CHEE).studies, told(inventory)) == (5, {})
    moved.archive = At(HERE, studies=5)
    moved()
    assert (moved.agrees(), told(inventory)) == (True, {})


def test_orthanc_is_the_same_wherever_it_is_reached() -> None:
    assert address_of(TestArchive(ORTHANC)) is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://Archive:443/rs/", "https://archive/rs"),
        ("http://archive:443/rs", "http://archive:443/rs"),
        ("http://u:p@archive/rs#x", "http://archive/rs"),
        ("http://[::1]:8080/rs", "http://[::1]:8080/rs"),
    ],
)
def test_an_address_is_written_in_one_way_and_without_credentials(url: str, told: str) -> None:
    assert normalised(url) == told
