"""What the health check tells of programs that do not run, and of strangers at their ports."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from scripts.lib import doctor, health
from scripts.lib.health import Finding
from scripts.lib.render import REPOSITORY, Deployment, Ports, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WELL = [Finding("suite", healthy=True, text="healthy")]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    found = Deployment(data=tmp_path)
    found.logs.mkdir()
    for name in ("nginx", "orthanc"):
        (found.logs / f"{name}.log").write_text(f"said by {name}\n", encoding="utf-8")
    return found


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What supervisor says, one answer after the other, the last one for ever."""
    given: list[dict[str, str]] = []

    def answers() -> Iterator[dict[str, str]]:
        yield from given
        yield from itertools.repeat(given[-1])

    asked = answers()
    monkeypatch.setattr(health, "supervised", lambda _: next(asked))
    monkeypatch.setattr(health, "examine", lambda _: WELL)
    monkeypatch.setattr(health, "_PAUSE_S", 0.0)
    return given


@pytest.mark.parametrize("state", ["BACKOFF", "EXITED", "FATAL"])
def test_a_program_that_ended_is_told_at_once_with_its_own_log(
    deployment: Deployment, states: list[dict[str, str]], state: str
) -> None:
    states.append({"orthanc": "RUNNING", "nginx": state})
    *_, last = health.wait(deployment, 60)
    assert (last.part, last.healthy) == ("nginx", False)
    assert "said by nginx" in last.text


def test_the_wait_ends_when_every_program_runs(deployment: Deployment, states: list[dict[str, str]]) -> None:
    states += [{}, {"orthanc": "STARTING"}, {"orthanc": "RUNNING"}]
    assert health.wait(deployment, 60) == WELL


def test_a_program_that_never_runs_is_told_after_the_wait(
    deployment: Deployment, states: list[dict[str, str]]
) -> None:
    states.append({"orthanc": "STARTING", "nginx": "RUNNING"})
    *_, last = health.wait(deployment, 0)
    assert "said by orthanc" in last.text


@pytest.mark.parametrize("body", [b"<html>", b""])
def test_another_program_at_a_port_is_called_so(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(health, "get", lambda *_: (200, body))
    texts = [finding.text for finding in health.examine(Deployment(data=REPOSITORY))]
    assert texts == ["another program answers at port 8001", "another program answers at port 5173"]


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


@pytest.mark.parametrize(
    ("server", "body", "healthy", "said"),
    [
        (
            "DCM4CHEE stand-in (Orthanc 1.12.7)",
            b'{"status":"STARTED"}',
            True,
            "a stand-in: DCM4CHEE stand-in",
        ),
        ("DCM4CHEE stand-in (Orthanc 1.12.7)", b'{"status":"STOPPED"}', False, "stopped"),
        ("WildFly", b'{"status":"STARTED"}', False, "another program"),
        ("else", b"<html>", False, "another program"),
    ],
)
def test_the_stand_in_for_dcm4chee_is_called_so(
    monkeypatch: pytest.MonkeyPatch, *, server: str, body: bytes, healthy: bool, said: str
) -> None:
    handler = type("Handler", (Answering,), {"server_version": server, "body": body})
    with HTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        deployment = Deployment(
            data=REPOSITORY, stand_in=True, ports=Ports(dcm4chee=listening.server_address[1])
        )
        monkeypatch.setattr(health, "_suite", lambda _: WELL[0])
        monkeypatch.setattr(health, "_ohif", lambda _: WELL[0])
        found = health.examine(deployment)[-1]
        listening.shutdown()
    assert (found.part, found.healthy) == ("DCM4CHEE", healthy)
    assert said in found.text


def test_a_stand_in_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(health, "_suite", lambda _: WELL[0])
    monkeypatch.setattr(health, "_ohif", lambda _: WELL[0])
    found = health.examine(Deployment(data=REPOSITORY, stand_in=True, ports=Ports(dcm4chee=port)))[-1]
    assert (found.healthy, found.text) == (False, f"no answer from port {port} (ConnectionRefusedError)")


def test_addresses_name_the_stand_in_as_one(deployment: Deployment) -> None:
    assert not any("DCM4CHEE" in line for line in health.addresses(deployment))
    lines = list(health.addresses(replace(deployment, stand_in=True)))
    assert any("DCM4CHEE (stand-in)" in line and ":8080/" in line for line in lines)


def test_a_reader_who_leaves_is_no_error() -> None:
    code = "from scripts.lib.health import show; show(str(number) for number in range(10**6))"
    shell = f"'{sys.executable}' -c '{code}' | head -n 1"
    answer = subprocess.run(
        ["/bin/bash", "-c", shell], capture_output=True, check=True, text=True, cwd=REPOSITORY
    )
    assert (answer.stdout, answer.stderr) == ("0\n", "")


def test_settings_are_in_use_only_while_the_suite_runs_with_them(tmp_path: Path) -> None:
    deployment = Deployment(data=tmp_path)
    render(deployment)
    assert doctor.settings(deployment, running=False).text == "valid"
    assert doctor.settings(deployment, running=True).text == "valid, and in use"
    changed = Deployment(data=tmp_path, orthanc={"PacsSuite": {"LogLevel": "DEBUG"}})
    assert "changed" in doctor.settings(changed, running=True).text
    wrong = Deployment(data=tmp_path, orthanc={"PacsSuite": {"LogLevel": "LOUD"}})
    assert "LogLevel" in doctor.settings(wrong, running=False).text
