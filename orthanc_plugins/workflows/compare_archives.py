"""Compares everything that both archives hold: the steps of the workflow."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import batched, takewhile
from typing import TYPE_CHECKING

import orjson

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.archives.side_by_side import side_by_side
from orthanc_plugins.content.reports import Checked, CsvStream, JsonStream, Report, Stock, Summary
from orthanc_plugins.errors import ArchiveRefused, NotFound
from orthanc_plugins.identifiers import StudyUid
from orthanc_plugins.rtstruct.export import written_whole
from orthanc_plugins.sync.differences import Comparison, Difference, DifferenceClass, StudyCounts
from orthanc_plugins.sync.inventory import compare_rows
from orthanc_plugins.synchronisation import Rounds
from orthanc_plugins.workflows.absences import with_reasons
from orthanc_plugins.workflows.compared_copies import compared_copies, keep_compared, write_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import ContentCheck, InventoryRow, StudyPair

logger = logging.getLogger(__name__)

CHUNK = 100
"""Studies compared in one step; a worker that dies loses no more."""

_AT_ONCE = 2
_PAGE = 500
_TITLE = "Both archives"
_MOST_REPORTED = 5_000
"""Studies that differ on one page, or on paper; their number is told all the same."""
_MOST_SHOWN = 100_000
"""Differences of the studies there: a page holds fewer, but counts those of each study."""


@dataclass
class _Tally:
    """Counts studies: compared, in which each class of difference was found, and not wholly compared."""

    compared: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    incomplete: int = 0

    def add(self, found: Comparison | None) -> None:
        """Count a study; None is one that could not be compared at all."""
        if found is None:
            self.incomplete += 1
            return
        self.compared += 1
        self.classes.update(kind.value for kind in found.classes)
        self.incomplete += bool(found.incomplete)


class ArchivesComparison:
    """The steps of the workflow, for one job.

    Parameters
    ----------
    until
        When the content of no further study is begun; None: all are.
    """

    def __init__(self, services: Services, job_id: JobId, until: datetime | None = None) -> None:
        self._until = until
        self._services = services
        self._inventory = services.store.inventory
        self._job_id = job_id

    def take_stock(self) -> None:
        """List both archives anew.

        Raises
        ------
        ArchiveUnavailable
            An archive does not answer, or another round runs.
        """
        Rounds(self._services).take_stock(self._job_id)

    def known(self) -> dict[str, JsonValue]:
        """Count studies that both hold whose content was compared before and has not changed since."""
        tally = _Tally(compared=self._inventory.known_equal())
        for check, pair in self._unequal():
            if check.is_unequal_now(pair):
                tally.add(self._kept(check))
        return {
            "known": tally.compared,
            "classes": dict(tally.classes),
            "incomplete": tally.incomplete,
        }

    def compare_some(self, after: str, *, again: bool) -> dict[str, JsonValue]:
        """Compare the content of the next studies that both hold; ``last`` is empty once there are no more.

        ``in_time`` is false where the time was over before all were begun.

        Parameters
        ----------
        after
            UID of the study that the step before ended with, empty at first.
        again
            Also studies that have not changed since they were compared.
        """
        due = self._inventory.due_for_check(
            limit=CHUNK, after=StudyUid(after) if after else None, again=again
        )
        tally = _Tally()
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            begun = takewhile(lambda _: self._is_time(), due)
            for found in side_by_side(threads, self._compare, begun, _AT_ONCE):
                tally.add(found)
        in_time = self._is_time()
        return {
            "last": due[-1] if len(due) == CHUNK and in_time else "",
            "in_time": in_time,
            "compared": tally.compared,
            "classes": dict(tally.classes),
            "incomplete": tally.incomplete,
        }

    def _is_time(self) -> bool:
        return self._until is None or datetime.now(UTC) < self._until

    def _compare(self, study_uid: StudyUid) -> Comparison | None:
        """Compare a study and keep what was found; None when it was refused or is gone by now."""
        try:
            found = compared_copies(self._services.archives, study_uid)
        except NotFound:
            return None
        except ArchiveRefused as error:
            logger.warning("Study %s could not be compared: %s", study_uid, error)
            return None
        keep_compared(self._services, with_reasons(self._services, found), reports=False)
        return found.comparison

    def report(self) -> dict[str, JsonValue]:
        """Write the reports of everything that differs; return how many studies that are, and are where.

        JSON and CSV hold all of them, a page and paper the first; no more than those are in memory.
        """
        folder = self._services.comparisons / "archives" / self._job_id
        made_at, summary, checked = datetime.now(UTC), Summary(), self._checked()
        shown: list[Comparison] = []
        room = _MOST_SHOWN
        with (
            written_whole(folder / "report.json") as as_json,
            written_whole(folder / "differences.csv") as as_csv,
        ):
            data, table = JsonStream(as_json, _TITLE, made_at, checked=checked), CsvStream(as_csv)
            for found in self._differing():
                summary.add(found)
                data.add(found)
                table.add(found)
                if room > 0 and len(shown) < _MOST_REPORTED:
                    shown.append(found)
                    room -= len(found.differences)
            data.end(summary)
        write_pages(Report(_TITLE, tuple(shown), made_at, whole=summary, checked=checked), folder)
        return {"studies": self._standing(), "reported": len(shown), "found": summary.studies}

    def _standing(self) -> dict[str, JsonValue]:
        """Return how many studies are where, as far as is known by now."""
        summary = self._inventory.summary()
        return {
            "same": summary.same,
            "differing": summary.differing,
            "only_orthanc": summary.only_left,
            "only_dcm4chee": summary.only_right,
        }

    def _checked(self) -> Checked:
        """Return how far both archives were checked, as it is known by now."""
        found = self._inventory.coverage(kind.value for kind in DifferenceClass)
        both = found.same_instances + found.other_instances
        kinds = {DifferenceClass(name): count for name, count in found.by_class.items()}
        left, right = ArchiveName
        return Checked(
            left=self._stock(left, both + found.only_left),
            right=self._stock(right, both + found.only_right),
            **{**asdict(found), "by_class": kinds},
        )

    def _stock(self, archive: ArchiveName, studies: int) -> Stock:
        instances, position = self._inventory.totals(archive).instances, self._inventory.position(archive)
        extra = (position.extra_studies, position.extra_instances)
        return Stock(studies, instances, position.updated_at, *extra)

    def _differing(self) -> Iterator[Comparison]:
        """Yield what differs in each study: in content as far as that is known, else in what is listed."""
        for check, pair in self._unequal():
            if (found := self._kept(check)) is not None:
                yield found
            elif not pair.differences:
                yield _removed(check, pair)
        for some in batched(self._inventory.differing(), _PAGE, strict=False):
            known = self._inventory.checks(pair.study_uid for pair in some)
            for pair in some:
                newest = known.get(pair.study_uid)
                if newest is None or newest.equal or not self._tells_content(newest, pair):
                    yield self._by_stock(pair)

    def _unequal(self) -> Iterator[tuple[ContentCheck, StudyPair]]:
        """Yield the comparisons of content that found a study unequal as the inventories know it."""
        offset = 0
        while checks := self._inventory.check_page(equal=False, limit=_PAGE, offset=offset).entries:
            offset += len(checks)
            pairs = self._inventory.pairs(check.study_uid for check in checks)
            for check in checks:
                pair = pairs.get(check.study_uid)
                if pair is not None and check.depth == "content" and check.is_current(pair):
                    yield check, pair

    def _kept(self, check: ContentCheck) -> Comparison | None:
        """Return what a comparison found, None where its file was removed."""
        path = self._services.comparisons / check.path
        return Comparison.from_json(orjson.loads(path.read_bytes())) if path.is_file() else None

    def _tells_content(self, check: ContentCheck, pair: StudyPair) -> bool:
        """Return whether a comparison tells what is in a study as the inventories know it."""
        path = self._services.comparisons / check.path
        return check.depth == "content" and check.is_current(pair) and path.is_file()

    def _by_stock(self, pair: StudyPair) -> Comparison:
        """Return what the inventories alone tell of a study."""
        uid = pair.study_uid
        keys = [self._inventory.keys(archive, uid) for archive in ArchiveName]
        found = compare_rows(pair, *keys)
        lacking = {
            DifferenceClass.MISSING_LEFT: len(found.missing_left),
            DifferenceClass.MISSING_RIGHT: len(found.missing_right),
        }
        return Comparison(
            study_uid=uid,
            depth="instance",
            compared_at=datetime.now(UTC),
            left=_counts(pair.left),
            right=_counts(pair.right),
            instances_compared=0,
            differences=tuple(
                Difference(kind, "study", uid, detail=_DETAILS[kind].format(lacking.get(kind, 0)))
                for kind in sorted(found.classes)
            ),
        )


_DETAILS = {
    DifferenceClass.MISSING_LEFT: "Orthanc does not hold {} of its instances.",
    DifferenceClass.MISSING_RIGHT: "DCM4CHEE does not hold {} of its instances.",
    DifferenceClass.COUNT: "The archives tell other numbers of series or instances.",
    DifferenceClass.METADATA: "Attributes of patient or study differ: compare the study by content.",
}


def _removed(check: ContentCheck, pair: StudyPair) -> Comparison:
    """Return what is left to tell of a comparison that found a study unequal and was removed."""
    return Comparison(
        study_uid=check.study_uid,
        depth="content",
        compared_at=check.checked_at,
        left=_counts(pair.left),
        right=_counts(pair.right),
        instances_compared=0,
        differences=(),
        incomplete=("Its content was not found equal, and what was found was removed: compare it again.",),
    )


def _counts(row: InventoryRow | None) -> StudyCounts | None:
    return None if row is None else StudyCounts(row.series_count, row.instance_count)
