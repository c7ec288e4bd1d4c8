"""nginx in front of DCM4CHEE's stand-in, as it is rendered for the native run."""

from __future__ import annotations

import socket
import subprocess
from contextlib import contextmanager
from dataclasses import replace
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
