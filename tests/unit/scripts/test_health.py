"""What the health check tells of programs that do not run, and of strangers at their ports."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import HTTPServer
from typing import TYPE_CHECKING

import pytest

from scripts.lib import doctor, health
from scripts.lib.render import REPOSITORY, Deployment, Ports, render
from scripts.lib.signing_in import signed_in
from tests.unit.scripts.neighbours import WELL, Answering, Asking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


@pytest.fixture
def asking() -> Iterator[int]:
    """The port of a suite whose Orthanc asks for a user."""
    with HTTPServer(("127.0.0.1", 0), Asking) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield listening.server_address[1]
        listening.shutdown()


def users_of(orthanc: dict[str, str], port: int, data: Path) -> Deployment:
    return Deployment(data=data, ports=Ports(front=port), orthanc={"PacsSuite": {"Orthanc": orthanc}})


def test_where_orthanc_asks_for_a_user_the_scripts_are_whom_the_settings_name(
    asking: int, tmp_path: Path
) -> None:
    deployment = users_of({"Username": "suite", "Password": "s:ecret"}, asking, tmp_path)
    suite = health.examine(deployment)[0]
    assert (suite.healthy, suite.text) == (True, "healthy, version 1, orthanc healthy")
    assert health.get_json(asking, "/api/jobs", signed_in(deployment))["status"] == "healthy"


@pytest.mark.parametrize("orthanc", [{}, {"Username": "suite", "Password": "other"}])
def test_a_suite_that_lets_the_scripts_not_in_runs_and_says_what_to_do(
    asking: int, tmp_path: Path, orthanc: dict[str, str]
) -> None:
    suite = health.examine(users_of(orthanc, asking, tmp_path))[0]
    assert (suite.healthy, suite.hinders) == (False, False)
    assert "HTTP 401" in suite.text
    assert "Orthanc.Username and Orthanc.Password" in suite.remedy
    with pytest.raises(OSError, match=r"HTTP status 401 for /api/jobs .*Orthanc.Username"):
        health.get_json(asking, "/api/jobs")


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
        monkeypatch.setattr(health, "_suite", lambda _: WELL)
        monkeypatch.setattr(health, "_ohif", lambda _: WELL[0])
        found = health.examine(deployment)[-1]
        listening.shutdown()
    assert (found.part, found.healthy) == ("DCM4CHEE", healthy)
    assert said in found.text


@pytest.mark.parametrize(
    ("body", "healthy", "said"),
    [
        (b'{"version":"1.9.3","standIn":"XNAT stand-in: it is none"}', True, "started, XNAT stand-in"),
        (b'{"version":"1.9.3"}', False, "another program answers"),
        (b"<html>", False, "another program answers"),
        (b"[]", False, "another program answers"),
    ],
)
def test_the_stand_in_for_xnat_is_called_so(
    monkeypatch: pytest.MonkeyPatch, *, body: bytes, healthy: bool, said: str
) -> None:
    monkeypatch.setattr(health, "get", lambda *_: (200, body))
    monkeypatch.setattr(health, "_suite", lambda _: WELL)
    found = health.examine(Deployment(data=REPOSITORY, xnat_stand_in=True))[-1]
    assert (found.part, found.healthy) == ("XNAT", healthy)
    assert said in found.text


def test_a_stand_in_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setattr(health, "_suite", lambda _: WELL)
    monkeypatch.setattr(health, "_ohif", lambda _: WELL[0])
    found = health.examine(Deployment(data=REPOSITORY, stand_in=True, ports=Ports(dcm4chee=port)))[-1]
    assert (found.healthy, found.text) == (False, f"no answer from port {port} (ConnectionRefusedError)")


def test_addresses_name_the_stand_in_as_one(deployment: Deployment) -> None:
    assert not any("DCM4CHEE" in line for line in health.addresses(deployment))
    lines = list(health.addresses(replace(deployment, stand_in=True)))
    assert any("DCM4CHEE (stand-in)" in line and ":8080/" in line for line in lines)


def test_addresses_name_the_stand_in_for_xnat_and_where_its_password_is_but_not_the_password(
    deployment: Deployment,
) -> None:
    standing_in = replace(deployment, xnat_stand_in=True)
    render(standing_in)
    told = "\n".join(health.addresses(standing_in))
    assert "XNAT (stand-in)        http://127.0.0.1:8090" in told
    assert "XNAT at port 8104" in told
    path = standing_in.secrets / "xnat-admin"
    assert str(path) in told
    assert path.read_text(encoding="ascii") not in told
    assert f"{standing_in.data / 'custody'}: keep a copy" in told


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


def test_packages_that_a_lock_names_for_other_machines_are_not_missed() -> None:
    lock = (
        "# made by scripts/lock\n"
        "numpy==2.5.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:02\n"
        "uvloop==0.22.1 ; sys_platform == 'linux'\n"
    )
    assert doctor.locked_packages(lock) == {"numpy": "2.5.1", "uvloop": "0.22.1"}
