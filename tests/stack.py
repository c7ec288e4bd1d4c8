"""The suite as it really runs: Orthanc, its worker, and nginx with OHIF; a test may kill any of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from scripts.lib.render import ORTHANC_ENVIRONMENT, Deployment, Ports, render
from scripts.lib.sample import STORESCU
from scripts.lib.signing_in import signed_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


PATIENCE_S = 60.0
"""How long anything may take on a busy machine; tests end as soon as it has happened."""

_STOP_TIMEOUT_S = 40.0
_ENDED = {"succeeded", "failed", "cancelled"}


def _session() -> requests.Session:
    """Return a session that asks once more where Orthanc closed an idle connection just as it was used."""
    session = requests.Session()
    once_more = Retry(total=1, connect=0, read=1, status=0, allowed_methods={"GET"})
    session.mount("http://", HTTPAdapter(max_retries=once_more))
    return session


@dataclass
class Stack:
    """One deployment: Orthanc's process, its embedded worker, and how to talk to both."""

    deployment: Deployment
    options: tuple[str, ...] = ("--verbose",)
    _orthanc: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _probe: str = field(default="/pacs/openapi.json", init=False)
    _session: requests.Session = field(default_factory=_session, init=False)

    def __post_init__(self) -> None:
        self._session.headers.update(signed_in(self.deployment))

    # Processes

    def start(self) -> None:
        """Start Orthanc and wait until the suite in it answers."""
        log = (self.deployment.logs / "orthanc.log").open("ab")
        self._orthanc = subprocess.Popen(
            ["/usr/sbin/Orthanc", *self.options, str(self.deployment.orthanc_json)],
            env=os.environ | ORTHANC_ENVIRONMENT,
            stdout=log,
            stderr=log,
        )
        log.close()
        eventually(self._answers, "Orthanc answers")

    def wait_until_healthy(self) -> None:
        """Wait until the worker has given a sign of life since Orthanc started."""
        eventually(lambda: self.get("/pacs/api/health").json()["status"] == "healthy", "the suite is healthy")

    def stop(self) -> int:
        """Stop Orthanc as an administrator does, and return its exit status."""
        if self._orthanc is None:
            return 0
        self._orthanc.terminate()
        status = self._orthanc.wait(_STOP_TIMEOUT_S)
        self._orthanc = None
        return status

    def without_suite(self) -> None:
        """Take the suite out of Orthanc's configuration, for its next start."""
        configuration = json.loads(self.deployment.orthanc_json.read_text(encoding="utf-8"))
        del configuration["PythonScript"]
        self.deployment.orthanc_json.write_text(json.dumps(configuration), encoding="utf-8")
        self._probe = "/system"

    def with_suite(self) -> None:
        """Put the suite back into Orthanc's configuration, for its next start."""
        render(self.deployment)
        self._probe = "/pacs/openapi.json"

    def kill_orthanc(self) -> None:
        """End Orthanc's process in the middle of whatever it does."""
        assert self._orthanc is not None
        self._orthanc.kill()
        self._orthanc.wait(10)
        self._orthanc = None

    @contextmanager
    def external_worker(self) -> Iterator[None]:
        """Run a worker beside Orthanc, as where ``Workers`` is ``external``."""
        log = (self.deployment.logs / "worker.log").open("ab")
        environment = os.environ | {"PACS_SUITE_CONFIGURATION": str(self.deployment.orthanc_json)}
        process = subprocess.Popen(
            [sys.executable, "-m", "orthanc_plugins.worker"],
            cwd=self.deployment.repository,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        try:
            yield
            assert process.poll() is None, "the worker has ended by itself"
        finally:
            process.terminate()
            process.wait(_STOP_TIMEOUT_S)

    @property
    def orthanc_process(self) -> int:
        """The process of Orthanc that runs now."""
        assert self._orthanc is not None
        return self._orthanc.pid

    def worker_process(self) -> int:
        """Return the process of the worker that runs now."""
        orthanc = self.orthanc_process
        children = eventually(lambda: _children(orthanc), "the worker runs")
        assert len(children) == 1, children
        return children[0]

    def kill_worker(self) -> None:
        """End the worker's process in the middle of whatever it does."""
        os.kill(self.worker_process(), signal.SIGKILL)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let Orthanc and its workers stand still meanwhile, so that something else has the machine."""
        assert self._orthanc is not None
        processes = [self._orthanc.pid, *_children(self._orthanc.pid)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    # Addresses

    @property
    def front(self) -> str:
        """nginx' origin of the API and its documentation."""
        return f"http://localhost:{self.deployment.ports.front}"

    @property
    def ohif(self) -> str:
        """nginx' origin of OHIF."""
        return f"http://localhost:{self.deployment.ports.ohif}"

    @property
    def url(self) -> str:
        """Root of Orthanc's REST API."""
        return f"http://127.0.0.1:{self.deployment.ports.orthanc}"

    # Orthanc and the suite

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._session.get(self.url + path, timeout=PATIENCE_S, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self._session.post(self.url + path, timeout=PATIENCE_S, **options)

    def put(self, path: str, **options: Any) -> requests.Response:
        return self._session.put(self.url + path, timeout=PATIENCE_S, **options)

    def delete(self, path: str) -> requests.Response:
        return self._session.delete(self.url + path, timeout=PATIENCE_S)

    def receive(self, *paths: Path) -> None:
        """Send files and folders over one association, in the order given, as a modality does."""
        send(self.deployment.ports.dicom, *paths)

    def instance_id(self, sop_instance_uid: str) -> str:
        """Return Orthanc's identifier of an instance."""
        found = self.post("/tools/lookup", data=sop_instance_uid).json()
        return str(next(entry["ID"] for entry in found if entry["Type"] == "Instance"))

    # Jobs

    def jobs_of(self, study_uid: str, kind: str = "extract_structures") -> list[dict[str, Any]]:
        """Return the jobs of a study, newest first."""
        answer = self.get(f"/pacs/api/jobs?study={study_uid}&kind={kind}")
        answer.raise_for_status()
        jobs: list[dict[str, Any]] = answer.json()["jobs"]
        return jobs

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job with its steps and phases."""
        answer = self.get(f"/pacs/api/jobs/{job_id}")
        answer.raise_for_status()
        job: dict[str, Any] = answer.json()
        return job

    def job_in_state(self, study_uid: str, *states: str) -> dict[str, Any]:
        """Return the study's newest job once it is in one of the states; fails when it ends in another."""

        def look() -> dict[str, Any] | None:
            jobs = self.jobs_of(study_uid)
            if jobs and jobs[0]["state"] in _ENDED - set(states):
                raise AssertionError(f"The job ended otherwise: {json.dumps(jobs[0], indent=1)}")
            return jobs[0] if jobs and jobs[0]["state"] in states else None

        return self.job(eventually(look, f"a job of the study is {' or '.join(states)}")["job_id"])

    def results(self, series_uid: str) -> dict[str, Any]:
        """Return the results of a series' newest structure set."""
        answer = self.get(f"/pacs/api/rtstruct/{series_uid}")
        answer.raise_for_status()
        results: dict[str, Any] = answer.json()
        return results

    def _answers(self) -> bool:
        assert self._orthanc is not None
        if self._orthanc.poll() is not None:
            raise AssertionError(f"Orthanc ended with status {self._orthanc.returncode}: {self.tail()}")
        try:
            return self._session.get(self.url + self._probe, timeout=2).ok
        except requests.RequestException:
            return False

    def tail(self) -> str:
        """Return the end of every log, to be shown when a test fails."""
        logs = sorted(self.deployment.logs.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-3000:]}" for log in logs)


def send(port: int, *paths: Path) -> None:
    """Send files and folders over one association that proposes the classes they have, whatever these are."""
    target = ["127.0.0.1", str(port)]
    subprocess.run([STORESCU, "-R", "+sd", "+r", *target, *map(str, paths)], check=True, timeout=PATIENCE_S)


def _children(parent: int) -> list[int]:
    """Return the processes a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"PPid:\t{parent}\n" in (folder / "status").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def eventually[T](look: Callable[[], T | None], what: str, within_s: float = PATIENCE_S) -> T:
    """Return the first true value; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {within_s:.0f} s: {what}.")
        time.sleep(0.05)


@contextmanager
def running_stack(
    data: Path, *, suite: bool = True, front: bool = False, verbose: bool = True, **orthanc: Any
) -> Iterator[Stack]:
    """Run the suite with all its state in a folder.

    ``suite=False`` leaves the suite out of Orthanc; ``front=True`` adds nginx and OHIF;
    ``verbose=False`` lets Orthanc log as it does in use; further keywords are merged over Orthanc's
    configuration. nginx and OHIF know the DCM4CHEE that the suite's section names.
    """
    configuration: Mapping[str, Any] = {"StableAge": 2, **orthanc}
    deployment = Deployment(
        data=data,
        ports=_free_ports(),
        orthanc=configuration,
        dcm4chee_url=orthanc.get("PacsSuite", {}).get("Dcm4chee", {}).get("Url"),
        python=Path(sys.executable),
    )
    render(deployment)
    stack = Stack(deployment, ("--verbose",) if verbose else ())
    if not suite:
        stack.without_suite()
    with ExitStack() as running:
        running.callback(stack.stop)
        stack.start()
        if front:
            running.enter_context(_nginx(deployment))
            eventually(lambda: requests.get(f"{stack.ohif}/", timeout=5).ok, "nginx answers")
        yield stack


@contextmanager
def _nginx(deployment: Deployment) -> Iterator[None]:
    log = (deployment.logs / "nginx.log").open("wb")
    command = ["/usr/sbin/nginx", "-e", "stderr", "-c", str(deployment.run / "nginx.conf")]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    log.close()
    try:
        eventually(lambda: _listens(deployment.ports.ohif) or process.poll(), "nginx listens")
        assert process.poll() is None, (deployment.logs / "nginx.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(_STOP_TIMEOUT_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports() -> Ports:
    """Return ports that nothing listens on."""
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        front, orthanc, dicom, ohif = (one.getsockname()[1] for one in bound)
    return Ports(front=front, orthanc=orthanc, dicom=dicom, ohif=ohif)
