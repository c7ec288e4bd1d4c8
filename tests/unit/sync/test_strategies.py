from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.rules.repair import Strategy
from orthanc_plugins.sync.strategies import Moments, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable

ORTHANC, DCM4CHEE = ArchiveName.ORTHANC, ArchiveName.DCM4CHEE
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
NAIVE = datetime(2026, 11, 29, 12)  # noqa: DTZ001 - a time whose zone is not known
TAG = "00100010"
BOTH = {ORTHANC: "A", DCM4CHEE: "B"}


def newest(left: Moments, right: Moments, *, tag: str | None = TAG, explained: bool = False) -> Verdict:
    return judge(Strategy.NEWEST, BOTH, {ORTHANC: left, DCM4CHEE: right}, tag, explained=explained)


@pytest.mark.parametrize(
    ("strategy", "archive"), [(Strategy.PREFER_ORTHANC, ORTHANC), (Strategy.PREFER_DCM4CHEE, DCM4CHEE)]
)
@pytest.mark.parametrize("value", ["A", None])
def test_the_preferred_archive_is_kept_even_where_it_has_no_value(
    strategy: Strategy, archive: ArchiveName, value: str | None
) -> None:
    verdict = judge(strategy, {archive: value, archive.other: "B"})
    assert (verdict.keep, verdict.by_person) == (archive, False)


@pytest.mark.parametrize(
    ("left", "right", "keep"),
    [("A", None, ORTHANC), (" ", "B", DCM4CHEE), ("A", "B", None), ("", None, None), (None, "B", DCM4CHEE)],
)
def test_nothing_is_overwritten_only_what_is_empty_is_filled(
    left: str | None, right: str | None, keep: ArchiveName | None
) -> None:
    verdict = judge(Strategy.NEVER_OVERWRITE, {ORTHANC: left, DCM4CHEE: right})
    assert (verdict.keep, verdict.by_person) == (keep, False)


def test_manual_is_for_a_person() -> None:
    assert judge(Strategy.MANUAL, BOTH) == Verdict(None, by_person=True, reason="A person decides.")


@pytest.mark.parametrize("made", [lambda at: Moments(created=at), lambda at: Moments(content=at)])
def test_the_later_made_is_the_newest(made: Callable[[datetime], Moments]) -> None:
    older, newer = made(NOON), made(NOON + timedelta(hours=1))
    assert newest(older, newer).keep is DCM4CHEE
    assert newest(newer, older).keep is ORTHANC


def test_a_correction_of_the_attribute_counts_before_dates_of_the_instance() -> None:
    left = Moments(created=NOON + timedelta(days=9), corrected={TAG: NOON})
    right = Moments(created=NOON, corrected={TAG: NOON + timedelta(hours=1)})
    assert newest(left, right).keep is DCM4CHEE
    assert newest(left, right, tag="00100020").keep is ORTHANC


def test_a_correction_of_which_only_one_copy_tells_proves_nothing() -> None:
    assert newest(Moments(corrected={TAG: NOON}), Moments()).by_person


def test_a_value_made_from_the_others_is_the_newer() -> None:
    for record in (Moments(corrected={TAG: NOON}), Moments(coerced=frozenset({TAG}))):
        assert newest(record, Moments(), explained=True).keep is ORTHANC
        assert newest(Moments(), record, explained=True).keep is DCM4CHEE
        assert newest(record, record, explained=True).by_person


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Moments(), Moments()),
        (Moments(created=NOON), Moments()),
        (Moments(created=NOON), Moments(content=NOON + timedelta(days=3))),
        (Moments(created=NOON), Moments(created=NOON)),
        (Moments(created=NOON), Moments(created=NOON + timedelta(minutes=10))),
        (Moments(created=NAIVE), Moments(created=NAIVE + timedelta(hours=20))),
        (Moments(created=NAIVE), Moments(created=NOON + timedelta(hours=20))),
    ],
)
def test_what_proves_nothing_is_for_a_person(left: Moments, right: Moments) -> None:
    """Clocks that are ten minutes apart, and zones that are not known, prove nothing."""
    for verdict in (newest(left, right), newest(right, left)):
        assert verdict.by_person
        assert verdict.keep is None


def test_times_are_compared_across_zones() -> None:
    tokyo = timezone(timedelta(hours=9))
    earlier = datetime(2026, 11, 29, 20, tzinfo=tokyo)
    assert newest(Moments(created=earlier), Moments(created=NOON)).keep is DCM4CHEE


def test_days_apart_prove_it_whatever_the_zone() -> None:
    assert newest(Moments(created=NAIVE), Moments(created=NAIVE + timedelta(days=2))).keep is DCM4CHEE


def test_without_moments_nothing_is_guessed() -> None:
    assert judge(Strategy.NEWEST, BOTH).by_person
