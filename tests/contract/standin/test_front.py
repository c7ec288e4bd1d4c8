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
        eventually(lambda: listens(deployment.ports.front), "nginx listens")
        yield
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
