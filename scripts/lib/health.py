"""Asks the running suite how it is: ``python -m scripts.lib.health [--wait SECONDS] [--addresses]``.

Exit code 1 when something is not healthy; with ``--wait``, when something is not that the suite needs to run.
A DCM4CHEE or XNAT that is not there is none of that: the suite works, and makes up for what that missed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.lib import dcm4chee, xnat
from scripts.lib.render import Deployment, DeploymentError, this_deployment
from scripts.lib.signing_in import NOBODY, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TIMEOUT_S = 5.0
_PAUSE_S = 0.3
_UP = "RUNNING"
_FAILED = frozenset({"BACKOFF", "EXITED", "FATAL", "UNKNOWN"})
"""States of supervisor in which a program has ended that should run."""
_STATES = _FAILED | {_UP, "STARTING", "STOPPED", "STOPPING"}
PROJECTS = "de-identification"
"""What a finding about projects is called."""
TO_MEND_PROJECTS = "do as it says; until then nothing leaves for this project"
_STRANGER = "stop it, or write another port into .env"
_ASKS_FOR_A_USER = frozenset({http.client.UNAUTHORIZED, http.client.FORBIDDEN})
_REFUSED = (
    (
        ("HTTP 401", "HTTP 403", "token address"),
        "correct DCM4CHEE_USERNAME, _PASSWORD, or DCM4CHEE_TOKEN_URL, _CLIENT_ID, _CLIENT_SECRET in .env",
    ),
    (
        ("HTTP 404", "something else than JSON"),
        "correct DCM4CHEE_URL in .env, and see that the AE title in it is one of the archive's",
    ),
)
"""What is to be done about a DCM4CHEE that answers, by what it answered."""
_AWAY = {
    "DCM4CHEE": "start it: the suite catches up then. Or correct DCM4CHEE_URL in .env",
    "XNAT": "start it, or correct XNAT_URL in .env",
}
_NOT_OF_ENV = (
    "start it, or correct {section} in orthanc-config/orthanc.json, then scripts/down and scripts/up"
)


@dataclass(frozen=True)
class Finding:
    """What one part of the suite says of itself; ``needed`` where the suite does not run without it."""

    part: str
    healthy: bool
    text: str
    remedy: str = "see scripts/logs"
    needed: bool = True

    @property
    def hinders(self) -> bool:
        """Whether the suite does not run because of it."""
        return self.needed and not self.healthy


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body that a server on this machine answers.

    Raises
    ------
    OSError
        Nobody answers.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer from port {port}: {type(error).__name__}") from error
    finally:
        connection.close()


def get_json(port: int, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """Return what a server on this machine answers, parsed.

    Raises
    ------
    OSError
        Nobody answers, or the answer is not JSON with status 200.
    """
    status, body = get(port, path, headers)
    if status in _ASKS_FOR_A_USER:
        raise OSError(f"HTTP status {status} for {path} on port {port}: {NOBODY}")
    if status != http.client.OK:
        raise OSError(f"HTTP status {status} for {path} on port {port}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise OSError(f"no JSON in the answer to {path} on port {port}") from error


def examine(deployment: Deployment) -> list[Finding]:
    """Return how the suite (through nginx), OHIF, and both archives or what stands in their place are."""
    suite, *beside = _suite(deployment)
    found = [suite, _ohif(deployment.ports.ohif), *beside]
    found += [_stand_in(deployment.ports.dcm4chee)] if deployment.stand_in else []
    found += [_xnat_stand_in(deployment.ports.xnat)] if deployment.xnat_stand_in else []
    return found


def _suite(deployment: Deployment) -> list[Finding]:
    """Return how the suite is, then what is wrong beside it: a DCM4CHEE that is no part of it, warnings."""
    port = deployment.ports.front
    try:
        status, body = get(port, "/api/health", signed_in(deployment))
        if status in _ASKS_FOR_A_USER:
            return [_not_let_in(status)]
        health = json.loads(body)
        words = [f"{health['status']}, version {health['version']}"]
        services = dict(sorted(health["services"].items()))
        beside = []
        for name, url in _elsewhere(deployment).items():
            if services.get(name, {}).get("state") == "unhealthy":
                archive = services.pop(name)
                words.append(f"{name} {archive['state']}")
                beside.append(_away(name.upper(), url, archive))
        words += [f"{name} {_state(service)}" for name, service in services.items()]
        well = all(service["state"] == "healthy" for service in services.values())
        beside += [_warning(str(text)) for text in health.get("warnings", ())]
    except OSError as error:
        return [Finding("suite", healthy=False, text=str(error))]
    except ValueError:
        return [_stranger("suite", port)]
    except (AttributeError, KeyError, TypeError):
        return [Finding("suite", healthy=False, text=f"HTTP status {status} without a report of its health")]
    return [Finding("suite", healthy=well, text=", ".join(words)), *beside]


def _not_let_in(status: int) -> Finding:
    """Return that the suite answers, and that nobody here may ask it how it is."""
    text = f"it runs; how it is it tells its users only, and the scripts are none (HTTP {status})"
    return Finding("suite", healthy=False, text=text, remedy=NOBODY, needed=False)


def _elsewhere(deployment: Deployment) -> Mapping[str, str | None]:
    """Return the archives that are no part of this deployment, and their addresses in ``.env``."""
    archives = {
        "dcm4chee": (deployment.stand_in, deployment.dcm4chee_url),
        "xnat": (deployment.xnat_stand_in, deployment.xnat_url),
    }
    return {name: url for name, (stand_in, url) in archives.items() if not stand_in}


def _away(name: str, url: str | None, archive: Mapping[str, Any]) -> Finding:
    """Return what is wrong with an archive that is not of this deployment, and where that is mended."""
    detail = str(archive.get("detail") or archive["state"])
    text, remedy = f"{url}: {detail}", f"{_remedy(name, detail)}, then run scripts/up"
    if url is None:
        text, remedy = detail, _NOT_OF_ENV.format(section=name.capitalize())
    return Finding(name, healthy=False, text=text, remedy=remedy, needed=False)


def _remedy(name: str, detail: str) -> str:
    """Return what is to be done in ``.env`` about an archive, by what the suite says of its answer."""
    refused = _REFUSED if name == "DCM4CHEE" else ()
    found = (remedy for phrases, remedy in refused if any(phrase in detail for phrase in phrases))
    return next(found, _AWAY[name])


def _warning(text: str) -> Finding:
    part, remedy = "warning", "see scripts/pacs sync --status"
    if text.startswith("De-identification"):
        part, remedy = PROJECTS, TO_MEND_PROJECTS
    elif "audit trail" in text:
        part, remedy = "audit trail", "see scripts/pacs audit verify"
    return Finding(part, healthy=False, text=text, remedy=remedy, needed=False)


def _state(service: Mapping[str, Any]) -> str:
    return f"{service['state']} ({service['detail']})" if service.get("detail") else str(service["state"])


def _ohif(port: int) -> Finding:
    try:
        status, body = get(port, "/")
    except OSError as error:
        return Finding("OHIF", healthy=False, text=str(error))
    if status != http.client.OK:
        return Finding("OHIF", healthy=False, text=f"HTTP status {status}")
    return Finding("OHIF", healthy=True, text="healthy") if b"OHIF" in body else _stranger("OHIF", port)


def _stand_in(port: int) -> Finding:
    """Return how what plays DCM4CHEE is; it says of itself that it is not the real one."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        with closing(connection):
            connection.request("GET", "/dcm4chee-arc/ctrl/status")
            answer = connection.getresponse()
            name, state = answer.getheader("Server", ""), json.loads(answer.read())["status"]
    except (OSError, http.client.HTTPException) as error:
        return Finding("DCM4CHEE", healthy=False, text=f"no answer from port {port} ({type(error).__name__})")
    except (ValueError, KeyError, TypeError):
        return _stranger("DCM4CHEE", port)
    if "stand-in" not in name:
        return _stranger("DCM4CHEE", port)
    return Finding("DCM4CHEE", healthy=state == "STARTED", text=f"{state.lower()}, a stand-in: {name}")


