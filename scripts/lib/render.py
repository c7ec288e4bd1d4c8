"""Writes the configuration of Orthanc, nginx, supervisor and DCM4CHEE's stand-in for one deployment.

The committed ``orthanc-config/orthanc.json`` says what is the same everywhere; paths, ports and what
``.env`` sets are added here. ``python -m scripts.lib.render`` does it for this checkout, and the tests
call `render` for each server they start. Only the standard library is used, and no more of Python than
3.10: ``--check`` runs on the machine's own before the runtime is built.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import string
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from scripts.lib import dcm4chee

if TYPE_CHECKING:
    from collections.abc import Mapping

Workers = Literal["embedded", "external"]

REPOSITORY = Path(__file__).resolve().parents[2]
INSIDE = Path("/usr/local/pacs")
"""Where the runtime shows the Python packages and OHIF (``enter.sh``)."""

PLUGIN_FOLDER = Path("/usr/share/orthanc/plugins")
PLUGINS = tuple(str(PLUGIN_FOLDER / name) for name in ("libOrthancPython.so", "libOrthancDicomWeb.so"))
_LONGEST_SOCKET_PATH = 100
"""Linux allows 107 bytes (unix(7)); supervisor appends its process id while it starts."""


ORTHANC_ENVIRONMENT = {"TCP_NODELAY": "1"}
"""What Orthanc's process is given; without it each C-STORE waits for a delayed acknowledgement of TCP."""


class DeploymentError(Exception):
    """The suite cannot be deployed as asked; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the servers listen."""

    front: int = 8001
    orthanc: int = 8042
    dicom: int = 4242
    ohif: int = 5173
    dcm4chee: int = 8080
    dcm4chee_dicom: int = 11112
    dcm4chee_orthanc: int = 8043


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One running suite: where it keeps its state, where it listens, what differs from what is committed.

    Parameters
    ----------
    data
        Folder of everything the suite writes: storage, results, logs, and in ``run`` the rendered files.
    ports
        Where the servers listen.
    workers
        Who starts the worker: Orthanc (``embedded``) or supervisor (``external``).
    orthanc
        Merged over the committed configuration of Orthanc, section by section.
    stand_in
        Whether a stand-in plays DCM4CHEE.
    dcm4chee_url
        DICOMweb root of the DCM4CHEE that is there, None when there is none or a stand-in plays it.
    """

    data: Path
    ports: Ports = field(default_factory=Ports)
    workers: Workers = "embedded"
    orthanc: Mapping[str, Any] = field(default_factory=dict)
    stand_in: bool = False
    dcm4chee_url: str | None = None
    repository: Path = REPOSITORY
    python: Path = INSIDE / "venv" / "bin" / "python3"
    ohif: Path = INSIDE / "ohif"

    @property
    def run(self) -> Path:
        """Folder of the rendered files."""
        return self.data / "run"

    @property
    def logs(self) -> Path:
        """Folder of the logs, one file for each program."""
        return self.data / "logs"

    @property
    def orthanc_json(self) -> Path:
        """Orthanc's configuration, which the worker reads too."""
        return self.run / "orthanc.json"

    @property
    def control_socket(self) -> Path:
        """Where supervisor takes commands; elsewhere when the path is too long for a socket."""
        socket = self.run / "supervisor.sock"
        if len(os.fsencode(socket)) <= _LONGEST_SOCKET_PATH:
            return socket
        name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"pacs-suite-{name}.sock"


def render(deployment: Deployment) -> None:
    """Write ``orthanc.json``, ``nginx.conf`` and ``supervisord.conf`` to the deployment's ``run`` folder.

    Folders that are missing are made. The files may hold a password, so only their owner can read them.
    """
    folders = [deployment.run, deployment.logs, deployment.data / "orthanc"]
    for folder in [*folders, deployment.data / "dcm4chee"] if deployment.stand_in else folders:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path, text in rendered(deployment).items():
        _write(path, text)


def rendered(deployment: Deployment) -> dict[Path, str]:
    """Return the files of the deployment's ``run`` folder and what stands in them."""
    files = {
        deployment.orthanc_json: _json(orthanc_configuration(deployment)),
        deployment.run / "nginx.conf": _nginx(deployment),
        deployment.run / "supervisord.conf": _supervisor(deployment),
    }
    if deployment.stand_in:
        place = dcm4chee.Place(
            deployment.data / "dcm4chee",
            deployment.ports.dcm4chee,
            deployment.ports.dcm4chee_orthanc,
            deployment.ports.dcm4chee_dicom,
        )
        files[deployment.run / "dcm4chee.json"] = _json(dcm4chee.orthanc_configuration(place))
        files[deployment.run / "dcm4chee-shim.json"] = _json(dcm4chee.shim_configuration(place))
    return files


def _json(configuration: Mapping[str, Any]) -> str:
    return json.dumps(configuration, indent=2) + "\n"


def is_rendered(deployment: Deployment) -> bool:
    """Return whether what stands in the ``run`` folder is what would be written there now."""
    return all(
        path.exists() and path.read_text(encoding="utf-8") == text
        for path, text in rendered(deployment).items()
    )


