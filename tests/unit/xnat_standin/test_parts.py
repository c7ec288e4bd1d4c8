"""The stand-in's parts that need no server."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.standin_objects import build_object, content_of
from xnat_standin.archive import Archive, BadNameError, ClashError, DeletedError
from xnat_standin.database import Database
from xnat_standin.document import SessionDocument, build_document
from xnat_standin.faults import Fault, Faults
from xnat_standin.gate import Entry
from xnat_standin.header import UnparsableError, header_of, read_header
from xnat_standin.kinds import resource_label, scan_type, session_type
from xnat_standin.logins import Logins
from xnat_standin.outside import same_path
from xnat_standin.prearchive import Identity, Prearchive, url_of
from xnat_standin.tables import table
from xnat_standin.unpacking import UnpackError, unpack
from xnat_standin.users import Profile, Users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
PET = "1.2.840.10008.5.1.4.1.1.128"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
RTDOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RTPLAN = "1.2.840.10008.5.1.4.1.1.481.5"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
PR = "1.2.840.10008.5.1.4.1.1.11.1"
KO = "1.2.840.10008.5.1.4.1.1.88.59"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "xnat.sqlite")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("sop_class", "scan", "resource"),
    [
        (CT, "xnat:ctScanData", "DICOM"),
        (PET, "xnat:petScanData", "DICOM"),
        (RTDOSE, "xnat:rtImageScanData", "DICOM"),
        (RTSTRUCT, "xnat:rtImageScanData", "secondary"),
        (RTPLAN, "xnat:rtImageScanData", "secondary"),
        (SEG, "xnat:segScanData", "secondary"),
        (SR, "xnat:srScanData", "secondary"),
        (PR, "xnat:otherDicomScanData", "secondary"),
        (KO, "xnat:otherDicomScanData", "secondary"),
    ],
)
def test_scans_and_resources_by_sop_class(sop_class: str, scan: str, resource: str) -> None:
    assert (scan_type(sop_class), resource_label(sop_class)) == (scan, resource)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([CT, RTSTRUCT], "xnat:ctSessionData"),
        ([CT, PET, RTSTRUCT], "xnat:petSessionData"),
        ([CT, MR], "xnat:mrSessionData"),
        ([RTDOSE], "xnat:rtSessionData"),
        ([RTSTRUCT], "xnat:otherDicomSessionData"),
    ],
)
def test_the_lead_modality_types_a_session(classes: list[str], expected: str) -> None:
    assert session_type(classes) == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Project:P1 Subject:S1 Session:E1", ("P1", "S1", "E1")),
        ("project: P1;subject: S-1,session:E_1", ("P1", "S-1", "E_1")),
        ("MyProject:P1", ("", "Doe^Jane", "PID")),
    ],
)
def test_headers_tell_the_way(comment: str, expected: tuple[str, str, str]) -> None:
    header = header_of(build_object(PatientComments=comment, PatientID="PID"))
    assert (header.project, header.subject, header.session) == expected


def test_the_first_attribute_that_names_a_project_counts() -> None:
    said = {
        "PatientComments": "nothing",
        "StudyComments": "Project:B",
        "AdditionalPatientHistory": "Project:C",
    }
    assert header_of(build_object(**said)).project == "B"
    assert header_of(build_object()).other_projects == ("Thorax", "A1")


def test_a_scan_is_its_number_or_its_series() -> None:
    assert header_of(build_object(SeriesNumber="7")).scan == "7"
    assert header_of(build_object(SeriesNumber=None, SeriesInstanceUID="1.2.9")).scan == "1.2.9"


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_no_attribute_leads_out_of_a_folder(database: Database, tmp_path: Path) -> None:
    dataset = build_object(StudyInstanceUID="../../1", Modality="../X")
    dataset.add_new(0x00200011, "LO", "../../2")
    header = header_of(dataset)
    prearchive = Prearchive(database, tmp_path / "prearchive")
    file = tmp_path / "file"
    file.write_bytes(b"")
    stored = prearchive.add(prearchive.open(Identity(None, "1", "E1", "S1")), header, file)
    assert stored.resolve().is_relative_to(tmp_path / "prearchive" / "Unassigned")


@pytest.mark.parametrize("content", [b"", b"no DICOM", bytes(128) + b"DICM"])
def test_what_is_no_object_of_a_study_is_unparsable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnparsableError):
        read_header(path)


def test_names_of_files_tell_objects_apart() -> None:
    names = {header_of(build_object(StudyInstanceUID="1", InstanceNumber="1")).file_name for _ in range(3)}
    assert len(names) == 3


def test_files_come_out_of_archives_in_archives(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as packed:
        information = tarfile.TarInfo("../../a.dcm")
        information.size = 3
        packed.addfile(information, io.BytesIO(b"one"))
    upload = tmp_path / "upload"
    with zipfile.ZipFile(upload, "w") as outer:
        outer.writestr("inner.tgz", inner.getvalue())
        outer.writestr("b.dcm", b"two")
        outer.writestr("folder/", b"")
    folder = tmp_path / "out"
    folder.mkdir()
    found = unpack(upload, folder)
    assert sorted(path.read_bytes() for path in found) == [b"one", b"two"]
    assert all(path.is_relative_to(folder) for path in found)


def test_a_single_file_is_itself_and_a_damaged_zip_an_error(tmp_path: Path) -> None:
    upload, folder = tmp_path / "upload", tmp_path / "out"
    folder.mkdir()
    upload.write_bytes(b"DICOM")
    assert [path.read_bytes() for path in unpack(upload, folder)] == [b"DICOM"]
    with zipfile.ZipFile(upload, "w") as packed:
        packed.writestr("a", bytes(1000))
    content = bytearray(upload.read_bytes())
    content[35] ^= 0xFF
    content[60] ^= 0xFF
    upload.write_bytes(content)
    with pytest.raises(UnpackError):
        unpack(upload, folder)


def test_a_document_is_what_the_files_say(tmp_path: Path) -> None:
    for scan, number in (("2", 1), ("2", 2), ("3", 1)):
        path = tmp_path / "SCANS" / scan / "DICOM" / f"{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(build_object(StudyInstanceUID="1.2", SeriesNumber=scan)))
    document = build_document(tmp_path)
    assert document is not None
    assert (document.xsi_type, document.uid, document.date) == ("xnat:ctSessionData", "1.2", "2026-01-02")
    assert [(scan.id, scan.frames) for scan in document.scans] == [("2", 2), ("3", 1)]
    assert SessionDocument.from_json(document.to_json()) == document
    assert build_document(tmp_path / "nowhere") is None


def test_faults_happen_in_their_order_at_their_places_and_times() -> None:
    faults = Faults()
    faults.add(Fault(kind="refuse", at="POST /data/*", times=2, status=503))
    faults.add(Fault(kind="refuse", status=507))
    assert faults.take("delay", "POST /data/a") is None
    taken = [faults.take("refuse", "POST /data/a") for _ in range(4)]
    assert [fault.status if fault else None for fault in taken] == [503, 503, 507, None]
    faults.add(Fault(kind="drop"))
    faults.clear()
    assert faults.pending() == []


def test_tables_know_columns_whatever_their_case() -> None:
    rows = [{"ID": "1", "URI": "/1", "label": 'a"b'}]
    answer = table(rows, ("ID", "URI"), {"format": "csv", "columns": "id,label"})
    assert bytes(answer.body).decode() == 'id,label,URI\n"1","a""b","/1"\n'
    answer = table(rows, ("ID",), {})
    assert json.loads(bytes(answer.body)) == {"ResultSet": {"Result": [{"ID": "1"}], "totalRecords": "1"}}


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/REST/projects/P", "/data/projects/P"),
        ("/data/archive/projects/P/subjects", "/data/projects/P/subjects"),
        ("/data/archive/experiments/XNAT_E1", "/data/experiments/XNAT_E1"),
        ("/data/prearchive/projects", "/data/prearchive/projects"),
        ("/xapi/users", "/xapi/users"),
    ],
)
def test_equal_prefixes(path: str, known: str) -> None:
    assert same_path(path) == known


@pytest.mark.parametrize(
    ("agent", "is_browser"),
    [
        ("", False),
        ("curl/8.5", False),
        ("python-requests/2", False),
        ("Java/21", False),
        ("Mozilla/5.0", True),
    ],
)
def test_only_browsers_are_browsers(agent: str, is_browser: bool) -> None:
    assert Entry("GET", "/data/projects", {}, agent, "", None).is_browser is is_browser


def test_sessions_end_after_their_idleness() -> None:
    logins = Logins(timeout_s=-1)
    login = logins.open("a")
    assert logins.find(login.key) is None
    logins = Logins(timeout_s=60)
    login = logins.open("a")
    assert logins.find(login.key) is login
    assert (logins.count("a"), logins.count("b")) == (1, 0)


def test_passwords_and_tokens_are_verified(database: Database) -> None:
    users = Users(database)
    users.create(Profile("a"), "secret")
    assert users.verified("a", "secret") is not None
    assert users.verified("a", "other") is None
    token = users.issue_token("a")
    found = users.verified(str(token["alias"]), str(token["secret"]))
    assert (found.name if found else None) == "a"
    users.set_password("a", "changed")
    assert users.verified("a", "secret") is None
    database.run("UPDATE tokens SET expires = 0")
    assert users.verified(str(token["alias"]), str(token["secret"])) is None


def test_ids_of_projects_are_given_once(database: Database, tmp_path: Path) -> None:
    archive = Archive(database, tmp_path)
    archive.create_project("P1", {"name": "Title"}, 4, "admin")
    for taken in ("p1", "title"):
        with pytest.raises(ClashError):
            archive.create_project(taken, {}, 4, "admin")
    with pytest.raises(BadNameError):
        archive.create_project("P 2", {}, 4, "admin")
    assert archive.project_named("TITLE") == "P1"
    archive.delete_project("P1")
    with pytest.raises(DeletedError):
        archive.create_project("P1", {}, 4, "admin")


@pytest.mark.parametrize(
    ("status", "reopened", "then"),
    [
        ("READY", True, "RECEIVING"),
        ("ERROR", True, "RECEIVING"),
        ("CONFLICT", True, "RECEIVING"),
        ("BUILDING", True, "RECEIVING_INTERRUPT"),
        ("ARCHIVING", False, "RECEIVING"),
        ("MOVING", False, "RECEIVING"),
    ],
)
def test_new_data_reopens_a_row_or_opens_another(
    database: Database, tmp_path: Path, status: str, reopened: bool, then: str
) -> None:
    prearchive = Prearchive(database, tmp_path)
    identity = Identity("P1", "1.2.3", "E1", "S1")
    first = prearchive.open(identity)
    prearchive.set_status(first, status)
    second = prearchive.open(identity)
    assert (second == first) is reopened
    row = prearchive.get(second)
    assert row is not None
    assert row["status"] == then


def test_rows_are_found_by_project_study_and_label(database: Database, tmp_path: Path) -> None:
    prearchive = Prearchive(database, tmp_path)
    first = prearchive.open(Identity(None, "1.2.3", "E1", "S1"))
    assert prearchive.open(Identity(None, "1.2.4", "E1", "S1")) != first
    assert prearchive.open(Identity("P1", "1.2.3", "E1", "S1")) != first
    assert prearchive.open(Identity(None, "1.2.3", "E1", "S2")) == first
    row = prearchive.get(first)
    assert row is not None
    assert url_of(row) == f"/prearchive/projects/Unassigned/{row['timestamp']}/E1"
    assert len({one["timestamp"] for one in prearchive.rows()}) == 3