def _xnat_stand_in(port: int) -> Finding:
    """Return how what plays XNAT is; it says of itself that it is not the real one."""
    try:
        _, body = get(port, "/xapi/siteConfig/buildInfo")
        name = json.loads(body)["standIn"]
    except OSError as error:
        return Finding("XNAT", healthy=False, text=f"no answer from port {port} ({type(error).__name__})")
    except (ValueError, KeyError, TypeError):
        return _stranger("XNAT", port)
    return Finding("XNAT", healthy=True, text=f"started, {name}")


def _stranger(part: str, port: int) -> Finding:
    return Finding(part, healthy=False, text=f"another program answers at port {port}", remedy=_STRANGER)


def wait(deployment: Deployment, seconds: float) -> list[Finding]:
    """Return the findings once the suite runs with every program, one has ended, or the time is over."""
    end = time.monotonic() + seconds
    while True:
        states = supervised(deployment)
        findings = examine(deployment)
        if failed := [name for name, state in states.items() if state in _FAILED]:
            return findings + [_last_words(deployment, program) for program in failed]
        late = [name for name, state in states.items() if state != _UP]
        if states and not late and not any(finding.hinders for finding in findings):
            return findings
        if time.monotonic() > end:
            return findings + [_last_words(deployment, program) for program in late or ["orthanc"]]
        time.sleep(_PAUSE_S)


