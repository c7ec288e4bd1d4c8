"""Two real archives that differ in every way there is: all of it is found, and nothing invented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.archives.filled import filled_pair
from tests.bench.archives.measuring import Measurement
from tests.bench.archives.plant import PLANTS
from tests.bench.archives.suite import suite_over

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDIES = 200


@pytest.fixture(scope="module")
def measurement(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measurement]:
    """Everything done once: stock taken, ten changes followed and undone, all content compared."""
    folder = tmp_path_factory.mktemp("archives")
    with filled_pair(folder, STUDIES, sqlite=True) as pair, suite_over(pair) as services:
        found = Measurement(services, pair, STUDIES)
        found.take_stock()
        found.follow()
        found.compare_content()
        yield found


@pytest.mark.parametrize("by", ["inventories", "content"])
def test_all_that_was_planted_is_found_in_its_class_and_nothing_else(
    measurement: Measurement, by: str
) -> None:
    verdict = measurement.verdicts[by]
    assert (verdict.missed, verdict.invented, verdict.misjudged) == ([], [], [])
    assert sum(verdict.right.values()) == STUDIES
    planted = {plant.name for plant in PLANTS.values()}
    assert planted == verdict.right.keys() - {"not altered"}


def test_rounds_find_what_changed_and_the_archives_are_as_before_once_it_is_undone(
    measurement: Measurement,
) -> None:
    assert measurement.faults == []


def test_a_round_after_ten_changes_lists_neither_archive_whole(measurement: Measurement) -> None:
    run = measurement.services.store.inventory.run("round-with-10-changes")
    assert run is not None
    assert len(run.archives) == 2
    assert not [archive for archive in run.archives if "listing" in archive.how]
