"""Comparisons of both archives as jobs: studies read from archives in memory, and what is kept of them."""

from __future__ import annotations

import dataclasses
import io
import json
import weakref
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from orthanc_plugins.errors import ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import JobId, SopInstanceUid, StudyUid
from orthanc_plugins.store import Absence, Tombstone
from orthanc_plugins.sync.differences import Comparison, DifferenceClass
from orthanc_plugins.sync.inventory import instance_key
from orthanc_plugins.sync.states import listed_state
from orthanc_plugins.synchronisation import Rounds
from orthanc_plugins.workflows import compare_archives, report_comparison
from orthanc_plugins.workflows.archive_workflows import _compare_archives
from orthanc_plugins.workflows.compare_archives import ArchivesComparison
from orthanc_plugins.workflows.compare_study import StudyCheck
from orthanc_plugins.workflows.compared_copies import compare_copies, write_reports
from orthanc_plugins.workflows.report_comparison import ComparisonReports
from tests.builders import ImageFrame, build_case
from tests.fakes.archive import MemoryArchive
from tests.unit.holdings import LEFT, RIGHT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from orthanc_plugins.services import Services
    from tests.builders import Case

FRAME = ImageFrame(size=(3, 16, 16), spacing_mm=(4.0, 4.0))


def encoded(dataset: Dataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def put(archive: MemoryArchive, dataset: Dataset) -> None:
    archive.put(
        dataset.SOPInstanceUID,
        study=dataset.StudyInstanceUID,
        series=dataset.SeriesInstanceUID,
        modality=dataset.Modality,
        sop_class=dataset.SOPClassUID,
        content=encoded(dataset),
    )


def changed(archive: MemoryArchive, uid: str, change: Callable[[Dataset], None]) -> None:
    """Change an archive's copy of an instance."""
    dataset = dcmread(io.BytesIO(archive.content(uid)))
    change(dataset)
    put(archive, dataset)


@dataclasses.dataclass
class Pair:
    """Two archives that hold the same studies, and the services that know them."""

    left: MemoryArchive
    right: MemoryArchive
    services: Services
    cases: list[Case]

    def study(self, number: int = 0) -> StudyUid:
        return StudyUid(self.cases[number].reference.study_uid)

    def instance(self, number: int = 0) -> str:
        return str(self.cases[number].images[0].SOPInstanceUID)


@pytest.fixture
def pair(services: Services) -> Pair:
    left, right = MemoryArchive(LEFT), MemoryArchive(RIGHT)
    cases = [build_case(frame=FRAME, regions=1, seed=seed) for seed in range(3)]
    for case in cases:
        for dataset in (*case.images, case.structure_set):
            put(left, dataset)
            put(right, dataset)
    return Pair(left, right, dataclasses.replace(services, archives={LEFT: left, RIGHT: right}), cases)


def brighten(dataset: Dataset) -> None:
    dataset.PixelData = bytes([7, 0]) + dataset.PixelData[2:]


def rename(dataset: Dataset) -> None:
    dataset.SeriesDescription = "Another"


def everything(pair: Pair, depth: Any = "content", *, again: bool = False, token: str = "t") -> Any:
    """Run the steps of a comparison of everything."""
    return _compare_archives(ArchivesComparison(pair.services, JobId(token)), depth, again=again)


@pytest.fixture(autouse=True)
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps run by themselves, without the durable engine."""

    def run(_name: str, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return json.loads(json.dumps(step(*args, **kwargs)))

    monkeypatch.setattr("orthanc_plugins.workflows.archive_workflows.run_step", run)


def test_copies_that_are_the_same_are_equal(pair: Pair) -> None:
    found = compare_copies(pair.services.archives, pair.study())
    assert (found.equal, found.instances_compared, found.depth) == (True, 4, "content")


@pytest.mark.parametrize(
    ("change", "kind"), [(brighten, DifferenceClass.PIXEL), (rename, DifferenceClass.METADATA)]
)
def test_a_changed_copy_is_told_and_kept(
    pair: Pair, change: Callable[[Dataset], None], kind: DifferenceClass
) -> None:
    changed(pair.right, pair.instance(), change)
    result = StudyCheck(pair.services).compare(pair.study(), "content")
    assert (result["outcome"], result["classes"]) == ("differs", {kind.value: 1})
    folder = pair.services.comparisons / pair.study()
    kept = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert [difference["kind"] for difference in kept["differences"]] == [kind.value]
    assert {path.name for path in folder.iterdir()} == {
        "comparison.json",
        "differences.csv",
        "report.html",
        "report.json",
        "report.pdf",
    }
    check = pair.services.store.inventory.checks([pair.study()])[pair.study()]
    assert (check.equal, check.depth) == (False, "content")


def test_what_is_missing_is_told_with_why_where_that_is_known(pair: Pair) -> None:
    images = [str(image.SOPInstanceUID) for image in pair.cases[0].images]
    for uid in images:
        pair.right.lose(uid)
    keys, now = [frozenset({instance_key(SopInstanceUid(uid))}) for uid in images], datetime.now(UTC)
    inventory = pair.services.store.inventory
    gone = keys[0] | keys[1]
    inventory.bury(Tombstone(RIGHT, pair.study(), False, gone, "disappeared", now, "archive", held_at=now))
    inventory.prove(RIGHT, {pair.study(): keys[0]}, Absence.REJECTED)
    StudyCheck(pair.services).compare(pair.study(), "instance")
    kept = json.loads((pair.services.comparisons / pair.study() / "comparison.json").read_bytes())
    assert len(kept["notes"]) == 2
    assert kept["notes"][0].startswith("Missing in DCM4CHEE, 1 instance: ")
    assert "it was rejected there" in kept["notes"][0]
    assert "whether it was deleted or lost is not known" in kept["notes"][1]
    report = (pair.services.comparisons / pair.study() / "report.html").read_text(encoding="utf-8")
    assert "it was rejected there" in report


def test_a_comparison_is_kept_with_what_the_archives_listed_then_not_with_what_an_inventory_knew(
    pair: Pair,
) -> None:
    Rounds(pair.services).take_stock("before")
    pair.right.lose(pair.instance())
    StudyCheck(pair.services).compare(pair.study(), "content")
    check = pair.services.store.inventory.checks([pair.study()])[pair.study()]
    assert not check.is_current(pair.services.store.inventory.pairs([pair.study()])[pair.study()])
    assert check.right == listed_state(pair.right, pair.study())
    Rounds(pair.services).take_stock("after")
    assert check.is_current(pair.services.store.inventory.pairs([pair.study()])[pair.study()])


def test_a_study_that_changes_while_it_is_compared_is_not_current(pair: Pair) -> None:
    def change(method: str) -> None:
        if method == "retrieve":
            pair.right.faults.hook = None
            changed(pair.right, pair.instance(), brighten)

    pair.right.faults.hook = change
    StudyCheck(pair.services).compare(pair.study(), "content")
    check = pair.services.store.inventory.checks([pair.study()])[pair.study()]
    assert check.right != listed_state(pair.right, pair.study())


def test_at_the_depth_of_instances_no_file_is_read(pair: Pair) -> None:
    changed(pair.right, pair.instance(), brighten)
    found = compare_copies(pair.services.archives, pair.study(), "instance")
    assert found.equal
    assert "retrieve" not in pair.left.requests


def test_what_one_side_lacks_is_not_asked_of_the_other(pair: Pair) -> None:
    pair.right.lose(pair.instance())
    found = compare_copies(pair.services.archives, pair.study())
    assert [one.kind for one in found.differences] == [DifferenceClass.MISSING_RIGHT]
    assert found.instances_compared == 3


def test_a_study_that_neither_holds_is_not_found(pair: Pair) -> None:
    with pytest.raises(NotFound, match="Neither archive holds"):
        compare_copies(pair.services.archives, StudyUid("1.2.3"))


def test_an_archive_that_is_away_is_no_difference(pair: Pair) -> None:
    pair.right.faults.down = True
    with pytest.raises(ArchiveUnavailable):
        StudyCheck(pair.services).compare(pair.study(), "content")
    assert pair.services.store.inventory.checks([pair.study()]) == {}


def test_everything_is_compared_and_what_differs_is_reported(pair: Pair) -> None:
    changed(pair.right, pair.instance(1), brighten)
    for dataset in build_case(frame=FRAME, regions=1, seed=9).images:
        put(pair.left, dataset)
    result = everything(pair)
    assert result["studies"] == {"same": 2, "differing": 1, "only_orthanc": 1, "only_dcm4chee": 0}
    assert (result["compared"], result["classes"], result["incomplete"]) == (3, {"pixel": 1}, 0)
    assert (result["found"], result["reported"]) == (2, 2)
    table = (pair.services.comparisons / "archives" / "t" / "differences.csv").read_text(encoding="utf-8")
    assert "pixel" in table
    assert "missing_right" in table


def report_of(pair: Pair, token: str) -> Any:
    path = pair.services.comparisons / "archives" / token / "report.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_everything_that_differs_stands_in_json_and_csv_and_the_first_of_it_on_the_page(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_archives, "_MOST_REPORTED", 1)
    changed(pair.right, pair.instance(0), brighten)
    changed(pair.right, pair.instance(1), brighten)
    pair.right.lose(pair.instance(2))
    result = everything(pair)
    assert (result["found"], result["reported"]) == (3, 1)
    told = report_of(pair, "t")
    assert sorted(one["study_uid"] for one in told["comparisons"]) == sorted(map(pair.study, range(3)))
    assert told["summary"]["classes"] == {"missing_right": 1, "pixel": 2}
    page = (pair.services.comparisons / "archives" / "t" / "report.html").read_text(encoding="utf-8")
    assert "3 of 3 studies are not the same in both archives." in page
    assert "3 differences are told here." in page
    assert "2 more studies are not listed here: JSON and CSV have all." in page


def test_of_archives_that_are_the_same_a_report_says_what_was_checked(pair: Pair) -> None:
    everything(pair)
    told = report_of(pair, "t")
    assert told["summary"]["verdict"].startswith("All 3 studies are the same in both archives, down to every")
    assert (told["comparisons"], told["summary"]["studies"]) == ([], 3)
    assert (told["checked"]["left"]["instances"], told["checked"]["content"]["equal"]) == (12, 3)
    assert told["checked"]["left"]["listed_at"]


def test_of_what_is_not_shown_one_study_after_the_other_is_in_memory(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_archives, "_MOST_SHOWN", 0)
    for number in range(3):
        changed(pair.right, pair.instance(number), brighten)
    alive: weakref.WeakSet[Comparison] = weakref.WeakSet()
    most = 0
    original = Comparison.from_json

    def read(content: Any) -> Comparison:
        nonlocal most
        found = original(content)
        alive.add(found)
        most = max(most, len(alive))
        return found

    monkeypatch.setattr(Comparison, "from_json", read)
    assert everything(pair)["found"] == 3
    assert most == 2  # the one just written, and the next


def test_reports_of_an_earlier_comparison_do_not_stand_beside_a_later_one(pair: Pair) -> None:
    StudyCheck(pair.services).compare(pair.study(), "content")
    folder = pair.services.comparisons / pair.study()
    assert "are the same" in (folder / "report.html").read_text(encoding="utf-8")
    changed(pair.right, pair.instance(), brighten)
    everything(pair)
    assert [path.name for path in folder.iterdir()] == ["comparison.json"]
    ComparisonReports(pair.services).write(pair.study())
    assert "1 difference." in (folder / "report.html").read_text(encoding="utf-8")
    assert len(list(folder.iterdir())) == 5


def test_reports_of_a_comparison_that_is_replaced_meanwhile_are_of_the_later_one(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    StudyCheck(pair.services).compare(pair.study(), "content")
    folder = pair.services.comparisons / pair.study()
    original = write_reports

    def write(comparison: Comparison, place: Path) -> None:
        monkeypatch.setattr(report_comparison, "write_reports", original)
        changed(pair.right, pair.instance(), brighten)
        everything(pair)
        original(comparison, place)

    monkeypatch.setattr(report_comparison, "write_reports", write)
    ComparisonReports(pair.services).write(pair.study())
    assert "1 difference." in (folder / "report.html").read_text(encoding="utf-8")


def test_reports_of_what_was_removed_are_refused(pair: Pair) -> None:
    with pytest.raises(NotFound, match="compare again"):
        ComparisonReports(pair.services).write(pair.study())


def test_what_has_not_changed_is_not_read_again_unless_asked(pair: Pair) -> None:
    everything(pair)
    assert everything(pair, token="second")["compared"] == 0
    assert everything(pair, token="third", again=True)["compared"] == 3
    changed(pair.right, pair.instance(), rename)
    assert everything(pair, token="fourth")["compared"] == 1


def test_what_time_ended_goes_on_the_next_time(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([True, False, False])
    monkeypatch.setattr(ArchivesComparison, "_is_time", lambda _: next(times))
    result = everything(pair)
    assert (result["compared"], result["outcome"]) == (1, "time_over")
    monkeypatch.undo()
    soon = datetime.now(UTC) + timedelta(hours=1)
    comparison = ArchivesComparison(pair.services, JobId("second"), soon)
    assert comparison.compare_some("", again=False)["compared"] == 2
    late = ArchivesComparison(pair.services, JobId("third"), datetime.now(UTC))
    told = late.compare_some("", again=True)
    assert (told["compared"], told["last"], told["in_time"]) == (0, "", False)


def test_differences_found_before_are_reported_while_they_last(pair: Pair) -> None:
    changed(pair.right, pair.instance(), brighten)
    everything(pair)
    again = everything(pair, token="second")
    assert (again["compared"], again["found"]) == (0, 1)


@pytest.mark.parametrize("depth", ["content", "instance"])
def test_what_was_found_before_counts_like_what_is_found_now(pair: Pair, depth: Any) -> None:
    changed(pair.right, pair.instance(0), brighten)
    everything(pair)
    changed(pair.right, pair.instance(1), rename)
    Rounds(pair.services).take_stock("after")
    StudyCheck(pair.services).compare(pair.study(1), "content")
    told = everything(pair, depth, token="second")
    assert (told["compared"], told["known"], told["found"]) == (0, 3, 2)
    assert (told["classes"], told["incomplete"]) == ({"pixel": 1, "metadata": 1}, 0)


def test_what_is_known_and_what_is_compared_now_make_up_the_whole(pair: Pair) -> None:
    changed(pair.right, pair.instance(0), brighten)
    StudyCheck(pair.services).compare(pair.study(0), "content")
    told = everything(pair)
    assert (told["compared"], told["known"], told["classes"]) == (2, 1, {"pixel": 1})
    again = everything(pair, token="again", again=True)
    assert (again["compared"], again["known"], again["classes"]) == (3, 0, {"pixel": 1})


def test_a_difference_whose_file_is_gone_is_not_told_as_equal(pair: Pair) -> None:
    changed(pair.right, pair.instance(0), brighten)
    everything(pair)
    (pair.services.comparisons / pair.study(0) / "comparison.json").unlink()
    told = everything(pair, token="second")
    assert (told["known"], told["incomplete"], told["found"]) == (2, 1, 1)
    assert "compare it again" in report_of(pair, "second")["comparisons"][0]["incomplete"][0]


def test_at_the_depth_of_instances_the_inventories_tell(pair: Pair) -> None:
    pair.right.lose(pair.instance())
    result = everything(pair, "instance")
    assert result["studies"]["differing"] == 1
    assert (result["compared"], result["found"]) == (0, 1)
    assert "retrieve" not in pair.left.requests
    table = (pair.services.comparisons / "archives" / "t" / "differences.csv").read_text(encoding="utf-8")
    assert "DCM4CHEE does not hold 1 of its instances." in table


def test_a_study_that_cannot_be_compared_keeps_back_no_other(pair: Pair) -> None:
    victim = pair.study(1)
    pair.left.faults.hook = None
    original = pair.left.retrieve

    def retrieve(study_uid: StudyUid, wanted: Any = None) -> Any:
        if study_uid == victim:
            raise NotFound("orthanc does not hold the instance.", archive="orthanc")
        return original(study_uid, wanted)

    pair.left.retrieve = retrieve  # type: ignore[method-assign]
    result = everything(pair)
    assert (result["compared"], result["incomplete"]) == (2, 1)
