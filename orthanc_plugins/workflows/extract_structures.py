"""From a structure set in Orthanc to results: the steps of the workflow."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from orthanc_plugins.engine import engine_digest
from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import OrthancId
from orthanc_plugins.jobs import DOSES_SEEN, ENGINE, WAITING
from orthanc_plugins.orthanc_doses import FoundDoses, dose_files, dose_instances, find_doses
from orthanc_plugins.orthanc_images import FoundImages, find_images, load_series
from orthanc_plugins.reception import structure_subject
from orthanc_plugins.rtstruct import (
    FORMATS,
    Documents,
    Phase,
    Problem,
    StructureSet,
    extract,
    read_structure_set,
)
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.faults import Sparing
from orthanc_plugins.rtstruct.files import RESULTS_NAME
from orthanc_plugins.rtstruct.objects import FOLDER, RegionCollection
from orthanc_plugins.store import AwaitedImages, ResultRecord, StructureSubject
from orthanc_plugins.workflows.phases import PhaseLog
from orthanc_plugins.workflows.remove_results import remove_folder
from orthanc_plugins.workflows.store_objects import store_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydicom.dataset import Dataset

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs import JsonValue
    from orthanc_plugins.rtstruct import ImageSeries, Results
    from orthanc_plugins.rtstruct.work import RegionWork
    from orthanc_plugins.services import Services

_WORK = ".work"
HOW_TO_ALLOW = "if the two are known to agree, set Structures.RequireSameFrameOfReference to false"
_BEFORE_THE_ENGINE = frozenset({"receive", "read_metadata"})


class StructureExtraction:
    """The steps of one run of the workflow; each does one effect and can be run again.

    Between steps only identifiers and small numbers are stored. The structure set that the first step
    has read is kept by this object for the second, and goes with it; it is read again should the
    worker have ended in between.

    Parameters
    ----------
    services
        What the steps work with.
    job_id
        The job this is a run of.
    instance
        Orthanc identifier of the RT Structure Set.
    """

    def __init__(self, services: Services, job_id: JobId, instance: OrthancId) -> None:
        self._services = services
        self._job_id = job_id
        self._instance = instance
        self._phases = PhaseLog(services.store, services.queue, job_id)
        self._work_folder = services.exports / _WORK / job_id
        self._structure_set: StructureSet | None = None

    def find_images(self) -> dict[str, JsonValue]:
        """Read the structure set and find its images; the outcome is ``waiting`` when they are missing."""
        record = self._services.orthanc.instance(self._instance)
        subject = structure_subject(self._services.orthanc, record)
        self._services.store.remember_subject(self._job_id, subject)
        structure_set = self._receive()
        with self._phases.phase("read_metadata"):
            found = find_images(self._services.orthanc, structure_set, record)
        if found.series is None or found.images_missing:
            self._services.store.await_images(self._job_id, _awaited(subject, found))
        else:
            self._services.store.no_longer_awaits(self._job_id)
        if found.series is None:
            return {"outcome": WAITING, "reason": found.reason, "images_missing": found.images_missing}
        self._structure_set = structure_set
        return {
            "outcome": "found",
            "image_series": found.series,
            "images_missing": found.images_missing,
            "subject": asdict(subject),
        }

    def extract(self, image_series: str) -> dict[str, JsonValue]:
        """Make the results in a folder that nobody sees yet.

        They are made anew when a dose has come meanwhile: `Reception` leaves a job that runs to itself.
        """
        structure_set = self._structure_set or self._receive()
        while True:
            doses = find_doses(self._services.orthanc, self._study, structure_set.frame_of_reference_uid)
            results = self._make(structure_set, image_series, doses)
            now = {record.sop_instance_uid for record in dose_instances(self._services.orthanc, self._study)}
            if now <= set(doses.looked_at):
                break
        return {
            "regions": len(results.regions),
            "regions_with_problems": sum(bool(region.problems) for region in results.regions),
            DOSES_SEEN: list(doses.looked_at),
            ENGINE: engine_digest(),
        }

    def _make(self, structure_set: StructureSet, image_series: str, doses: FoundDoses) -> Results:
        orthanc = self._services.orthanc
        images = load_series(orthanc, OrthancId(image_series))
        with self._new_work_folder() as folder, self._phases.sequence():
            objects = RegionCollection(self._services.stored_objects)
            documents = Documents(structure_set, folder, self._services.formats)
            results = extract(
                structure_set,
                images,
                folder,
                formats=[name for name in FORMATS if name in {"json", *self._services.formats}],
                doses=dose_files(orthanc, doses) if doses.any else (),
                dose_metrics=self._services.dose_metrics,
                on_phase=self._phases.begin,
                on_region=_both(documents.add, objects.add),
                earlier_phases=self._earlier_phases(),
                comparison=self._services.compare_regions,
                allow_other_frame=not self._services.require_same_frame_of_reference,
                how_to_allow=HOW_TO_ALLOW,
                partial_volume=self._services.partial_volume,
                mesh_detail=self._services.mesh_detail,
                mesh_frame=self._services.mesh_frame,
            )
            odd = [
                *self._write_objects(objects, structure_set, images, OrthancId(image_series)),
                *documents.write(results, created=datetime.now(UTC)),
            ]
            if odd:
                results = replace(results, problems=(*odd, *results.problems))
                write_whole(folder / RESULTS_NAME, results.to_json_bytes())
        return results

    def _write_objects(
        self, objects: RegionCollection, structure_set: StructureSet, images: ImageSeries, series: OrthancId
    ) -> list[Problem]:
        """Write the objects to be stored; why they cannot be made is a problem, and loses no other result."""
        if not self._services.stored_objects:
            return []
        faults: list[str] = []
        header = self._image_header(series)
        with Sparing("the DICOM objects", faults.append):
            objects.write(structure_set, images, header, self._work_folder, datetime.now(UTC))
        if not faults:
            return []
        shutil.rmtree(self._work_folder / FOLDER, ignore_errors=True)
        text = f"The results cannot be made into DICOM objects ({faults[0]})."
        return [Problem("no_objects", text, "error")]

    def _image_header(self, image_series: OrthancId) -> Dataset:
        first = self._services.orthanc.instances_of_series(image_series)[0]
        content = self._services.orthanc.file(first.orthanc_id)
        return dcmread(BytesIO(content), stop_before_pixels=True)

    def publish(
        self,
        subject: StructureSubject,
        regions: int,
        regions_with_problems: int,
        doses_seen: Sequence[str] = (),
        engine: str = "",
    ) -> dict[str, JsonValue]:
        """Put the results in their place and make them known.

        ``doses_seen`` are the SOP Instance UIDs of all doses that `extract` looked at, ``engine`` tells
        which engine it was. They stand in the job's result, where `Reception` sees whether a dose, or another
        engine, has come since.
        """
        services = self._services
        with self._phases.phase("publish"):
            folder = Path(subject.study_uid, subject.series_uid, subject.sop_instance_uid)
            _replace(self._work_folder, services.exports / folder)
            services.store.publish_result(
                ResultRecord(
                    subject, self._job_id, str(folder), regions, regions_with_problems, datetime.now(UTC)
                )
            )
        if not services.orthanc.has_instance(subject.instance_orthanc_id):
            services.store.forget_instance(subject.instance_orthanc_id)
            remove_folder(services.exports, services.exports / folder)
            raise NotFound(
                "The structure set was deleted from Orthanc while it was processed.", archive="orthanc"
            )
        stored = self._store_objects(subject, folder)
        return {
            "outcome": "done",
            **stored,
            "folder": str(folder),
            "regions": regions,
            "regions_with_problems": regions_with_problems,
            DOSES_SEEN: list(doses_seen),
            ENGINE: engine,
            "viewer_url": services.viewer_link(subject.study_uid),
        }

    def _store_objects(self, subject: StructureSubject, folder: Path) -> dict[str, JsonValue]:
        if not self._services.stored_objects:
            return {}
        with self._phases.phase("store_objects"):
            place = self._services.exports / folder
            return {"objects": store_objects(self._services.orthanc, subject.sop_instance_uid, place)}

    @cached_property
    def _study(self) -> OrthancId:
        orthanc = self._services.orthanc
        return orthanc.series(orthanc.instance(self._instance).series_orthanc_id).study_orthanc_id

    def _receive(self) -> StructureSet:
        with self._phases.phase("receive"):
            return read_structure_set(self._services.orthanc.file(self._instance))

    def _earlier_phases(self) -> list[Phase]:
        """Return the phases that ran before the engine's own, to stand in its results."""
        known = self._services.store.phases(self._job_id)
        return [
            Phase(phase.name, phase.duration_s)
            for phase in known
            if phase.duration_s is not None and phase.name in _BEFORE_THE_ENGINE
        ]

    @contextmanager
    def _new_work_folder(self) -> Iterator[Path]:
        """Make a folder that nobody sees yet, and remove it when what is done inside the block fails."""
        folder = self._work_folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with ExitStack() as undo:
            undo.callback(shutil.rmtree, folder)
            yield folder
            undo.pop_all()


def _both(
    first: Callable[[RegionWork], None], second: Callable[[RegionWork], None]
) -> Callable[[RegionWork], None]:
    def take(work: RegionWork) -> None:
        first(work)
        second(work)

    return take


def _awaited(subject: StructureSubject, found: FoundImages) -> AwaitedImages:
    return AwaitedImages(
        study_uid=subject.study_uid,
        image_series_uid=found.wanted_series,
        images_present=found.images_present,
        images_missing=found.images_missing,
        reason=found.reason,
        blocking=found.series is None,
        since=datetime.now(UTC),
    )


def _replace(made: Path, place: Path) -> None:
    """Move a folder to its place, where there may be an older one; can be run again after being cut off."""
    old = made.with_name(made.name + ".old")
    while made.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(old, ignore_errors=True)
        # Whoever removes the last other results of the series at this moment takes its empty folder away.
        with suppress(FileNotFoundError):
            if place.exists():
                place.rename(old)
            made.rename(place)
    shutil.rmtree(old, ignore_errors=True)
