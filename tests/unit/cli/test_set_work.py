"""One structure set from its source to results."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.cli.rtstruct import set_work
from orthanc_plugins.cli.rtstruct.options import ENGINE_OPTIONS, Options
from orthanc_plugins.cli.rtstruct.set_folder import held_results, publish
from orthanc_plugins.cli.rtstruct.set_work import Outcome, SetTask, do_set
from orthanc_plugins.cli.rtstruct.sources import FileSource
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.rtstruct import documents, extract
from orthanc_plugins.rtstruct.dose import MissingDose
from tests.builders import build_case, build_dose, uniform
from tests.runs import TINY
from tests.unit.rtstruct.cases import file_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orthanc_plugins.cli.rtstruct.sources import SetSource
    from orthanc_plugins.errors import ArchiveError
    from orthanc_plugins.rtstruct import ImageSeries, StructureSet


@dataclass
class ArchiveSource:
    """A structure set in an archive that fails as often as a test says."""

    failures: list[ArchiveError] = field(default_factory=list)
    sop_instance_uid: str = "1.2.3"
    label: str = "set"

    @property
    def no_images_because(self) -> str:
        return ""

    def content(self) -> bytes:
        if self.failures:
            raise self.failures.pop()
        return file_bytes(build_case(frame=TINY, regions=1).structure_set)

    def images(self, structure_set: StructureSet) -> ImageSeries | None:
        return None

    def doses(self, structure_set: StructureSet) -> Mapping[str, Callable[[], bytes | MissingDose]]:
        return {}


def task_of(source: SetSource, folder: Path) -> SetTask:
    return SetTask(source, folder / "out", folder / "work", Options(("nifti", "json")), again=False)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_work, "PAUSES_S", (0, 0))


def test_an_archive_that_starts_again_is_waited_for(tmp_path: Path) -> None:
    away = ArchiveUnavailable("Orthanc did not answer.", archive="orthanc")
    assert do_set(task_of(ArchiveSource([away] * 2), tmp_path)).state == "done"
    outcome = do_set(task_of(ArchiveSource([away] * 3), tmp_path))
    assert (outcome.state, outcome.reason) == ("failed", "Orthanc did not answer.")


def test_a_dose_that_is_gone_costs_its_histograms_alone(tmp_path: Path) -> None:
    case = build_case(frame=TINY, regions=1)
    path = tmp_path / "rtstruct.dcm"
    path.write_bytes(file_bytes(case.structure_set))
    source = FileSource(path, "1.2.3", None, dose_paths=(("1.2", tmp_path / "gone.dcm"),))
    assert do_set(task_of(source, tmp_path)).state == "done"
    results = held_results(tmp_path / "out")
    assert results is not None
    assert "dose_unusable" in [problem["code"] for problem in results["problems"]]


@dataclass
class OneDose(ArchiveSource):
    """A structure set with one dose, which its archive may refuse."""

    dose: bytes | MissingDose = b""

    def doses(self, structure_set: StructureSet) -> Mapping[str, Callable[[], bytes | MissingDose]]:
        return {"dose": lambda: self.dose}


def test_a_dose_that_is_refused_is_missing_from_the_results_and_asked_for_by_the_next_run(
    tmp_path: Path,
) -> None:
    source = OneDose(dose=MissingDose("RT Dose 7 could not be had from Orthanc: no."))
    task = task_of(source, tmp_path)
    assert do_set(task).state == "done"
    results = held_results(tmp_path / "out")
    assert results is not None
    (problem,) = (problem for problem in results["problems"] if problem["code"] == "dose_missing")
    assert problem["message"] == "RT Dose 7 could not be had from Orthanc: no. It is not in the results."
    assert problem["severity"] == "warning"
    assert do_set(task).state == "done"
    case = build_case(frame=TINY, regions=1)
    source.dose = file_bytes(build_dose(case, uniform(20)))
    assert do_set(task).state == "done"
    assert do_set(task).state == "kept"


def test_an_archive_that_refuses_is_asked_once(tmp_path: Path) -> None:
    source = ArchiveSource([ArchiveRefused("no", archive="orthanc"), ArchiveRefused("no", archive="orthanc")])
    assert do_set(task_of(source, tmp_path)).state == "failed"
    assert len(source.failures) == 1


def test_no_work_is_left_whatever_happens(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    outcome = do_set(task_of(ArchiveSource(), tmp_path))
    assert outcome == Outcome("failed", outcome.reason, outcome.duration_s)
    assert str(tmp_path / "out") in outcome.reason
    assert not (tmp_path / "work").exists()


def test_results_json_leaves_its_place_first_and_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("results.json", "zz.txt", "masks/a.nii.gz"):
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_text("new", encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.json").write_text("old", encoding="utf-8")
    moved: list[str] = []
    kind = type(tmp_path)
    replace = kind.replace

    def noted(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            return replace(path, target)
        assert path.name == "results.json" or not (tmp_path / "out" / "results.json").exists()
        moved.append(path.name)
        return replace(path, target)

    monkeypatch.setattr(kind, "replace", noted)
    publish(tmp_path / "made", tmp_path / "out")
    assert moved == ["a.nii.gz", "zz.txt", "results.json"]


def test_every_engine_option_is_a_keyword_of_extract() -> None:
    keywords = set(inspect.signature(extract).parameters)
    assert {option.keyword for option in ENGINE_OPTIONS} <= keywords


SECRET = "Doe^Jane"


def stumbling(*_: object, **__: object) -> None:
    raise TypeError(SECRET)


def test_an_unforeseen_fault_is_an_outcome_that_tells_where_and_not_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_work, "extract", stumbling)
    outcome = do_set(task_of(ArchiveSource(), tmp_path))
    assert outcome.state == "failed"
    assert outcome.reason == f"the suite met a fault it does not know: {outcome.fault.split(' < ')[0]}."
    assert outcome.fault.startswith("TypeError at test_set_work.py:")
    assert "_make" in outcome.fault
    assert SECRET not in repr(outcome)
    assert not (tmp_path / "work").exists()


def test_a_document_that_cannot_be_made_costs_no_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "write_contours", stumbling)
    task = task_of(ArchiveSource(), tmp_path)
    assert do_set(task).state == "done"
    results = held_results(task.folder)
    assert results is not None
    (problem,) = [one for one in results["problems"] if one["code"] != "no_images"]
    assert problem["code"] == "not_written"
    assert SECRET not in repr(results)
    assert results["regions"][0]["volume_cc"]
    monkeypatch.undo()
    monkeypatch.setattr(set_work, "PAUSES_S", (0, 0))
    assert do_set(task).state == "done"
    assert do_set(task).state == "kept"