def orthanc_configuration(deployment: Deployment) -> dict[str, Any]:
    """Return the committed configuration with this deployment's paths, ports and differences.

    What the committed file says of rules and directions is said on purpose, for a stand-in too.

    Raises
    ------
    DeploymentError
        The committed file is no JSON.
    """
    path = deployment.repository / "orthanc-config" / "orthanc.json"
    try:
        committed = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DeploymentError(f"orthanc-config/orthanc.json is no JSON: {error}.") from error
    ports = deployment.ports
    own = {
        "HttpPort": ports.orthanc,
        "DicomPort": ports.dicom,
        "StorageDirectory": str(deployment.data / "orthanc"),
        "IndexDirectory": str(deployment.data / "orthanc"),
        "Plugins": list(PLUGINS),
        "PythonScript": str(deployment.repository / "orthanc-config" / "pacs_suite.py"),
        "PacsSuite": {
            "DataDirectory": str(deployment.data),
            "PythonExecutable": str(deployment.python),
            "Workers": deployment.workers,
            "OhifUrl": f"http://localhost:{ports.ohif}",
            "Orthanc": {"Url": f"http://127.0.0.1:{ports.orthanc}"},
            **_dcm4chee_section(deployment),
        },
    }
    by_itself = {"PacsSuite": _FOR_THE_STAND_IN} if deployment.stand_in else {}
    return _merged(_merged(_merged(by_itself, committed), own), deployment.orthanc)


_FOR_THE_STAND_IN = {
    "Forwarding": {"Rules": [{"Name": "everything"}]},
    "Synchronisation": {"Direction": "both"},
}
"""What is sent to a stand-in by itself; what is sent to a real archive its administrator says."""


def _dcm4chee_section(deployment: Deployment) -> dict[str, Any]:
    """Return how the suite reaches DCM4CHEE; nothing where there is none."""
    url = deployment.dcm4chee_url
    if deployment.stand_in:
        url = dcm4chee.web_root(deployment.ports.dcm4chee)
    if url is None:
        return {}
    return {"Dcm4chee": {"Url": url, **dcm4chee.dicom_of(url, deployment.ports.dcm4chee_dicom)}}


def deployment_of(environment: Mapping[str, str], data: Path) -> Deployment:
    """Return the deployment that the names of ``.env.example`` describe.

    Raises
    ------
    DeploymentError
        A name is unknown, or a value is not one this name can have.
    """
    values = {name: value for name, value in environment.items() if value}
    unknown = sorted(values.keys() - VARIABLES)
    if unknown:
        raise DeploymentError(f".env: {', '.join(unknown)} names no setting. The names are in .env.example.")
    suite: dict[str, Any] = {key: values[name] for name, key in _SUITE_KEYS.items() if name in values}
    if "ORTHANC_URL" in values:
        suite["Orthanc"] = {"Url": values["ORTHANC_URL"]}
    synchronisation = {key: values[name] for name, key in _SYNC_KEYS.items() if name in values}
    if synchronisation:
        suite["Synchronisation"] = synchronisation
    workers = values.get("WORKERS", "embedded")
    if workers not in {"embedded", "external"}:
        raise DeploymentError(f".env: WORKERS is {workers}; it can be embedded or external.")
    url = values.get("DCM4CHEE_URL")
    if url is not None and (fault := dcm4chee.fault_of(url)):
        raise DeploymentError(f".env: DCM4CHEE_URL {fault}.")
    if real := _dcm4chee_of(values):
        suite["Dcm4chee"] = real
    return Deployment(
        data=data,
        ports=_ports(values),
        workers=cast("Workers", workers),
        orthanc={"PacsSuite": suite},
        stand_in=url is None,
        dcm4chee_url=url,
    )


def _dcm4chee_of(values: Mapping[str, str]) -> dict[str, str]:
    """Return what is told of a real DCM4CHEE beside its address and port."""
    told = {key: values[name] for name, key in dcm4chee.KEYS.items() if name in values}
    if told and "DCM4CHEE_URL" not in values:
        named = ", ".join(name for name in dcm4chee.KEYS if name in values)
        raise DeploymentError(f".env: {named} is of a DCM4CHEE that is there: give its DCM4CHEE_URL, too.")
    if "CaFile" in told:
        told["CaFile"] = str(REPOSITORY / told["CaFile"])
    return told


def read_environment_file(path: Path) -> dict[str, str]:
    """Return the names and values of a file of ``NAME=VALUE`` lines; nothing when there is no file.

    Raises
    ------
    DeploymentError
        It cannot be read, or a line is not of that form. The text names the line, not what it holds.
    """
    values: dict[str, str] = {}
    if not path.exists():
        return values
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{path} cannot be read ({type(error).__name__}).") from error
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise DeploymentError(f"{path.name}, line {number}: there is no NAME=VALUE.")
        values[name.strip()] = _unquoted(value.strip())
    return values


