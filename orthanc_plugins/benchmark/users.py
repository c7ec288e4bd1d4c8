"""Several users at once: each finds a patient, opens the study and retrieves it, again and again."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.benchmark.connection import DICOM, JSON, NOT_ANSWERED, Answer, Connection
from orthanc_plugins.benchmark.dataset import SMALL_EDGE
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.samples import Condition, Outcome, Reading, WrongAnswer
from orthanc_plugins.benchmark.upkeep import value
from orthanc_plugins.benchmark.workloads import RowKind, judge_files, judge_studies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.benchmark.dataset import SyntheticStudy
    from orthanc_plugins.benchmark.site import Ground, Site

_REDIRECT = 300
_SERIES_UID = "0020000E"
_QUESTIONS = {10: Question.USERS_10, 50: Question.USERS_50}
_PATIENCE_S = 60.0


@dataclass
class Users:
    """So many users, who begin at the same moment; each has a connection of his own.

    Parameters
    ----------
    users
        10 or 50.
    repeats
        How many patients each of them opens.
    """

    ground: Ground
    users: int
    repeats: int
    _choices: Sequence[Sequence[SyntheticStudy]] = field(default=(), init=False)

    @property
    def kind(self) -> RowKind:
        """What it is."""
        return RowKind(
            f"users_{self.users}",
            _QUESTIONS[self.users],
            f"{self.users} users at once",
            "QIDO-RS, WADO-RS",
            "one user's GET /studies?PatientID=…, GET /studies/UID/series and GET /studies/UID (one CT "
            f"image of {SMALL_EDGE} x {SMALL_EDGE}), while {self.users - 1} others do the same with other "
            "patients",
            {
                Condition.SESSION: f"every user has a connection of his own and opens {self.repeats} "
                "patients one after the other, without a pause; the first time, the connection is opened, too"
            },
        )

    def prepare(self, round_number: int) -> None:
        """Choose the patients each user opens, the same for both archives."""
        choice = random.Random(f"{self.ground.maker.seed}|{round_number}|{self.users}")  # noqa: S311 - no secret
        patients = self.ground.patients()
        self._choices = [choice.choices(patients, k=self.repeats) for _ in range(self.users)]

    def visit(self, site: Site) -> Iterator[Reading]:
        """Let all users work, and yield how long each opening took."""
        start = threading.Barrier(self.users)
        stop = threading.Event()
        with ThreadPoolExecutor(self.users) as pool:
            working = [pool.submit(_work, site.connect(), studies, start, stop) for studies in self._choices]
            try:
                readings = [reading for user in working for reading in user.result()]
            except BaseException:
                stop.set()
                start.abort()
                raise
        yield from readings

    def clear_up(self, site: Site) -> None:
        """Do nothing: users change nothing."""


def _work(
    connection: Connection,
    studies: Sequence[SyntheticStudy],
    start: threading.Barrier,
    stop: threading.Event,
) -> list[Reading]:
    readings = []
    with connection:
        start.wait(_PATIENCE_S)
        for study in studies:
            if stop.is_set():
                break
            readings.append(_open(connection, study))
    return readings


def _open(connection: Connection, study: SyntheticStudy) -> Reading:
    """Return how long it took to find a patient and to retrieve the study."""
    began = time.perf_counter()
    try:
        answers = _ask(connection, study)
        duration_s = time.perf_counter() - began
        found = _judge(answers, study)
    except _RefusedError as error:
        return Reading(Condition.SESSION, time.perf_counter() - began, Outcome.FAILED, str(error))
    except NOT_ANSWERED as error:
        return Reading(Condition.SESSION, time.perf_counter() - began, Outcome.FAILED, type(error).__name__)
    except WrongAnswer as error:
        return Reading(Condition.SESSION, duration_s, Outcome.WRONG, str(error))
    size_bytes = sum(answer.size_bytes for answer in answers)
    return Reading(Condition.SESSION, duration_s, Outcome.OK, "", size_bytes, found)


class _RefusedError(Exception):
    """An archive answered with an error."""


def _ask(connection: Connection, study: SyntheticStudy) -> tuple[Answer, Answer, Answer]:
    def whole(path: str, headers: Mapping[str, str] = JSON) -> Answer:
        answer = connection.ask("GET", path, headers=headers, count_parts=headers is DICOM)
        if answer.status >= _REDIRECT:
            raise _RefusedError(f"HTTP {answer.status}")
        return answer

    return (
        whole(f"/studies?PatientID={study.patient_id}"),
        whole(f"/studies/{study.study_uid}/series"),
        whole(f"/studies/{study.study_uid}", DICOM),
    )


def _judge(answers: tuple[Answer, Answer, Answer], study: SyntheticStudy) -> int:
    studies, series, files = answers
    judge_studies(studies, {study.study_uid: study.patient_id})
    try:
        found = [value(row, _SERIES_UID) for row in series.rows]
    except ValueError:
        raise WrongAnswer("the answer is no list of series") from None
    if found != [study.series_uid]:
        raise WrongAnswer(f"{len(found)} series of 1")
    return judge_files(files, study)
