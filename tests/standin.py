"""Archives for tests: what stands in DCM4CHEE's place, and a bare Orthanc with this project's configuration.

Both run on free ports and keep all they have in a folder. ``with running_standin(tmp_path) as dcm4chee:``
gives the side of the enterprise archive, ``with running_plain_orthanc(tmp_path) as orthanc:`` the other one.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from pydantic.alias_generators import to_pascal

from scripts.lib import dcm4chee
from scripts.lib.render import ORTHANC_ENVIRONMENT, REPOSITORY
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STOP_TIMEOUT_S = 40.0
_DICOM_WEB = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


@dataclass
class _Program:
    """A process that can be stopped, killed and started again, its output in a log."""

    command: tuple[str, ...]
    log: Path
    probe: str
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, cwd=REPOSITORY, env=os.environ | ORTHANC_ENVIRONMENT, stdout=log, stderr=log
            )
        eventually(self._answers, f"{self.probe} answers")

    def stop(self) -> None:
        """Stop it as an administrator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """End it in the middle of whatever it does; one that does not run is let be."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        try:
            return requests.get(self.probe, timeout=5).ok
        except requests.RequestException:
            return False


@dataclass
class PlainOrthanc:
    """A real Orthanc with the project's configuration and without the suite in it."""

    folder: Path
    http_port: int
    dicom_port: int
    program: _Program
    aet: str = "ORTHANC"
    dicom_host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Root of its REST API."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicomweb_url(self) -> str:
        """Root of its DICOMweb services."""
        return f"{self.url}/dicom-web"

    def start(self) -> None:
        """Start it; its ports and storage are those of before."""
        self.program.start()

    def stop(self) -> None:
        """Stop it as an administrator does."""
        self.program.stop()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.program.kill()


@dataclass
class StandIn:
    """What plays DCM4CHEE: the shim and the Orthanc behind it."""

    folder: Path
    place: dcm4chee.Place
    orthanc: PlainOrthanc
    shim: _Program
    aet: str = dcm4chee.AET
    dicom_host: str = "127.0.0.1"

    @property
    def port(self) -> int:
        """Where the shim listens."""
        return self.place.port

    @property
    def root(self) -> str:
        """Address of ``/dcm4chee-arc``."""
        return f"http://127.0.0.1:{self.port}/dcm4chee-arc"

    @property
    def url(self) -> str:
        """DICOMweb root."""
        return f"{self.root}/aets/{self.aet}/rs"

    @property
    def dicom_port(self) -> int:
        """Where C-STORE arrives."""
        return self.orthanc.dicom_port

    @property
    def orthanc_url(self) -> str:
        """REST API of the Orthanc inside, to plant damage: what is done there goes past the shim."""
        return self.orthanc.url

    def start(self) -> None:
        """Start both; ports and state are those of before."""
        self.orthanc.start()
        self.shim.start()

    def stop(self) -> None:
        """Stop both as an administrator does."""
        self.shim.stop()
        self.orthanc.stop()

    def kill(self) -> None:
        """End both in the middle of whatever they do."""
        self.shim.kill()
        self.orthanc.kill()

    def configure(self, **options: Any) -> None:
        """Change options, as in `running_standin`; the shim (for overwrite_policy both) starts again."""
        self.shim.stop()
        path = Path(self.shim.command[-1])
        path.write_text(json.dumps(_read(path) | _pascal(options)), encoding="utf-8")
        if "overwrite_policy" in options:
            self.orthanc.stop()
            inner = self.folder / "orthanc.json"
            policy = {"StandIn": {"OverwritePolicy": options["overwrite_policy"]}}
            inner.write_text(json.dumps(_read(inner) | policy), encoding="utf-8")
            self.orthanc.start()
        self.shim.start()


@contextmanager
def running_standin(
    folder: Path, *, orthanc: Mapping[str, Any] | None = None, **options: Any
) -> Iterator[StandIn]:
    """Run what plays DCM4CHEE with all its state in a folder.

    Options are those of the shim's configuration: ``clock_skew_s=600``, ``overwrite_policy="ALWAYS"``,
    ``accept_missing_patient_id="NO"``, ``qido_max_number_of_results=10``. ``orthanc`` is merged over the
    configuration of the Orthanc behind it.
    """
    port, http_port, dicom_port = _free_ports(3)
    folder.mkdir(parents=True, exist_ok=True)
    policy = options.get("overwrite_policy", "SAME_SOURCE")
    place = dcm4chee.Place(folder, port, http_port, dicom_port, policy)
    inner = _orthanc(folder, dcm4chee.orthanc_configuration(place, **(orthanc or {})))
    path = folder / "shim.json"
    path.write_text(json.dumps(dcm4chee.shim_configuration(place, **_pascal(options))), encoding="utf-8")
    shim = _Program(
        (sys.executable, "-m", "dcm4chee.standin", str(path)),
        folder / "shim.log",
        f"http://127.0.0.1:{port}/dcm4chee-arc/ctrl/status",
    )
    standin = StandIn(folder, place, inner, shim)
    with ExitStack() as running:
        running.callback(standin.kill)  # an Orthanc takes seconds to stop
        standin.start()
        yield standin


@contextmanager
def running_plain_orthanc(folder: Path, **orthanc: Any) -> Iterator[PlainOrthanc]:
    """Run an Orthanc with the project's committed configuration, without the suite in it.

    Keywords are merged over the configuration (``StableAge=1``). Its state is in a folder.
    """
    http_port, dicom_port = _free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    committed = json.loads((REPOSITORY / "orthanc-config" / "orthanc.json").read_text(encoding="utf-8"))
    del committed["PacsSuite"], committed["Python"]
    own = {
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [_DICOM_WEB, *orthanc.pop("Plugins", ())],
    }
    plain = _orthanc(folder, {**committed, "StableAge": 2, **orthanc, **own})
    with ExitStack() as running:
        running.callback(plain.kill)
        plain.start()
        yield plain


def _orthanc(folder: Path, configuration: Mapping[str, Any]) -> PlainOrthanc:
    path, port = folder / "orthanc.json", configuration["HttpPort"]
    path.write_text(json.dumps(configuration), encoding="utf-8")
    program = _Program(
        ("/usr/sbin/Orthanc", str(path)), folder / "orthanc.log", f"http://127.0.0.1:{port}/system"
    )
    return PlainOrthanc(folder, port, configuration["DicomPort"], program, aet=configuration["DicomAet"])


def _read(path: Path) -> dict[str, Any]:
    configuration: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return configuration


def _pascal(options: Mapping[str, Any]) -> dict[str, Any]:
    return {to_pascal(name): value for name, value in options.items()}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as sockets:
        bound = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in bound]
