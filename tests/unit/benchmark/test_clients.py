"""What both archives are asked with: addresses, connections, multipart bodies, upkeep."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.benchmark import multipart
from orthanc_plugins.benchmark.connection import DICOM, Answer, Connection
from orthanc_plugins.benchmark.dataset import StudyMaker
from orthanc_plugins.benchmark.multipart import STOW_HEADERS, PartCounter, boundary_of, split_parts, stow_body
from orthanc_plugins.benchmark.targets import (
    basic_authorisation,
    dcm4chee_target,
    orthanc_target,
    parse_dicom_address,
    split_credentials,
    trust_of,
)
from orthanc_plugins.benchmark.upkeep import Dcm4cheeUpkeep, OrthancUpkeep, studies_with, upkeep_of
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, ConfigurationError

if TYPE_CHECKING:
    import random

    from tests.unit.benchmark.doubles import ArchiveDouble

MAKER = StudyMaker("0123abcd", 1)


# Addresses


def test_orthancs_dicomweb_is_below_its_rest_api() -> None:
    target = orthanc_target("https://archive.invalid/orthanc/")
    assert target.dicomweb == "https://archive.invalid/orthanc/dicom-web"
    assert target.management == "https://archive.invalid/orthanc"
    assert (target.host, target.port, target.is_secure) == ("archive.invalid", 443, True)


def test_dcm4chees_own_interface_is_above_its_dicomweb() -> None:
    target = dcm4chee_target("http://archive.invalid:8080/dcm4chee-arc/aets/OTHER/rs/")
    assert target.management == "http://archive.invalid:8080/dcm4chee-arc"
    assert target.dicomweb.endswith("/aets/OTHER/rs")
    assert (target.port, target.is_secure) == (8080, False)


@pytest.mark.parametrize(
    ("url", "on_loopback"),
    [
        ("http://127.0.0.1:8042", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:8042", True),
        ("http://localhost", True),
        ("http://192.0.2.7", False),
        ("http://archive.invalid", False),
    ],
)
def test_only_what_must_be_on_this_machine_is_on_loopback(url: str, on_loopback: bool) -> None:
    target = orthanc_target(url)
    assert target.is_on_loopback is on_loopback
    assert target.is_on_this_machine is on_loopback


@pytest.mark.parametrize("url", ["", "archive", "ftp://archive", "http://", "http://archive:port"])
def test_an_address_that_is_none_is_told_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="archive's address") as refused:
        split_credentials(f"{url}/x?secret")
    assert "secret" not in str(refused.value)


def test_user_and_password_leave_the_address() -> None:
    assert split_credentials("https://u%40x:p%2Fw@[::1]:1/rs?q#f") == ("https://[::1]:1/rs", ("u@x", "p/w"))
    assert split_credentials("http://h:8042") == ("http://h:8042", None)
    assert basic_authorisation("Aladdin", "open sesame") == {
        "Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    }


@pytest.mark.parametrize("text", ["", "AET", "AET@host", "host:104", "AET@host:0", "AET@host:70000", "A@h:x"])
def test_a_dicom_address_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="AET@HOST:PORT"):
        parse_dicom_address(text)


def test_certificates_of_an_own_authority_are_read_or_told(tmp_path: Path) -> None:
    assert trust_of(None) is None
    assert isinstance(trust_of(Path(certifi.where())), ssl.SSLContext)
    with pytest.raises(ConfigurationError, match=r"certificates of .*absent\.pem"):
        trust_of(tmp_path / "absent.pem")


def test_what_orthancs_process_imports_loads_no_numerics() -> None:
    program = """