_PORTS = {
    "FRONT_PORT": "front",
    "ORTHANC_PORT": "orthanc",
    "DICOM_PORT": "dicom",
    "OHIF_PORT": "ohif",
    "DCM4CHEE_PORT": "dcm4chee",
    "DCM4CHEE_DICOM_PORT": "dcm4chee_dicom",
    "DCM4CHEE_ORTHANC_PORT": "dcm4chee_orthanc",
}
_OF_STAND_IN = {"DCM4CHEE_PORT", "DCM4CHEE_DICOM_PORT", "DCM4CHEE_ORTHANC_PORT"}
_SYNC_KEYS = {"SYNC_INTERVAL": "IntervalS", "SYNC_DIRECTION": "Direction"}
_SUITE_KEYS = {"LOG_LEVEL": "LogLevel", "DATABASE_URL": "DatabaseUrl"}
VARIABLES = frozenset(
    {*_PORTS, *_SUITE_KEYS, *_SYNC_KEYS, *dcm4chee.KEYS, "ORTHANC_URL", "DCM4CHEE_URL", "WORKERS"}
)
"""The names ``.env`` may hold; ``.env.example`` says what each means."""
_HIGHEST_PORT = 65535


def _ports(values: Mapping[str, str]) -> Ports:
    chosen = {}
    for name in _PORTS.keys() & values.keys():
        if not values[name].isdecimal() or not 0 < int(values[name]) <= _HIGHEST_PORT:
            raise DeploymentError(
                f".env: {name} is {values[name]}; it must be a number from 1 to {_HIGHEST_PORT}."
            )
        chosen[_PORTS[name]] = int(values[name])
    ports = Ports(**chosen)
    used = _PORTS.keys() - (_OF_STAND_IN if "DCM4CHEE_URL" in values else set())
    if len({getattr(ports, _PORTS[name]) for name in used}) < len(used):
        named = ", ".join(name for name in _PORTS if name in used)
        raise DeploymentError(f".env: two of {named} are the same; each server needs its own.")
    return ports


def _unquoted(value: str) -> str:
    for quote in "\"'":
        if len(value) > 1 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, section by section; a key that ``base`` spells in another case is the same key."""
    result = dict(base)
    for key, value in over.items():
        spelled = next((one for one in result if one.lower() == key.lower()), key)
        below = result.pop(spelled, None)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


class _Template(string.Template):
    """A template of ``@{name}``, since nginx uses the dollar itself."""

    delimiter = "@"


def _filled(name: str, values: Mapping[str, object]) -> str:
    text = (Path(__file__).parent / f"{name}.conf.in").read_text(encoding="utf-8")
    return _Template(text).substitute(values)


def _nginx(deployment: Deployment) -> str:
    ports = deployment.ports
    return _filled(
        "nginx",
        {
            # Else a root's nginx serves as a user that cannot read what only root can.
            "user": "user root root;\n" if os.geteuid() == 0 else "",
            "front_port": ports.front,
            "orthanc_port": ports.orthanc,
            "ohif_port": ports.ohif,
            "run": deployment.run,
            "ohif": deployment.ohif,
            "own_ohif": deployment.repository / "ohif",
            **dcm4chee.nginx(deployment.ports.dcm4chee if deployment.stand_in else deployment.dcm4chee_url),
        },
    )


def _supervisor(deployment: Deployment) -> str:
    def escaped(text: object) -> str:
        return str(text).replace("%", "%%")

    values = {
        "user": "user = root\n" if os.geteuid() == 0 else "",
        "repository": escaped(deployment.repository),
        "run": escaped(deployment.run),
        "logs": escaped(deployment.logs),
        "socket": escaped(deployment.control_socket),
        "run_quoted": escaped(shlex.quote(str(deployment.run))),
        "python_quoted": escaped(shlex.quote(str(deployment.python))),
        "orthanc_environment": ",".join(f'{name}="{value}"' for name, value in ORTHANC_ENVIRONMENT.items()),
    }
    parts = ["supervisord"]
    parts += ["worker"] if deployment.workers == "external" else []
    parts += ["dcm4chee"] if deployment.stand_in else []
    return "".join(_filled(part, values) for part in parts)


def _write(path: Path, text: str) -> None:
    """Write a file for its owner's eyes, whole or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


def this_deployment() -> Deployment:
    """Return the deployment of this checkout: its ``.env``, and the data folder the scripts name.

    Raises
    ------
    DeploymentError
        The file ``.env`` is not valid.
    """
    data = Path(os.environ.get("PACS_DATA", REPOSITORY / "data"))
    return deployment_of(read_environment_file(REPOSITORY / ".env"), data)


def main() -> int:
    """Render this checkout's own deployment.

    With ``--check`` only see whether its ``.env`` is valid; with ``--compare``, whether all is rendered.
    """
    try:
        deployment = this_deployment()
        if "--compare" in sys.argv[1:]:
            return 0 if is_rendered(deployment) else 1
        if "--check" not in sys.argv[1:]:
            render(deployment)
    except DeploymentError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
