"""Orthanc by the archive protocol, where a real one is hard to bring to it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives import OrthancArchive, StoredFile
from orthanc_plugins.archives.base import DicomFile, StoreState, StudyQuery, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.side_by_side import side_by_side
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from tests.fakes.orthanc_rest import CT_IMAGE_STORAGE, EXPLICIT_VR_LITTLE_ENDIAN, NOW, orthanc_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fakes import FakeOrthancRest

STUDY, SERIES = "1.2.3", "1.2.3.1"


def content(uid: str, body: bytes = b"") -> bytes:
    """Return a file with nothing but its File Meta Information and any bytes."""
    values = {2: CT_IMAGE_STORAGE, 3: uid, 0x10: EXPLICIT_VR_LITTLE_ENDIAN}
    elements = b""
    for element, value in values.items():
        text = value.encode() + b"\0" * (len(value) % 2)
        elements += struct.pack("<HH2sH", 2, element, b"UI", len(text)) + text
    length = struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements))
    return bytes(128) + b"DICM" + length + elements + body


def file(uid: str, body: bytes = b"") -> DicomFile:
    return described(content(uid, body))


@pytest.fixture
def archive(orthanc: FakeOrthancRest) -> Iterator[OrthancArchive]:
    archive = OrthancArchive(orthanc)
    yield archive
    archive.close()


def hold(orthanc: FakeOrthancRest, *uids: str, study: str = STUDY) -> None:
    for uid in uids:
        orthanc.store(study, f"{study}.1", uid, content=content(uid), study_tags={"PatientID": "P1 "})


# Listing


def test_an_index_without_extended_find_is_listed_page_by_page_in_its_own_order(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    orthanc.finds_extended = False
    for number in range(600):
        hold(orthanc, f"1.{number}.1", study=f"1.{number}")
    found = [entry.study_uid for entry in archive.studies()]
    assert found == sorted(f"1.{number}" for number in range(600))
    assert (orthanc.asked.count("list_studies"), orthanc.asked.count("find_studies")) == (3, 0)
    (one,) = archive.studies(StudyQuery(study_uids=(StudyUid("1.7"),)))
    assert one.study_uid == "1.7"


def test_values_are_told_without_padding_and_missing_ones_empty(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    hold(orthanc, "1")
    (entry,) = archive.studies()
    assert (entry.patient_id, entry.patient_name) == ("P1", "")


@pytest.mark.parametrize("limit", [0, 1, 3, 7])
def test_whatever_orthanc_is_limited_to_everything_is_listed(
    orthanc: FakeOrthancRest, archive: OrthancArchive, limit: int
) -> None:
    for number in range(7):
        hold(orthanc, f"{number}.1", f"{number}.2", study=f"1.{number}")
    orthanc.page_limit = limit
    for _ in range(2):
        assert len(list(archive.studies())) == 7
        assert sorted(one.sop_instance_uid for one in archive.instances(StudyUid("1.3"))) == ["3.1", "3.2"]
        assert len(archive.instances_of([StudyUid("1.3"), StudyUid("1.4")])) == 2


def test_a_short_page_is_the_last_once_a_longer_one_was_seen(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    hold(orthanc, "1", "2", "3")
    hold(orthanc, "9", study="1.9")
    archive.instances(StudyUid(STUDY))
    orthanc.asked.clear()
    archive.instances(StudyUid("1.9"))
    assert orthanc.asked == ["find_instances"]


def test_many_studies_are_asked_for_in_parts(orthanc: FakeOrthancRest, archive: OrthancArchive) -> None:
    for number in range(450):
        orthanc.store(f"1.{number}", f"1.{number}.1", f"1.{number}.1.1")
    wanted = tuple(StudyUid(f"1.{number}") for number in range(430))
    orthanc.asked.clear()
    assert {entry.study_uid for entry in archive.studies(StudyQuery(study_uids=wanted))} == set(wanted)
    assert orthanc.asked.count("find_studies") <= 6


def test_a_patient_id_is_meant_exactly(orthanc: FakeOrthancRest, archive: OrthancArchive) -> None:
    for study, patient in (("1.1", "P1"), ("1.2", "p1"), ("1.3", "P1x"), ("1.4", "P*")):
        orthanc.store(study, f"{study}.1", f"{study}.1.1", study_tags={"PatientID": patient})
    found = {wanted: list(archive.studies(StudyQuery(patient_id=wanted))) for wanted in ("P1", "P*")}
    assert {wanted: [one.study_uid for one in entries] for wanted, entries in found.items()} == {
        "P1": ["1.1"],
        "P*": ["1.4"],
    }


def test_the_clock_of_orthanc_is_told(archive: OrthancArchive) -> None:
    assert archive.probe().clock == NOW


# Changes


def test_a_thousand_instances_of_a_study_cost_few_questions(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    cursor = archive.changes(None).cursor
    hold(orthanc, *(f"1.{number}" for number in range(400)))
    hold(orthanc, *(f"2.{number}" for number in range(300)), study="1.9")
    orthanc.asked.clear()
    assert archive.changes(cursor).study_uids == {STUDY, "1.9"}
    assert len(orthanc.asked) < 10


def test_instances_added_to_known_series_tell_of_their_study(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    hold(orthanc, "1")
    hold(orthanc, "8", study="1.9")
    cursor = archive.changes(None).cursor
    hold(orthanc, "2", "3")
    changes = archive.changes(cursor)
    assert changes.study_uids == {STUDY}
    assert archive.changes(changes.cursor).study_uids == frozenset()


def test_what_was_deleted_meanwhile_is_no_error(orthanc: FakeOrthancRest, archive: OrthancArchive) -> None:
    hold(orthanc, "1")
    cursor = archive.changes(None).cursor
    hold(orthanc, "2")
    log = list(orthanc._log)
    orthanc.delete(orthanc_id(STUDY, SERIES, "2"))
    orthanc._log = log
    assert archive.changes(cursor).study_uids == frozenset()


def test_a_study_of_which_only_the_log_knows_is_told_by_its_key(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    cursor = archive.changes(None).cursor
    orthanc._note("NewStudy", "Study", orthanc_id("gone"))
    assert archive.changes(cursor).archive_keys == {orthanc_id("gone")}


def test_changes_that_change_no_study_are_passed_over(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    hold(orthanc, "1")
    cursor = archive.changes(None).cursor
    for kind, level in (("NewPatient", "Patient"), ("UpdatedAttachment", "Series")):
        orthanc._note(kind, level, orthanc_id(STUDY, SERIES))
    assert archive.changes(cursor).study_uids == frozenset()


def test_an_orthanc_that_was_emptied_is_to_be_listed(
    orthanc: FakeOrthancRest, archive: OrthancArchive
) -> None:
    hold(orthanc, "1", "2")
    cursor = archive.changes(None).cursor
    orthanc.empty()
    changes = archive.changes(cursor)
    assert (changes.how, changes.cursor) == ("listing", "0")


# Sending


@pytest.mark.parametrize(
    ("refusal", "state", "reason", "said"),
    [
        ("FilteredOut", StoreState.REFUSED, None, "filter"),
        (ArchiveRefused("no room", archive="orthanc", status=507), StoreState.FAILED, 0xA700, "A700"),
        (ArchiveRefused("It is bad.", archive="orthanc", status=400), StoreState.REFUSED, None, "bad"),
        (ArchiveUnavailable("It is away.", archive="orthanc"), StoreState.FAILED, None, "away"),
    ],
)
def test_each_file_has_its_own_outcome(
    orthanc: FakeOrthancRest,
    archive: OrthancArchive,
    refusal: str | ArchiveRefused | ArchiveUnavailable,
    state: StoreState,
    reason: int | None,
    said: str,
) -> None:
    orthanc.refusals["1.2"] = refusal
    outcomes = {
        one.sop_instance_uid: one
        for one in archive.store([file("1.1"), file("1.2"), file("1.3")], Transport.STOW)
    }
    assert [outcomes[SopInstanceUid(uid)].state for uid in ("1.1", "1.3")] == [StoreState.STORED] * 2
    refused = outcomes[SopInstanceUid("1.2")]
    assert (refused.state, refused.failure_reason) == (state, reason)
    assert said in refused.detail


def test_files_are_taken_one_by_one_as_there_is_room(archive: OrthancArchive) -> None:
    taken: list[int] = []

    def source() -> Iterator[DicomFile]:
        for number in range(100):
            taken.append(number)
            yield file(f"1.{number}")

    outcomes = archive.store(source(), Transport.STOW)
    next(outcomes)
    assert len(taken) <= 9
    assert sum(1 for _ in outcomes) == 99


def test_an_error_of_the_source_is_raised(archive: OrthancArchive) -> None:
    def source() -> Iterator[DicomFile]:
        yield file("1.1")
        raise ArchiveUnavailable("The source is away.", archive="dcm4chee")

    with pytest.raises(ArchiveUnavailable, match="source"):
        list(archive.store(source(), Transport.STOW))


# Replacing where Orthanc keeps its first copy


@pytest.fixture
def keeping(orthanc: FakeOrthancRest) -> FakeOrthancRest:
    orthanc.overwrites = False
    hold(orthanc, "1.5", "1.6")
    return orthanc


INSTANCE = orthanc_id(STUDY, SERIES, "1.5")


def put_that(
    orthanc: FakeOrthancRest, monkeypatch: pytest.MonkeyPatch, *replies: str | Exception | None
) -> list[bytes]:
    """Let each `put` reply so, or do what it does for None; return what was put."""
    real: Callable[[bytes], StoredFile] = orthanc.put
    remaining = list(replies)
    given: list[bytes] = []

    def put(given_content: bytes) -> StoredFile:
        given.append(given_content)
        reply = remaining.pop(0) if remaining else None
        if isinstance(reply, Exception):
            raise reply
        if reply is not None:
            return StoredFile(reply, INSTANCE, None)
        return real(given_content)

    monkeypatch.setattr(orthanc, "put", put)
    return given


def test_the_old_file_goes_first_and_the_new_one_is_there(
    keeping: FakeOrthancRest, archive: OrthancArchive
) -> None:
    new = file("1.5", b"new file")
    assert archive.replace(new).state is StoreState.STORED
    assert keeping.file(INSTANCE) == new.content


def test_labels_come_back_on_what_was_deleted_with_its_last_instance(
    keeping: FakeOrthancRest, archive: OrthancArchive
) -> None:
    keeping.add_label("Instance", INSTANCE, "key-image")
    keeping.add_label("Study", orthanc_id(STUDY), "urgent")
    archive.replace(file("1.5", b"new file"))
    assert keeping.labels("Instance", INSTANCE) == ["key-image"]
    assert keeping.labels("Study", orthanc_id(STUDY)) == ["urgent"]


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (ArchiveUnavailable("It is away.", archive="orthanc"), StoreState.FAILED),
        (ArchiveRefused("It is full.", archive="orthanc", status=507), StoreState.REFUSED),
        ("FilteredOut", StoreState.REFUSED),
    ],
)
def test_a_new_file_that_is_not_taken_brings_the_old_one_back(
    keeping: FakeOrthancRest,
    archive: OrthancArchive,
    monkeypatch: pytest.MonkeyPatch,
    failure: str | Exception,
    state: StoreState,
) -> None:
    old, new = keeping.file(INSTANCE), file("1.5", b"new file")
    given = put_that(keeping, monkeypatch, None, failure, None)
    outcome = archive.replace(new)
    assert outcome.state is state
    assert "has been put back" in outcome.detail
    assert given == [new.content, new.content, old]
    assert keeping.file(INSTANCE) == old


def test_an_instance_that_could_not_be_put_back_is_told(
    keeping: FakeOrthancRest, archive: OrthancArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = ArchiveUnavailable("It is away.", archive="orthanc")
    put_that(keeping, monkeypatch, None, away, away)
    outcome = archive.replace(file("1.5", b"new file"))
    assert outcome.state is StoreState.FAILED
    assert "now lacks the instance" in outcome.detail
    assert archive.replace(file("1.5", b"new file")).state is StoreState.STORED


def test_a_process_that_died_in_between_is_made_good_by_asking_again(
    keeping: FakeOrthancRest, archive: OrthancArchive
) -> None:
    keeping.delete(INSTANCE)
    assert archive.replace(file("1.5", b"new file")).state is StoreState.STORED
    assert len(keeping.lookup("1.5", "Instance")) == 1


def test_what_orthanc_changed_on_arrival_is_told(
    orthanc: FakeOrthancRest, archive: OrthancArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(orthanc, "1.5")
    monkeypatch.setattr(orthanc, "file", lambda _instance: b"transcoded")
    outcome = archive.replace(file("1.5", b"new file"))
    assert outcome.state is StoreState.STORED
    assert "IngestTranscoding" in outcome.detail


# Side by side


def test_work_is_raised_and_nothing_further_is_begun(archive: OrthancArchive) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise ArchiveRefused("No.", archive="orthanc")
        return number

    with pytest.raises(ArchiveRefused):
        list(side_by_side(archive._threads, work, range(1000), 2))
    assert len(begun) < 20


def test_nothing_asked_for_is_nothing(archive: OrthancArchive) -> None:
    assert archive.instances_of([]) == {}
    assert list(archive.studies(StudyQuery(study_uids=()))) == []
