"""The client of DCM4CHEE against what stands in its place: a real Orthanc and the shim, on free ports."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
import requests

from orthanc_plugins.archives import Dcm4cheeArchive, rejections
from orthanc_plugins.archives.base import DateRange, StoreState, StudyQuery, Transport
from orthanc_plugins.archives.read_back import differing
from orthanc_plugins.errors import NotFound
from orthanc_plugins.identifiers import StudyUid
from tests.contract.dcm4chee_studies import Study, client, listed, states, stored
from tests.contract.waiting import eventually
from tests.standin import running_standin

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.archives.base import Archive
    from tests.standin import StandIn

_BOTH = pytest.mark.parametrize("transport", list(Transport))


# What it is for


@_BOTH
def test_what_is_stored_is_listed_and_comes_back_as_it_was(
    archive: Dcm4cheeArchive, transport: Transport
) -> None:
    study = Study()
    assert states(stored(archive, study, transport)) == {"stored"}
    eventually(lambda: len(archive.instances(study.uid)) == 4, "all are listed")
    entries = archive.instances(study.uid)
    assert sorted(entry.sop_instance_uid for entry in entries) == study.uids
    assert {entry.modality for entry in entries} == {"CT"}
    assert {entry.transfer_syntax_uid for entry in entries} == {"1.2.840.10008.1.2.1"}
    if transport is Transport.STOW:  # by C-STORE the receiver writes the file's head
        assert {len(file.content) for file in study.files} == {entry.size_bytes for entry in entries}
    back = {file.sop_instance_uid: file for file in archive.retrieve(study.uid)}
    for file in study.files:
        assert differing(file.content, back.pop(file.sop_instance_uid).content) == frozenset()
    assert back == {}


def test_a_study_is_found_by_every_condition_there_is_and_told_whole(archive: Dcm4cheeArchive) -> None:
    study, other = Study(), Study()
    for one in (study, other):
        stored(archive, one)
    date = study.attributes["StudyDate"]
    for query in (
        StudyQuery(study_uids=(study.uid, StudyUid("1.9.9"))),
        StudyQuery(patient_id=study.patient),
        StudyQuery(patient_name=study.attributes["PatientName"].lower()),
        StudyQuery(
            patient_name=f"*{study.attributes['PatientName'][:-2]}*", study_dates=DateRange(date, date)
        ),
    ):
        (entry,) = archive.studies(query)
        assert entry.study_uid == study.uid
    assert (entry.modalities, entry.series_count, entry.instance_count) == (("CT",), 2, 4)
    assert {name: entry.attributes[name] for name in study.attributes} == study.attributes
    assert entry.revision


def test_many_studies_are_asked_for_at_once_and_pages_put_together(tmp_path: Path) -> None:
    with running_standin(tmp_path / "small", qido_max_number_of_results=7) as small:
        archive = client(small, small.url)
        studies = [Study(1) for _ in range(60)]
        sent = [file for study in studies for file in study.files]
        assert states(list(archive.store(sent, Transport.STOW))) == {"stored"}
        everything = [entry.study_uid for entry in archive.studies()]
        assert sorted(everything) == sorted(study.uid for study in studies)
        uids = tuple(study.uid for study in studies)
        assert len(list(archive.studies(StudyQuery(study_uids=uids)))) == 60
        assert archive.counts().instances == 60
        assert archive.counts(DateRange("20260101", "20260131")).studies == sum(
            study.attributes["StudyDate"] == "20260101" for study in studies
        )
        listed = [one.sop_instance_uid for some in archive.instances_of(uids).values() for one in some]
        assert sorted(listed) == sorted(file.sop_instance_uid for file in sent)


def test_a_study_that_is_not_there_has_no_instances_and_cannot_be_had(archive: Dcm4cheeArchive) -> None:
    absent = StudyUid("1.9.9.9")
    assert archive.instances(absent) == []
    assert list(archive.studies(StudyQuery(study_uids=(absent,)))) == []
    for ask in (lambda: list(archive.retrieve(absent)), lambda: archive.remove(absent)):
        with pytest.raises(NotFound):
            ask()


def test_only_what_is_wanted_is_retrieved(archive: Dcm4cheeArchive) -> None:
    study = Study(8)
    stored(archive, study)
    entries = archive.instances(study.uid)
    for wanted in (entries[:1], entries[:3], entries[:7], entries):
        got = sorted(file.sop_instance_uid for file in archive.retrieve(study.uid, wanted))
        assert got == sorted(entry.sop_instance_uid for entry in wanted)


def test_the_stand_in_is_named_as_one(archive: Dcm4cheeArchive) -> None:
    state = archive.probe()
    assert state.stand_in is not None
    assert "stand-in" in state.stand_in
    assert state.clock is not None


def _all_listed(archive: Archive, study: Study) -> bool:
    return listed(archive, study) == study.uids


def test_threads_share_a_client(standin: StandIn, archive: Dcm4cheeArchive) -> None:
    studies = [Study(3) for _ in range(6)]
    threads = [
        threading.Thread(target=stored, args=(archive, study, transport))
        for study, transport in zip(studies, itertools.cycle(Transport), strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for study in studies:
        eventually(partial(_all_listed, archive, study), "all are listed")
    assert requests.get(f"{standin.orthanc_url}/system", timeout=5).ok


# Changes


def test_what_was_received_since_a_cursor_is_told_by_the_archives_clock(tmp_path: Path) -> None:
    with running_standin(tmp_path / "ahead", clock_skew_s=600) as ahead:
        archive = client(ahead, ahead.url)
        stored(archive, Study())
        began = archive.changes(None)
        assert (began.study_uids, began.how) == (frozenset(), "receive_time")
        study = Study()
        stored(archive, study)
        changes = archive.changes(began.cursor)
        assert study.uid in changes.study_uids
        assert changes.how == "receive_time"
        clock = archive.probe().clock
        assert clock is not None
        later = (clock + timedelta(minutes=6)).isoformat()
        assert archive.changes(later).study_uids == frozenset()


# Replacing, rejecting, correcting


def test_a_replacement_is_only_believed_when_it_is_there(standin: StandIn, archive: Dcm4cheeArchive) -> None:
    study = Study()
    stored(archive, study)
    new = study.file(0, ImageComments="new")
    outcome = archive.replace(new)
    assert outcome.state is StoreState.REFUSED
    assert "dcmOverwritePolicy" in outcome.detail
    standin.configure(overwrite_policy="ALWAYS")
    try:
        assert archive.replace(new).state is StoreState.STORED
        entries = archive.instances(study.uid)
        (entry,) = (entry for entry in entries if entry.sop_instance_uid == new.sop_instance_uid)
        (back,) = archive.retrieve(study.uid, [entry])
        assert differing(new.content, back.content) == frozenset()
        kept = archive.replace(study.file(0, ImageComments="newer", StudyDescription="Abdomen"))
        assert kept.state is StoreState.REFUSED
        assert "its own StudyDescription" in kept.detail
    finally:
        standin.configure(overwrite_policy="SAME_SOURCE")


def test_what_the_suite_sent_by_c_store_it_can_replace(standin: StandIn, archive: Dcm4cheeArchive) -> None:
    study = Study()
    stored(archive, study, Transport.C_STORE)
    other = client(standin, standin.url, calling_aet="OTHER")
    new = study.file(0, ImageComments="new")
    refused = other.replace(new)
    other.close()
    assert refused.state is StoreState.REFUSED
    assert "only the AE title that sent an instance" in refused.detail
    assert archive.replace(new).state is StoreState.STORED
    entries = [one for one in archive.instances(study.uid) if one.sop_instance_uid == new.sop_instance_uid]
    (back,) = archive.retrieve(study.uid, entries)
    assert differing(new.content, back.content) == frozenset()


def test_what_is_rejected_is_out_of_sight_and_its_note_is_not_counted(archive: Dcm4cheeArchive) -> None:
    study = Study(6)
    stored(archive, study)
    before = archive.counts()
    entries = archive.instances(study.uid)
    assert archive.remove(study.uid, entries[:2]) == 2
    assert archive.remove(study.uid, entries[:2]) == 0
    assert len(archive.instances(study.uid)) == 4
    (entry,) = archive.studies(StudyQuery(study_uids=(study.uid,)))
    assert (entry.modalities, entry.series_count, entry.instance_count) == (("CT",), 2, 4)
    after = archive.counts()
    assert (before.series, before.instances) == (after.series, after.instances + 2)
    assert sorted(file.sop_instance_uid for file in archive.retrieve(study.uid)) == listed(archive, study)
    assert archive.remove(study.uid) == 4
    assert list(archive.studies(StudyQuery(study_uids=(study.uid,)))) == []


def test_what_was_rejected_is_told_and_what_was_lost_is_not(
    standin: StandIn, archive: Dcm4cheeArchive
) -> None:
    study, other = Study(3), Study(1)
    stored(archive, study)
    stored(archive, other)
    entries = archive.instances(study.uid)
    assert archive.rejected([study.uid, other.uid]) == {}
    archive.remove(study.uid, entries[:1])
    path = f"{standin.url}/studies/{study.uid}/series/{entries[1].series_uid}/instances"
    reject = f"{path}/{entries[1].sop_instance_uid}/reject/113037%5EDCM"
    requests.post(reject, timeout=30).raise_for_status()
    lose(standin, entries[2].sop_instance_uid)
    assert archive.instances(study.uid) == []
    uids = frozenset(one.sop_instance_uid for one in entries[:2])
    assert archive.rejected([study.uid, other.uid]) == {study.uid: uids}
    requests.post(f"{standin.url}/studies/{other.uid}/reject/113039%5EDCM", timeout=30).raise_for_status()
    assert other.uid in archive.rejected([other.uid])
    assert archive.kept_out([study.uid, other.uid]) == {study.uid: uids}


def test_an_archive_without_lists_of_what_was_rejected_tells_of_nothing(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "VIEWS", ("IOCM_UNKNOWN",))
    for url in (standin.url, f"{standin.orthanc_url}/dicom-web"):
        plain = Dcm4cheeArchive(url)
        assert plain.rejected([StudyUid("1.2.3")]) == {}
        plain.close()


def lose(standin: StandIn, uid: str) -> None:
    """Lose an instance behind the archive's back, as a disk would."""
    found = requests.post(f"{standin.orthanc_url}/tools/lookup", data=uid, timeout=30).json()
    (instance,) = [one["ID"] for one in found if one["Type"] == "Instance"]
    requests.delete(f"{standin.orthanc_url}/instances/{instance}", timeout=30).raise_for_status()


def test_attributes_of_study_and_patient_are_corrected(archive: Dcm4cheeArchive) -> None:
    study = Study()
    stored(archive, study)
    archive.update_study(
        study.uid, {"StudyDescription": "Abdomen", "PatientName": "OTHER^NAME=山田", "PatientSex": "F"}
    )
    (entry,) = archive.studies(StudyQuery(study_uids=(study.uid,)))
    assert dict(entry.attributes) == {
        **entry.attributes,
        "StudyDescription": "Abdomen",
        "PatientName": "OTHER^NAME=山田",
        "PatientSex": "F",
        "PatientBirthDate": "19700101",
        "AccessionNumber": study.attributes["AccessionNumber"],
    }
    with pytest.raises(NotFound):
        archive.update_study(StudyUid("1.9.9.9"), {"StudyDescription": "Abdomen"})
