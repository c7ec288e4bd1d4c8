"""What is asked of both archives: upload, query and retrieval over DICOMweb, one user at a time.

A workload visits an archive once in each round. The first reading of a visit is cold, those after it are
warm: the connection is kept and the same was just asked. The data are the same on both sides; answers are
judged against what was stored, after the clock has stopped.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from orthanc_plugins.benchmark.connection import DICOM, NOT_ANSWERED, Answer, Connection
from orthanc_plugins.benchmark.multipart import STOW_HEADERS, stow_body
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.samples import Condition, Outcome, Reading, WrongAnswer, timed
from orthanc_plugins.benchmark.upkeep import PATIENT_ID, SOP_INSTANCE_UID, STUDY_UID, value
from orthanc_plugins.identifiers import StudyUid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from orthanc_plugins.benchmark.dataset import SyntheticStudy
    from orthanc_plugins.benchmark.site import Ground, Site

_PRIMER = "/studies?PatientID=PACSBENCH-none&limit=1"
_REFERENCED_SOP_SEQUENCE = "00081199"
_INSTANCES_OF_STUDY = "00201208"
_MOST_ROWS = 1000
_HEADERS_PER_PART_BYTES = 20_000
_ENVELOPE = 1.02


@dataclass(frozen=True)
class RowKind:
    """What a row of the results is of.

    Parameters
    ----------
    key
        Tells it from other rows.
    title
        What is asked, in a few words.
    protocol
        By which service.
    request
        What one reading times, exactly.
    conditions
        What each condition means in this row.
    """

    key: str
    question: Question
    title: str
    protocol: str
    request: str
    conditions: Mapping[Condition, str]


class Workload(Protocol):
    """One kind of request, made to both archives in each round."""

    @property
    def kind(self) -> RowKind:
        """What it is."""

    def prepare(self, round_number: int) -> None:
        """Make what both archives will be asked in a round; not timed."""

    def visit(self, site: Site) -> Iterator[Reading]:
        """Ask an archive, and yield what was measured.

        Raises
        ------
        ArchiveError
            What has to be done before the clock runs could not be done.
        """

    def clear_up(self, site: Site) -> None:
        """Remove from an archive what this round has put there; not timed."""


@dataclass
class StowUpload:
    """One STOW-RS request with all images of a study."""

    ground: Ground
    repeats: int
    _studies: Sequence[SyntheticStudy] = field(default=(), init=False)
    _bodies: Sequence[bytes] = field(default=(), init=False)

    @property
    def kind(self) -> RowKind:
        """What it is."""
        images = self.ground.size.upload_images
        return RowKind(
            "upload_stow",
            Question.UPLOAD,
            f"Upload of {images} images",
            "STOW-RS",
            f"one POST /studies with {images} CT images of 512 x 512, of a study the archive has not seen",
            {
                Condition.COLD: "the connection is new and opened within the time",
                Condition.WARM: "the connection has just been used for another such upload",
            },
        )

    def prepare(self, round_number: int) -> None:
        """Make the bodies of the requests."""
        self._studies = self.ground.uploads("U", round_number, 1 + self.repeats)
        self._bodies = [stow_body(study.files()) for study in self._studies]

    def visit(self, site: Site) -> Iterator[Reading]:
        """Upload each study, and see by a query that it is there."""
        with site.connect() as connection:
            asked = [
                (
                    lambda body=body: connection.ask("POST", "/studies", body, STOW_HEADERS),
                    lambda answer, study=study: _judge_upload(answer, study, connection),
                )
                for study, body in zip(self._studies, self._bodies, strict=True)
            ]
            yield from cold_then_warm(connection, asked)

    def clear_up(self, site: Site) -> None:
        """Remove the studies."""
        site.upkeep.remove(f"{self.ground.maker.patient_prefix}U", [one.study_uid for one in self._studies])


@dataclass
class QueryAll:
    """One QIDO-RS request whose answer is all patients of the ground."""

    ground: Ground
    repeats: int
    _round: int = field(default=0, init=False)

    @property
    def kind(self) -> RowKind:
        """What it is."""
        patients = self.ground.size.patients
        return RowKind(
            "query_all",
            Question.QUERY,
            f"Query that lists {patients:,} patients",
            "QIDO-RS",
            f"one GET /studies?PatientID=…*&limit={_MOST_ROWS}, whose answer is {patients:,} studies",
            _NEW_THEN_SAME,
        )

    def prepare(self, round_number: int) -> None:
        """Remember the round."""
        self._round = round_number

    def visit(self, site: Site) -> Iterator[Reading]:
        """Put something new into the archive, then list all."""
        wanted = {study.study_uid: study.patient_id for study in self.ground.patients()}
        path = f"/studies?PatientID={self.ground.maker.patient_prefix}Q*&limit={_MOST_ROWS}"
        site.put(self.ground.something_new("NA", self._round).files())
        with site.connect() as connection:
            asked = [(lambda: connection.ask("GET", path), lambda answer: judge_studies(answer, wanted))]
            yield from cold_then_warm(connection, asked * (1 + self.repeats))

    def clear_up(self, site: Site) -> None:
        """Remove what was new."""
        _remove_new(self.ground, site, "NA", self._round)


@dataclass
class QueryOne:
    """One QIDO-RS request for one of the patients of the ground, by PatientID."""

    ground: Ground
    repeats: int
    _round: int = field(default=0, init=False)
    _wanted: Sequence[SyntheticStudy] = field(default=(), init=False)

    @property
    def kind(self) -> RowKind:
        """What it is."""
        return RowKind(
            "query_one",
            Question.QUERY,
            f"Query for one of {self.ground.size.patients:,} patients",
            "QIDO-RS",
            "one GET /studies?PatientID=…, whose answer is one study; each time of another patient",
            _NEW_THEN_SAME,
        )

    def prepare(self, round_number: int) -> None:
        """Choose the patients, the same for both archives."""
        self._round = round_number
        choice = random.Random(f"{self.ground.maker.seed}|{round_number}|one")  # noqa: S311 - no secret
        self._wanted = choice.choices(self.ground.patients(), k=1 + self.repeats)

    def visit(self, site: Site) -> Iterator[Reading]:
        """Put something new into the archive, then ask for one patient after another."""
        site.put(self.ground.something_new("NO", self._round).files())
        with site.connect() as connection:
            asked = [
                (
                    lambda study=study: connection.ask("GET", f"/studies?PatientID={study.patient_id}"),
                    lambda answer, study=study: judge_studies(answer, {study.study_uid: study.patient_id}),
                )
                for study in self._wanted
            ]
            yield from cold_then_warm(connection, asked)

    def clear_up(self, site: Site) -> None:
        """Remove what was new."""
        _remove_new(self.ground, site, "NO", self._round)


@dataclass
class WadoRetrieve:
    """One WADO-RS request for a large study."""

    ground: Ground
    repeats: int

    @property
    def kind(self) -> RowKind:
        """What it is."""
        size = self.ground.size
        return RowKind(
            "retrieve_wado",
            Question.RETRIEVE,
            f"Retrieval of a study of {size.retrieved_bytes / 1e6:.0f} MB",
            "WADO-RS",
            f"one GET /studies/UID for {size.retrieved_images} CT images as they are stored, read to the "
            "last byte",
            {
                Condition.COLD: "the connection is new, and the archive's files were dropped from the "
                "system's cache beforehand where that was possible (see below); the archive's own caches are "
                "as they are",
                Condition.WARM: "the same study was just retrieved on the same connection",
            },
        )

    def prepare(self, round_number: int) -> None:
        """Do nothing: the study is there."""

    def visit(self, site: Site) -> Iterator[Reading]:
        """Retrieve the study."""
        study = self.ground.large_study()
        site.drop_from_cache()
        with site.connect() as connection:
            path = f"/studies/{study.study_uid}"
            asked = [
                (
                    lambda: connection.ask("GET", path, headers=DICOM, count_parts=True),
                    lambda answer: judge_files(answer, study),
                )
            ]
            yield from cold_then_warm(connection, asked * (1 + self.repeats))

    def clear_up(self, site: Site) -> None:
        """Do nothing: the study stays for the next round."""


_NEW_THEN_SAME = {
    Condition.COLD: "the connection is new, and a study was stored just before, so that no earlier answer "
    "holds",
    Condition.WARM: "the like was just asked on the same connection",
}


def cold_then_warm(
    connection: Connection, asked: Sequence[tuple[Callable[[], Answer], Callable[[Answer], int]]]
) -> Iterator[Reading]:
    """Yield the readings of requests, the first of which opens the connection.

    Where one breaks the connection, another is opened before the clock runs for the next.
    """
    condition, broken = Condition.COLD, False
    for ask, judge in asked:
        if broken:
            _prime(connection)
        reading = timed(condition, ask, judge)
        broken = reading.outcome is Outcome.FAILED
        condition = Condition.WARM
        yield reading


def _prime(connection: Connection) -> None:
    """Open a connection by a small query; should it fail, the next request shows it."""
    try:
        connection.ask("GET", _PRIMER)
    except NOT_ANSWERED:
        connection.close()


def judge_studies(answer: Answer, wanted: Mapping[StudyUid, str]) -> int:
    """Return how many studies an answer lists.

    Raises
    ------
    WrongAnswer
        They are not those wanted (PatientID by Study Instance UID), with the one instance each has.
    """
    try:
        rows = answer.rows
    except ValueError:
        raise WrongAnswer("the answer is no list of studies") from None
    found = {StudyUid(value(row, STUDY_UID)): value(row, PATIENT_ID) for row in rows}
    if len(rows) != len(wanted) or found != wanted:
        right = sum(found.get(uid) == patient for uid, patient in wanted.items())
        raise WrongAnswer(f"{len(rows)} studies, {right} of the {len(wanted)} wanted")
    if any(value(row, _INSTANCES_OF_STUDY) != "1" for row in rows):
        raise WrongAnswer("a study is listed with another number of instances")
    return len(rows)


def judge_files(answer: Answer, study: SyntheticStudy) -> int:
    """Return how many files an answer whose parts were counted held.

    Raises
    ------
    WrongAnswer
        Their number or their size is not that of the study.
    """
    most = study.pixel_bytes * _ENVELOPE + study.images * _HEADERS_PER_PART_BYTES
    if answer.parts != study.images:
        raise WrongAnswer(f"{answer.parts} files of {study.images}")
    if not study.pixel_bytes <= answer.size_bytes <= most:
        raise WrongAnswer(f"{answer.size_bytes:,} bytes for {study.pixel_bytes:,} bytes of pixels")
    return answer.parts


def judge_stored(connection: Connection, study: SyntheticStudy) -> int:
    """Return how many instances of a study an archive lists after it has said that it stored them.

    Raises
    ------
    WrongAnswer
        They are not those that were sent.
    """
    try:
        rows = connection.ask("GET", f"/studies/{study.study_uid}/instances?limit={_MOST_ROWS}").rows
    except (*NOT_ANSWERED, ValueError):
        raise WrongAnswer("the archive did not list what it had stored") from None
    found = {value(row, SOP_INSTANCE_UID) for row in rows}
    if found != set(study.sop_instance_uids):
        raise WrongAnswer(f"{len(found)} of {study.images} instances are there after the upload")
    return len(found)


def _judge_upload(answer: Answer, study: SyntheticStudy, connection: Connection) -> int:
    try:
        told = len(answer.content[_REFERENCED_SOP_SEQUENCE]["Value"])
    except (ValueError, LookupError, TypeError):
        raise WrongAnswer("the answer does not tell what was stored") from None
    if told != study.images:
        raise WrongAnswer(f"{told} of {study.images} instances stored, as the answer tells")
    return judge_stored(connection, study)


def _remove_new(ground: Ground, site: Site, purpose: str, round_number: int) -> None:
    study = ground.maker.study(purpose, round_number, 1, 1)
    site.upkeep.remove(f"{ground.maker.patient_prefix}{purpose}", [study.study_uid])
