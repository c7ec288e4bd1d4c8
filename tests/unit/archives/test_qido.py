"""Listings of an archive that gives few rows at a time and none beyond an offset, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import DateRange
from orthanc_plugins.archives.qido import Qido, TooManyRows
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orthanc_plugins.archives.dicomweb import DicomWebConnection

PAGE, LARGEST_OFFSET = 10, 49


@dataclass
class Archive:
    """DCM4CHEE's rules with small numbers; ``studies`` are UIDs with their dates, in order of insertion."""

    studies: list[tuple[str, str]]
    counts: bool = True
    lie: int | None = None
    most_results: int | None = None
    ordered: str = "*first"
    offsets: bool = True
    archive: str = "dcm4chee"
    title: str = "DCM4CHEE"
    asked: list[dict[str, str]] = field(default_factory=list)

    def get_json(self, path: str, query: Iterable[tuple[str, str]] = ()) -> tuple[Any, Mapping[str, str]]:
        asked = dict(query)
        self.asked.append(asked)
        matching = [study for study in self.studies if within(study[1], asked.get("StudyDate"))]
        if path.endswith("/count"):
            if not self.counts:
                raise NotFound("no", archive="dcm4chee", status=404)
            return {"count": len(matching) if self.lie is None else self.lie}, {}
        if self.most_results is not None and len(matching) > self.most_results:
            raise ArchiveRefused("too large", archive="dcm4chee", status=413)
        limit, offset = int(asked.get("limit", PAGE)), int(asked.get("offset", 0))
        assert 0 < limit <= 1000
        assert offset <= LARGEST_OFFSET, "DCM4CHEE answers 400"
        if "orderby" in asked and self.ordered != "ignored":
            backwards = asked["orderby"].startswith("-") is (self.ordered == "*first")
            matching.sort(key=lambda study: study[1] or "*", reverse=backwards)
        begin = offset if self.offsets else 0
        return [row(*study) for study in matching[begin : begin + min(limit, PAGE)]] or None, {}


def within(date: str, asked: str | None) -> bool:
    if asked is None:
        return True
    first, _, last = asked.partition("-")
    return bool(date) and (first or "0") <= date <= (last or "9")


def row(uid: str, date: str) -> dict[str, Any]:
    return {
        "0020000D": {"vr": "UI", "Value": [uid]},
        "00080020": {"vr": "DA", "Value": [date] if date else []},
    }


def qido(archive: Archive) -> Qido:
    connection = cast("DicomWebConnection", archive)
    return Qido(connection, page_rows=PAGE, largest_offset=LARGEST_OFFSET)


def listed(archive: Archive, dates: DateRange | None = None) -> list[str]:
    return [one["0020000D"]["Value"][0] for one in qido(archive).studies([("X", "y")], dates)]


def studies(count: int, dates: Iterable[str] = ("20260101",)) -> list[tuple[str, str]]:
    dates = list(dates)
    return [(f"1.{number}", dates[number % len(dates)]) for number in range(count)]


DAYS = [f"202601{day:02d}" for day in range(1, 29)]


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, LARGEST_OFFSET])
def test_few_studies_are_listed_page_by_page_without_counting(count: int) -> None:
    archive = Archive(studies(count))
    assert listed(archive) == [f"1.{number}" for number in range(count)]
    assert len(archive.asked) == count // PAGE + 1
    assert all(asked["X"] == "y" for asked in archive.asked)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("count", [LARGEST_OFFSET + 1, 60, 500])
def test_many_studies_are_listed_by_dates_each_once(count: int, counts: bool) -> None:
    archive = Archive(studies(count, DAYS), counts=counts)
    assert sorted(listed(archive)) == sorted(f"1.{number}" for number in range(count))


@pytest.mark.parametrize("ordered", ["*first", "*last"])
def test_studies_without_a_date_are_listed_too(ordered: str) -> None:
    archive = Archive(studies(300, [*DAYS, ""]), ordered=ordered)
    assert sorted(listed(archive)) == sorted(f"1.{number}" for number in range(300))


def test_studies_without_a_date_that_cannot_be_told_are_an_error_after_the_others() -> None:
    archive = Archive([*studies(300, DAYS), ("2.1", "")], ordered="ignored")
    got: list[str] = []
    with pytest.raises(ArchiveUnavailable, match=r"counts 301 studies, but lists only 300"):
        got.extend(one["0020000D"]["Value"][0] for one in qido(archive).studies([]))
    assert len(got) == 300


