"""The steps from a structure set in Orthanc to results, each by itself and done again."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import UID

from orthanc_plugins.engine import engine_digest
from orthanc_plugins.errors import ArchiveRefused, GeometryError, InvalidDicom, JobError, NotFound
from orthanc_plugins.jobs import extract_structures_request
from orthanc_plugins.orthanc_images import load_series
from orthanc_plugins.store import StructureSubject
from orthanc_plugins.workflows.extract_structures import StructureExtraction
from tests.builders import DAMAGES, ImageFrame, build_case, build_dose, uniform
from tests.unit.arrivals import as_file, store_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.services import Services
    from tests.builders import Case
    from tests.fakes import FakeOrthancRest, MemoryQueue


@pytest.fixture(scope="module")
def case() -> Case:
    frame = ImageFrame(size=(8, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=5.0)
    return build_case(frame=frame, regions=2)


@dataclasses.dataclass
class Run:
    """One job on one case, driven step by step as the workflow does."""

    services: Services
    orthanc: FakeOrthancRest
    queue: MemoryQueue
    case: Case

    def __post_init__(self) -> None:
        self.begin(store_dataset(self.orthanc, self.case.structure_set))

    def begin(self, instance: OrthancId) -> None:
        self.instance = instance
        self.job_id = self.queue.submit(extract_structures_request(instance, self.orthanc.file_md5(instance)))
        self.queue.start(self.job_id)
        self.on_another_worker()

    def on_another_worker(self) -> None:
        self.steps = StructureExtraction(self.services, self.job_id, self.instance)

    def store_images(self, first: int = 0, last: int | None = None, *, stable: bool = False) -> None:
        for image in self.case.images[first:last]:
            store_dataset(self.orthanc, image)
        if stable:
            record = self.orthanc.instance(store_dataset(self.orthanc, self.case.images[first]))
            self.orthanc.settle(record.series_orthanc_id)

    def find(self) -> dict[str, Any]:
        return dict(self.steps.find_images())

    def extract(self, found: dict[str, Any]) -> dict[str, Any]:
        return dict(self.steps.extract(found["image_series"]))

    def publish(self, found: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
        return dict(self.steps.publish(StructureSubject(**found["subject"]), **made))

    def whole(self) -> dict[str, Any]:
        found = self.find()
        return self.publish(found, self.extract(found))


@pytest.fixture
def run(services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue, case: Case) -> Run:
    return Run(dataclasses.replace(services, formats=("json",)), orthanc, queue, case)


def test_a_whole_run_publishes_the_results(run: Run, services: Services) -> None:
    run.store_images()
    outcome = run.whole()
    folder = services.exports / outcome["folder"]
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert len(content["regions"]) == outcome["regions"] == len(run.case.truth)
    result = services.store.result_of_instance(run.instance)
    assert result is not None
    assert (result.job_id, result.folder) == (run.job_id, outcome["folder"])
    assert outcome["viewer_url"].endswith(run.case.structure_set.StudyInstanceUID)
    assert [path.name for path in (services.exports / ".work").iterdir()] == []


def test_partial_volumes_are_made_where_they_are_set(run: Run, services: Services) -> None:
    run.services = dataclasses.replace(run.services, partial_volume=True)
    run.on_another_worker()
    run.store_images()
    folder = services.exports / run.whole()["folder"]
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert all(region["volume_partial_cc"] > 0 for region in content["regions"])


def test_each_phase_is_shown_in_its_order_and_has_ended(run: Run, services: Services) -> None:
    run.store_images()
    run.whole()
    phases = services.store.phases(run.job_id)
    assert [phase.name for phase in phases] == [
        "receive",
        "read_metadata",
        "read_contours",
        "measure",
        "rasterise",
        "compare",
        "export",
        "publish",
    ]
    assert all(phase.duration_s is not None for phase in phases)


def test_without_images_the_job_waits_and_says_for_what(run: Run, services: Services) -> None:
    found = run.find()
    assert found["outcome"] == "waiting"
    assert found["images_missing"] == 8
    awaited = services.store.awaited()[run.job_id]
    assert awaited.blocking
    assert awaited.image_series_uid == run.case.images[0].SeriesInstanceUID


def test_how_long_it_has_waited_is_kept_when_it_looks_again(run: Run, services: Services) -> None:
    run.find()
    since = services.store.awaited()[run.job_id].since
    run.store_images(0, 3)
    run.find()
    awaited = services.store.awaited()[run.job_id]
    assert (awaited.since, awaited.images_present, awaited.images_missing) == (since, 3, 5)


def test_once_the_images_are_there_nothing_is_awaited(run: Run, services: Services) -> None:
    run.find()
    run.store_images()
    assert run.find()["outcome"] == "found"
    assert services.store.awaited() == {}


def test_a_job_that_went_on_without_some_images_wants_to_hear_of_them(run: Run, services: Services) -> None:
    run.store_images(0, 6, stable=True)
    outcome = run.whole()
    assert outcome["outcome"] == "done"
    awaited = services.store.awaited()[run.job_id]
    assert (awaited.blocking, awaited.images_present, awaited.images_missing) == (False, 6, 2)


def test_what_a_waiting_job_acts_on_is_known(run: Run, services: Services) -> None:
    run.find()
    assert services.store.jobs_of_instance(run.instance) == [run.job_id]
    assert services.store.jobs_of_study(run.case.structure_set.StudyInstanceUID) == [run.job_id]


def test_a_file_that_is_no_structure_set_fails_and_what_it_is_is_known(run: Run, services: Services) -> None:
    damaged = run.orthanc.store(
        "1.9", "1.9.1", "1.9.1.1", modality="RTSTRUCT", content=as_file(run.case.structure_set)[:700]
    )
    run.begin(damaged)
    with pytest.raises(InvalidDicom):
        run.find()
    assert services.store.jobs_of_instance(damaged) == [run.job_id]


def test_another_worker_goes_on_after_the_first_step(run: Run) -> None:
    run.store_images()
    found = run.find()
    run.on_another_worker()
    assert run.publish(found, run.extract(found))["outcome"] == "done"


def test_extracting_again_leaves_nothing_of_the_first_attempt(run: Run, services: Services) -> None:
    run.store_images()
    found = run.find()
    leftover = services.exports / ".work" / run.job_id / "masks" / "half.nii.gz"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    outcome = run.publish(found, run.extract(found))
    assert not list((services.exports / outcome["folder"]).rglob("half.nii.gz"))


def test_publishing_again_changes_nothing(run: Run, services: Services) -> None:
    run.store_images()
    found = run.find()
    made = run.extract(found)
    first = run.publish(found, made)
    assert run.publish(found, made) == first
    assert (services.exports / first["folder"] / "results.json").is_file()


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_publishing_that_was_cut_off_anywhere_is_finished_when_it_is_done_again(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    run.store_images()
    old = services.exports / run.whole()["folder"]
    (old / "of-the-first-run").touch()
    found = run.find()
    made = run.extract(found)
    with monkeypatch.context() as patch:
        _cut_off_after(patch, renames)
        with pytest.raises(OSError, match="cut off"):
            run.publish(found, made)
    outcome = run.publish(found, made)
    folder = services.exports / outcome["folder"]
    assert (folder / "results.json").is_file()
    assert not (folder / "of-the-first-run").exists()
    assert list((services.exports / ".work").iterdir()) == []


def _cut_off_after(patch: pytest.MonkeyPatch, renames: int) -> None:
    """Let the process die, as it were, once so many folders have been renamed."""
    from pathlib import Path  # noqa: PLC0415 - the class itself is patched

    rename = Path.rename
    left = renames

    def limited(self: Path, target: Path) -> Path:
        nonlocal left
        if left == 0:
            raise OSError("cut off")
        left -= 1
        return rename(self, target)

    patch.setattr(Path, "rename", limited)
    if renames == 2:

        def remove(*_arguments: object, **_options: object) -> None:
            if left == 0:
                raise OSError("cut off")

        patch.setattr("orthanc_plugins.workflows.extract_structures.shutil.rmtree", remove)


def test_one_that_was_deleted_while_it_was_processed_leaves_no_results(run: Run, services: Services) -> None:
    run.store_images()
    found = run.find()
    made = run.extract(found)
    run.orthanc.delete(run.instance)
    with pytest.raises(NotFound, match="deleted"):
        run.publish(found, made)
    assert services.store.result_of_instance(run.instance) is None
    assert [path for path in services.exports.rglob("*") if path.is_file()] == []


def test_a_cancelled_job_stops_before_it_publishes(run: Run, services: Services) -> None:
    run.store_images()
    found = run.find()
    made = run.extract(found)
    run.queue.cancel(run.job_id)
    with pytest.raises(JobError, match="cancelled"):
        run.publish(found, made)
    assert services.store.result_of_instance(run.instance) is None


def test_uids_that_are_none_become_harmless_folders(
    run: Run, services: Services, orthanc: FakeOrthancRest, case: Case
) -> None:
    run.store_images()
    run.begin(
        orthanc.store("../../evil", "/etc", "..", modality="RTSTRUCT", content=as_file(case.structure_set))
    )
    folder = services.exports / run.whole()["folder"]
    assert folder.resolve().is_relative_to(services.exports.resolve())
    assert (folder / "results.json").is_file()
    assert all(part.startswith("invalid-") for part in folder.relative_to(services.exports).parts)


# Doses


def store_dose(run: Run, **options: Any) -> str:
    dose = build_dose(run.case, uniform(20), **options)
    store_dataset(run.orthanc, dose)
    return str(dose.SOPInstanceUID)


def results_of(run: Run, services: Services, outcome: dict[str, Any]) -> dict[str, Any]:
    path = services.exports / outcome["folder"] / "results.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_a_dose_of_the_study_is_in_the_results_with_what_was_asked_of_it(
    run: Run, services: Services
) -> None:
    run.store_images()
    uid = store_dose(run)
    outcome = run.whole()
    content = results_of(run, services, outcome)
    assert outcome["doses_seen"] == [uid]
    assert outcome["engine"] == engine_digest()
    assert [dose["sop_instance_uid"] for dose in content["doses"]] == [uid]
    (received,) = content["regions"][0]["dose"]
    assert received["mean"] == pytest.approx(20, abs=0.01)
    assert [one["name"] for one in received["metrics"]] == list(services.dose_metrics)
    assert "dose" in [phase.name for phase in services.store.phases(run.job_id)]
    assert (services.exports / outcome["folder"] / content["regions"][0]["dvh_path"]).is_file()


def test_the_dose_of_the_whole_plan_comes_first(run: Run, services: Services) -> None:
    run.store_images()
    beam, plan = store_dose(run, summation_type="BEAM"), store_dose(run)
    content = results_of(run, services, run.whole())
    assert [dose["sop_instance_uid"] for dose in content["doses"]] == [plan, beam]
    assert [received["dose_uid"] for received in content["regions"][0]["dose"]] == [plan, beam]


def test_another_frame_of_reference_names_the_setting_that_allows_it(run: Run) -> None:
    structure_set = run.case.copied_structure_set()
    DAMAGES["other_frame_of_reference"](structure_set)
    run.store_images(stable=True)
    structure_set.SOPInstanceUID = UID("1.2.9")
    structure_set.file_meta.MediaStorageSOPInstanceUID = UID("1.2.9")
    run.begin(store_dataset(run.orthanc, structure_set))
    with pytest.raises(GeometryError, match=r"set Structures\.RequireSameFrameOfReference to false\.$"):
        run.extract(run.find())


def test_a_dose_of_another_frame_of_reference_is_looked_at_and_left(run: Run, services: Services) -> None:
    run.store_images()
    dose = build_dose(run.case, uniform(20))
    dose.FrameOfReferenceUID = "1.2.3"
    store_dataset(run.orthanc, dose)
    outcome = run.whole()
    content = results_of(run, services, outcome)
    assert content["doses"] == []
    assert [problem["code"] for problem in content["problems"]] == ["dose_other_frame"]
    assert outcome["doses_seen"] == [dose.SOPInstanceUID]


def test_a_dose_that_orthanc_refuses_is_said_to_be_missing_and_the_rest_is_made(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.store_images()
    lost, held = store_dose(run, summation_type="BEAM"), store_dose(run)
    (refused,) = run.orthanc.lookup(lost, "Instance")
    give = run.orthanc.file

    def give_others(instance: OrthancId) -> bytes:
        if instance == refused:
            raise ArchiveRefused("Orthanc answered 404.", archive="orthanc", status=404)
        return give(instance)

    monkeypatch.setattr(run.orthanc, "file", give_others)
    outcome = run.whole()
    content = results_of(run, services, outcome)
    assert [dose["sop_instance_uid"] for dose in content["doses"]] == [held]
    assert [(one["code"], one["severity"]) for one in content["problems"]] == [("dose_missing", "warning")]
    assert set(outcome["doses_seen"]) == {lost, held}


def test_a_dose_that_comes_while_results_are_made_is_in_them(
    run: Run, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.store_images()
    came: list[str] = []

    def load_and_receive(*arguments: Any) -> Any:
        came.extend([] if came else [store_dose(run)])
        return load_series(*arguments)

    monkeypatch.setattr("orthanc_plugins.workflows.extract_structures.load_series", load_and_receive)
    outcome = run.whole()
    assert outcome["doses_seen"] == came
    content = results_of(run, services, outcome)
    assert [dose["sop_instance_uid"] for dose in content["doses"]] == came
    assert len(content["phases"]) == len({phase["name"] for phase in content["phases"]})


def test_without_a_dose_orthanc_is_asked_for_one_header_only(run: Run) -> None:
    run.store_images()
    found = run.find()
    run.orthanc.asked.clear()
    run.extract(found)
    assert run.orthanc.asked.count("header") == 1  # that of the images
    assert run.orthanc.asked.count("series_of_study") == 2
