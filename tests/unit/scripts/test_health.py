"""What the health check tells of programs that do not run, and of strangers at their ports."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.projects import Custodian
from scripts.lib import doctor, health
from scripts.lib.health import Finding
from scripts.lib.render import REPOSITORY, Deployment, Ports, render
from scripts.lib.signing_in import signed_in

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


ARCHIVE_URL = "http://archive:8080/dcm4chee-arc/aets/DCM4CHEE/rs"


def answering(monkeypatch: pytest.MonkeyPatch, *, worker: str = "healthy", **told: Any) -> None:
    """Have the suite answer with its health."""
    services = {name: {"state": "healthy"} for name in ("orthanc", "store", "jobs")}
    services["worker"] = {"state": worker}
    for name in {"dcm4chee", "xnat"} & told.keys():
        services[name] = {"state": "unhealthy", "detail": told[name]}
    report = {
        "status": "degraded",
        "version": "1",
        "services": services,
        "warnings": told.get("warnings", []),
    }
    bodies = {"/api/health": json.dumps(report).encode(), "/": b"OHIF"}
    monkeypatch.setattr(health, "get", lambda _, path, *_headers: (200, bodies[path]))
    monkeypatch.setattr(health, "supervised", lambda _: {"orthanc": "RUNNING", "nginx": "RUNNING"})


@pytest.mark.parametrize(
    ("detail", "remedy"),
    [
        ("DCM4CHEE did not answer GET /dcm4chee-arc/ctrl/status (ConnectionError).", "start it"),
        ("DCM4CHEE answered GET /studies with HTTP 404: check its address.", "the AE title in it"),
        ("DCM4CHEE answered GET /studies with HTTP 401: check user.", "DCM4CHEE_USERNAME, _PASSWORD"),
        ("The token address of DCM4CHEE answered with HTTP 404: check it.", "DCM4CHEE_TOKEN_URL"),
    ],
)
def test_a_dcm4chee_that_is_away_or_refuses_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment, detail: str, remedy: str
) -> None:
    answering(monkeypatch, dcm4chee=detail)
    suite, ohif, archive = health.wait(replace(deployment, dcm4chee_url=ARCHIVE_URL), 60)
    assert suite.healthy, suite.text
    assert ohif.healthy
    assert (archive.healthy, archive.hinders) == (False, False)
    assert archive.text == f"{ARCHIVE_URL}: {detail}"
    assert remedy in archive.remedy
    assert ".env" in archive.remedy


def test_an_xnat_that_is_away_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, xnat="What is at XNAT's address is no XNAT (HTTP 404).")
    suite, _, archive = health.wait(replace(deployment, xnat_url="https://xnat.example"), 60)
    assert suite.healthy, suite.text
    assert (archive.part, archive.healthy, archive.hinders) == ("XNAT", False, False)
    assert archive.text == "https://xnat.example: What is at XNAT's address is no XNAT (HTTP 404)."
    assert archive.remedy == "start it, or correct XNAT_URL in .env, then run scripts/up"


def test_what_a_person_is_to_decide_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, warnings=["DCM4CHEE lost 40 studies at once"])
    *_, warning = health.wait(deployment, 60)
    assert (warning.text, warning.hinders) == ("DCM4CHEE lost 40 studies at once", False)


def test_an_audit_trail_that_is_broken_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, warnings=["Nothing is released: The audit trail does not end as it was written."])
    *_, found = health.wait(deployment, 60)
    assert (found.part, found.healthy, found.hinders) == ("audit trail", False, False)
    assert "scripts/pacs audit verify" in found.remedy


def test_a_project_that_cannot_be_used_is_told_and_does_not_keep_the_suite_from_starting(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    answering(monkeypatch, warnings=["De-identification for trial: There is no key."])
    *_, found = health.wait(deployment, 60)
    assert (found.part, found.text, found.hinders) == (
        "de-identification",
        "De-identification for trial: There is no key.",
        False,
    )
    assert "do as it says" in found.remedy


def test_the_doctor_names_the_key_and_the_profile_that_a_project_wants(tmp_path: Path) -> None:
    names = ("well", "keyless", "odd")
    profiles = dict.fromkeys(names, "basic") | {"odd": "nowhere"}
    listed = [
        {"Name": name, "Profile": profiles[name], "Destination": {"Kind": "folder", "Folder": "/srv/out"}}
        for name in names
    ]
    deployment = Deployment(data=tmp_path, orthanc={"PacsSuite": {"Deidentification": {"Projects": listed}}})
    assert doctor.projects(deployment) == []
    render(deployment)
    for name in ("well", "odd"):
        Custodian(tmp_path / "custody", tmp_path / "audit").create(name)
    well, keyless, odd = doctor.projects(deployment)
    assert (well.healthy, keyless.healthy, odd.healthy) == (True, False, False)
    assert "pacs project create keyless" in keyless.text
    assert "There is no profile nowhere" in odd.text
    assert "ProfilesDirectory" in odd.text


def test_the_doctor_reads_what_stands_in_a_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nsummary: s\noptions: [nonsense]\n", encoding="utf-8")
    project = {"Name": "well", "Profile": "mine", "Destination": {"Kind": "folder", "Folder": "/srv/out"}}
    section = {"Projects": [project], "ProfilesDirectory": str(tmp_path)}
    deployment = Deployment(data=tmp_path, orthanc={"PacsSuite": {"Deidentification": section}})
    render(deployment)
    Custodian(tmp_path / "custody", tmp_path / "audit").create("well")
    (found,) = doctor.projects(deployment)
    assert "mine.yaml cannot be used" in found.text


@pytest.mark.parametrize(("worker", "stand_in"), [("unhealthy", False), ("healthy", True)])
def test_a_worker_or_a_stand_in_that_is_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment, *, worker: str, stand_in: bool
) -> None:
    answering(monkeypatch, worker=worker, dcm4chee="DCM4CHEE did not answer.")
    monkeypatch.setattr(health, "_stand_in", lambda _: WELL[0])
    found = health.wait(replace(deployment, stand_in=stand_in), 0)
    assert found[0].hinders


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--wait", "0"], 0), ([], 1)], ids=["scripts/up", "scripts/status"]
)
def test_a_dcm4chee_that_is_away_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
) -> None:
    answering(monkeypatch, dcm4chee="DCM4CHEE did not answer.")
    monkeypatch.setattr(health, "this_deployment", lambda: replace(deployment, dcm4chee_url=ARCHIVE_URL))
    monkeypatch.setattr(sys, "argv", ["health", *arguments])
    assert health.main() == status
    out = capsys.readouterr().out
    assert f"{ARCHIVE_URL}: DCM4CHEE did not answer." in out
    assert "correct DCM4CHEE_URL in .env" in out
    assert "said by orthanc" not in out


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
