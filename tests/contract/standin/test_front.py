"""nginx in front of DCM4CHEE's stand-in, as it is rendered for the native run."""

from __future__ import annotations

import base64
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import requests

from scripts.lib.render import Deployment, Ports, render
from tests.contract.standin.asked import study_of
from tests.contract.waiting import free_port
from tests.stack import eventually
from tests.standin_objects import build_object, stow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standin import StandIn


@pytest.fixture
def deployment(tmp_path: Path, dcm4chee: StandIn) -> Deployment:
    ports = Ports(front=free_port(), ohif=free_port(), orthanc=free_port(), dcm4chee=dcm4chee.port)
    return Deployment(data=tmp_path / "data", ports=ports, stand_in=True, ohif=tmp_path)


@contextmanager
def running_nginx(deployment: Deployment) -> Iterator[None]:
    render(deployment)
    command = ["/usr/sbin/nginx", "-e", "stderr", "-c", str(deployment.run / "nginx.conf")]
    with subprocess.Popen(command) as nginx:
        try:
            eventually(lambda: listens(deployment.ports.front), "nginx listens")
            yield
        finally:
            nginx.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_is_reached_and_named_through_both_servers(deployment: Deployment) -> None:
    with running_nginx(deployment):
        for port in (deployment.ports.front, deployment.ports.ohif):
            root = f"http://localhost:{port}/dcm4chee-arc/aets/DCM4CHEE/rs"
            dataset = build_object()
            assert stow(root, dataset).status_code == 200
            answer = requests.get(f"{root}/studies?StudyInstanceUID={dataset.StudyInstanceUID}", timeout=30)
            assert answer.headers["Server"].startswith("DCM4CHEE stand-in")
            assert answer.json()[0]["00081190"]["Value"] == [root + study_of(dataset)]
            none = requests.get(f"{root}/studies?StudyInstanceUID=1.2", timeout=30)
            assert (none.status_code, none.content) == (204, b"")
            assert requests.get(f"{root}/studies?limit=0", timeout=30).status_code == 400


def test_an_archive_that_does_not_answer_is_called_by_its_name(deployment: Deployment) -> None:
    with running_nginx(replace(deployment, ports=replace(deployment.ports, dcm4chee=free_port()))):
        url = f"http://localhost:{deployment.ports.front}/dcm4chee-arc/ctrl/status"
        answer = requests.get(url, timeout=30)
    assert answer.status_code == 502
    assert "DCM4CHEE does not answer" in answer.json()["detail"]


ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def test_ohif_is_on_the_suites_origin_and_its_pages_alone_are_isolated(deployment: Deployment) -> None:
    (deployment.ohif / "index.html").write_text("OHIF", encoding="utf-8")
    (deployment.ohif / "app.bundle.0123456789abcdef.js").write_text("script", encoding="utf-8")
    front = f"http://localhost:{deployment.ports.front}"
    with running_nginx(deployment):
        for link in ("/viewer?StudyInstanceUIDs=1.2", "/viewer/DCM4CHEE?StudyInstanceUIDs=1.2"):
            answer = requests.get(front + link, timeout=30, allow_redirects=False)
            assert (answer.status_code, answer.headers["Location"]) == (302, f"/ohif{link}")
        for page in ("/ohif", "/ohif/", "/ohif/viewer/DCM4CHEE?StudyInstanceUIDs=1.2", "/ohif/tmtv"):
            answer = requests.get(front + page, timeout=30)
            assert (answer.status_code, answer.text) == (200, "OHIF"), page
            assert answer.headers["Content-Type"] == "text/html"
            assert ISOLATION.items() <= answer.headers.items()
        for file in ("/app.bundle.0123456789abcdef.js", "/app-config.js", "/show-structures.js"):
            answer = requests.get(front + file, timeout=30)
            assert answer.status_code == 200, file
            assert ISOLATION.items() <= answer.headers.items()
        for other in ("/pacs/ui/", "/dicom-web/studies", "/dcm4chee-arc/ctrl/status"):
            assert not ISOLATION.keys() & requests.get(front + other, timeout=30).headers.keys(), other
        assert requests.get(f"{front}/nothing", timeout=30).status_code == 404


class Recorder(ThreadingHTTPServer):
    """Plays an archive that asks for nobody, and an Orthanc that asks for ``user``; keeps what it heard."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.heard: list[str | None] = []
        """The Authorization header of each request."""


class _Answer(BaseHTTPRequestHandler):
    server: Recorder

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorisation = self.headers.get("Authorization")
        self.server.heard.append(authorisation)
        stranger = self.path == "/system" and authorisation != basic("user", "own")
        self.send_response(401 if stranger else 200)
        self.send_header("WWW-Authenticate", 'Basic realm="Orthanc"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def recording() -> Iterator[Recorder]:
    with Recorder() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_suites_password_is_said_to_dcm4chee_for_those_alone_whom_orthanc_lets_in(tmp_path: Path) -> None:
    with recording() as orthanc, recording() as archive:
        ports = Ports(front=free_port(), ohif=free_port(), orthanc=orthanc.server_port)
        root = "/dcm4chee-arc/aets/DCM4CHEE/rs"
        deployment = Deployment(
            data=tmp_path / "data",
            ports=ports,
            dcm4chee_url=f"http://127.0.0.1:{archive.server_port}{root}",
            orthanc={"PacsSuite": {"Dcm4chee": {"Username": "suite", "Password": "s3cret"}}},
            ohif=tmp_path,
        )
        with running_nginx(deployment):
            front = f"http://localhost:{ports.front}"
            stranger = requests.get(f"{front}{root}/studies", timeout=30)
            assert (stranger.status_code, archive.heard) == (401, [])
            assert stranger.headers["WWW-Authenticate"] == 'Basic realm="Orthanc"'
            who = ("user", "own")
            for method, path in (("GET", "/studies?limit=1"), ("POST", "/studies"), ("POST", "/studies/1.2")):
                assert requests.request(method, front + root + path, auth=who, timeout=30).ok
            assert archive.heard == [basic("suite", "s3cret")] * 3
            for method, path in (
                ("DELETE", f"{root}/studies/1.2"),
                ("POST", f"{root}/studies/1.2/reject/113001%5EDCM"),
                ("GET", "/dcm4chee-arc/devices"),
                ("GET", f"{root}/../../OTHER/rs/studies"),
            ):
                request = requests.Request(method, front, auth=who).prepare()
                request.url = front + path
                assert requests.Session().send(request, timeout=30).status_code == 403, path
            assert len(archive.heard) == 3


def test_what_a_browser_says_to_orthanc_is_told_to_no_other(tmp_path: Path) -> None:
    with recording() as archive:
        ports = Ports(front=free_port(), ohif=free_port(), orthanc=free_port())
        root = "/dcm4chee-arc/aets/DCM4CHEE/rs"
        url = f"http://127.0.0.1:{archive.server_port}{root}"
        with running_nginx(Deployment(data=tmp_path / "data", ports=ports, dcm4chee_url=url, ohif=tmp_path)):
            for port in (ports.front, ports.ohif):
                asked = f"http://localhost:{port}{root}/studies"
                assert requests.get(asked, auth=("user", "own"), timeout=30).ok
        assert archive.heard == [None, None]
