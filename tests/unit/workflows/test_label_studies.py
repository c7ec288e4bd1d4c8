"""Labels on the studies in Orthanc: what they tell, and whose they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import HeldForReview
from orthanc_plugins.identifiers import OrthancId, SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.jobs import DeidentificationOrder, deidentify_study_request, extract_structures_request
from orthanc_plugins.services import Labelling
from orthanc_plugins.store import ReleaseState, ResultRecord, StructureSubject
from orthanc_plugins.workflows import label_studies
from orthanc_plugins.workflows.label_studies import StudyLabels
from tests.fakes.archive import MemoryArchive
from tests.fakes.orthanc_rest import orthanc_id
from tests.unit.holdings import LEFT, NOW, RIGHT, hold, known

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.identifiers import JobId
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest, MemoryQueue

STUDY = "1.2.1"
WRITING = {"add_label", "remove_label"}


@pytest.fixture
def services(services: Services, orthanc: FakeOrthancRest) -> Services:
    """Both archives; Orthanc holds one study with a structure set."""
    orthanc.store(STUDY, f"{STUDY}.1", f"{STUDY}.1.1", modality="RTSTRUCT")
    return replace(services, archives={LEFT: MemoryArchive(LEFT), RIGHT: MemoryArchive(RIGHT)})


@pytest.fixture
def keeper(services: Services) -> StudyLabels:
    return StudyLabels(services, "worker")


@pytest.fixture
def labels(orthanc: FakeOrthancRest, keeper: StudyLabels) -> Callable[[str], list[str]]:
    """Return the labels of a study after the next turn."""

    def after_a_turn(study: str = STUDY) -> list[str]:
        keeper.keep()
        return orthanc.labels("Study", orthanc_id(study))

    return after_a_turn


def instance_of(study: str = STUDY) -> OrthancId:
    return orthanc_id(study, f"{study}.1", f"{study}.1.1")


def subject_of(study: str = STUDY) -> StructureSubject:
    uids = SeriesUid(f"{study}.1"), SopInstanceUid(f"{study}.1.1")
    return StructureSubject(StudyUid(study), *uids, instance_of(study))


def publish(services: Services, job_id: JobId) -> None:
    services.store.publish_result(ResultRecord(subject_of(), job_id, "folder", 1, 0, NOW))


def test_where_a_study_is_and_whether_both_agree_is_told(
    services: Services, labels: Callable[[], list[str]]
) -> None:
    assert labels() == []
    hold(services.store, LEFT, STUDY)
    assert labels() == []  # DCM4CHEE has not been listed: what is not known there says nothing
    known(services.store, LEFT, RIGHT)
    assert labels() == ["only-orthanc"]
    hold(services.store, RIGHT, STUDY, attributes="b")
    assert labels() == ["differs"]
    hold(services.store, RIGHT, STUDY)
    assert labels() == ["verified"]


def test_a_structure_set_is_processed_or_failed(
    services: Services, queue: MemoryQueue, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    job_id = queue.submit(extract_structures_request(instance_of(), "md5"))
    services.store.remember_subject(job_id, subject_of())
    assert labels() == []
    queue.fail(job_id, "InvalidDicom")
    assert labels() == ["rt-failed"]
    publish(services, job_id)
    assert labels() == ["rt-processed"]
    services.store.forget_instance(instance_of())
    assert labels() == ["rt-failed"]


@pytest.mark.parametrize(
    ("end", "label"),
    [
        (lambda queue, job: queue.succeed(job, outcome="certified"), ["deid-certified"]),
        (lambda queue, job: queue.fail(job, HeldForReview.__name__), ["deid-held"]),
        (lambda queue, job: queue.succeed(job, outcome="changed"), []),
        (lambda queue, job: queue.fail(job, "ReleaseRefused"), []),
    ],
)
def test_an_original_is_told_by_how_its_release_ended(
    queue: MemoryQueue, labels: Callable[[], list[str]], end: Callable[..., None], label: list[str]
) -> None:
    order = DeidentificationOrder(orthanc_id(STUDY), "trial", "basic", reversible=False, content="c")
    end(queue, queue.submit(deidentify_study_request(order)))
    assert labels() == label


def test_a_copy_that_is_stored_here_is_told_and_one_elsewhere_is_not(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[..., list[str]]
) -> None:
    releases = services.store.releases
    for number, destination in enumerate(("archive:research", "xnat:trial"), 1):
        orthanc.store(f"2.25.{number}", "2.26", f"2.27.{number}")
        releases.begin(f"R{number}", "trial", "basic")
        known_of_it = {"study_uid": f"2.25.{number}", "destination": destination}
        releases.note(f"R{number}", ReleaseState.CERTIFIED, **known_of_it)
    assert labels("2.25.1") == ["deidentified"]
    assert labels("2.25.2") == []


def test_only_differences_are_written(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    for side in (LEFT, RIGHT):
        hold(services.store, side, STUDY)
    known(services.store, LEFT, RIGHT)
    assert labels() == ["verified"]
    orthanc.asked.clear()
    assert labels() == ["verified"]
    assert not WRITING & set(orthanc.asked)
    assert "lookup" not in orthanc.asked


def test_what_a_person_has_put_is_never_taken_nor_counted_as_ours(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    study = orthanc_id(STUDY)
    for label in ("verified", "teaching"):
        orthanc.add_label("Study", study, label)
    for side in (LEFT, RIGHT):
        hold(services.store, side, STUDY)
    known(services.store, LEFT, RIGHT)
    assert labels() == ["teaching", "verified"]
    hold(services.store, RIGHT, STUDY, attributes="b")
    assert labels() == ["differs", "teaching", "verified"]
    hold(services.store, RIGHT, STUDY)
    assert labels() == ["teaching", "verified"]


def test_one_that_a_person_took_away_is_put_back_when_all_are_checked(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    hold(services.store, LEFT, STUDY)
    known(services.store, LEFT, RIGHT)
    assert labels() == ["only-orthanc"]
    orthanc.remove_label("Study", orthanc_id(STUDY), "only-orthanc")
    assert labels() == []
    StudyLabels(services, "worker").keep()  # as after a restart
    assert labels() == ["only-orthanc"]


def test_a_study_that_was_deleted_and_came_again_is_labelled_again(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    hold(services.store, LEFT, STUDY)
    known(services.store, LEFT, RIGHT)
    assert labels() == ["only-orthanc"]
    orthanc.delete_resource("Study", orthanc_id(STUDY))
    orthanc.remove_label("Study", orthanc_id(STUDY), "only-orthanc")
    assert labels() == []
    orthanc.store(STUDY, f"{STUDY}.1", f"{STUDY}.1.1")
    assert labels() == ["only-orthanc"]


def test_a_study_labelled_before_its_arrival_was_read_keeps_no_label_that_is_wrong(
    services: Services,
    orthanc: FakeOrthancRest,
    labels: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The inventory may know a study that came while a turn began; the change is read in the next one."""
    labels()
    before = orthanc.last_change()
    orthanc.store("1.3", "1.3.1", "1.3.1.1")
    hold(services.store, LEFT, "1.3")
    known(services.store, LEFT, RIGHT)
    with monkeypatch.context() as beginning:
        beginning.setattr(orthanc, "last_change", lambda: before)
        assert labels("1.3") == ["only-orthanc"]
    hold(services.store, RIGHT, "1.3")
    assert labels("1.3") == ["verified"]


