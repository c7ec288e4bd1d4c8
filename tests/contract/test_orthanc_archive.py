"""Orthanc by the archive protocol: a real one, that overwrites and that does not, with either index."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives import OrthancArchive, OrthancRest
from orthanc_plugins.archives.base import DateRange, DicomFile, StoreState, StudyQuery, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from tests.standin import PlainOrthanc, running_plain_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives.base import InstanceEntry
    from tests.postgresql import Postgres

STUDY = StudyUid("1.2.3")


def file(study: str = STUDY, series: str = "1", instance: str = "1", **elements: Any) -> DicomFile:
    """Return a small image; series and instance are counted below the study's UID."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{study}.{series}.{instance}"
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = f"{study}.{series}"
    standard = {
        "SpecificCharacterSet": "ISO_IR 192",
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
        "Modality": "CT",
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": bytes(16),
    }
    for keyword, value in (standard | elements).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    written = io.BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return described(written.getvalue())


@pytest.fixture(scope="module", params=["overwrites", "keeps", "index in PostgreSQL"])
def orthanc(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlainOrthanc]:
    """Debian's index plugin for PostgreSQL has no extended find, as that in Orthanc's own SQLite has."""
    options: dict[str, Any] = {"OverwriteInstances": request.param != "keeps"}
    if request.param == "index in PostgreSQL":
        postgres: Postgres = request.getfixturevalue("postgres")
        options |= postgres.orthanc_index("of_an_archive", IndexConnectionsCount=5, Lock=False)
    folder = tmp_path_factory.mktemp("orthanc")
    with running_plain_orthanc(
        folder, LimitFindResults=7, LimitFindInstances=7, StableAge=1, **options
    ) as running:
        yield running


@pytest.fixture
def archive(orthanc: PlainOrthanc) -> Iterator[OrthancArchive]:
    """Orthanc, empty."""
    rest = OrthancRest(orthanc.url)
    for study in requests.get(f"{orthanc.url}/studies", timeout=10).json():
        requests.delete(f"{orthanc.url}/studies/{study}", timeout=10)
    archive = OrthancArchive(rest)
    yield archive
    archive.close()


def store(archive: OrthancArchive, *files: DicomFile, transport: Transport = Transport.STOW) -> None:
    outcomes = list(archive.store(files, transport))
    assert {outcome.sop_instance_uid for outcome in outcomes} == {one.sop_instance_uid for one in files}
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}


def uids(entries: list[InstanceEntry] | Any) -> set[str]:
    return {str(entry.sop_instance_uid) for entry in entries}


# Listing


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


# Files


def test_files_come_as_they_were_sent(archive: OrthancArchive) -> None:
    files = {one.sop_instance_uid: one for one in (file(instance=str(number)) for number in range(1, 20))}
    store(archive, *files.values())
    got = list(archive.retrieve(STUDY))
    assert {one.sop_instance_uid: one.content for one in got} == {
        uid: one.content for uid, one in files.items()
    }
    assert {one.transfer_syntax_uid for one in got} == {ExplicitVRLittleEndian}


def test_only_those_wanted_are_fetched_also_when_another_archive_listed_them(archive: OrthancArchive) -> None:
    store(archive, file(instance="1"), file(instance="2"), file(instance="3"))
    entries = [one for one in archive.instances(STUDY) if not one.sop_instance_uid.endswith(".3")]
    assert uids(archive.retrieve(STUDY, entries)) == uids(entries)
    foreign = [replace(one, archive_key="") for one in entries]
    assert uids(archive.retrieve(STUDY, foreign)) == uids(entries)
    missing = [replace(one, sop_instance_uid=SopInstanceUid("1.9"), archive_key="") for one in entries]
    with pytest.raises(NotFound, match="2 of the 2"):
        list(archive.retrieve(STUDY, missing))


def test_a_file_that_went_while_they_were_fetched_is_missed(archive: OrthancArchive) -> None:
    store(archive, file(instance="1"), file(instance="2"))
    entries = archive.instances(STUDY)
    archive.remove(STUDY, entries[:1])
    with pytest.raises(ArchiveUnavailable, match="gave 1 of the 2"):
        list(archive.retrieve(STUDY, entries))


def test_a_caller_who_goes_away_leaves_nothing_running(archive: OrthancArchive) -> None:
    store(archive, *(file(instance=str(number)) for number in range(1, 20)))
    files = archive.retrieve(STUDY)
    next(files)
    files.close()  # type: ignore[attr-defined]
    assert len(list(archive.retrieve(STUDY))) == 19


def test_what_orthanc_cannot_read_is_refused_and_the_rest_stored(archive: OrthancArchive) -> None:
    good = file()
    bad = DicomFile(file(instance="2").sop_instance_uid, CTImageStorage, ExplicitVRLittleEndian, b"no DICOM")
    outcomes = {one.sop_instance_uid: one for one in archive.store([bad, good], Transport.STOW)}
    assert outcomes[good.sop_instance_uid].state is StoreState.STORED
    refused = outcomes[bad.sop_instance_uid]
    assert refused.state is StoreState.REFUSED
    assert "Bad file format" in refused.detail


def test_c_store_into_orthanc_is_refused(archive: OrthancArchive) -> None:
    with pytest.raises(ArchiveRefused, match="C-STORE"):
        list(archive.store([file()], Transport.C_STORE))


