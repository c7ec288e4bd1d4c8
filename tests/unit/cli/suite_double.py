"""A double of the suite that answers as it is told, and its commands."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from orthanc_plugins.cli import main

STUDIES = {"same": 5, "differing": 0, "only_orthanc": 0, "only_dcm4chee": 0}


class SuiteDouble:
    """Answers each path with what is written down for it, one after the other, the last again and again."""

    def __init__(self) -> None:
        self.answers: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.bodies: dict[str, Any] = {}
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                double.answer(self)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                double.bodies[self.path] = json.loads(body)
                double.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/pacs"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def say(self, path: str, content: Any, status: int = 200) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.answers[f"/pacs/api{path}"].append((status, raw))

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        prepared = self.answers[request.path.partition("?")[0]]
        status, content = prepared.pop(0) if len(prepared) > 1 else prepared[0]
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def run(suite: SuiteDouble, *arguments: str) -> int:
    return main([arguments[0], "--url", suite.url, *arguments[1:]])
