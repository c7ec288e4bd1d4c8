"""The client of DCM4CHEE against what stands in its place: a real Orthanc and the shim, on free ports.

Each test has studies of its own; what goes wrong on the way is done by a proxy.
"""

from __future__ import annotations

import itertools
import ssl
import subprocess
import threading
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.archives import Dcm4cheeArchive, rejections
from orthanc_plugins.archives.base import DateRange, StoreState, StudyQuery, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.read_back import differing
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import StudyUid
from tests.contract.waiting import eventually
from tests.fakes.faulty_archive import Fault, dicom_file, faulty_proxy, faulty_wire
from tests.standin import running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.archives.base import Archive, DicomFile, StoreOutcome
    from tests.standin import StandIn

_NUMBERS = itertools.count(1)
_BOTH = pytest.mark.parametrize("transport", list(Transport))


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_standin(tmp_path_factory.mktemp("dcm4chee") / "standin") as standin:
        yield standin


@pytest.fixture
def archive(standin: StandIn) -> Iterator[Dcm4cheeArchive]:
    archive = client(standin, standin.url)
    yield archive
    archive.close()


def client(standin: StandIn, url: str, **options: Any) -> Dcm4cheeArchive:
    options = {"policy": RetryPolicy(attempts=3), "clocks": Clocks(sleep=lambda _: None), **options}
    return Dcm4cheeArchive(url, **{"dicom_port": standin.dicom_port, **options})


class Study:
    """A study of a patient of its own, of two series."""

    def __init__(self, instances: int = 4, **attributes: Any) -> None:
        number = next(_NUMBERS)
        self.uid = StudyUid(f"1.2.826.0.1.3680043.8.498.{number}")
        self.patient = f"P{number}"
        self.attributes = {
            "PatientID": self.patient,
            "PatientName": f"MARKER{number}^NAME",
            "PatientBirthDate": "19700101",
            "PatientSex": "O",
            "StudyDate": f"2026{number % 12 + 1:02d}01",
            "StudyTime": "120000",
            "StudyDescription": "Thorax",
            "AccessionNumber": f"A{number}",
            **attributes,
        }
        self.files = [self.file(index) for index in range(instances)]

    def file(self, index: int, **attributes: Any) -> DicomFile:
        series = f"{self.uid}.{index % 2 + 1}"
        uid = f"{series}.{index + 1}"
        return described(dicom_file(uid, series, self.uid, **{**self.attributes, **attributes}))

    @property
    def uids(self) -> list[str]:
        return sorted(file.sop_instance_uid for file in self.files)


def stored(archive: Archive, study: Study, transport: Transport = Transport.STOW) -> list[StoreOutcome]:
    outcomes = list(archive.store(study.files, transport))
    assert sorted(outcome.sop_instance_uid for outcome in outcomes) == study.uids
    return outcomes


def states(outcomes: list[StoreOutcome]) -> set[str]:
    return {outcome.state.value for outcome in outcomes}


def listed(archive: Archive, study: Study) -> list[str]:
    return sorted(entry.sop_instance_uid for entry in archive.instances(study.uid))


def _all_listed(archive: Archive, study: Study) -> bool:
    return listed(archive, study) == study.uids


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
    assert "only who sent an instance may replace it" in refused.detail
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


# What goes wrong on the way


def test_a_retrieval_that_is_cut_off_goes_on_and_gives_each_file_once(standin: StandIn) -> None:
    study = Study(30)
    stored(client(standin, standin.url), study)
    cuts = [Fault(path=rf"/studies/{study.uid}$", drop_answer_after=9_000, times=1)]
    cuts += [Fault(path=r"/series/[^/]+$", drop_answer_after=2_500, times=2)]
    with faulty_proxy(standin.url, *cuts) as proxy:
        archive = client(standin, proxy.url)
        got = [file.sop_instance_uid for file in archive.retrieve(study.uid)]
        assert all(fault.happened for fault in cuts)
    assert sorted(got) == study.uids


def test_a_retrieval_that_cannot_be_finished_says_how_much_is_missing(standin: StandIn) -> None:
    study = Study(10)
    stored(client(standin, standin.url), study)
    with faulty_proxy(
        standin.url, Fault(path=r"/(studies|series|instances)/[0-9.]+$", drop_answer_after=700)
    ) as proxy:
        got: list[str] = []
        with pytest.raises(ArchiveUnavailable, match=rf"DCM4CHEE gave \d+ of 10 files of study {study.uid}"):
            got.extend(file.sop_instance_uid for file in client(standin, proxy.url).retrieve(study.uid))
    assert len(got) == len(set(got)) < 10


def test_an_answer_to_a_store_that_is_lost_is_made_up_for_by_asking(standin: StandIn) -> None:
    study = Study()
    lost = Fault(method="POST", path=r"/studies$", lose_answer=True, times=1)
    with faulty_proxy(standin.url, lost) as proxy:
        archive = client(standin, proxy.url)
        outcomes = stored(archive, study)
        assert [line.split()[0] for line in proxy.requests].count("POST") == 1
    assert states(outcomes) == {"stored"}
    assert "lists it" in outcomes[0].detail
    assert listed(client(standin, standin.url), study) == study.uids


@pytest.mark.parametrize("after", [0, 1000])
def test_a_store_whose_request_is_cut_off_is_sent_again(standin: StandIn, after: int) -> None:
    study = Study()
    cut = Fault(method="POST", path=r"/studies$", drop_request_after=after, times=1)
    with faulty_proxy(standin.url, cut) as proxy:
        assert states(stored(client(standin, proxy.url), study)) == {"stored"}
        assert cut.happened == 1
    assert listed(client(standin, standin.url), study) == study.uids


