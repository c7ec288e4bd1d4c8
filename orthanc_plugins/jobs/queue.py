"""The queue of jobs as the rest of the suite sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.jobs.messages import Job, JobKind, JobRequest, JobState, JobStep


class JobQueue(Protocol):
    """Durable jobs: asked for here, done by workers, perhaps on other machines.

    Every method raises JobError when the queue's database cannot be used.
    """

    def submit(self, request: JobRequest) -> JobId:
        """Ask for work. Asking again for the same job changes nothing, whatever its state."""

    def run_again(self, job_id: JobId) -> None:
        """Do a paused or ended job again from its start; it tells when it was asked for again.

        Raises
        ------
        JobNotFound
            No job has this identifier.
        JobActive
            The job is queued or runs.
        """

    def cancel(self, job_id: JobId) -> None:
        """Stop a queued, paused or running job at its next step; an ended one stays as it is.

        Raises
        ------
        JobNotFound
            No job has this identifier.
        """

    def job(self, job_id: JobId) -> Job:
        """Return a job as it stands now.

        Raises
        ------
        JobNotFound
            No job has this identifier.
        """

    def jobs(  # noqa: PLR0913 - each is a filter of its own
        self,
        *,
        job_ids: Sequence[JobId] | None = None,
        beginnings: Sequence[str] | None = None,
        states: Collection[JobState] | None = None,
        kind: JobKind | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[Job]:
        """Return jobs, those first asked for last at the top: of the given identifiers, states and kind.

        Of several ``beginnings`` a job's identifier has one.
        """

    def steps(self, job_id: JobId) -> list[JobStep]:
        """Return the finished steps of a job in their order."""

    def counts(self) -> Mapping[tuple[JobKind, JobState], int]:
        """Return how many jobs of each kind are in each state; a paused job counts as succeeded."""

    def revision(self) -> str:
        """Return a short token that changes when a job is asked for, taken up or ends."""

    def close(self) -> None:
        """Give back all connections."""
