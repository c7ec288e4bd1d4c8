"""Durable jobs: what may be asked, how it is asked, how it stands.

What it is for: the plugin and the routes ask for work here; workers, perhaps on other machines, do it
(``workflows``). A job survives the death of every process.

Public: ``JobQueue`` (the protocol), ``DbosQueue``, ``Doorbell``, ``Listener`` and ``QueuePolling`` (how a
worker hears of jobs), the requests and the records.

Decisions
---------
2026-11: DBOS, on SQLite by default and on PostgreSQL when shared. A job's identifier is its workflow's.
2026-11: a job whose images are missing ends its workflow with the outcome ``waiting`` and is rewound
    when they come. It costs nothing while it waits, however many wait and however long.
2026-11: a new job rings a bell (a named pipe) at the workers of this machine, which look into the queue at
    once: 5 ms after the request instead of up to 0.5 s, and no more looks while nothing happens. Workers on
    other machines, and whoever misses it, find the job at their next look.
2026-11: retry rewinds the same workflow, so that a job keeps its identifier.
2026-11: work between archives waits in a queue of its own: an archive that is slow or a window at night keeps
    back no structure set.
"""

from orthanc_plugins.jobs.dbos_queue import APPLICATION, APPLICATION_VERSION, DbosQueue
from orthanc_plugins.jobs.doorbell import Doorbell, Listener
from orthanc_plugins.jobs.messages import (
    DOSES_SEEN,
    ENGINE,
    QUEUE,
    RELEASE_QUEUE,
    RELEASING,
    TRANSFER_QUEUE,
    WAITING,
    DeidentificationOrder,
    Job,
    JobFailure,
    JobKind,
    JobRequest,
    JobState,
    JobStep,
    JsonValue,
    compare_archives_request,
    compare_structures_request,
    compare_study_request,
    deidentification_of_job,
    deidentify_study_request,
    extract_structures_request,
    forward_study_request,
    offer_study_request,
    plan_repair_request,
    preview_release_request,
    remove_results_request,
    repair_study_request,
    report_comparison_request,
    rule_test_request,
    run_benchmark_request,
    study_of_forwarding,
    synchronise_request,
    transfer_job_id,
    transfer_of_job,
    transfer_study_request,
    undo_repair_request,
    verify_release_request,
)
from orthanc_plugins.jobs.of_study import beginnings_of_study
from orthanc_plugins.jobs.polling import QueuePolling
from orthanc_plugins.jobs.queue import JobQueue
from orthanc_plugins.jobs.serialisation import SERIALISER

__all__ = [
    "APPLICATION",
    "APPLICATION_VERSION",
    "DOSES_SEEN",
    "ENGINE",
    "QUEUE",
    "RELEASE_QUEUE",
    "RELEASING",
    "SERIALISER",
    "TRANSFER_QUEUE",
    "WAITING",
    "DbosQueue",
    "DeidentificationOrder",
    "Doorbell",
    "Job",
    "JobFailure",
    "JobKind",
    "JobQueue",
    "JobRequest",
    "JobState",
    "JobStep",
    "JsonValue",
    "Listener",
    "QueuePolling",
    "beginnings_of_study",
    "compare_archives_request",
    "compare_structures_request",
    "compare_study_request",
    "deidentification_of_job",
    "deidentify_study_request",
    "extract_structures_request",
    "forward_study_request",
    "offer_study_request",
    "plan_repair_request",
    "preview_release_request",
    "remove_results_request",
    "repair_study_request",
    "report_comparison_request",
    "rule_test_request",
    "run_benchmark_request",
    "study_of_forwarding",
    "synchronise_request",
    "transfer_job_id",
    "transfer_of_job",
    "transfer_study_request",
    "undo_repair_request",
    "verify_release_request",
]