def test_an_archive_that_says_stored_and_does_not_is_found_out_by_asking(standin: StandIn) -> None:
    study = Study()
    with faulty_proxy(standin.url, Fault(method="POST", path=r"/studies$", pretend_stored=True)) as proxy:
        archive = client(standin, proxy.url)
        assert states(stored(archive, study)) == {"stored"}
        assert archive.instances(study.uid) == []
        outcome = archive.replace(study.files[0])
    assert outcome.state is StoreState.FAILED
    assert "holds none" in outcome.detail


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(method="POST", refuse_stored=0xA700), "A700: the archive is out of resources"),
        (Fault(method="POST", status=507), "HTTP 507"),
    ],
)
def test_a_full_disk_is_a_failure_that_may_pass(standin: StandIn, fault: Fault, says: str) -> None:
    study = Study()
    with faulty_proxy(standin.url, fault) as proxy:
        outcomes = stored(client(standin, proxy.url), study)
    assert states(outcomes) == {"failed"}
    assert says in outcomes[0].detail
    assert states(stored(client(standin, standin.url), study)) == {"stored"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_waited_for(standin: StandIn, status: int) -> None:
    study = Study()
    waits: list[float] = []
    with faulty_proxy(standin.url, Fault(status=status, times=2, headers={"Retry-After": "3"})) as proxy:
        archive = client(standin, proxy.url, clocks=Clocks(sleep=waits.append))
        assert list(archive.studies(StudyQuery(study_uids=(study.uid,)))) == []
    assert waits == [3.0, 3.0]


def test_counts_that_lie_lose_nothing(standin: StandIn) -> None:
    studies = [Study(1) for _ in range(3)]
    for study in studies:
        stored(client(standin, standin.url), study)
    for lie in (0, 10**9):
        with faulty_proxy(standin.url, Fault(path="/count$", count=lie)) as proxy:
            found = {entry.study_uid for entry in client(standin, proxy.url).studies()}
        assert found >= {study.uid for study in studies}


def test_a_slow_archive_is_given_up_and_not_sent_twice(standin: StandIn) -> None:
    study = Study()
    with faulty_proxy(standin.url, Fault(method="POST", delay_s=60, times=1)) as proxy:
        outcomes = stored(client(standin, proxy.url, timeout_s=0.5), study)
        assert [line.split()[0] for line in proxy.requests].count("POST") == 1
    assert states(outcomes) == {"failed"}
    assert "ReadTimeout" in outcomes[0].detail


def test_an_archive_that_is_down_is_left_alone_and_found_again(tmp_path: Path) -> None:
    study = Study()
    seconds = [0.0]
    with running_standin(tmp_path / "down") as standin:
        archive = client(standin, standin.url, clocks=Clocks(lambda: seconds[0], sleep=lambda _: None))
        standin.stop()
        with pytest.raises(ArchiveUnavailable, match="did not answer"):
            archive.counts()
        assert states(stored(archive, study)) == {"failed"}
        assert states(stored(archive, study, Transport.C_STORE)) == {"failed"}
        with pytest.raises(ArchiveUnavailable, match="has not answered since"):
            archive.probe()
        standin.start()
        seconds[0] += 31
        assert archive.probe().stand_in
        assert states(stored(archive, study)) == {"stored"}
        assert states(stored(archive, study, Transport.C_STORE)) == {"stored"}
        assert archive.counts().instances == 4


def test_a_c_store_that_is_cut_off_goes_on_and_stores_each_file_once(standin: StandIn) -> None:
    study = Study(6, pixel_bytes=300_000)
    with faulty_wire(standin.dicom_port) as wire:
        wire.cut_after = 1_000_000
        archive = client(standin, standin.url, dicom_port=wire.port)
        outcomes = stored(archive, study, Transport.C_STORE)
        assert wire.connections == 2
    assert states(outcomes) == {"stored"}
    eventually(lambda: listed(archive, study) == study.uids, "all are listed")


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


# TLS with a certificate of one's own


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=archive",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_its_own_certificate_is_trusted_for_dicomweb_and_dicom(
    standin: StandIn, tls: ssl.SSLContext, certificate: tuple[Path, Path]
) -> None:
    by_web, by_dicom = Study(), Study()
    with faulty_wire(standin.port, tls) as web, faulty_wire(standin.dicom_port, tls) as dicom:
        url = standin.url.replace(f"http://127.0.0.1:{standin.port}", f"https://127.0.0.1:{web.port}")
        archive = client(standin, url, dicom_port=dicom.port, dicom_tls=True, ca_file=certificate[0])
        assert states(stored(archive, by_web)) == {"stored"}
        assert states(stored(archive, by_dicom, Transport.C_STORE)) == {"stored"}
        archive.close()


def test_a_certificate_that_is_not_trusted_is_refused_and_said(standin: StandIn, tls: ssl.SSLContext) -> None:
    with faulty_wire(standin.port, tls) as web, faulty_wire(standin.dicom_port, tls) as dicom:
        url = standin.url.replace(f"http://127.0.0.1:{standin.port}", f"https://127.0.0.1:{web.port}")
        archive = client(standin, url, dicom_port=dicom.port, dicom_tls=True)
        with pytest.raises(ArchiveRefused, match="certificate is not trusted"):
            archive.counts()
        outcomes = stored(archive, Study(), Transport.C_STORE)
    assert states(outcomes) == {"refused"}
    assert "certificate is not trusted" in outcomes[0].detail
