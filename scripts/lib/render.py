"""Writes the configuration of Orthanc, nginx, supervisor, OHIF and the stand-ins for one deployment.

The committed ``orthanc-config/orthanc.json`` says what is the same everywhere; paths, ports and what
``.env`` sets are added here. ``python -m scripts.lib.render`` does it for this checkout, and the tests
call `render` for each server they start. Only the standard library is used, and no more of Python than
3.10: ``--check`` runs on the machine's own before the runtime is built.
"""

from __future__ import annotations

import json
import os
import shlex
import string
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib import dcm4chee, ohif, secret_files, xnat
from scripts.lib.deployment import REPOSITORY, Deployment, DeploymentError, Ports
from scripts.lib.environment import this_deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ORTHANC_ENVIRONMENT",
    "REPOSITORY",
    "Deployment",
    "DeploymentError",
    "Ports",
    "is_rendered",
    "orthanc_configuration",
    "render",
    "render_settings",
    "rendered",
    "this_deployment",
]

PLUGIN_FOLDER = Path("/usr/share/orthanc/plugins")
PLUGINS = tuple(str(PLUGIN_FOLDER / name) for name in ("libOrthancPython.so", "libOrthancDicomWeb.so"))

ORTHANC_ENVIRONMENT = {"TCP_NODELAY": "1"}
"""What Orthanc's process is given; without it each C-STORE waits for a delayed acknowledgement of TCP."""


def render(deployment: Deployment) -> None:
    """Write the configuration of Orthanc, nginx, supervisor and OHIF to the deployment's ``run`` folder.

    Folders and passwords that are missing are made. The files may hold a password, so only their owner can
    read them.
    """
    folders = [deployment.run, deployment.logs, deployment.data / "orthanc"]
    folders += [deployment.data / "dcm4chee"] if deployment.stand_in else []
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if deployment.xnat_stand_in:
        for path in (xnat.admin_password(deployment), xnat.own_password(deployment)):
            secret_files.made(path)
    for path, text in rendered(deployment).items():
        _write(path, text)


def rendered(deployment: Deployment) -> dict[Path, str]:
    """Return the files of the deployment's ``run`` folder and what stands in them."""
    configuration = orthanc_configuration(deployment)
    of_dcm4chee = configuration["PacsSuite"].get("Dcm4chee", {})
    files = {
        deployment.orthanc_json: _json(configuration),
        deployment.run / "nginx.conf": _nginx(deployment, of_dcm4chee),
        deployment.run / "supervisord.conf": _supervisor(deployment),
        deployment.run / "app-config.js": ohif.app_config(deployment, of_dcm4chee),
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


def render_settings(deployment: Deployment) -> None:
    """Write what the settings say now, for commands that do without the running suite."""
    _write(deployment.settings_json, _json(orthanc_configuration(deployment)))


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
            "OhifUrl": f"http://localhost:{ports.front}/ohif",
            "WebLibraries": str(deployment.web_libraries),
            "Orthanc": {"Url": f"http://127.0.0.1:{ports.orthanc}"},
            **_dcm4chee_section(deployment),
            **xnat.section(deployment),
        },
    }
    for_dcm4chee = _FOR_THE_STAND_IN if deployment.stand_in else {}
    by_itself = {"PacsSuite": {**for_dcm4chee, **xnat.project(deployment)}}
    return _merged(_merged(_merged(by_itself, committed), own), deployment.orthanc)


_FOR_THE_STAND_IN = {
    "Forwarding": {"Rules": [{"Name": "everything"}]},
    "Synchronisation": {"Direction": "both"},
}
"""What is sent to DCM4CHEE's stand-in by itself; what is sent to a real archive its administrator says."""


def _dcm4chee_section(deployment: Deployment) -> dict[str, Any]:
    """Return how the suite reaches DCM4CHEE; nothing where there is none."""
    url = deployment.dcm4chee_url
    if deployment.stand_in:
        url = dcm4chee.web_root(deployment.ports.dcm4chee)
    if url is None:
        return {}
    return {"Dcm4chee": {"Url": url, **dcm4chee.dicom_of(url, deployment.ports.dcm4chee_dicom)}}


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


def _nginx(deployment: Deployment, of_dcm4chee: Mapping[str, Any]) -> str:
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
            "searches": ohif.searches(),
            **dcm4chee.nginx(
                deployment.ports.dcm4chee if deployment.stand_in else deployment.dcm4chee_url,
                of_dcm4chee,
            ),
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
        "repository_quoted": escaped(shlex.quote(str(deployment.repository))),
        "run_quoted": escaped(shlex.quote(str(deployment.run))),
        "python_quoted": escaped(shlex.quote(str(deployment.python))),
        "data_quoted": escaped(shlex.quote(str(deployment.data))),
        "xnat_packages": escaped(deployment.repository / "xnat"),
        "xnat_port": deployment.ports.xnat,
        "xnat_dicom_port": deployment.ports.xnat_dicom,
        "xnat_admin_quoted": escaped(shlex.quote(str(xnat.admin_password(deployment)))),
        "orthanc_environment": ",".join(f'{name}="{value}"' for name, value in ORTHANC_ENVIRONMENT.items()),
    }
    parts = ["supervisord"]
    parts += ["worker"] if deployment.workers == "external" else []
    parts += ["dcm4chee"] if deployment.stand_in else []
    parts += ["xnat"] if deployment.xnat_stand_in else []
    return "".join(_filled(part, values) for part in parts)


def _write(path: Path, text: str) -> None:
    """Write a file for its owner's eyes, whole or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


def main() -> int:
    """Render this checkout's own deployment.

    With ``--check`` only see whether its ``.env`` is valid; with ``--compare``, whether all is rendered; with
    ``--settings`` only write what the settings say now.
    """
    try:
        deployment = this_deployment()
        if "--compare" in sys.argv[1:]:
            return 0 if is_rendered(deployment) else 1
        if "--settings" in sys.argv[1:]:
            render_settings(deployment)
        elif "--check" not in sys.argv[1:]:
            render(deployment)
    except DeploymentError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
