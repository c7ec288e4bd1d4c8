"""What a real Orthanc lists, counts, and tells as changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives.base import DateRange, StudyQuery
from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import StudyUid
from tests.contract.orthanc_archive.files import STUDY, file, store, uids

if TYPE_CHECKING:
    from orthanc_plugins.archives import OrthancArchive


def test_a_study_is_told_with_its_counts_and_attributes(archive: OrthancArchive) -> None:
    store(archive, file(series="1"), file(series="1", instance="2"), file(series="2", Modality="MR"))
    (entry,) = archive.studies()
    assert (entry.study_uid, entry.modalities) == (STUDY, ("CT", "MR"))
    assert (entry.series_count, entry.instance_count) == (2, 3)
    assert entry.attributes == {
        "PatientID": "P1",
        "PatientName": "Müller^Änne",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyDate": "20260102",
        "StudyTime": "101112",
        "StudyID": "S1",
        "AccessionNumber": "A1",
        "StudyDescription": "Thorax",
        "ReferringPhysicianName": "Doe^John",
    }
    assert entry.revision
    assert archive.rest.lookup(STUDY, "Study") == [entry.archive_key]


def test_an_attribute_that_is_not_there_is_empty(archive: OrthancArchive) -> None:
    store(archive, file(StudyID=None, StudyDescription="", PatientSex=None))
    (entry,) = archive.studies()
    assert (entry.attributes["StudyID"], entry.attributes["StudyDescription"]) == ("", "")
    assert entry.attributes["PatientSex"] == ""


def test_more_studies_than_orthanc_answers_at_once_are_told_each_once(archive: OrthancArchive) -> None:
    store(archive, *(file(f"1.2.{number}") for number in range(1, 18)))
    assert [entry.study_uid for entry in archive.studies()] == sorted(f"1.2.{one}" for one in range(1, 18))
    wanted = tuple(StudyUid(f"1.2.{one}") for one in (*range(3, 14), 99))
    assert len(list(archive.studies(StudyQuery(study_uids=wanted)))) == 11
    assert list(archive.studies(StudyQuery(study_uids=()))) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (StudyQuery(patient_id="P1"), {"1.1"}),
        (StudyQuery(patient_id="p1"), {"1.2"}),
        (StudyQuery(patient_id="P"), set()),
        (StudyQuery(patient_name="müller*"), {"1.1"}),
        (StudyQuery(patient_name="*JOHN"), {"1.2", "1.3"}),
        (StudyQuery(study_dates=DateRange("20260101", "20260131")), {"1.1"}),
        (StudyQuery(study_dates=DateRange("20260201")), {"1.2"}),
        (StudyQuery(study_dates=DateRange(), patient_name="doe*"), {"1.2", "1.3"}),
        (StudyQuery(study_uids=(StudyUid("1.1"), StudyUid("1.2")), patient_name="doe*"), {"1.2"}),
    ],
)
def test_studies_are_found(archive: OrthancArchive, query: StudyQuery, found: set[str]) -> None:
    store(
        archive,
        file("1.1", StudyDate="20260115"),
        file("1.2", PatientID="p1", PatientName="DOE^John", StudyDate="20260301"),
        file("1.3", PatientID="P3", PatientName="Doe^JOHN", StudyDate=""),
    )
    assert {entry.study_uid for entry in archive.studies(query)} == found


def test_one_uid_of_two_patients_is_one_study(archive: OrthancArchive) -> None:
    store(archive, file(instance="1"), file(instance="2", PatientID="P2"))
    (entry,) = archive.studies()
    assert (entry.series_count, entry.instance_count) == (2, 2)
    assert uids(archive.instances(STUDY)) == {f"{STUDY}.1.1", f"{STUDY}.1.2"}
    assert archive.remove(STUDY) == 2
    assert list(archive.studies()) == []


def test_instances_are_told_without_their_files_being_opened(archive: OrthancArchive) -> None:
    files = [file(series="1"), file(series="2", Modality="MR")]
    store(archive, *files)
    entries = {entry.sop_instance_uid: entry for entry in archive.instances(STUDY)}
    assert len(entries) == 2
    for one in files:
        entry = entries[one.sop_instance_uid]
        assert entry.sop_class_uid == CTImageStorage
        assert entry.transfer_syntax_uid == ExplicitVRLittleEndian
        assert entry.size_bytes == len(one.content)
        assert (entry.study_uid, str(entry.series_uid)) == (STUDY, one.sop_instance_uid.rpartition(".")[0])
        assert entry.modality == ("MR" if entry.series_uid.endswith(".2") else "CT")
        assert archive.rest.instance(entry.archive_key).sop_instance_uid == one.sop_instance_uid  # type: ignore[arg-type]


def test_more_instances_than_orthanc_answers_at_once_are_told_each_once(archive: OrthancArchive) -> None:
    store(archive, *(file(instance=str(number)) for number in range(1, 20)), file("1.9"))
    assert len(uids(archive.instances(STUDY))) == len(archive.instances(STUDY)) == 19
    of_both = archive.instances_of([STUDY, StudyUid("1.9"), StudyUid("1.8")])
    assert {uid: len(entries) for uid, entries in of_both.items()} == {STUDY: 19, "1.9": 1}


def test_a_study_that_is_not_there_has_no_instances(archive: OrthancArchive) -> None:
    assert archive.instances(STUDY) == []
    with pytest.raises(NotFound):
        list(archive.retrieve(STUDY))
    with pytest.raises(NotFound):
        archive.remove(STUDY)


def test_counts_are_those_of_dates_when_asked(archive: OrthancArchive) -> None:
    store(
        archive,
        file("1.1", StudyDate="20260115"),
        file("1.1", series="2", StudyDate="20260115"),
        file("1.2", StudyDate="20260301"),
        file("1.3", StudyDate="", PatientID="P2"),
    )
    counts = archive.counts()
    assert (counts.patients, counts.studies, counts.series, counts.instances) == (2, 3, 4, 4)
    assert counts.stored_bytes
    of_january = archive.counts(DateRange("20260101", "20260131"))
    assert (of_january.studies, of_january.instances) == (1, 2)
    dated = archive.counts(DateRange("00000101", "99991231"))
    assert (dated.studies, dated.instances) == (2, 3)
    assert archive.counts(DateRange()) == counts


def test_a_probe_tells_version_and_time(archive: OrthancArchive) -> None:
    state = archive.probe()
    assert state.version.startswith("1.")
    assert state.stand_in is None
    assert state.latency_ms > 0
    assert state.clock is not None


# Changes


def test_changes_are_told_from_the_end_of_the_log_on(archive: OrthancArchive) -> None:
    store(archive, file("1.1"))
    begun = archive.changes(None)
    assert (begun.study_uids, begun.how) == (frozenset(), "log")
    assert archive.changes(begun.cursor).study_uids == frozenset()
    store(archive, file("1.2"), file("1.2", instance="2"), file("1.1", series="2"))
    changed = archive.changes(begun.cursor)
    assert changed.study_uids == {"1.1", "1.2"}
    assert archive.changes(changed.cursor).study_uids <= {"1.1", "1.2"}  # perhaps they became stable since


def test_an_instance_more_in_a_series_is_a_change(archive: OrthancArchive) -> None:
    store(archive, file("1.1"), file("1.2"))
    cursor = archive.changes(None).cursor
    store(archive, file("1.1", instance="2"))
    assert "1.1" in archive.changes(cursor).study_uids


def test_deleting_the_newest_does_not_look_like_a_log_that_began_anew(archive: OrthancArchive) -> None:
    store(archive, file("1.1"), file("1.2"))
    cursor = archive.changes(None).cursor
    archive.remove(StudyUid("1.2"))
    changes = archive.changes(cursor)
    assert changes.how == "log"
    assert int(changes.cursor) >= int(cursor)


def test_a_log_that_began_anew_asks_for_a_listing(archive: OrthancArchive) -> None:
    store(archive, file("1.1"))
    end = archive.changes(None).cursor
    changes = archive.changes(str(int(end) + 1000))
    assert changes.how == "listing"
    assert int(changes.cursor) < int(end) + 1000
