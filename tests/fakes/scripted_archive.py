"""An HTTP peer that answers exactly what a recorded case dictates, byte for byte.

A case is a small JSON file in ``tests/contract/dcm4chee_cases``::

    {"about": "one sentence",
     "exchanges": [{"asked": "GET /studies?limit=1000", "answer": {"status": 204}}]}

``asked`` is method, path and the parts of the query that must be there. A path beginning with ``/`` is below
the DICOMweb root; ``//`` begins at the archive's root (``//ctrl/status`` is ``/dcm4chee-arc/ctrl/status``).
Exchanges that ask the same are used up in their order; one with ``"again": true`` stays. A request that no
exchange is left for is answered with 599, and the test fails at the end.

An answer has ``status``, ``headers`` and one of ``json``, ``text``, ``base64`` or ``parts`` (a
multipart/related body; a part is ``{"dicom": {"sop_instance_uid": …}}`` or ``{"text": …}``).
``cut_after`` closes the connection after so many bytes of the body, ``silent`` never answers.
"""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CASES = Path(__file__).parents[1] / "contract" / "dcm4chee_cases"
ARCHIVE = "/dcm4chee-arc"
ROOT = f"{ARCHIVE}/aets/DCM4CHEE/rs"
_BOUNDARY = "myboundary"


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; ``path`` is below the DICOMweb root, or begins with ``//``."""

    method: str
    path: str
    query: Mapping[str, str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


@dataclass
class Exchange:
    """What is asked, and what is answered then."""

    asked: str
    answer: Mapping[str, Any] = field(default_factory=lambda: {"status": 200})
    again: bool = False

    def fits(self, request: Asked) -> bool:
        """Return whether a request asks this."""
        line, _, query = self.asked.partition("?")
        wanted = dict(parse_qsl(query, keep_blank_values=True))
        return line == request.line and wanted.items() <= request.query.items()


def read_case(name: str) -> list[Exchange]:
    """Return the exchanges of a recorded case."""
    case = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return [Exchange(**exchange) for exchange in case["exchanges"]]


@contextmanager
def scripted_archive(*script: str | Exchange) -> Iterator[ScriptedArchive]:
    """Play recorded cases (by name) and exchanges, in this order."""
    exchanges = [
        exchange for part in script for exchange in (read_case(part) if isinstance(part, str) else [part])
    ]
    archive = ScriptedArchive(exchanges)
    try:
        yield archive
    finally:
        archive.close()
    assert not archive.unexpected, f"nobody said what to answer to {archive.unexpected}"


class ScriptedArchive:
    """The peer; ``asked`` holds every request, ``unexpected`` those that had no exchange."""

    def __init__(self, script: Sequence[Exchange]) -> None:
        self.asked: list[Asked] = []
        self.unexpected: list[str] = []
        self.left = list(script)
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    @property
    def root(self) -> str:
        """Address of the archive's root."""
        return f"http://127.0.0.1:{self.port}{ARCHIVE}"

    @property
    def url(self) -> str:
        """DICOMweb root."""
        return f"http://127.0.0.1:{self.port}{ROOT}"

    def lines(self) -> list[str]:
        """Return method and path of each request, in the order they came."""
        return [request.line for request in self.asked]

    def close(self) -> None:
        self._ends.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._server.close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            shut(connection)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while (request := read_request(stream)) is not None and self._answer(connection, request):
                    pass
        except OSError:
            pass  # the client has gone: that is its right
        finally:
            with self._lock:
                self._open.discard(connection)

    def _answer(self, connection: socket.socket, request: Asked) -> bool:
        """Answer a request, and return whether the connection stays."""
        with self._lock:
            self.asked.append(request)
            exchange = next((one for one in self.left if one.fits(request)), None)
            if exchange is None:
                self.unexpected.append(request.line)
            elif not exchange.again:
                self.left.remove(exchange)
        answer = {"status": 599} if exchange is None else exchange.answer
        if answer.get("silent"):
            self._ends.wait()
            return False
        head, body = _encoded(answer)
        cut_after = answer.get("cut_after")
        connection.sendall(head + body[:cut_after])
        return cut_after is None


def read_request(stream: io.BufferedReader) -> Asked | None:
    """Return the next request of a connection, None at its end."""
    first = stream.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().title()] = value.strip()
    body = _read_body(stream, headers)
    path, _, query = first[1].partition("?")
    return Asked(
        first[0],
        _below_root(unquote(path)),
        dict(parse_qsl(query, keep_blank_values=True)),
        query,
        headers,
        body,
    )


def shut(connection: socket.socket) -> None:
    """Close a connection that another thread may be waiting on."""
    with suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def _below_root(path: str) -> str:
    if path.startswith(ROOT):
        return path.removeprefix(ROOT) or "/"
    return "/" + path.removeprefix(ARCHIVE)


def _read_body(stream: io.BufferedReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("Transfer-Encoding") == "chunked":
        chunks = []
        while size := int(stream.readline(), 16):
            chunks.append(stream.read(size))
            stream.readline()
        stream.readline()
        return b"".join(chunks)
    return stream.read(int(headers.get("Content-Length", 0)))


def _encoded(answer: Mapping[str, Any]) -> tuple[bytes, bytes]:
    body, media_type = _body(answer)
    headers = {"Content-Length": str(len(body))}
    if media_type:
        headers["Content-Type"] = media_type
    headers |= answer.get("headers", {})
    if headers.get("Transfer-Encoding") == "chunked":
        del headers["Content-Length"]
    lines = [f"HTTP/1.1 {answer['status']} -", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), body


def _body(answer: Mapping[str, Any]) -> tuple[bytes, str]:
    if "json" in answer:
        return json.dumps(answer["json"]).encode(), "application/dicom+json"
    if "text" in answer:
        return answer["text"].encode(), "text/plain"
    if "base64" in answer:
        return base64.b64decode(answer["base64"]), "application/octet-stream"
    if "parts" in answer:
        body = multipart(answer["parts"], complete=answer.get("complete", True))
        return body, f'multipart/related;type="application/dicom";boundary={_BOUNDARY}'
    return b"", ""


def multipart(parts: Sequence[Mapping[str, Any]], *, complete: bool = True) -> bytes:
    """Return a multipart/related body; ``dicom`` of a part is for `dicom_file`, ``text`` stands as it is."""
    body = b""
    for part in parts:
        content = part["text"].encode() if "text" in part else dicom_file(**part.get("dicom", {}))
        media_type = part.get("content_type", "application/dicom;transfer-syntax=1.2.840.10008.1.2.1")
        body += f"--{_BOUNDARY}\r\nContent-Type: {media_type}\r\n\r\n".encode() + content + b"\r\n"
    return body + (f"--{_BOUNDARY}--\r\n".encode() if complete else b"")


def dicom_file(
    sop_instance_uid: str = "1.2.3.4",
    series_uid: str = "1.2.3",
    study_uid: str = "1.2",
    *,
    sop_class_uid: str = CTImageStorage,
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
    pixel_bytes: int = 16,
    **attributes: Any,
) -> bytes:
    """Return a small DICOM file (PS3.10); further attributes by keyword."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.StudyInstanceUID = study_uid
    dataset.SeriesInstanceUID = series_uid
    dataset.PatientID = "P1"
    dataset.PatientName = "MARKER^NAME"
    dataset.Modality = "CT"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.add_new(0x7FE00010, "OW", bytes(pixel_bytes))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
