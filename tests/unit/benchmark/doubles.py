"""Both archives in memory, on loopback: they answer as Orthanc and DCM4CHEE do, or fail as a test wants."""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydicom import dcmread

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.multipart import boundary_of, split_parts
from orthanc_plugins.benchmark.targets import Target, dcm4chee_target, orthanc_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEB_OF_ORTHANC, RS = "/dicom-web", "/dcm4chee-arc/aets/DCM4CHEE/rs"
BOUNDARY = "double"


@dataclass
class StoredImage:
    """One image, and the file it came as."""

    patient_id: str
    study_uid: str
    series_uid: str
    uid: str
    content: bytes


@dataclass
class ArchiveDouble:
    """One archive.

    Parameters
    ----------
    name
        Which of the two it plays.
    fault
        Told each request (method and path, with its query); the HTTP status it returns is answered, and
        ``drop`` closes the connection. None lets the request through.
    alter
        Changes the body of an answer of status 200.
    server
        What its ``Server`` header says.
    """

    name: ArchiveName
    fault: Callable[[str, str], int | str | None] = lambda _method, _path: None
    alter: Callable[[str, str, bytes], bytes] = lambda _method, _path, body: body
    server: str = ""
    images: dict[str, StoredImage] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    patients: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def root(self) -> str:
        return WEB_OF_ORTHANC if self.name is ArchiveName.ORTHANC else RS

    @property
    def target(self) -> Target:
        origin = f"http://127.0.0.1:{self.port}"
        if self.name is ArchiveName.ORTHANC:
            return orthanc_target(origin)
        return dcm4chee_target(origin + RS)

    @property
    def studies(self) -> set[str]:
        return {image.study_uid for image in self.images.values()} - self.rejected

    def hold(self, patient_id: str, study_uid: str = "1.2.3") -> None:
        """Hold an image that no benchmark has made."""
        uid = f"{study_uid}.1.{len(self.images)}"
        self.images[uid] = StoredImage(patient_id, study_uid, f"{study_uid}.1", uid, b"")
        self.patients.add(patient_id)

    def count(self, method: str, path: str) -> int:
        """Return how often something was asked whose path holds a text."""
        return sum(asked == method and path in where for asked, where in self.asked)

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, str, bytes]:
        """Return status, media type and body of the answer to a request."""
        with self._lock:
            place = urlsplit(path)
            if place.path.startswith(self.root):
                below = place.path.removeprefix(self.root)
                query = {name: values[0] for name, values in parse_qs(place.query).items()}
                return self._web(method, below, query, headers, body)
            own = self._orthanc if self.name is ArchiveName.ORTHANC else self._dcm4chee
            return own(method, place.path, body)

    # DICOMweb

    def _web(
        self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes
    ) -> tuple[int, str, bytes]:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if method == "POST" and parts == ["studies"]:
            return self._stow(headers["Content-Type"], body)
        if method == "POST" and "reject" in parts:
            return self._reject(parts[1])
        if method == "DELETE":
            return self._delete(parts)
        if parts[-1] in {"count", "size"}:
            return self._counted(parts, query)
        if "dicom;" in headers["Accept"] or 'application/dicom"' in headers["Accept"]:
            return self._wado(parts)
        return self._qido(parts, query)

    def _stow(self, media_type: str, body: bytes) -> tuple[int, str, bytes]:
        stored = []
        for content in split_parts(body, boundary_of(media_type) or ""):
            dataset = dcmread(io.BytesIO(content), stop_before_pixels=True)
            image = StoredImage(
                str(dataset.PatientID),
                str(dataset.StudyInstanceUID),
                str(dataset.SeriesInstanceUID),
                str(dataset.SOPInstanceUID),
                content,
            )
            self.images[image.uid] = image
            self.patients.add(image.patient_id)
            stored.append({"00081155": {"vr": "UI", "Value": [image.uid]}})
        return _json({"00081199": {"vr": "SQ", "Value": stored}})

    def _seen(self) -> list[StoredImage]:
        return [image for image in self.images.values() if image.study_uid not in self.rejected]

    def _qido(self, parts: list[str], query: dict[str, str]) -> tuple[int, str, bytes]:
        pattern = re.compile(re.escape(query.get("PatientID", "*")).replace(r"\*", ".*"))
        found = [image for image in self._seen() if pattern.fullmatch(image.patient_id)]
        if len(parts) > 1:
            found = [image for image in found if image.study_uid == parts[1]]
        rows = self._rows(parts[-1], found)
        begin, limit = int(query.get("offset", "0")), int(query.get("limit", "1000"))
        page = rows[begin : begin + limit]
        if not page and self.name is ArchiveName.DCM4CHEE:
            return 204, "", b""
        return _json(page)

    def _rows(self, level: str, found: list[StoredImage]) -> list[dict[str, Any]]:
        if level == "patients":
            return [{"00100020": _value(patient)} for patient in sorted(self.patients)]
        if level == "instances":
            return [{"00080018": _value(image.uid)} for image in found]
        if level == "series":
            return [{"0020000E": _value(uid)} for uid in dict.fromkeys(image.series_uid for image in found)]
        counts = Counter(image.study_uid for image in found)
        patients = {image.study_uid: image.patient_id for image in found}
        return [
            {"0020000D": _value(uid), "00100020": _value(patients[uid]), "00201208": _value(count)}
            for uid, count in counts.items()
        ]

    def _wado(self, parts: list[str]) -> tuple[int, str, bytes]:
        found = [image for image in self._seen() if image.study_uid == parts[1]]
        if len(parts) > 4:
            found = [image for image in found if image.uid == parts[5]]
        if not found:
            return 404, "text/plain", b""
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + image.content + b"\r\n" for image in found) + f"--{BOUNDARY}--".encode()
        return 200, f'multipart/related; type="application/dicom"; boundary={BOUNDARY}', body

    # What only DCM4CHEE has

    def _reject(self, study_uid: str) -> tuple[int, str, bytes]:
        if study_uid not in self.studies:
            return 404, "text/plain", b""
        self.rejected.add(study_uid)
        return _json({"count": 1})

    def _delete(self, parts: list[str]) -> tuple[int, str, bytes]:
        if parts[0] == "patients":
            self.patients.discard(parts[1])
            return 204, "", b""
        known = {image.study_uid for image in self.images.values()}
        if parts[1] not in known:
            return 404, "text/plain", b""
        if parts[1] not in self.rejected:
            return 403, "text/plain", b""
        self._forget(parts[1])
        return 204, "", b""

    def _counted(self, parts: list[str], query: dict[str, str]) -> tuple[int, str, bytes]:
        if parts[-1] == "size":
            wanted = query["StudyInstanceUID"]
            return _json({"size": sum(len(one.content) for one in self._seen() if one.study_uid == wanted)})
        seen = self._seen()
        counts = {
            "patients": len(self.patients),
            "studies": len({image.study_uid for image in seen}),
            "series": len({image.series_uid for image in seen}),
            "instances": len(seen),
        }
        return _json({"count": counts[parts[0]]})

    def _dcm4chee(self, _method: str, path: str, _body: bytes) -> tuple[int, str, bytes]:
        if path.endswith("/ctrl/status"):
            return _json({"status": "STARTED"})
        return _json([{"dicomDeviceName": "dcm4chee-arc", "dicomSoftwareVersion": "5.34.1"}])

    # What only Orthanc has

    def _orthanc(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if path == "/system":
            return _json({"Version": "1.12.7", "DicomAet": "ORTHANC", "DicomPort": 9})
        if path == "/statistics":
            return _json(
                {
                    "CountPatients": len({image.patient_id for image in self.images.values()}),
                    "CountStudies": len(self.studies),
                    "CountSeries": len({image.series_uid for image in self.images.values()}),
                    "CountInstances": len(self.images),
                }
            )
        if path == "/tools/lookup":
            uid = body.decode()
            return _json([{"Type": "Study", "ID": uid}] if uid in self.studies else [])
        if path == "/tools/bulk-delete":
            for uid in json.loads(body)["Resources"]:
                self._forget(uid)
            return _json({})
        assert method == "GET"
        uid = path.split("/")[2]
        return _json({"DiskSize": str(sum(len(one.content) for one in self._seen() if one.study_uid == uid))})

    def _forget(self, study_uid: str) -> None:
        self.images = {uid: image for uid, image in self.images.items() if image.study_uid != study_uid}
        self.rejected.discard(study_uid)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written one after the other
    double: ArchiveDouble

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.double.asked.append((self.command, self.path))
        wanted = self.double.fault(self.command, self.path)
        if wanted == "drop":
            self.close_connection = True
            return
        status, media_type, content = (
            (int(wanted), "text/plain", b"")
            if wanted is not None
            else self.double.answer(self.command, self.path, self.headers, body)
        )
        if status == 200:
            content = self.double.alter(self.command, self.path, content)
        self.send_response_only(status)
        self.send_header("Server", self.double.server)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - as the standard library calls them


@contextmanager
def running(double: ArchiveDouble) -> Iterator[ArchiveDouble]:
    """Let an archive answer on a free port."""
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    double.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(content: Any) -> tuple[int, str, bytes]:
    return 200, "application/dicom+json", json.dumps(content).encode()


def _value(value: str | int) -> dict[str, Any]:
    return {"vr": "LO", "Value": [value]}
