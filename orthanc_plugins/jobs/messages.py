"""What may be asked of the workers, and how a job is described.

A job's identifier is derived from what the job acts on, so that asking twice for the same work gives
one job. Arguments, results and errors are stored: identifiers and small numbers only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from orthanc_plugins.engine import engine_digest
from orthanc_plugins.identifiers import JobId, OrthancId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from orthanc_plugins.identifiers import StudyUid

type JsonValue = bool | int | float | str | list[JsonValue] | Mapping[str, JsonValue] | None

WAITING = "waiting"
"""Value of ``outcome`` in the result of a workflow that ended because images are missing."""

DOSES_SEEN = "doses_seen"
"""Key in the result of an extraction: SOP Instance UIDs of the RT Doses of its study that it has seen."""

ENGINE = "engine"
"""Key in the result of an extraction: which engine made it, see `engine_digest`."""


QUEUE = "pacs-suite"
"""Name of the queue of work on what Orthanc holds."""

TRANSFER_QUEUE = "pacs-transfers"
"""Name of the queue of work between archives, which may take hours."""

RELEASE_QUEUE = "pacs-releases"
"""Name of the queue of studies that are de-identified, which needs processor and memory."""


class JobKind(StrEnum):
    """The kinds of work, named as the workflows that do it."""

    EXTRACT_STRUCTURES = "extract_structures"
    REMOVE_RESULTS = "remove_results"
    COMPARE_STRUCTURES = "compare_structures"
    FORWARD_STUDY = "forward_study"
    TRANSFER_STUDY = "transfer_study"
    SYNCHRONISE = "synchronise"
    COMPARE_STUDY = "compare_study"
    COMPARE_ARCHIVES = "compare_archives"
    REPORT_COMPARISON = "report_comparison"
    TEST_RULES = "test_rules"
    PLAN_REPAIR = "plan_repair"
    REPAIR_STUDY = "repair_study"
    UNDO_REPAIR = "undo_repair"
    RUN_BENCHMARK = "run_benchmark"
    OFFER_STUDY = "offer_study"
    DEIDENTIFY_STUDY = "deidentify_study"
    VERIFY_RELEASE = "verify_release"
    PREVIEW_RELEASE = "preview_release"

    @property
    def queue(self) -> str:
        """Name of the queue it waits in: a transfer that takes all night keeps back no structure set."""
        if self in RELEASING:
            return RELEASE_QUEUE
        return QUEUE if self in _COMPUTING else TRANSFER_QUEUE


RELEASING = frozenset({JobKind.DEIDENTIFY_STUDY, JobKind.VERIFY_RELEASE, JobKind.PREVIEW_RELEASE})
"""Kinds that de-identify a study, in a work folder that holds originals."""

_REVERSIBLE = "reversible"
_ONE_PERSON = "one-person"
_AFTER_ALL_ELSE = 200
"""Turn of a transfer of priority 0: what only asks archives does not wait for what sends."""

_COMPUTING = frozenset(
    {
        JobKind.EXTRACT_STRUCTURES,
        JobKind.REMOVE_RESULTS,
        JobKind.COMPARE_STRUCTURES,
        JobKind.FORWARD_STUDY,
        JobKind.TEST_RULES,
        JobKind.REPORT_COMPARISON,
        JobKind.OFFER_STUDY,
    }
)
"""Kinds that no archive but Orthanc itself can keep waiting."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself; a waiting job has not ended, only paused."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True)
class JobRequest:
    """Work asked for: which kind, under which identifier, with which arguments.

    Of those that wait in one queue the smallest ``turn`` comes first, then the oldest.
    """

    kind: JobKind
    job_id: JobId
    arguments: tuple[str, ...]
    turn: int = 0


@dataclass(frozen=True)
class JobFailure:
    """Why a job failed: the name of the error and a text a person understands."""

    name: str
    message: str


@dataclass(frozen=True)
class JobStep:
    """One finished step of a workflow; ``failure`` is None when it went well."""

    name: str
    started_at: datetime | None
    duration_s: float | None
    failure: JobFailure | None


@dataclass(frozen=True)
class Job:
    """A job as it stands now; times are UTC, those of its last run, None when not yet reached."""

    job_id: JobId
    kind: JobKind
    state: JobState
    requested_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    worker: str | None
    result: Mapping[str, JsonValue] | None
    failure: JobFailure | None


def extract_structures_request(instance: OrthancId, content_md5: str) -> JobRequest:
    """Return the request to process a structure set.

    Parameters
    ----------
    instance
        Orthanc identifier of the RT Structure Set.
    content_md5
        MD5 of the stored file as Orthanc tells it, so that a changed file of the same UID is a new job.
    """
    job_id = JobId(f"extract-structures.{instance}.{content_md5}")
    return JobRequest(JobKind.EXTRACT_STRUCTURES, job_id, (instance,))


