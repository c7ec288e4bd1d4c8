"""A whole run: refusal, filling, rounds, removal, results."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.analysis import analyse
from orthanc_plugins.benchmark.ceiling import ceiling_of, ceiling_site
from orthanc_plugins.benchmark.cleaning import clean_leftovers
from orthanc_plugins.benchmark.conditions import Circumstances, circumstances_of
from orthanc_plugins.benchmark.dataset import DatasetSize, StudyMaker, patient_prefix
from orthanc_plugins.benchmark.dimse import StoreUpload, why_not_asked
from orthanc_plugins.benchmark.hardware import hardware
from orthanc_plugins.benchmark.journal import JOURNALS, Journal
from orthanc_plugins.benchmark.measuring import Rounds, Turn, make_schedule
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.refusal import refuse_company, refuse_production
from orthanc_plugins.benchmark.results import ArchiveFacts, Results
from orthanc_plugins.benchmark.site import Ground
from orthanc_plugins.benchmark.telling import left_there
from orthanc_plugins.benchmark.users import Users
from orthanc_plugins.benchmark.verification import verify_study
from orthanc_plugins.benchmark.workloads import QueryAll, QueryOne, StowUpload, WadoRetrieve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orthanc_plugins.archives.base import DicomFile
    from orthanc_plugins.benchmark.measuring import Measured
    from orthanc_plugins.benchmark.plan import Plan
    from orthanc_plugins.benchmark.site import Site
    from orthanc_plugins.benchmark.targets import DicomAddress, Target
    from orthanc_plugins.benchmark.workloads import Workload

_UPLOADS, _LISTINGS, _SEARCHES, _RETRIEVALS = 2, 5, 10, 2
"""Warm readings of one visit."""
_OPENINGS_OF_10, _OPENINGS_OF_50 = 5, 3
"""Patients each of several users opens in one visit."""


@dataclass
class Run:
    """One run against both archives.

    Parameters
    ----------
    plan
        What it is to do.
    targets
        Both archives.
    folder
        Where journals are kept, below `JOURNALS`.
    say
        Told what goes on, in a line.
    check
        Called between measurements; may raise to end the run.
    notes
        What is to be known of the circumstances, to stand in the results.
    """

    plan: Plan
    targets: Mapping[ArchiveName, Target]
    folder: Path
    say: Callable[[str], None]
    check: Callable[[], None] = lambda: None
    notes: Sequence[str] = ()
    _noted: list[str] = field(default_factory=list, init=False)
    _not_asked: list[str] = field(default_factory=list, init=False)
    _ceilings: dict[tuple[str, str], float] = field(default_factory=dict, init=False)
    _told: int | None = field(default=None, init=False)

    def go(self, *, i_mean_it: bool = False) -> Results:
        """Do it all and return what was found; what was sent is removed again, however the run ends.

        Whether that could be done is told by the results (`Results.is_clean`); the journal stays where not.

        Raises
        ------
        BenchmarkRefused
            An archive is one that people work with, and that was not said to be meant.
        BenchmarkError
            The archives cannot be compared, or one stopped answering.
        ArchiveError
            An archive does not answer, or refuses.
        """
        started = datetime.now(UTC)
        clean_leftovers(self.folder, self.targets, self.say)
        if not i_mean_it:
            refuse_production(self.targets.values())
        refuse_company(self.folder, self.targets.values())
        machine = hardware()
        around = circumstances_of(self.targets)
        with Journal(self.folder / JOURNALS, self.plan.run_id, self.targets) as journal:
            ground = self._ground(journal)
            with self._cleaned(around, journal):
                workloads = self._workloads(ground, around)
                self._fill(ground, around)
                schedule = make_schedule(tuple(workloads), self.plan.rounds, self.plan.seed)
                if workloads:
                    self._measure_client(workloads, ground)
                measured = self._rounds(workloads, around).go(schedule)
        self.say("working out what it says")
        return Results(
            plan=self.plan,
            started=started,
            ended=datetime.now(UTC),
            hardware=machine,
            load_after=round(os.getloadavg()[0], 2),
            archives=self._facts(around, measured),
            rows=analyse([one.kind for one in workloads.values()], measured.samples, self.plan.seed),
            ceilings=self._ceilings,
            not_asked=self._not_asked,
            notes=self.notes,
            schedule=schedule,
            samples=measured.samples,
            memory=measured.memory,
        )

    def _facts(
        self, around: Mapping[ArchiveName, Circumstances], measured: Measured
    ) -> dict[ArchiveName, ArchiveFacts]:
        asked = set(self.plan.questions)
        with_memory, with_disk = Question.MEMORY in asked, Question.DISK in asked
        return {
            name: one.facts(measured.memory, with_memory=with_memory, with_disk=with_disk)
            for name, one in around.items()
        }

    def _ground(self, journal: Journal) -> Ground:
        def note(study_uids: Iterable[str]) -> None:
            uids = list(study_uids)
            journal.note(uids)
            self._noted += uids

        maker = StudyMaker(self.plan.run_id, self.plan.seed)
        return Ground(maker, DatasetSize.scaled(self.plan.scale), note)

    @contextmanager
    def _cleaned(self, around: Mapping[ArchiveName, Circumstances], journal: Journal) -> Iterator[None]:
        """Remove at the end of the block, also of one that fails, all that was sent."""
        try:
            yield
        finally:
            self.say("removing what was sent")
            for one in around.values():
                one.clean(patient_prefix(self.plan.run_id), self._noted)
                if one.cleaning or one.left_behind:
                    left = one.cleaning or f"{left_there(one.left_behind or 0)}."
                    self.say(f"{one.target.title} is not clean: {left}")
            if all(one.left_behind == 0 for one in around.values()):
                journal.forget()

    def _workloads(self, ground: Ground, around: Mapping[ArchiveName, Circumstances]) -> dict[str, Workload]:
        """Return what is asked, by its key."""
        wanted: dict[Question, Callable[[], list[Workload]]] = {
            Question.UPLOAD: lambda: [StowUpload(ground, _UPLOADS), *self._c_store(ground, around)],
            Question.QUERY: lambda: [QueryAll(ground, _LISTINGS), QueryOne(ground, _SEARCHES)],
            Question.RETRIEVE: lambda: [WadoRetrieve(ground, _RETRIEVALS)],
            Question.USERS_10: lambda: [Users(ground, 10, _OPENINGS_OF_10)],
            Question.USERS_50: lambda: [Users(ground, 50, _OPENINGS_OF_50)],
        }
        made = [one for question, make in wanted.items() if question in self.plan.questions for one in make()]
        if not made and Question.MEMORY in self.plan.questions:
            made = [one for question in (Question.QUERY, Question.RETRIEVE) for one in wanted[question]()]
        return {workload.kind.key: workload for workload in made}

    def _c_store(self, ground: Ground, around: Mapping[ArchiveName, Circumstances]) -> Sequence[StoreUpload]:
        """Return the upload by C-STORE, none where one of the archives takes none from here."""
        addresses: dict[ArchiveName, DicomAddress] = {}
        for name, one in around.items():
            address = one.target.dicom or one.description.dicom
            why = "its DICOM address is not known" if address is None else why_not_asked(address)
            if why or address is None:
                self._not_asked.append(f"Upload by C-STORE: {one.target.title}: {why}.")
            else:
                addresses[name] = address
        return [StoreUpload(ground, addresses, _UPLOADS)] if len(addresses) == len(around) else []

    def _fill(self, ground: Ground, around: Mapping[ArchiveName, Circumstances]) -> None:
        """Give both archives the same before anything is timed, and see that they have it."""
        patients, large = ground.patients(), ground.large_study()
        ground.note([large.study_uid, *(study.study_uid for study in patients)])
        for one in around.values():
            self.check()
            self.say(f"filling {one.target.title}: {len(patients):,} patients, {large.images} images")
            large_bytes = _put(one.site, large.files())
            all_bytes = large_bytes + _put(one.site, (file for study in patients for file in study.files()))
            verify_study(one.site, large)
            one.after_filling((large.study_uid, large_bytes), all_bytes)

    def _rounds(
        self, workloads: Mapping[str, Workload], around: Mapping[ArchiveName, Circumstances]
    ) -> Rounds:
        return Rounds(
            workloads,
            {name: one.site for name, one in around.items()},
            {name: one.watches for name, one in around.items()},
            self._on_turn,
        )

    def _on_turn(self, turn: Turn, place: int, turns: int) -> None:
        """Tell each round once, with how many of all questions were asked before it."""
        self.check()
        if turn.round != self._told:
            self._told = turn.round
            which = f"round {turn.round} of {self.plan.rounds}" if turn.round > 0 else "warming up"
            self.say(f"{which} ({place - 1} of {turns} questions asked)")

    def _measure_client(self, workloads: Mapping[str, Workload], ground: Ground) -> None:
        """Find how fast the client itself is in each workload.

        Its data are those of the round that does not count; they are made again for it, and no archive gets
        them from here.
        """
        dicom = any(isinstance(one, StoreUpload) for one in workloads.values())
        with ceiling_site(ground, dicom=dicom) as (site, address):
            for key, workload in workloads.items():
                self.check()
                self.say(f"the client alone: {key}")
                alone = workload
                if isinstance(workload, StoreUpload) and address is not None:
                    alone = StoreUpload(ground, dict.fromkeys(ArchiveName, address), _UPLOADS)
                alone.prepare(0)
                for condition, duration_s in ceiling_of(alone, site).items():
                    self._ceilings[key, condition] = duration_s


def _put(site: Site, files: Iterable[DicomFile]) -> int:
    """Store files and return how many bytes they had."""
    sent_bytes = 0

    def counted() -> Iterator[DicomFile]:
        nonlocal sent_bytes
        for file in files:
            sent_bytes += len(file.content)
            yield file

    site.put(counted())
    return sent_bytes