def test_switched_off_the_suite_takes_its_own_away(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    hold(services.store, LEFT, STUDY)
    known(services.store, LEFT, RIGHT)
    orthanc.add_label("Study", orthanc_id(STUDY), "teaching")
    assert labels() == ["only-orthanc", "teaching"]
    StudyLabels(replace(services, labels=Labelling(prefix="pacs-")), "worker").keep()
    assert orthanc.labels("Study", orthanc_id(STUDY)) == ["pacs-only-orthanc", "teaching"]
    StudyLabels(replace(services, labels=Labelling(enabled=False)), "worker").keep()
    assert orthanc.labels("Study", orthanc_id(STUDY)) == ["teaching"]
    assert services.store.labels.all() == {}


def test_many_studies_are_labelled_a_few_at_a_time(
    services: Services, orthanc: FakeOrthancRest, keeper: StudyLabels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_studies, "AT_ONCE", 2)
    for number in range(3):
        orthanc.store(f"1.5.{number}", f"1.5.{number}.1", f"1.5.{number}.1.1")
        hold(services.store, LEFT, f"1.5.{number}")
    known(services.store, LEFT, RIGHT)
    assert keeper.keep() == label_studies.SOON_S
    assert orthanc.asked.count("add_label") == 2
    assert keeper.keep() is None
    assert orthanc.asked.count("add_label") == 3


def test_one_worker_does_it_at_a_time(
    services: Services, orthanc: FakeOrthancRest, labels: Callable[[], list[str]]
) -> None:
    hold(services.store, LEFT, STUDY)
    known(services.store, LEFT, RIGHT)
    services.store.leases.acquire("labels", "another", timedelta(minutes=1))
    assert labels() == []
    services.store.leases.release("labels", "another")
    assert labels() == ["only-orthanc"]


def test_an_orthanc_that_keeps_no_labels_is_asked_for_nothing(
    services: Services, orthanc: FakeOrthancRest, keeper: StudyLabels
) -> None:
    orthanc.keeps_labels = False
    hold(services.store, LEFT, STUDY)
    known(services.store, LEFT, RIGHT)
    assert keeper.keep() is None
    assert set(orthanc.asked) == {"system"}


def test_more_labels_are_forgotten_at_once_than_one_statement_takes(services: Services) -> None:
    labels = services.store.labels
    labels.note(StudyUid(STUDY), orthanc_id(STUDY), "verified")
    labels.forget(
        [*(OrthancId(f"{number:044x}") for number in range(300_000)), orthanc_id(STUDY)], "verified"
    )
    assert labels.all() == {}
