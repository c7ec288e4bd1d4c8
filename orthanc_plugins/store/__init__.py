"""The suite's memory, apart from the archives and from the durable jobs.

What it is for: positions in Orthanc's change log, what each job acts on, which images are awaited,
the phases of each job, where results are, which workers live; identifiers and numbers only. And the inventory
of both archives, the one place with more: PatientID, PatientName and StudyDate of each study.

Public: ``Store`` and its records, ``create_store_engine``, ``migrate``. SQLAlchemy and Alembic live
in this room only.

Decisions
---------
2026-11: a table of its own for what jobs act on, because the durable engine cannot search its
    attributes on SQLite.
2026-11: the inventory (``inventory_studies``) holds patients' names and identifiers. Patients are found
    across both archives, compared and paged in one statement over it, also while an archive is away; asking
    both archives each time can do none of that. The database is therefore to be kept like the archives
    themselves. Everything else still holds identifiers of studies and numbers only, and nothing of a patient
    goes from the inventory into jobs, logs, metrics or error texts.
2026-12-01: what readers noted (``annotations``) is patients' data like the inventory's, and stays here.
    What is gone from Orthanc stays in the history and says since when.
2026-11: no row for each instance: a study's row has a digest of its instances, their keys stand beside it in
    one piece. Archives are compared over narrow rows, single studies exactly.
2026-11: values that a repair is about, and the files from before each change, are files that only their
    owner reads (``RepairFiles``); the tables hold tags.
2026-11-30: releases are of the released side alone, keyed by a digest that needs the project's key: who has
    the whole database cannot tell of which study a pseudonym is. The way back is the custodian's alone.
2026-11-30: pictures and values of originals that a person is shown, of held objects and previews, are files
    that only their owner reads (``ShownFiles``) and go after a short time; the tables have coordinates alone.
2026-11: SQLite with write-ahead logging by default, PostgreSQL when several machines share the work;
    one test suite runs on both.
"""

from orthanc_plugins.store.annotations import (
    AnnotatedObject,
    AnnotationFilter,
    AnnotationPage,
    NotedValue,
)
from orthanc_plugins.store.benchmarks import Benchmarks
from orthanc_plugins.store.benchmarks_records import (
    BenchmarkOutcome,
    BenchmarkRecord,
    BenchmarkRequest,
    BenchmarkState,
)
from orthanc_plugins.store.engine import create_store_engine
from orthanc_plugins.store.events import EVENT_SOURCES, EventPlace, SuiteEvent
from orthanc_plugins.store.growth import DayOfArchive, ModalitiesHeld
from orthanc_plugins.store.held import HeldObjects
from orthanc_plugins.store.held_records import Corners, DecisionRecord, HeldRecord
from orthanc_plugins.store.inventory import Inventory
from orthanc_plugins.store.inventory_notes import (
    Absence,
    ArchiveRun,
    ContentCheck,
    EventFilter,
    Hold,
    InventoryEvent,
    SideState,
    SyncRun,
    Tombstone,
    Writing,
)
from orthanc_plugins.store.inventory_records import (
    LEFT,
    RIGHT,
    ArchivePosition,
    ArchivesCoverage,
    EventKind,
    Holding,
    InventoryDifference,
    InventoryRow,
    InventorySummary,
    InventoryTotals,
    Page,
    PatientSummary,
    Presence,
    StudyChange,
    StudyFilter,
    StudyPair,
)
from orthanc_plugins.store.leases import Leases
from orthanc_plugins.store.migration import migrate
from orthanc_plugins.store.release_files import ReleaseFiles
from orthanc_plugins.store.releases import Releases
from orthanc_plugins.store.releases_records import (
    JOB_TELLS,
    ReleaseAsker,
    ReleaseFilter,
    ReleaseRecord,
    ReleaseState,
)
from orthanc_plugins.store.repair_files import RepairFiles
from orthanc_plugins.store.repairs import Repairs
from orthanc_plugins.store.repairs_records import (
    ActionRecord,
    ActionState,
    ChangeRecord,
    ChangeState,
    RepairRecord,
    RepairState,
)
from orthanc_plugins.store.repositories import (
    AwaitedImages,
    PhaseRecord,
    ResultRecord,
    Store,
    StructureSubject,
)
from orthanc_plugins.store.rule_trials import RuleTrialFiles
from orthanc_plugins.store.shown_files import ShownFiles, held_picture
from orthanc_plugins.store.transfers import Transfers
from orthanc_plugins.store.transfers_records import (
    Depth,
    InstanceState,
    TransferRecord,
    TransferredInstance,
    TransferRequest,
    TransferState,
    TransferTotals,
    WaitsFor,
)
from orthanc_plugins.store.transfers_views import TransferFilter

__all__ = [
    "EVENT_SOURCES",
    "JOB_TELLS",
    "LEFT",
    "RIGHT",
    "Absence",
    "ActionRecord",
    "ActionState",
    "AnnotatedObject",
    "AnnotationFilter",
    "AnnotationPage",
    "ArchivePosition",
    "ArchiveRun",
    "ArchivesCoverage",
    "AwaitedImages",
    "BenchmarkOutcome",
    "BenchmarkRecord",
    "BenchmarkRequest",
    "BenchmarkState",
    "Benchmarks",
    "ChangeRecord",
    "ChangeState",
    "ContentCheck",
    "Corners",
    "DayOfArchive",
    "DecisionRecord",
    "Depth",
    "EventFilter",
    "EventKind",
    "EventPlace",
    "HeldObjects",
    "HeldRecord",
    "Hold",
    "Holding",
    "InstanceState",
    "Inventory",
    "InventoryDifference",
    "InventoryEvent",
    "InventoryRow",
    "InventorySummary",
    "InventoryTotals",
    "Leases",
    "ModalitiesHeld",
    "NotedValue",
    "Page",
    "PatientSummary",
    "PhaseRecord",
    "Presence",
    "ReleaseAsker",
    "ReleaseFiles",
    "ReleaseFilter",
    "ReleaseRecord",
    "ReleaseState",
    "Releases",
    "RepairFiles",
    "RepairRecord",
    "RepairState",
    "Repairs",
    "ResultRecord",
    "RuleTrialFiles",
    "ShownFiles",
    "SideState",
    "Store",
    "StructureSubject",
    "StudyChange",
    "StudyFilter",
    "StudyPair",
    "SuiteEvent",
    "SyncRun",
    "Tombstone",
    "TransferFilter",
    "TransferRecord",
    "TransferRequest",
    "TransferState",
    "TransferTotals",
    "TransferredInstance",
    "Transfers",
    "WaitsFor",
    "Writing",
    "create_store_engine",
    "held_picture",
    "migrate",
]
