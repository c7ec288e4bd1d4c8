"""What plays the suite and its neighbours for the health check."""

from __future__ import annotations

import json
from base64 import b64encode
from http.server import BaseHTTPRequestHandler

from scripts.lib.health import Finding

WELL = [Finding("suite", healthy=True, text="healthy")]


class Asking(BaseHTTPRequestHandler):
    """Asks for a user, as Orthanc does, and tells who is one how the suite is."""

    def do_GET(self) -> None:
        let_in = self.headers["Authorization"] == f"Basic {b64encode(b'suite:s:ecret').decode()}"
        self.send_response(200 if let_in else 401)
        self.end_headers()
        services = {"orthanc": {"state": "healthy"}}
        self.wfile.write(
            json.dumps({"status": "healthy", "version": "1", "services": services}).encode()
            if let_in
            else b""
        )

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Answering(BaseHTTPRequestHandler):
    """Answers every GET as what plays DCM4CHEE does, or another program."""

    server_version, sys_version = "DCM4CHEE stand-in (Orthanc 1.12.7)", ""
    body = b'{"status":"STARTED"}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
