"""Results stored back into Orthanc: once, followed when made again, and never anyone else's touched."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import TYPE_CHECKING

import pydicom
import pytest

from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.rtstruct.objects import RegionCollection, is_ours, series_uids
from orthanc_plugins.workflows.remove_results import ResultRemoval
from orthanc_plugins.workflows.store_objects import store_objects
from tests.builders import ImageFrame, build_case
from tests.unit.workflows.test_extract_structures import Run

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue


class FilingOrthanc:
    """Makes the fake file what is put by what stands in it, as Orthanc does."""

    def __init__(self, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stored: list[str] = []
        self._orthanc = orthanc
        monkeypatch.setattr(orthanc, "put", self._put)

    def _put(self, content: bytes) -> None:
        found = pydicom.dcmread(io.BytesIO(content))
        self.stored.append(str(found.SOPInstanceUID))
        self._orthanc.store(
            str(found.StudyInstanceUID),
            str(found.SeriesInstanceUID),
            str(found.SOPInstanceUID),
            modality=str(found.Modality),
            sop_class=str(found.SOPClassUID),
            content=content,
            header={
                "Manufacturer": str(found.Manufacturer),
                "ManufacturerModelName": str(found.ManufacturerModelName),
            },
        )


@pytest.fixture
def filing(orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch) -> FilingOrthanc:
    return FilingOrthanc(orthanc, monkeypatch)


@pytest.fixture
def run(services: Services, orthanc: FakeOrthancRest, queue: MemoryQueue, filing: FilingOrthanc) -> Run:
    assert filing.stored == []
    frame = ImageFrame(size=(8, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=5.0)
    wanted = dataclasses.replace(services, formats=("json",), stored_objects=("seg", "sr", "stl"))
    made = Run(wanted, orthanc, queue, build_case(frame=frame, regions=2))
    made.store_images()
    return made


def test_results_are_stored_in_the_study_and_a_second_time_nothing_is(
    run: Run, filing: FilingOrthanc, orthanc: FakeOrthancRest
) -> None:
    outcome = run.whole()
    assert outcome["objects"] == len(filing.stored) == len(set(filing.stored))
    held = [
        pydicom.dcmread(io.BytesIO(orthanc.file(orthanc.lookup(uid, "Instance")[0]))) for uid in filing.stored
    ]
    assert [one.Modality for one in held][:2] == ["SEG", "SR"]
    assert {one.Modality for one in held} == {"SEG", "SR", "M3D"}
    assert {str(one.StudyInstanceUID) for one in held} == {run.case.reference.study_uid}
    assert all(is_ours(one) for one in held)
    assert run.services.store.phases(run.job_id)[-1].name == "store_objects"
    run.whole()
    assert len(filing.stored) == outcome["objects"]


def test_objects_that_cannot_be_made_are_a_problem_and_lose_no_other_result(
    run: Run, filing: FilingOrthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise ValueError("Phantom^Synthetic")

    monkeypatch.setattr(RegionCollection, "write", cannot)
    outcome = run.whole()
    content = (run.services.exports / outcome["folder"] / "results.json").read_text(encoding="utf-8")
    codes = [problem["code"] for problem in json.loads(content)["problems"]]
    assert (codes.count("no_objects"), "Phantom^" in content) == (1, False)
    assert (outcome["objects"], filing.stored) == (0, [])


def test_nothing_is_stored_where_it_is_not_set(run: Run, filing: FilingOrthanc) -> None:
    run.services = dataclasses.replace(run.services, stored_objects=())
    run.on_another_worker()
    assert "objects" not in run.whole()
    assert filing.stored == []


def test_earlier_objects_go_and_what_others_have_put_beside_them_stays(
    run: Run, filing: FilingOrthanc, orthanc: FakeOrthancRest
) -> None:
    run.whole()
    study, series = run.case.reference.study_uid, series_uids(run.case.structure_set.SOPInstanceUID)[0]
    ours = {"Manufacturer": "Orthanc PACS Suite", "ManufacturerModelName": "RT-STRUCT results"}
    earlier = orthanc.store(study, series, "1.2.3.4", header=ours)
    foreign = orthanc.store(study, series, "1.2.3.5", header={"Manufacturer": "Synthetic"})
    run.whole()
    assert (orthanc.has_instance(earlier), orthanc.has_instance(foreign)) == (False, True)
    orthanc.delete_resource("Instance", run.instance)
    assert ResultRemoval(run.services).remove(run.instance) == {"outcome": "removed"}
    assert [uid for uid in filing.stored if orthanc.lookup(uid, "Instance")] == []
    assert orthanc.has_instance(OrthancId(foreign))


def test_an_object_that_orthanc_does_not_hold_afterwards_is_told(
    run: Run, orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run.whole()
    for series in series_uids(run.case.structure_set.SOPInstanceUID):
        for found in orthanc.lookup(series, "Series"):
            for record in orthanc.instances_of_series(found):
                orthanc.delete_resource("Instance", record.orthanc_id)
    monkeypatch.setattr(orthanc, "put", lambda content: None)
    with pytest.raises(ArchiveRefused, match="does not hold object"):
        store_objects(
            orthanc, run.case.structure_set.SOPInstanceUID, run.services.exports / outcome["folder"]
        )