def supervised(deployment: Deployment) -> dict[str, str]:
    """Return the state of each program that supervisor looks after, in supervisor's words."""
    answer = subprocess.run(  # noqa: S603 - fixed arguments
        ["/usr/bin/supervisorctl", "-c", str(deployment.run / "supervisord.conf"), "status"],
        capture_output=True,
        check=False,
        text=True,
    )
    lines = (line.split() for line in answer.stdout.splitlines())
    return {words[0]: words[1] for words in lines if len(words) > 1 and words[1] in _STATES}


def _last_words(deployment: Deployment, program: str) -> Finding:
    log = deployment.logs / f"{program}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return Finding(program, healthy=False, text="\n    ".join([f"the end of {log}:", *lines[-12:]]))


def addresses(deployment: Deployment) -> Iterable[str]:
    """Yield the addresses to open, one line each."""
    ports = deployment.ports
    yield f"  Dashboard              http://localhost:{ports.front}/"
    yield f"  REST, documented       http://localhost:{ports.front}/pacs/docs"
    yield f"  OHIF                   http://localhost:{ports.ohif}/"
    yield f"  Orthanc Explorer       http://localhost:{ports.orthanc}/app/explorer.html"
    yield f"  DICOM (C-STORE) to     ORTHANC at port {ports.dicom}"
    if deployment.stand_in:
        yield f"  DCM4CHEE (stand-in)    {dcm4chee.web_root(ports.dcm4chee)}"
        yield f"  DICOM (C-STORE) to     {dcm4chee.AET} at port {ports.dcm4chee_dicom}"
    elif deployment.dcm4chee_url:
        yield f"  DCM4CHEE               {deployment.dcm4chee_url}"
    if deployment.xnat_stand_in:
        yield f"  XNAT (stand-in)        {xnat.web_root(ports.xnat)}"
        yield f"  DICOM (C-STORE) to     {xnat.AET} at port {ports.xnat_dicom}"
        yield f"  its administrator      admin, with the password in {xnat.admin_password(deployment)}"
    elif deployment.xnat_url:
        yield f"  XNAT                   {deployment.xnat_url}"
    if deployment.xnat_stand_in or deployment.xnat_url:
        yield f"  keys of the projects   {deployment.data / 'custody'}: keep a copy where the data do not go"
    yield f"  results                {deployment.data / 'exports'}"


def told(finding: Finding) -> Iterable[str]:
    """Yield the lines that tell a finding."""
    yield f"  {finding.part:<22} {finding.text}"
    if not finding.healthy:
        yield f"  {'':<22} -> {finding.remedy}"


def show(lines: Iterable[str]) -> None:
    """Print lines. As with any tool of the shell, a reader who has left (``| head``) is no error."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def main() -> int:
    """Print the findings, and what to do about those that are not healthy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wait", type=float, metavar="SECONDS")
    parser.add_argument("--addresses", action="store_true")
    chosen = parser.parse_args()
    try:
        deployment = this_deployment()
    except DeploymentError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    waits = chosen.wait is not None
    findings = wait(deployment, chosen.wait) if waits else examine(deployment)
    show(line for finding in findings for line in told(finding))
    if chosen.addresses:
        show(addresses(deployment))
    return 1 if any(finding.hinders if waits else not finding.healthy for finding in findings) else 0


if __name__ == "__main__":
    raise SystemExit(main())
