"""What the suite remembers, behind methods that say what for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import sessionmaker

from orthanc_plugins.identifiers import JobId, OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.store import models
from orthanc_plugins.store.annotations import Annotations
from orthanc_plugins.store.benchmarks import Benchmarks
from orthanc_plugins.store.engine import as_store_error
from orthanc_plugins.store.events import Events
from orthanc_plugins.store.growth import Growth
from orthanc_plugins.store.held import HeldObjects
from orthanc_plugins.store.inventory import Inventory
from orthanc_plugins.store.labels import Labels
from orthanc_plugins.store.leases import Leases
from orthanc_plugins.store.pulse import Pulse
from orthanc_plugins.store.releases import Releases
from orthanc_plugins.store.repairs import Repairs
from orthanc_plugins.store.transfers import Transfers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine


@dataclass(frozen=True)
class StructureSubject:
    """The structure set a job acts on."""

    study_uid: StudyUid
    series_uid: SeriesUid
    sop_instance_uid: SopInstanceUid
    instance_orthanc_id: OrthancId


@dataclass(frozen=True)
class AwaitedImages:
    """The images a job wants to hear of.

    ``blocking`` is True when the job waits for them, False when it went on with what was there and
    is to be done again should they come.
    """

    study_uid: StudyUid
    image_series_uid: SeriesUid | None
    images_present: int
    images_missing: int
    reason: str
    blocking: bool
    since: datetime


@dataclass(frozen=True)
class PhaseRecord:
    """One phase of a job; ``duration_s`` is None while it runs."""

    name: str
    started_at: datetime
    duration_s: float | None


@dataclass(frozen=True)
class ResultRecord:
    """Where the results of one structure set are; ``folder`` is relative to the exports directory."""

    subject: StructureSubject
    job_id: JobId
    folder: str
    regions: int
    regions_with_problems: int
    created_at: datetime


class Store:
    """The suite's memory: positions, subjects of jobs, awaited images, phases, results, workers.

    Parts of their own: ``inventory`` is what both archives hold, ``transfers`` the ledger of what goes from
    archive to archive, ``leases`` say who alone may act on something, ``repairs`` are planned, decided and
    changed, ``releases`` what was de-identified and where it went, ``held`` which objects of it wait for a
    person, ``annotations`` what readers noted; ``pulse`` tells what has changed, ``events`` what happened
    last, ``growth`` counts.

    Every method is one transaction. Raises StoreError when the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = sessionmaker(engine)
        self.inventory = Inventory(engine)
        self.transfers = Transfers(engine)
        self.leases = Leases(engine)
        self.repairs = Repairs(engine)
        self.benchmarks = Benchmarks(engine)
        self.releases = Releases(engine)
        self.labels = Labels(engine)
        self.annotations = Annotations(engine)
        self.held = HeldObjects(engine)
        self.pulse = Pulse(engine)
        self.events = Events(engine)
        self.growth = Growth(engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @as_store_error
    def ping(self) -> None:
        """Raise unless the database answers."""
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    # Positions

    @as_store_error
    def position(self, name: str) -> int | None:
        """Return how far the named log has been read, None when it never was."""
        with self._sessions() as session:
            return session.scalar(select(models.Position.value).where(models.Position.name == name))

    @as_store_error
    def advance(self, name: str, value: int) -> None:
        """Remember that the named log has been read up to a value; a smaller value is ignored."""
        insert = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        statement = insert(models.Position).values(name=name, value=value)
        with self._sessions.begin() as session:
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=[models.Position.name],
                    set_={"value": statement.excluded.value},
                    where=models.Position.value < statement.excluded.value,
                )
            )

    @as_store_error
    def restart(self, name: str, value: int) -> None:
        """Set the position of a log that began anew, such as that of an emptied Orthanc."""
        with self._sessions.begin() as session:
            session.merge(models.Position(name=name, value=value))

    # Subjects of jobs

    @as_store_error
    def remember_subject(self, job_id: JobId, subject: StructureSubject) -> None:
        """Remember what a job acts on."""
        with self._sessions.begin() as session:
            session.merge(models.JobSubject(job_id=job_id, **vars(subject)))

    @as_store_error
    def subjects(self, job_ids: Sequence[JobId]) -> dict[JobId, StructureSubject]:
        """Return what each of these jobs acts on, as far as known."""
        query = select(models.JobSubject).where(models.JobSubject.job_id.in_(job_ids))
        with self._sessions() as session:
            return {JobId(row.job_id): _subject(row) for row in session.scalars(query)}

    @as_store_error
    def jobs_of_study(self, study_uid: StudyUid) -> list[JobId]:
        """Return the jobs that act on a study."""
        return self._job_ids(models.JobSubject.study_uid == study_uid)

    @as_store_error
    def jobs_of_instance(self, orthanc_id: OrthancId) -> list[JobId]:
        """Return the jobs that act on an instance."""
        return self._job_ids(models.JobSubject.instance_orthanc_id == orthanc_id)

    def _job_ids(self, condition: Any) -> list[JobId]:
        with self._sessions() as session:
            return [
                JobId(found) for found in session.scalars(select(models.JobSubject.job_id).where(condition))
            ]

    # Awaited images

    @as_store_error
    def await_images(self, job_id: JobId, awaited: AwaitedImages) -> None:
        """Remember that a job wants to hear of images; how long it has waited is kept."""
        with self._sessions.begin() as session:
            known = session.get(models.Awaited, job_id)
            since = known.since if known is not None and known.blocking else awaited.since
            session.merge(
                models.Awaited(
                    job_id=job_id,
                    study_uid=awaited.study_uid,
                    image_series_uid=awaited.image_series_uid,
                    images_present=awaited.images_present,
                    images_missing=awaited.images_missing,
                    reason=awaited.reason,
                    blocking=awaited.blocking,
                    since=since,
                )
            )

    @as_store_error
    def no_longer_awaits(self, job_id: JobId) -> None:
        """Forget that a job wanted to hear of images."""
        with self._sessions.begin() as session:
            session.execute(delete(models.Awaited).where(models.Awaited.job_id == job_id))

    @as_store_error
    def awaited(self, *, blocking: bool | None = None) -> dict[JobId, AwaitedImages]:
        """Return what jobs want to hear of; only those that wait, or only those that went on, when asked."""
        query = select(models.Awaited).order_by(models.Awaited.since)
        if blocking is not None:
            query = query.where(models.Awaited.blocking == blocking)
        with self._sessions() as session:
            return {JobId(row.job_id): _awaited(row) for row in session.scalars(query)}

    @as_store_error
    def waiting_among(self, job_ids: Sequence[JobId]) -> dict[JobId, AwaitedImages]:
        """Return those of the given jobs that wait for images, with what they miss."""
        query = select(models.Awaited).where(models.Awaited.job_id.in_(job_ids), models.Awaited.blocking)
        with self._sessions() as session:
            return {JobId(row.job_id): _awaited(row) for row in session.scalars(query)}

    # Phases

    @as_store_error
    def begin_phase(self, job_id: JobId, ordinal: int, name: str) -> None:
        """Remember that a phase has begun; what was known of it and of later phases is forgotten."""
        with self._sessions.begin() as session:
            session.execute(
                delete(models.Phase).where(models.Phase.job_id == job_id, models.Phase.ordinal >= ordinal)
            )
            session.add(models.Phase(job_id=job_id, ordinal=ordinal, name=name, started_at=datetime.now(UTC)))

    @as_store_error
    def end_phase(self, job_id: JobId, ordinal: int, duration_s: float) -> None:
        """Remember how long a phase took."""
        with self._sessions.begin() as session:
            session.execute(
                update(models.Phase)
                .where(models.Phase.job_id == job_id, models.Phase.ordinal == ordinal)
                .values(duration_s=duration_s)
            )

    @as_store_error
    def phases(self, job_id: JobId) -> list[PhaseRecord]:
        """Return the phases of a job in their order."""
        query = select(models.Phase).where(models.Phase.job_id == job_id).order_by(models.Phase.ordinal)
        with self._sessions() as session:
            return [PhaseRecord(row.name, row.started_at, row.duration_s) for row in session.scalars(query)]

    # Results

    @as_store_error
    def publish_result(self, result: ResultRecord) -> None:
        """Remember where the results of a structure set are; replaces what was known of the same instance."""
        with self._sessions.begin() as session:
            session.merge(
                models.StructureResult(
                    instance_orthanc_id=result.subject.instance_orthanc_id,
                    sop_instance_uid=result.subject.sop_instance_uid,
                    series_uid=result.subject.series_uid,
                    study_uid=result.subject.study_uid,
                    job_id=result.job_id,
                    folder=result.folder,
                    regions=result.regions,
                    regions_with_problems=result.regions_with_problems,
                    created_at=result.created_at,
                )
            )

    @as_store_error
    def result_of_instance(self, orthanc_id: OrthancId) -> ResultRecord | None:
        """Return the results of the structure set with this Orthanc identifier."""
        with self._sessions() as session:
            row = session.get(models.StructureResult, orthanc_id)
            return None if row is None else _result(row)

    @as_store_error
    def result_of_job(self, job_id: JobId) -> ResultRecord | None:
        """Return the results a job has made and that are still there."""
        query = select(models.StructureResult).where(models.StructureResult.job_id == job_id)
        with self._sessions() as session:
            row = session.scalar(query)
            return None if row is None else _result(row)

    @as_store_error
    def results(
        self,
        *,
        study_uid: StudyUid | None = None,
        series_uid: SeriesUid | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ResultRecord]:
        """Return the results of structure sets, newest first: of the given study and series."""
        made = models.StructureResult
        query = select(made).order_by(made.created_at.desc(), made.instance_orthanc_id)
        if study_uid is not None:
            query = query.where(made.study_uid == study_uid)
        if series_uid is not None:
            query = query.where(made.series_uid == series_uid)
        query = query.limit(limit).offset(offset)
        with self._sessions() as session:
            return [_result(row) for row in session.scalars(query)]

    @as_store_error
    def result_instances(self) -> list[OrthancId]:
        """Return the Orthanc identifiers of all structure sets that have results."""
        query = select(models.StructureResult.instance_orthanc_id)
        with self._sessions() as session:
            return [OrthancId(found) for found in session.scalars(query)]

    @as_store_error
    def count_results(self) -> int:
        """Return how many structure sets have results."""
        with self._sessions() as session:
            return session.scalar(select(func.count()).select_from(models.StructureResult)) or 0

    @as_store_error
    def forget_instance(self, orthanc_id: OrthancId) -> ResultRecord | None:
        """Forget the results of a structure set and what its jobs awaited; return what was known."""
        with self._sessions.begin() as session:
            jobs = select(models.JobSubject.job_id).where(models.JobSubject.instance_orthanc_id == orthanc_id)
            session.execute(delete(models.Awaited).where(models.Awaited.job_id.in_(jobs)))
            row = session.get(models.StructureResult, orthanc_id)
            if row is None:
                return None
            session.delete(row)
            return _result(row)

    # Workers

    @as_store_error
    def heartbeat(self, name: str, process_id: int, started_at: datetime) -> None:
        """Remember that a worker lives now."""
        with self._sessions.begin() as session:
            session.merge(
                models.Worker(
                    name=name, process_id=process_id, started_at=started_at, heartbeat_at=datetime.now(UTC)
                )
            )

    @as_store_error
    def workers(self) -> dict[str, datetime]:
        """Return each worker's last sign of life."""
        with self._sessions() as session:
            return {row.name: row.heartbeat_at for row in session.scalars(select(models.Worker))}

    @as_store_error
    def silent_workers(self, silent_for: timedelta) -> list[str]:
        """Return the workers without a sign of life for so long."""
        limit = datetime.now(UTC) - silent_for
        with self._sessions() as session:
            return list(session.scalars(select(models.Worker.name).where(models.Worker.heartbeat_at < limit)))

    @as_store_error
    def forget_workers(self, names: Sequence[str], silent_for: timedelta) -> None:
        """Strike out those of these workers that have given no sign of life for so long."""
        limit = datetime.now(UTC) - silent_for
        with self._sessions.begin() as session:
            session.execute(
                delete(models.Worker).where(models.Worker.name.in_(names), models.Worker.heartbeat_at < limit)
            )


def _subject(row: models.JobSubject | models.StructureResult) -> StructureSubject:
    return StructureSubject(
        StudyUid(row.study_uid),
        SeriesUid(row.series_uid),
        SopInstanceUid(row.sop_instance_uid),
        OrthancId(row.instance_orthanc_id),
    )


def _awaited(row: models.Awaited) -> AwaitedImages:
    return AwaitedImages(
        study_uid=StudyUid(row.study_uid),
        image_series_uid=None if row.image_series_uid is None else SeriesUid(row.image_series_uid),
        images_present=row.images_present,
        images_missing=row.images_missing,
        reason=row.reason,
        blocking=row.blocking,
        since=row.since,
    )


def _result(row: models.StructureResult) -> ResultRecord:
    return ResultRecord(
        subject=_subject(row),
        job_id=JobId(row.job_id),
        folder=row.folder,
        regions=row.regions,
        regions_with_problems=row.regions_with_problems,
        created_at=row.created_at,
    )
