"""What modalities send to Orthanc and what a worker does with it, in the tests of the reception."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import (
    RT_STRUCTURE_SET_STORAGE,
    JobId,
    OrthancId,
    SeriesUid,
    SopInstanceUid,
    StudyUid,
)
from orthanc_plugins.jobs import JobKind
from orthanc_plugins.store import AwaitedImages, ResultRecord, Store, StructureSubject
from tests.fakes.orthanc_rest import orthanc_id

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY, IMAGES, SETS, SET = "1.2.1", "1.2.1.1", "1.2.1.2", "1.2.1.2.1"


def store_set(
    orthanc: FakeOrthancRest,
    uid: str = SET,
    content: bytes = b"set",
    *,
    series: str = SETS,
    study: str = STUDY,
) -> OrthancId:
    return orthanc.store(
        study, series, uid, modality="RTSTRUCT", sop_class=RT_STRUCTURE_SET_STORAGE, content=content
    )


def store_image(orthanc: FakeOrthancRest, number: int = 1, series: str = IMAGES) -> OrthancId:
    orthanc.store(STUDY, series, f"{series}.{number}")
    return orthanc_id(STUDY, series)


def as_file(dataset: FileDataset) -> bytes:
    """Return a data set as a DICOM file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def store_dataset(orthanc: FakeOrthancRest, dataset: FileDataset) -> OrthancId:
    """Store a data set with what Orthanc's index holds of it."""
    tags = {
        name: "\\".join(map(str, value)) if hasattr(value := dataset[name].value, "__iter__") else str(value)
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
        if name in dataset
    }
    return orthanc.store(
        str(dataset.StudyInstanceUID),
        str(dataset.SeriesInstanceUID),
        str(dataset.SOPInstanceUID),
        modality=str(dataset.Modality),
        sop_class=str(dataset.SOPClassUID),
        content=as_file(dataset),
        tags=tags,
        header={"FrameOfReferenceUID": str(dataset.get("FrameOfReferenceUID", ""))},
    )


def subject(
    instance: OrthancId, *, uid: str = SET, series: str = SETS, study: str = STUDY
) -> StructureSubject:
    return StructureSubject(StudyUid(study), SeriesUid(series), SopInstanceUid(uid), instance)


def begin(
    queue: MemoryQueue,
    store: Store,
    job_id: JobId,
    instance: OrthancId,
    *,
    uid: str = SET,
    series: str = SETS,
    study: str = STUDY,
) -> None:
    """What the worker does first."""
    queue.start(job_id)
    store.remember_subject(job_id, subject(instance, uid=uid, series=series, study=study))


def publish(queue: MemoryQueue, store: Store, job_id: JobId, instance: OrthancId) -> None:
    """What the worker does to the end."""
    begin(queue, store, job_id, instance)
    store.publish_result(ResultRecord(subject(instance), job_id, "folder", 1, 0, datetime.now(UTC)))
    queue.succeed(job_id)


def go_without(
    queue: MemoryQueue,
    store: Store,
    job_id: JobId,
    *,
    series: str | None = IMAGES,
    present: int = 0,
    missing: int = 2,
    blocking: bool = True,
) -> None:
    """What the worker does when images are missing."""
    awaited = AwaitedImages(
        StudyUid(STUDY),
        None if series is None else SeriesUid(series),
        present,
        missing,
        "Images are missing.",
        blocking,
        datetime.now(UTC),
    )
    store.await_images(job_id, awaited)
    if blocking:
        queue.wait(job_id)


def removals(queue: MemoryQueue) -> list[JobId]:
    return [job.job_id for job in queue.jobs(kind=JobKind.REMOVE_RESULTS)]
