"""Queries to a DICOMweb archive (QIDO-RS, PS3.18 10.6), as DCM4CHEE really answers them.

At most 1,000 rows come at a time, and none beyond an offset of 99,999: when there are more, studies are
listed by slices of their dates, and those without a date by their order. The same row may come twice.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import DateRange
from orthanc_plugins.archives.dicom_json import rows_of, text
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orthanc_plugins.archives.dicom_json import Row
    from orthanc_plugins.archives.dicomweb import DicomWebConnection, Query

STUDY_UID = "0020000D"
STUDY_DATE = "00080020"
PAGE_ROWS = 1000
"""DCM4CHEE's dcmQidoMaxNumberOfResults."""
LARGEST_OFFSET = 99_999
"""DCM4CHEE answers 400 to any beyond."""
_FIRST_DAY = date(1900, 1, 1)
_LAST_DAY = date(2099, 12, 31)
"""Slices begin and end with these, and are open there: a study before or after them is in the outermost."""
_TOO_LARGE = 413


class TooManyRows(Exception):  # noqa: N818 - what it says; it never leaves the archives
    """A listing cannot be had whole: the archive gives no more of its rows."""


class Qido:
    """Queries over one connection.

    Parameters
    ----------
    page_rows
        Rows asked for at a time.
    largest_offset
        No row beyond this offset is asked for.
    """

    def __init__(
        self,
        connection: DicomWebConnection,
        *,
        page_rows: int = PAGE_ROWS,
        largest_offset: int = LARGEST_OFFSET,
    ) -> None:
        self._connection = connection
        self._page_rows = page_rows
        self._largest_offset = largest_offset

    def count(self, path: str, query: Query = ()) -> int | None:
        """Return how many rows a query has, None when the archive does not tell."""
        return self._told(f"{path}/count", query, "count")

    def size_bytes(self, query: Query = ()) -> int | None:
        """Return how many bytes the studies of a query have, None when the archive does not tell."""
        return self._told("/studies/size", query, "size")

    def first(self, path: str, query: Query) -> Row | None:
        """Return one row of a query, None when it has none."""
        content, _ = self._connection.get_json(path, [*query, ("limit", "1")])
        return next(iter(rows_of(content)), None)

    def rows(self, path: str, query: Query, key: str) -> Iterator[Row]:
        """Yield the rows of a query, each once, page by page.

        Parameters
        ----------
        key
            Tag of the UID a row is told by.

        Raises
        ------
        TooManyRows
            After all rows that can be had.
        """
        seen: set[str] = set()
        for page in self._pages(path, list(query)):
            new = {uid: row for row in page if (uid := text(row, key)) and uid not in seen}
            if page and not new and len(page) >= self._page_rows:
                raise ArchiveRefused(
                    f"{self._connection.title} answers GET {path} with the same rows at every offset: "
                    "it cannot be listed.",
                    archive=self._connection.archive,
                )
            seen.update(new)
            yield from new.values()

    def studies(self, query: Query, dates: DateRange | None = None) -> Iterator[Row]:
        """Yield the studies of a query, each once, however many there are.

        Parameters
        ----------
        query
            Without study dates.
        dates
            Which study dates; None is any, and none at all.

        Raises
        ------
        ArchiveRefused
            One date has more studies than the archive lets anyone list.
        ArchiveUnavailable
            At the end: studies without a date could not be told from others.
        """
        query = list(query)
        whole = dates or DateRange()
        seen: set[str] = set()
        try:
            for row in self.rows("/studies", [*query, *_dated(whole)], STUDY_UID):
                seen.add(text(row, STUDY_UID))
                yield row
        except TooManyRows:
            for row in self._sliced(query, whole):
                if text(row, STUDY_UID) not in seen:
                    yield row

    def _told(self, path: str, query: Query, member: str) -> int | None:
        try:
            content, _ = self._connection.get_json(path, query)
        except NotFound:
            return None
        told = content.get(member) if isinstance(content, dict) else None
        try:
            return int(told)  # type: ignore[arg-type]  # what is none is caught
        except (TypeError, ValueError):
            return None

    def _pages(self, path: str, query: list[tuple[str, str]]) -> Iterator[list[Row]]:
        offset = 0
        while True:
            if offset > self._largest_offset:
                raise TooManyRows
            page, more = self._page(path, query, offset)
            yield page
            offset += len(page)
            if not page or not more:
                return

    def _page(self, path: str, query: list[tuple[str, str]], offset: int) -> tuple[list[Row], bool]:
        """Return the rows from an offset on, and whether there may be more."""
        limits = [("limit", str(self._page_rows)), *([("offset", str(offset))] if offset else [])]
        try:
            content, headers = self._connection.get_json(path, [*query, *limits])
        except ArchiveRefused as error:
            if error.status == _TOO_LARGE:
                raise TooManyRows from error
            raise
        page = rows_of(content)
        return page, len(page) >= self._page_rows or "additional results" in headers.get("Warning", "")

    # Slices by study date

    def _sliced(self, query: list[tuple[str, str]], whole: DateRange) -> Iterator[Row]:
        """Yield the studies of a query by slices of their dates; a count sees that none is missing."""
        before = self.count("/studies", query)
        known = 0
        for part in self._parts(query, whole):
            known += self.count("/studies", [*query, *_dated(part)]) or 0
            yield from self.rows("/studies", [*query, *_dated(part)], STUDY_UID)
        if whole != DateRange():
            return  # those without a date are not asked for
        ordered = True
        try:
            for row in self._without_date(query):
                known += 1
                yield row
        except TooManyRows:
            ordered = False
        after = self.count("/studies", query)
        if before is None or after is None:
            if not ordered:
                raise self._not_listed("does not list its studies by date")
        elif known < min(before, after):
            raise self._not_listed(f"counts {after:,} studies, but lists only {known:,}")

    def _parts(self, query: list[tuple[str, str]], part: DateRange) -> Iterator[DateRange]:
        """Yield ranges of dates that together make up one, each of which can be listed."""
        if self._fits(query, part):
            yield part
            return
        halves = _halves(part)
        if halves is None:
            raise ArchiveRefused(
                f"{self._connection.title} holds more studies of one date ({part.dicom}) than it lets "
                "anyone list: raise its limits of QIDO.",
                archive=self._connection.archive,
            )
        for half in halves:
            yield from self._parts(query, half)

    def _fits(self, query: list[tuple[str, str]], part: DateRange) -> bool:
        """Return whether there is no row at the largest offset; counts may be wrong."""
        last = [("limit", "1"), ("offset", str(self._largest_offset))]
        try:
            content, _ = self._connection.get_json("/studies", [*query, *_dated(part), *last])
        except ArchiveRefused as error:
            if error.status == _TOO_LARGE:
                return False
            raise
        return not rows_of(content)

    def _without_date(self, query: list[tuple[str, str]]) -> Iterator[Row]:
        """Yield the studies without a date: in the order of dates they come first, or last."""
        for order in ("StudyDate", "-StudyDate"):
            found = False
            for row in self.rows("/studies", [*query, ("orderby", order)], STUDY_UID):
                if text(row, STUDY_DATE):
                    break
                found = True
                yield row
            if found:
                return

    def _not_listed(self, what: str) -> ArchiveUnavailable:
        text_ = (
            f"{self._connection.title} {what}; some without a date may be missing: raise its limits of QIDO."
        )
        return ArchiveUnavailable(text_, archive=self._connection.archive)


def _dated(dates: DateRange) -> Sequence[tuple[str, str]]:
    return [("StudyDate", dates.dicom)] if dates != DateRange() else []


def _halves(part: DateRange) -> tuple[DateRange, DateRange] | None:
    """Return the two halves of a range, None when it cannot be divided.

    >>> _halves(DateRange("20260101", "20260104"))
    (DateRange(first='20260101', last='20260102'), DateRange(first='20260103', last='20260104'))
    >>> _halves(DateRange())
    (DateRange(first=None, last='20000101'), DateRange(first='20000102', last=None))
    >>> _halves(DateRange("20260101", "20260101")), _halves(DateRange("21500101"))
    (None, None)
    """
    first = _day(part.first) if part.first else _FIRST_DAY
    last = _day(part.last) if part.last else _LAST_DAY
    if first >= last:
        return None
    middle = first + (last - first) // 2
    after = middle + timedelta(days=1)
    return DateRange(part.first, f"{middle:%Y%m%d}"), DateRange(f"{after:%Y%m%d}", part.last)


def _day(digits: str) -> date:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