def test_too_many_studies_without_a_date_are_an_error() -> None:
    archive = Archive(studies(300, [*DAYS, *([""] * 28)]))
    with pytest.raises(ArchiveUnavailable, match="without a date"):
        listed(archive)


def test_too_many_studies_of_one_day_are_an_error_that_says_which() -> None:
    with pytest.raises(ArchiveRefused, match=r"one date \(20260101-20260101\)"):
        listed(Archive(studies(60)))


@pytest.mark.parametrize("lie", [0, 3, 10**9])
def test_counts_that_lie_lose_no_study_that_has_a_date(lie: int) -> None:
    archive = Archive(studies(300, DAYS), lie=lie)
    got: list[str] = []
    try:
        got.extend(one["0020000D"]["Value"][0] for one in qido(archive).studies([]))
    except ArchiveUnavailable:
        assert lie > 300
    assert sorted(got) == sorted(f"1.{number}" for number in range(300))


def test_a_range_of_dates_is_divided_within_itself_and_has_no_studies_without_a_date() -> None:
    archive = Archive(studies(300, [*DAYS, ""]))
    got = listed(archive, DateRange("20260105", "20260120"))
    expected = [uid for uid, date in archive.studies if date and "20260105" <= date <= "20260120"]
    assert sorted(got) == sorted(expected)


@pytest.mark.parametrize("most", [5, 30])
def test_a_refusal_for_the_number_of_results_divides_the_dates(most: int) -> None:
    archive = Archive(studies(80, [f"20{year:02d}0101" for year in range(80)]), most_results=most)
    assert sorted(listed(archive)) == sorted(f"1.{number}" for number in range(80))


@pytest.mark.parametrize(("counts", "dates"), [(True, ["20260101", "20260102", ""]), (False, DAYS)])
def test_a_refusal_that_may_hide_studies_without_a_date_is_an_error(counts: bool, dates: list[str]) -> None:
    archive = Archive(studies(80, dates), counts=counts, most_results=40)
    with pytest.raises(ArchiveUnavailable, match="some without a date may be missing"):
        listed(archive)


@given(
    st.lists(
        st.sampled_from(["", "18991231", "19000101", "19991231", *DAYS, "20991231", "21500101"]), max_size=200
    ),
    st.booleans(),
)
def test_every_study_is_listed_once_or_an_error_raised(dates: list[str], counts: bool) -> None:
    archive = Archive([(f"1.{number}", date) for number, date in enumerate(dates)], counts=counts)
    got: list[str] = []
    try:
        got.extend(one["0020000D"]["Value"][0] for one in qido(archive).studies([]))
    except ArchiveError:
        assert max(dates.count(date) for date in set(dates)) > LARGEST_OFFSET - 10
    else:
        assert len(got) == len(dates)
    assert len(got) == len(set(got))


def test_a_row_that_comes_again_on_a_later_page_is_given_once() -> None:
    twice = [*studies(15), ("1.3", "20260101"), ("1.20", "20260101")]
    assert listed(Archive(twice)) == [*(f"1.{number}" for number in range(15)), "1.20"]


def test_an_archive_that_ignores_offsets_is_refused_and_not_asked_for_ever() -> None:
    archive = Archive(studies(30), offsets=False)
    with pytest.raises(ArchiveRefused, match="the same rows at every offset"):
        listed(archive)
    assert len(archive.asked) == 2


def test_rows_end_with_too_many() -> None:
    got: list[Any] = []
    with pytest.raises(TooManyRows):
        got.extend(qido(Archive(studies(80))).rows("/studies", [], "0020000D"))
    assert len(got) == LARGEST_OFFSET + 1


@pytest.mark.parametrize(
    ("told", "count"),
    [({"count": 5}, 5), ({"count": "5"}, 5), ({"count": None}, None), ({}, None), ([], None), (None, None)],
)
def test_a_count_is_a_number_or_not_told(
    told: object, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive([])
    monkeypatch.setattr(archive, "get_json", lambda _path, _query: (told, {}))
    assert qido(archive).count("/studies") == count
