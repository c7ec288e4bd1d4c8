"""Uploads: what became of each file."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.api.incoming import incoming_files
from orthanc_plugins.api.problems import Problem
from orthanc_plugins.api.routers import upload
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable
from tests.unit.conftest import UPLOAD_LIMITS as LIMITS

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.unit.api.conftest import Client, World

OCTETS = {"content-type": "application/octet-stream"}


def dicom(content: bytes = b"") -> bytes:
    """Return what the fake Orthanc takes for a DICOM file."""
    return bytes(128) + b"DICM" + content


def packed(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def damaged(archive: bytes, name: str) -> bytes:
    """Return a zip in which the packed bytes of one file are nonsense."""
    start = archive.index(name.encode()) + len(name)
    return archive[:start] + b"\xff" * 12 + archive[start + 12 :]


def encrypted(archive: bytes) -> bytes:
    """Return a zip whose files are marked as encrypted."""
    content = bytearray(archive)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(signature) + offset
        (flags,) = struct.unpack_from("<H", content, at)
        struct.pack_into("<H", content, at, flags | 1)
    return bytes(content)


def outcomes(answer: Any) -> list[tuple[str, str]]:
    report = answer.json()
    nothing_stored = report["rejected"] == len(report["files"])
    assert answer.status_code == (422 if nothing_stored else 200), answer.text
    assert report["stored"] + report["already_stored"] + report["rejected"] == len(report["files"])
    assert all(file["reason"] for file in report["files"] if file["outcome"] == "rejected")
    return [(file["name"], file["outcome"]) for file in report["files"]]


@pytest.mark.parametrize("media_type", ["application/dicom", "application/octet-stream", "text/plain", ""])
def test_a_file_as_the_body_is_stored(client: Client, world: World, media_type: str) -> None:
    answer = client.post("api/upload", content=dicom(), headers={"content-type": media_type})
    assert outcomes(answer) == [("body", "stored")]
    assert world.orthanc.statistics().instances == 1
    assert answer.json()["files"][0]["instance_id"]
    assert answer.json()["files"][0]["study_id"]


def test_a_file_that_is_there_already_is_told_as_such(client: Client) -> None:
    client.post("api/upload", content=dicom(), headers=OCTETS)
    assert outcomes(client.post("api/upload", content=dicom(), headers=OCTETS)) == [
        ("body", "already_stored")
    ]


def test_files_of_a_form_are_stored_by_their_names(client: Client) -> None:
    files = [
        ("file", ("a.dcm", dicom(b"a"))),
        ("file", ("b.dcm", dicom(b"b"))),
        ("other", ("c", b"no DICOM")),
    ]
    answer = client.post("api/upload", files=files)
    assert outcomes(answer) == [("a.dcm", "stored"), ("b.dcm", "stored"), ("c", "rejected")]


def test_many_files_of_a_form_are_stored(client: Client) -> None:
    files = [("file", (f"{number}.dcm", dicom(str(number).encode()))) for number in range(1500)]
    assert client.post("api/upload", files=files).json()["stored"] == 1500


def test_each_file_of_a_zip_has_an_outcome(client: Client) -> None:
    archive = packed(
        ("ct/1.dcm", dicom(b"1")), ("ct/", b""), ("readme.txt", b"text"), ("empty", b""), ("1", dicom(b"1"))
    )
    assert outcomes(
        client.post("api/upload", content=archive, headers={"content-type": "application/zip"})
    ) == [
        ("ct/1.dcm", "stored"),
        ("readme.txt", "rejected"),
        ("empty", "rejected"),
        ("1", "already_stored"),
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_file_of_a_zip_does_not_spoil_the_others(client: Client, method: int) -> None:
    archive = damaged(
        packed(("bad.dcm", dicom(b"x" * 99)), ("good.dcm", dicom(b"good")), method=method), "bad.dcm"
    )
    assert outcomes(client.post("api/upload", content=archive, headers=OCTETS)) == [
        ("bad.dcm", "rejected"),
        ("good.dcm", "stored"),
    ]


def test_an_encrypted_file_is_rejected_as_such(client: Client) -> None:
    archive = encrypted(packed(("secret.dcm", dicom())))
    answer = client.post("api/upload", content=archive, headers=OCTETS)
    assert outcomes(answer) == [("secret.dcm", "rejected")]
    assert "encrypted" in answer.json()["files"][0]["reason"]


@pytest.mark.parametrize("kept", [10, 60, 200])
def test_a_zip_cut_short_is_rejected(client: Client, kept: int) -> None:
    archive = packed(("a.dcm", dicom(b"a" * 500)), method=zipfile.ZIP_STORED)[:kept]
    assert outcomes(client.post("api/upload", content=archive, headers=OCTETS)) == [("body", "rejected")]


@pytest.mark.filterwarnings("ignore:Overlapped entries")
def test_no_damage_to_a_zip_is_more_than_a_rejection(services: Services) -> None:
    whole = packed(("a.dcm", dicom(b"a" * 40)), ("b.dcm", dicom(b"b" * 40)), method=zipfile.ZIP_DEFLATED)
    for position in range(4, len(whole)):
        for value in (0x00, 0x2D, 0xFF):
            content = whole[:position] + bytes([value]) + whole[position + 1 :]
            with suppress(Problem):  # it may say now that it unpacks to more than is allowed
                assert upload._store_all(services, [("zip", io.BytesIO(content))])


def test_a_zip_in_a_zip_is_rejected_and_the_others_are_stored(client: Client, world: World) -> None:
    archive = packed(("inner.zip", packed(("a.dcm", dicom()))), ("b.dcm", dicom()))
    answer = client.post("api/upload", content=archive, headers=OCTETS)
    assert outcomes(answer) == [("inner.zip", "rejected"), ("b.dcm", "stored")]
    assert world.orthanc.asked.count("upload") == 1


@pytest.mark.parametrize("archive", [packed(), packed(("folder/", b""))])
def test_a_zip_without_files_is_no_success(client: Client, world: World, archive: bytes) -> None:
    answer = client.post("api/upload", content=archive, headers=OCTETS)
    assert outcomes(answer) == [("body", "rejected")]
    assert world.orthanc.asked == []


def test_an_entry_that_would_unpack_to_too_much_is_rejected_unread(client: Client) -> None:
    archive = packed(("bomb.dcm", dicom(bytes(LIMITS.largest_file_bytes))), ("good.dcm", dicom()))
    assert outcomes(client.post("api/upload", content=archive, headers=OCTETS)) == [
        ("bomb.dcm", "rejected"),
        ("good.dcm", "stored"),
    ]


def test_a_file_that_is_too_large_is_rejected_though_it_is_in_no_zip(client: Client) -> None:
    answer = client.post("api/upload", content=dicom(bytes(LIMITS.largest_file_bytes)), headers=OCTETS)
    assert outcomes(answer) == [("body", "rejected")]


def test_a_zip_that_would_unpack_to_too_much_together_is_refused_before_anything_is_stored(
    client: Client, world: World
) -> None:
    half = bytes(LIMITS.largest_file_bytes // 2)
    count = 2 * LIMITS.largest_total_bytes // LIMITS.largest_file_bytes + 1
    archive = packed(*((f"{number}.dcm", dicom(half)) for number in range(count)))
    assert len(archive) < LIMITS.largest_total_bytes / 100
    answer = client.post("api/upload", content=archive, headers=OCTETS)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Uploads.LargestTotalMb" in answer.json()["detail"]
    assert world.orthanc.asked == []


def test_several_zips_of_a_form_are_counted_together(client: Client, world: World) -> None:
    archive = packed(*((f"{number}.dcm", dicom(bytes(900_000))) for number in range(3)))
    files = [("file", ("one.zip", archive)), ("file", ("two.zip", archive))]
    assert client.post("api/upload", files=files).status_code == 413
    assert world.orthanc.asked == []


def test_an_upload_of_too_many_files_is_refused(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "MOST_ENTRIES", 3)
    archive = packed(*((f"{number}.dcm", dicom(b"%d" % number)) for number in range(4)))
    assert client.post("api/upload", content=archive, headers=OCTETS).status_code == 413
    assert world.orthanc.asked == []


def test_an_entry_that_hides_its_size_gives_no_more_than_it_says(client: Client) -> None:
    said = 1000
    archive = bytearray(packed(("liar.dcm", dicom(bytes(500_000))), ("good.dcm", dicom())))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", archive, archive.index(signature) + offset, said)
    (liar, _) = incoming_files("zip", io.BytesIO(archive))
    assert liar.size == said
    assert outcomes(client.post("api/upload", content=bytes(archive), headers=OCTETS)) == [
        ("liar.dcm", "rejected"),
        ("good.dcm", "stored"),
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_unpacks_without_bounds_is_not_unpacked(client: Client, method: int) -> None:
    answer = client.post("api/upload", content=packed(("a.dcm", dicom()), method=method), headers=OCTETS)
    assert outcomes(answer) == [("a.dcm", "rejected")]
    assert "ordinary zip" in answer.json()["files"][0]["reason"]


def test_an_upload_of_which_nothing_is_stored_is_a_problem_that_says_why_of_each(client: Client) -> None:
    answer = client.post("api/upload", content=packed(("a.txt", b"text"), ("b", b"")), headers=OCTETS)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert "every file" in problem["detail"]
    assert (problem["stored"], problem["already_stored"], problem["rejected"]) == (0, 0, 2)
    assert [file["name"] for file in problem["files"]] == ["a.txt", "b"]
    assert all(file["reason"] for file in problem["files"])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_method_is_told_which_ones_there_are(client: Client, method: str) -> None:
    answer = client.request(method, "api/upload")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST, PUT"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "request_",
    [
        {"content": b"", "headers": OCTETS},
        {"files": [("file", ("empty.dcm", b""))]},
        {"files": {"file": (None, "a value, no file")}},
    ],
)
def test_an_empty_upload_is_refused(client: Client, request_: dict[str, Any]) -> None:
    answer = client.post("api/upload", **request_)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_that_is_none_is_refused(client: Client) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("api/upload", content=b"nonsense", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (ArchiveUnavailable("Orthanc did not answer.", archive="orthanc"), 503),
        (ArchiveRefused("Orthanc answered HTTP 403.", archive="orthanc", status=403), 502),
    ],
)
def test_an_orthanc_that_stores_nothing_is_a_problem(
    client: Client, world: World, failure: Any, status: int
) -> None:
    world.orthanc.failure = failure
    answer = client.post("api/upload", content=dicom(), headers=OCTETS)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
