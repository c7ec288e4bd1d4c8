"""Files that a real Orthanc gives, takes, replaces and removes."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives import OrthancArchive, OrthancRest
from orthanc_plugins.archives.base import DicomFile, StoreState, Transport
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from tests.contract.orthanc_archive.files import STUDY, file, store, uids
from tests.standin import PlainOrthanc, running_plain_orthanc


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