def remove_results_request(instance: OrthancId, event: str) -> JobRequest:
    """Return the request to remove the results of a structure set that Orthanc no longer holds.

    Parameters
    ----------
    instance
        Orthanc identifier the structure set had.
    event
        Tells one deletion from the next: the same instance can come and go many times.
    """
    return JobRequest(JobKind.REMOVE_RESULTS, JobId(f"remove-results.{instance}.{event}"), (instance,))


def compare_structures_request(
    first: tuple[OrthancId, str], second: tuple[OrthancId, str], match: str, numbers: tuple[int, int] | None
) -> JobRequest:
    """Return the request to compare two structure sets, or one with itself, by the engine of today.

    What another engine has found is another job: its records may mean something else.

    Parameters
    ----------
    first, second
        Orthanc identifier of each set, and MD5 of its stored file.
    match
        How regions are paired: ``name`` or ``overlap``.
    numbers
        ROI Numbers of the one pair to compare, of the first set and of the second; None for all.
    """
    pair = "" if numbers is None else f"{numbers[0]}={numbers[1]}"
    content = "|".join((engine_digest(), *first, *second, match, pair))
    job_id = JobId(f"compare-structures.{hashlib.sha256(content.encode()).hexdigest()}")
    return JobRequest(JobKind.COMPARE_STRUCTURES, job_id, (first[0], second[0], match, pair))


def compare_study_request(study_uid: StudyUid, depth: str) -> JobRequest:
    """Return the request to compare a study between the archives; asked again, it is the same job.

    ``depth`` is ``instance`` or ``content``.
    """
    job_id = JobId(f"compare-study.{study_uid}.{depth}")
    return JobRequest(JobKind.COMPARE_STUDY, job_id, (study_uid, depth))


def compare_archives_request(
    depth: str, *, again: bool, token: str, until: datetime | None = None
) -> JobRequest:
    """Return the request to compare everything that both archives hold.

    Parameters
    ----------
    depth
        ``instance``: what is where; ``content``: also what is in it, study by study.
    again
        Whether to compare the content of studies, too, that have not changed since they were compared.
    token
        Tells one comparison from the next.
    until
        When the content of no further study is begun; aware. The rest is left to the next comparison.
    """
    arguments = (depth, "again" if again else "changed", "" if until is None else until.isoformat())
    return JobRequest(JobKind.COMPARE_ARCHIVES, JobId(f"compare-archives.{token}"), arguments)


def report_comparison_request(study_uid: StudyUid, compared_at: datetime) -> JobRequest:
    """Return the request to make the reports of a study's comparison of a time."""
    job_id = JobId(f"report-comparison.{study_uid}.{compared_at:%Y%m%dT%H%M%S%f}")
    return JobRequest(JobKind.REPORT_COMPARISON, job_id, (study_uid,))


def synchronise_request(token: str, *, full: bool) -> JobRequest:
    """Return the request for a round of synchronisation now; ``full`` lists everything anew."""
    arguments = ("full" if full else "changed",)
    return JobRequest(JobKind.SYNCHRONISE, JobId(f"synchronise.{token}"), arguments)


def forward_study_request(study: OrthancId, content: str) -> JobRequest:
    """Return the request to decide by the rules what of a study is sent on.

    Parameters
    ----------
    study
        Orthanc identifier of the study.
    content
        Tells what the study held, so that one to which something was added is another job.
    """
    return JobRequest(JobKind.FORWARD_STUDY, JobId(f"forward-study.{study}.{content}"), (study,))


def study_of_forwarding(job_id: JobId) -> OrthancId:
    """Return the study that a job of this kind decides about."""
    return OrthancId(job_id.removeprefix("forward-study.").partition(".")[0])


def transfer_study_request(transfer_id: str, priority: int = 0) -> JobRequest:
    """Return the request to do a transfer of the ledger; the higher its ``priority`` (to 100), the sooner."""
    job_id = transfer_job_id(transfer_id)
    return JobRequest(JobKind.TRANSFER_STUDY, job_id, (transfer_id,), _AFTER_ALL_ELSE - priority)


def transfer_job_id(transfer_id: str) -> JobId:
    """Return the identifier of the job that does a transfer."""
    return JobId(f"transfer-study.{transfer_id}")


def transfer_of_job(job_id: JobId) -> str:
    """Return the identifier of the transfer that a job of this kind does."""
    return job_id.removeprefix(transfer_job_id(""))


def rule_test_request(token: str) -> JobRequest:
    """Return the request to try a rule on stored studies; ``token`` names this trial and its files."""
    return JobRequest(JobKind.TEST_RULES, JobId(f"test-rules.{token}"), (token,))