def test_storing_again_says_when_the_first_copy_was_kept(
    archive: OrthancArchive, orthanc: PlainOrthanc
) -> None:
    store(archive, file())
    (outcome,) = archive.store([file(StudyDescription="Other")], Transport.STOW)
    assert outcome.state is StoreState.STORED
    overwrites = archive.rest.system()["OverwriteInstances"]
    assert ("keeps its first copy" in outcome.detail) is not overwrites


# Replacing and removing


def stored_description(archive: OrthancArchive) -> list[str]:
    return [dcmread(io.BytesIO(one.content)).StudyDescription for one in archive.retrieve(STUDY)]


def test_a_file_takes_the_place_of_the_stored_one_and_labels_stay(archive: OrthancArchive) -> None:
    store(archive, file())
    study = archive.rest.lookup(STUDY, "Study")[0]
    archive.rest.add_label("Study", study, "urgent")
    archive.rest.add_label("Study", study, "tumour-board")
    new = file(StudyDescription="Corrected")
    outcome = archive.replace(new)
    assert (outcome.state, outcome.detail) == (StoreState.STORED, "")
    assert stored_description(archive) == ["Corrected"]
    assert archive.rest.labels("Study", study) == ["tumour-board", "urgent"]
    archive.rest.remove_label("Study", study, "urgent")
    assert archive.rest.study(study).labels == ("tumour-board",)


def test_replacing_twice_changes_nothing_more(archive: OrthancArchive) -> None:
    store(archive, file())
    new = file(StudyDescription="Corrected")
    assert archive.replace(new).state is StoreState.STORED
    assert archive.replace(new).state is StoreState.STORED
    assert [one.content for one in archive.retrieve(STUDY)] == [new.content]


def test_replacing_what_is_not_there_stores_it(archive: OrthancArchive) -> None:
    assert archive.replace(file()).state is StoreState.STORED
    assert len(archive.instances(STUDY)) == 1


def test_a_corrected_patient_id_leaves_one_instance_under_the_new_patient(archive: OrthancArchive) -> None:
    store(archive, file(PatientID="WRONG"))
    assert archive.replace(file(PatientID="P1")).state is StoreState.STORED
    (entry,) = archive.studies()
    assert (entry.patient_id, entry.instance_count) == ("P1", 1)


def test_a_replacement_that_orthanc_refuses_leaves_the_old_one(archive: OrthancArchive) -> None:
    store(archive, file())
    bad = DicomFile(file().sop_instance_uid, CTImageStorage, ExplicitVRLittleEndian, b"no DICOM")
    assert archive.replace(bad).state is StoreState.REFUSED
    assert stored_description(archive) == ["Thorax"]


def test_instances_are_removed_one_by_one_or_with_their_study(archive: OrthancArchive) -> None:
    store(archive, *(file(instance=str(number)) for number in range(1, 6)))
    entries = sorted(archive.instances(STUDY), key=lambda one: one.sop_instance_uid)
    assert archive.remove(STUDY, entries[:2]) == 2
    assert uids(archive.instances(STUDY)) == uids(entries[2:])
    assert archive.remove(STUDY) == 3
    assert archive.instances(STUDY) == []


def test_an_instance_that_is_kept_in_two_series_is_listed_given_and_removed_twice(
    archive: OrthancArchive,
) -> None:
    again = file(series="2", SOPInstanceUID=f"{STUDY}.1.1")
    store(archive, file(), again, file(instance="2"))
    (entry,) = archive.studies()
    listed = archive.instances(STUDY)
    assert (entry.series_count, entry.instance_count, len(listed)) == (2, 3, 3)
    assert {(one.series_uid, one.sop_instance_uid) for one in listed} == {
        (f"{STUDY}.1", f"{STUDY}.1.1"),
        (f"{STUDY}.2", f"{STUDY}.1.1"),
        (f"{STUDY}.1", f"{STUDY}.1.2"),
    }
    assert len(list(archive.retrieve(STUDY))) == len(list(archive.retrieve(STUDY, listed))) == 3
    assert archive.remove(STUDY, [one for one in listed if one.sop_instance_uid.endswith(".1.1")]) == 1
    assert uids(archive.instances(STUDY)) == {f"{STUDY}.1.2"}


# Trouble


def test_an_orthanc_that_is_full_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("full")
    with running_plain_orthanc(folder, MaximumPatientCount=1, MaximumStorageMode="Reject") as full:
        archive = OrthancArchive(OrthancRest(full.url))
        store(archive, file())
        (outcome,) = archive.store([file("1.9", PatientID="P2")], Transport.STOW)
        assert (outcome.state, outcome.failure_reason) == (StoreState.FAILED, 0xA700)
        archive.close()


def test_an_orthanc_that_is_away_fails_each_file_and_raises_otherwise(archive: OrthancArchive) -> None:
    away = OrthancArchive(OrthancRest("http://127.0.0.1:9"))
    outcomes = list(away.store([file(), file(instance="2")], Transport.STOW))
    assert [outcome.state for outcome in outcomes] == [StoreState.FAILED] * 2
    assert away.replace(file()).state is StoreState.FAILED
    for ask in (away.probe, away.counts, lambda: list(away.studies()), lambda: away.changes("5")):
        with pytest.raises(ArchiveUnavailable):
            ask()
    away.close()


def test_several_threads_share_one_archive(archive: OrthancArchive) -> None:
    store(archive, *(file(f"1.2.{number}") for number in range(1, 6)))
    found: list[int] = []

    def look(number: int) -> None:
        found.append(len(list(archive.retrieve(StudyUid(f"1.2.{number}")))))

    threads = [threading.Thread(target=look, args=(number,)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [1] * 5
