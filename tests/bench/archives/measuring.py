"""Takes stock of two archives, follows what changes in them, compares all they hold: measured and judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orthanc_plugins.identifiers import JobId
from orthanc_plugins.store import InventoryDifference
from orthanc_plugins.sync.differences import DifferenceClass
from orthanc_plugins.synchronisation import Rounds
from orthanc_plugins.workflows.compare_archives import ArchivesComparison
from tests.bench.archives.changes import TenChanges
from tests.bench.archives.measured import measured
from tests.bench.archives.plant import expected_class, expected_listing
from tests.bench.archives.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from orthanc_plugins.identifiers import StudyUid
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import SyncRun
    from tests.bench.archives.measured import Figure
    from tests.bench.archives.pair import Pair
    from tests.bench.archives.verdict import Verdict

_ONLY = {
    InventoryDifference.ONLY_LEFT: DifferenceClass.MISSING_RIGHT,
    InventoryDifference.ONLY_RIGHT: DifferenceClass.MISSING_LEFT,
}
_PAGE = 1000


@dataclass
class Measurement:
    """One run over a pair of archives that hold the studies of the numbers from 0 on.

    Parameters
    ----------
    figures
        What was measured, in the order it was done.
    verdicts
        By what it was found: whether all that was planted was found, and nothing invented.
    faults
        What else is not as it has to be, each a sentence; nothing when all is.
    """

    services: Services
    pair: Pair
    studies: int
    figures: list[Figure] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rounds = Rounds(self.services)
        self._inventory = self.services.store.inventory
        self._changes = TenChanges(self.pair, self.studies)

    @property
    def faultless(self) -> bool:
        """Whether all that was planted was found, and nothing invented."""
        return not self.faults and all(verdict.faultless for verdict in self.verdicts.values())

    def take_stock(self) -> None:
        """Make the first inventory of both archives, and a round in which nothing has changed."""
        self._round("first inventory")
        self.verdicts["inventories"] = judge(range(self.studies), expected_listing, self._listed())
        quiet = self._round("round without a change")
        if moved := sum(one.appeared + one.changed + one.disappeared for one in quiet.archives):
            self.faults.append(f"a round without a change says that {moved} studies changed")

    def follow(self) -> None:
        """Make ten changes and the round that finds them; then list all, and have the archives as before."""
        before = self._listed()
        try:
            self._changes.make()
            self._round("round with 10 changes")
            # DCM4CHEE lets nobody ask what was described anew: that may show in the nightly round only.
            self._expect_changes(before, later={self._changes.edited_right.uid})
            self._round("all listed anew", full=True)
            self._expect_changes(before)
        finally:
            self._changes.undo()
        self._rounds.run("restored", "nightly")
        if self._listed() != before:
            self.faults.append("the archives do not hold again what they held")

    def compare_content(self) -> None:
        """Compare the content of every study that both archives hold."""
        comparison = ArchivesComparison(self.services, JobId("bench"))
        compared, incomplete, after = 0, 0, ""
        with measured("content of all studies compared") as figure:
            while True:
                found: dict[str, Any] = comparison.compare_some(after, again=False)
                compared += found["compared"]
                incomplete += found["incomplete"]
                if not (after := found["last"]):
                    break
        figure.told = f"{compared} studies"
        self.figures.append(figure)
        if incomplete:
            self.faults.append(f"{incomplete} studies could not be compared whole")
        self.verdicts["content"] = judge(range(self.studies), expected_class, self._differing())
        with measured("report of all differences") as figure:
            told = comparison.report()
        figure.told = f"{told['found']} studies"
        self.figures.append(figure)

    def _round(self, name: str, *, full: bool = False) -> SyncRun:
        """Measure a round, and return its record."""
        run_id = name.replace(" ", "-")
        with measured(name) as figure:
            outcome = self._rounds.run(run_id, "nightly" if full else "schedule")
        if outcome.state != "succeeded":
            self.faults.append(f"{name}: {outcome.state}, {' '.join(outcome.errors)}")
        run = self._inventory.run(run_id)
        assert run is not None
        figure.told = ", ".join(
            f"{archive.archive} {archive.how} {archive.looked_at} studies in {archive.seconds:.1f} s"
            for archive in sorted(run.archives, key=lambda archive: archive.archive, reverse=True)
        )
        self.figures.append(figure)
        return run

    def _listed(self) -> dict[StudyUid, frozenset[InventoryDifference]]:
        """Return how the inventories differ."""
        return {pair.study_uid: pair.differences for pair in self._inventory.differing()}

    def _expect_changes(
        self, before: Mapping[StudyUid, frozenset[InventoryDifference]], later: Collection[StudyUid] = ()
    ) -> None:
        """Hold what the inventories differ in now against before; ``later`` need not be known yet."""
        expected = {uid: frozenset({kind}) for uid, kind in self._changes.expected.items()}
        now = self._listed()
        new = {uid: kinds for uid, kinds in now.items() if before.get(uid) != kinds}
        for uid in expected.keys() | new.keys() | (before.keys() - now.keys()):
            if expected.get(uid) != new.get(uid) and not (uid in later and uid not in new):
                is_, told = (", ".join(kinds.get(uid, ())) or "the same" for kinds in (expected, new))
                self.faults.append(f"changed study {uid} is {is_}, and told as {told}")

    def _differing(self) -> dict[StudyUid, frozenset[DifferenceClass]]:
        """Return the classes of the differences of every study that differs."""
        found = {
            uid: frozenset(_ONLY[kind] for kind in kinds)
            for uid, kinds in self._listed().items()
            if kinds <= _ONLY.keys()
        }
        offset = 0
        while checks := self._inventory.check_page(equal=False, limit=_PAGE, offset=offset).entries:
            offset += len(checks)
            found |= {
                check.study_uid: frozenset(map(DifferenceClass, Counter(check.classes))) for check in checks
            }
        return found
