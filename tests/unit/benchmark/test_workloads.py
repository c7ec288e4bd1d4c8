"""What is timed: several users, C-STORE, and a client that is not the bottleneck."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.ceiling import ceiling_of, ceiling_site
from orthanc_plugins.benchmark.connection import Answer
from orthanc_plugins.benchmark.dataset import DatasetSize, StudyMaker
from orthanc_plugins.benchmark.dimse import StoreUpload, why_not_asked
from orthanc_plugins.benchmark.measuring import make_schedule
from orthanc_plugins.benchmark.samples import Condition, Outcome
from orthanc_plugins.benchmark.site import Ground, Site
from orthanc_plugins.benchmark.targets import DicomAddress
from orthanc_plugins.benchmark.upkeep import upkeep_of
from orthanc_plugins.benchmark.users import Users
from orthanc_plugins.benchmark.workloads import QueryAll, WadoRetrieve, judge_files
from orthanc_plugins.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.benchmark.doubles import ArchiveDouble

CT_IMAGES = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def ground() -> Ground:
    return Ground(StudyMaker("0123abcd", 1), DatasetSize(2, 5, 3), lambda _: None)


@pytest.fixture
def site(orthanc: ArchiveDouble, ground: Ground) -> Site:
    site = Site(orthanc.target, upkeep_of(orthanc.target), time.time())
    site.put(file for study in (*ground.patients(), ground.large_study()) for file in study.files())
    return site


@contextmanager
def provider(status: int, *, takes: str = CT_IMAGES) -> Iterator[tuple[DicomAddress, list[str]]]:
    """Take C-STORE and answer with a status."""
    received: list[str] = []

    def store(event: Any) -> int:
        received.append(str(event.request.AffectedSOPInstanceUID))
        return status

    entity = AE("ARCHIVE")
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        contexts=[build_context(takes)],
        evt_handlers=[(evt.EVT_C_STORE, store)],
    )
    assert server is not None
    try:
        yield DicomAddress("ARCHIVE", "127.0.0.1", server.server_address[1]), received
    finally:
        server.shutdown()


# Several users


def test_every_user_opens_his_patients_on_a_connection_of_his_own(
    site: Site, ground: Ground, orthanc: ArchiveDouble
) -> None:
    users = Users(ground, 10, 3)
    users.prepare(1)
    readings = list(users.visit(site))
    assert len(readings) == 30
    assert {(one.condition, one.outcome, one.found) for one in readings} == {
        (Condition.SESSION, Outcome.OK, 1)
    }
    assert orthanc.count("GET", "/series") == 30


def test_what_goes_wrong_for_one_user_is_counted_for_him_alone(
    site: Site, ground: Ground, orthanc: ArchiveDouble
) -> None:
    users = Users(ground, 10, 2)
    users.prepare(1)
    some = users._choices[0][0].study_uid
    affected = sum(study.study_uid == some for studies in users._choices for study in studies)
    orthanc.fault = lambda _, path: 503 if f"{some}/series" in path else None
    readings = list(users.visit(site))
    failed = [one for one in readings if one.outcome is Outcome.FAILED]
    assert [one.detail for one in failed] == ["HTTP 503"] * affected
    assert len(readings) == 20


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("/series", b"[]", "0 series of 1"),
        ("/series", b"{", "the answer is no list of series"),
        ("PatientID", b"[]", "0 studies, 0 of the 1 wanted"),
    ],
)
def test_a_wrong_answer_to_a_user_is_no_success(
    site: Site, ground: Ground, orthanc: ArchiveDouble, path: str, body: bytes, detail: str
) -> None:
    users = Users(ground, 10, 1)
    users.prepare(1)
    orthanc.alter = lambda _, asked, content: body if path in asked else content
    readings = list(users.visit(site))
    assert {(one.outcome, one.detail) for one in readings} == {(Outcome.WRONG, detail)}


def test_both_archives_users_open_the_same_patients(ground: Ground) -> None:
    first, second = Users(ground, 10, 3), Users(ground, 10, 3)
    first.prepare(4)
    second.prepare(4)
    assert first._choices == second._choices
    second.prepare(5)
    assert first._choices != second._choices


# C-STORE


def test_a_study_is_sent_over_one_association_and_seen_to_be_there(site: Site, ground: Ground) -> None:
    with provider(0x0000) as (address, received):
        upload = StoreUpload(ground, {ArchiveName.ORTHANC: address}, 1)
        upload.prepare(1)
        for study in upload._studies:
            site.put(study.files())  # the double has no DICOM port: what is sent there is lost
        readings = list(upload.visit(site))
    assert [one.condition for one in readings] == [Condition.COLD, Condition.WARM]
    assert {one.outcome for one in readings} == {Outcome.OK}
    assert received == [uid for study in upload._studies for uid in study.sop_instance_uids]


def test_a_success_after_which_nothing_is_there_is_none(site: Site, ground: Ground) -> None:
    with provider(0x0000) as (address, _):
        upload = StoreUpload(ground, {ArchiveName.ORTHANC: address}, 0)
        upload.prepare(1)
        (reading,) = upload.visit(site)
    assert (reading.outcome, reading.detail) == (
        Outcome.WRONG,
        "0 of 2 instances are there after the upload",
    )


def test_a_status_of_failure_is_told(site: Site, ground: Ground) -> None:
    with provider(0xA700) as (address, _):
        upload = StoreUpload(ground, {ArchiveName.ORTHANC: address}, 0)
        upload.prepare(1)
        (reading,) = upload.visit(site)
    assert (reading.outcome, reading.detail) == (Outcome.FAILED, "status A700 for instance 1")


def test_a_port_nobody_listens_on_is_a_failure(site: Site, ground: Ground) -> None:
    upload = StoreUpload(ground, {ArchiveName.ORTHANC: DicomAddress("X", "127.0.0.1", 9)}, 1)
    upload.prepare(1)
    (reading,) = upload.visit(site)
    assert reading.outcome is Outcome.FAILED
    assert "cannot be reached" in reading.detail


def test_who_takes_ct_images_is_asked_and_who_does_not_is_told() -> None:
    with provider(0x0000) as (address, _):
        assert why_not_asked(address) is None
    with provider(0x0000, takes="1.2.840.10008.1.1") as (address, _):
        assert "accepts no CT images from PACSBENCH" in str(why_not_asked(address))
    assert "no association with" in str(why_not_asked(DicomAddress("X", "127.0.0.1", 9)))


# Site


def test_what_is_stored_untimed_must_all_be_stored(
    site: Site, ground: Ground, orthanc: ArchiveDouble
) -> None:
    refused = {"00081198": {"vr": "SQ", "Value": [{}]}}
    orthanc.alter = lambda *_: json.dumps(refused).encode()
    with pytest.raises(BenchmarkError, match="did not store 1 of 3 synthetic images"):
        site.put(ground.large_study().files())


def test_files_are_judged_by_their_number_and_size(ground: Ground) -> None:
    study = ground.large_study()

    def judged(parts: int, size: int) -> str:
        try:
            judge_files(Answer(200, size, parts, b"", "", ""), study)
        except Exception as error:  # noqa: BLE001 - its text is what is looked at
            return str(error)
        return ""

    assert judged(3, study.pixel_bytes + 3000) == ""
    assert judged(2, study.pixel_bytes) == "2 files of 3"
    assert "bytes for" in judged(3, study.pixel_bytes - 1)
    assert "bytes for" in judged(3, 2 * study.pixel_bytes + 60_000)


# The order


def test_every_row_is_asked_once_in_each_round_and_one_round_does_not_count() -> None:
    turns = make_schedule(("a", "b", "c"), 5, 1)
    for number in range(6):
        assert sorted(turn.row for turn in turns if turn.round == number) == ["a", "b", "c"]
    assert len(turns) == 18


def test_lots_are_fair() -> None:
    turns = make_schedule(("a",), 2000, 1)
    first = sum(turn.first is ArchiveName.ORTHANC for turn in turns)
    assert 920 < first < 1080
    orders = {tuple(turn.row for turn in make_schedule(("a", "b"), 1, seed)[:2]) for seed in range(20)}
    assert orders == {("a", "b"), ("b", "a")}


# The client alone


def test_the_client_is_measured_against_a_server_that_only_answers(ground: Ground) -> None:
    with ceiling_site(ground, dicom=True) as (alone, address):
        assert address is not None
        for workload in (
            QueryAll(ground, 2),
            WadoRetrieve(ground, 1),
            Users(ground, 10, 1),
            StoreUpload(ground, {ArchiveName.ORTHANC: address}, 1),
        ):
            workload.prepare(0)
            found = ceiling_of(workload, alone)
            assert set(found) == set(workload.kind.conditions)
            assert all(duration > 0 for duration in found.values())


def test_the_server_answers_as_long_as_an_archive_does() -> None:
    command = [sys.executable, "-m", "orthanc_plugins.benchmark.ceiling_server"]
    asked = {"answers": {"/a": {"bytes": 7}, "/ab": {"bytes": 5, "parts": 3}}, "dicom": False}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(asked)}\n")
        process.stdin.flush()
        ports = json.loads(process.stdout.readline())
        root = f"http://127.0.0.1:{ports['http']}"
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"{root}/a?x").content == bytes(7)
            assert session.get(f"{root}/abc").content.count(bytes(5)) == 3
            assert session.post(f"{root}/other", data=b"x" * 100_000).json() == []
        assert ports["dicom"] is None
        process.stdin.close()
        assert process.wait(20) == 0