def plan_repair_request(repair_id: str, *, apply: bool) -> JobRequest:
    """Return the request to plan a repair; ``apply`` has it carried out at once, without being looked at."""
    arguments = (repair_id, "apply" if apply else "plan")
    return JobRequest(JobKind.PLAN_REPAIR, JobId(f"plan-repair.{repair_id}"), arguments)


def repair_study_request(repair_id: str, token: str) -> JobRequest:
    """Return the request to carry out a repair's plan.

    ``token`` tells one time it is asked for from the next, as after a person has decided more of it.
    """
    return JobRequest(JobKind.REPAIR_STUDY, JobId(f"repair-study.{repair_id}.{token}"), (repair_id,))


def undo_repair_request(repair_id: str, token: str) -> JobRequest:
    """Return the request to undo a repair; ``token`` as of `repair_study_request`."""
    return JobRequest(JobKind.UNDO_REPAIR, JobId(f"undo-repair.{repair_id}.{token}"), (repair_id,))


def run_benchmark_request(benchmark_id: str) -> JobRequest:
    """Return the request to run a benchmark that the store knows under this name."""
    return JobRequest(JobKind.RUN_BENCHMARK, JobId(f"run-benchmark.{benchmark_id}"), (benchmark_id,))


def offer_study_request(study: OrthancId, content: str) -> JobRequest:
    """Return the request to decide by the rules for which project a study is de-identified, if for any.

    ``content`` as of `forward_study_request`.
    """
    return JobRequest(JobKind.OFFER_STUDY, JobId(f"offer-study.{study}.{content}"), (study,))


@dataclass(frozen=True)
class DeidentificationOrder:
    """What is asked of a study: for which project, by which profile, and whether the way back is kept.

    ``content`` tells what the study held (`forward_study_request`): what was added later is another order.
    ``one_person`` says that somebody has looked, and names and birth dates that differ are one patient's.
    ``asker`` is for the audit trail: an account of the site's staff, or a rule; empty where nobody signed in.
    Who asks second for the same gets the same job, which keeps its first asker.
    An order names the original and nothing of what becomes of it.
    """

    study: OrthancId
    project: str
    profile: str
    reversible: bool
    content: str
    one_person: bool = False
    asker: str = ""

    @classmethod
    def of_arguments(cls, arguments: Sequence[str]) -> Self:
        """Return the order of a job's arguments; those of before askers were recorded end without one."""
        study, project, profile, reversible, content, person, *asker = arguments
        return cls(
            OrthancId(study),
            project,
            profile,
            reversible == _REVERSIBLE,
            content,
            person == _ONE_PERSON,
            *asker,
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of the job that carries it out."""
        return (*self._wanted, self.asker)

    @property
    def digest(self) -> str:
        """Tells this order from every other, whoever asks, in 32 hex digits."""
        return hashlib.sha256("|".join(self._wanted).encode()).hexdigest()[:32]

    @property
    def _wanted(self) -> tuple[str, ...]:
        """What is asked for, whoever asks."""
        kept = _REVERSIBLE if self.reversible else "irreversible"
        person = _ONE_PERSON if self.one_person else "as-is"
        return (self.study, self.project, self.profile, kept, self.content, person)


def deidentify_study_request(order: DeidentificationOrder) -> JobRequest:
    """Return the request to de-identify a study and to deliver it; the same order is the same job."""
    job_id = JobId(f"deidentify-study.{order.study}.{order.project}.{order.digest}")
    return JobRequest(JobKind.DEIDENTIFY_STUDY, job_id, order.arguments)


def deidentification_of_job(job_id: JobId) -> tuple[OrthancId, str, str]:
    """Return of which study a job of `deidentify_study_request` is, its project and its order's digest."""
    study, _, rest = job_id.removeprefix("deidentify-study.").partition(".")
    project, _, digest = rest.rpartition(".")
    return OrthancId(study), project, digest


def verify_release_request(order: DeidentificationOrder, token: str) -> JobRequest:
    """Return the request to look again at what was released by an order; ``token`` names this look."""
    job_id = JobId(f"verify-release.{order.study}.{order.project}.{order.digest}.{token}")
    return JobRequest(JobKind.VERIFY_RELEASE, job_id, order.arguments)


def preview_release_request(order: DeidentificationOrder, preview_id: str, sample: int) -> JobRequest:
    """Return the request to show what an order would make of a study; nothing is released.

    ``preview_id`` names it and its files; it is of ``sample`` objects, spread over the study, of all for 0.
    """
    job_id = JobId(f"preview-release.{order.study}.{order.project}.{preview_id}")
    return JobRequest(JobKind.PREVIEW_RELEASE, job_id, (*order.arguments, preview_id, str(sample)))