import sys, orthanc_plugins.benchmark.refusal, orthanc_plugins.benchmark.plan
print([name for name in ("numpy", "pydicom", "jinja2", "scipy") if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


# Multipart


def test_a_stow_body_is_taken_apart_again() -> None:
    files = list(MAKER.study("U", 0, 3, 8).files())
    parts = list(split_parts(stow_body(files), multipart.BOUNDARY))
    assert parts == [file.content for file in files]
    assert boundary_of(STOW_HEADERS["Content-Type"]) == multipart.BOUNDARY


@pytest.mark.parametrize(
    ("media_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', "abc"),
        ('multipart/related;type=application/dicom;boundary="a b"', "a b"),
        ("Multipart/Related; Boundary=x", "x"),
        ("multipart/related", None),
        ("application/dicom+json; boundary=x", None),
        ("", None),
    ],
)
def test_the_boundary_is_found_however_it_is_written(media_type: str, boundary: str | None) -> None:
    assert boundary_of(media_type) == boundary


@given(st.lists(st.integers(0, 60), max_size=6), st.randoms(use_true_random=False))
def test_parts_are_counted_however_the_body_is_cut(sizes: list[int], chance: random.Random) -> None:
    body = b"".join(b"--xyz\r\n\r\n" + chance.randbytes(size) + b"\r\n" for size in sizes) + b"--xyz--\r\n"
    expected = body.count(b"--xyz") - 1
    counter, buffer, place = PartCounter("xyz"), bytearray(80), 0
    while place < len(body):
        length = chance.randint(1, 12)
        piece = body[place : place + length]
        buffer[: len(piece)] = piece
        counter.add(buffer, len(piece))
        place += length
    assert counter.parts == expected


# Connections


def test_an_answer_is_read_to_its_end_and_its_parts_are_counted(orthanc: ArchiveDouble) -> None:
    study = MAKER.study("L", 0, 3, 64)
    with Connection(orthanc.target) as connection:
        stored = connection.ask("POST", "/studies", stow_body(study.files()), STOW_HEADERS)
        whole = connection.ask("GET", f"/studies/{study.study_uid}", headers=DICOM)
        counted = connection.ask("GET", f"/studies/{study.study_uid}", headers=DICOM, count_parts=True)
    assert stored.status == 200
    assert (counted.parts, counted.size_bytes, counted.body) == (3, len(whole.body), b"")


def test_no_content_is_no_rows_and_a_list_is_rows() -> None:
    def answer(status: int, body: bytes) -> Answer:
        return Answer(status, len(body), 0, body, "application/dicom+json", "")

    assert answer(204, b"").rows == []
    assert answer(200, b'[{"00100020": {}}]').rows == [{"00100020": {}}]
    for body in (b"{}", b"[1]", b"nothing"):
        with pytest.raises(ValueError, match=r".*"):
            _ = answer(200, body).rows


def test_an_answer_that_is_cut_off_is_an_error(orthanc: ArchiveDouble) -> None:
    orthanc.fault = lambda _, path: "drop" if "studies" in path else None
    with Connection(orthanc.target) as connection:
        with pytest.raises(http.client.RemoteDisconnected):
            connection.ask("GET", "/studies")
        orthanc.fault = lambda *_: None
        assert connection.ask("GET", "/studies").status == 200  # over a new connection


def test_headers_of_authorisation_go_with_every_request_and_are_got_once(orthanc: ArchiveDouble) -> None:
    asked: list[int] = []

    def headers() -> dict[str, str]:
        asked.append(1)
        return {"Authorization": "Bearer x"}

    target = orthanc_target(f"http://127.0.0.1:{orthanc.port}", headers)
    with Connection(target) as connection:
        for _ in range(3):
            connection.ask("GET", "/studies")
    assert len(asked) == 1


def test_what_may_pass_is_tried_three_times(orthanc: ArchiveDouble) -> None:
    orthanc.fault = lambda *_: 503
    with pytest.raises(ArchiveUnavailable, match="HTTP 503") as failed:
        OrthancUpkeep(orthanc.target).counts()
    assert failed.value.status == 503
    assert orthanc.count("GET", "/statistics") == 3


def test_what_is_refused_is_tried_once(orthanc: ArchiveDouble) -> None:
    orthanc.fault = lambda *_: 401
    with pytest.raises(ArchiveRefused, match="check its address, user and rights"):
        OrthancUpkeep(orthanc.target).describe()
    assert len(orthanc.asked) == 1


@pytest.mark.parametrize("body", [b"[]", b"nothing", b"{}", b"3"])
def test_an_answer_that_is_no_archives_is_told(orthanc: ArchiveDouble, body: bytes) -> None:
    orthanc.alter = lambda *_: body
    with pytest.raises(ArchiveRefused, match="is it really one"):
        OrthancUpkeep(orthanc.target).describe()


# Upkeep


def test_each_archive_has_its_own_upkeep(orthanc: ArchiveDouble, dcm4chee: ArchiveDouble) -> None:
    assert isinstance(upkeep_of(orthanc.target), OrthancUpkeep)
    assert isinstance(upkeep_of(dcm4chee.target), Dcm4cheeUpkeep)


def test_versions_and_stand_ins_are_told(orthanc: ArchiveDouble, dcm4chee: ArchiveDouble) -> None:
    told = OrthancUpkeep(orthanc.target).describe()
    assert (told.version, str(told.dicom)) == ("1.12.7", "ORTHANC@127.0.0.1:9")
    assert Dcm4cheeUpkeep(dcm4chee.target).describe().version == "5.34.1"
    dcm4chee.fault = lambda _, path: 404 if "devices" in path else None
    assert Dcm4cheeUpkeep(dcm4chee.target).describe().version == "version not told"
    dcm4chee.server = "DCM4CHEE stand-in (Orthanc 1.12.7)"
    assert Dcm4cheeUpkeep(dcm4chee.target).describe().stand_in == "DCM4CHEE stand-in (Orthanc 1.12.7)"


def test_an_archive_that_does_not_count_tells_less(dcm4chee: ArchiveDouble) -> None:
    dcm4chee.fault = lambda _, path: 404 if "count" in path and "studies" not in path else None
    assert Dcm4cheeUpkeep(dcm4chee.target).counts() == {"studies": 0}
    dcm4chee.fault = lambda _, path: 404 if "size" in path else None
    assert Dcm4cheeUpkeep(dcm4chee.target).stored_bytes("2.25.1") is None


def test_dcm4chee_rejects_before_it_deletes_and_forgets_patients(dcm4chee: ArchiveDouble) -> None:
    dcm4chee.hold("PACSBENCH-0123abcd-Q1", "2.25.1")
    assert Dcm4cheeUpkeep(dcm4chee.target).remove(MAKER.patient_prefix, ["2.25.404"]) == 1
    assert not dcm4chee.images
    assert not dcm4chee.patients
    order = [method for method, path in dcm4chee.asked if "/studies/2.25.1" in path]
    assert order == ["POST", "DELETE"]


def test_only_the_benchmarks_own_can_be_asked_for(orthanc: ArchiveDouble) -> None:
    with pytest.raises(ValueError, match="nothing but what it has made"):
        studies_with(OrthancUpkeep(orthanc.target).web, "")


def test_matches_come_in_pages(orthanc: ArchiveDouble) -> None:
    for number in range(7):
        orthanc.hold(f"PACSBENCH-0123abcd-Q{number}", f"2.25.{number}")
    web = OrthancUpkeep(orthanc.target).web
    assert len(list(web.matches("/studies?PatientID=PACSBENCH-*", 3))) == 7
    assert orthanc.count("GET", "/studies?") == 3
