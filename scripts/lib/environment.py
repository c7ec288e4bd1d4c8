"""What ``.env`` says of one machine, by the names of ``.env.example``.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scripts.lib import dcm4chee, xnat
from scripts.lib.deployment import REPOSITORY, Deployment, DeploymentError, Ports, Workers
from scripts.lib.suite_variables import is_suite_variable, put_into, suite_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {
    "FRONT_PORT": "front",
    "ORTHANC_PORT": "orthanc",
    "DICOM_PORT": "dicom",
    "OHIF_PORT": "ohif",
    "DCM4CHEE_PORT": "dcm4chee",
    "DCM4CHEE_DICOM_PORT": "dcm4chee_dicom",
    "DCM4CHEE_ORTHANC_PORT": "dcm4chee_orthanc",
    "XNAT_PORT": "xnat",
    "XNAT_DICOM_PORT": "xnat_dicom",
}
_OF_STAND_INS = {
    "DCM4CHEE_URL": {"DCM4CHEE_PORT", "DCM4CHEE_DICOM_PORT", "DCM4CHEE_ORTHANC_PORT"},
    "XNAT_URL": {"XNAT_PORT", "XNAT_DICOM_PORT"},
}
"""Ports that are another machine's, or another program's, where the address of a real one is given."""
_SYNC_KEYS = {"SYNC_INTERVAL": "IntervalS", "SYNC_DIRECTION": "Direction"}
_SUITE_KEYS = {"LOG_LEVEL": "LogLevel", "DATABASE_URL": "DatabaseUrl"}
VARIABLES = frozenset(
    {*_PORTS, *_SUITE_KEYS, *_SYNC_KEYS, *dcm4chee.KEYS, *xnat.KEYS, *_OF_STAND_INS, "ORTHANC_URL", "WORKERS"}
)
"""The names ``.env`` may hold beside those of the suite's settings; ``.env.example`` says what each means."""
_HIGHEST_PORT = 65535


def this_deployment() -> Deployment:
    """Return the deployment of this checkout: its ``.env``, and the data folder the scripts name.

    Settings of the suite that stand in the environment win over those in ``.env``.

    Raises
    ------
    DeploymentError
        The file ``.env`` is not valid.
    """
    data = Path(os.environ.get("PACS_DATA", REPOSITORY / "data"))
    return deployment_of(read_environment_file(REPOSITORY / ".env") | suite_variables(os.environ), data)


def deployment_of(environment: Mapping[str, str], data: Path) -> Deployment:
    """Return the deployment that the names of ``.env.example`` describe.

    Raises
    ------
    DeploymentError
        A name is unknown, or a value is not one this name can have.
    """
    values = {name: value for name, value in environment.items() if value and not is_suite_variable(name)}
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
    for archive, module in (("DCM4CHEE", dcm4chee), ("XNAT", xnat)):
        if real := _real_of(archive, module, values):
            suite[archive.capitalize()] = real
    if "XNAT_URL" in values and not xnat.is_somebody(values):
        raise DeploymentError(
            ".env: XNAT lets in nobody who does not say who it is: give XNAT_USERNAME and XNAT_PASSWORD, or "
            "XNAT_ALIAS_TOKEN and XNAT_SECRET."
        )
    put_into(suite, suite_variables(environment))
    return Deployment(
        data=data,
        ports=_ports(values),
        workers=cast("Workers", workers),
        orthanc={"PacsSuite": suite},
        stand_in="DCM4CHEE_URL" not in values,
        dcm4chee_url=values.get("DCM4CHEE_URL"),
        xnat_stand_in="XNAT_URL" not in values,
        xnat_url=values.get("XNAT_URL"),
    )


def _real_of(archive: str, module: Any, values: Mapping[str, str]) -> dict[str, str]:
    """Return what is told of a real archive beside its address and port."""
    url = values.get(f"{archive}_URL")
    if url is not None and (fault := module.fault_of(url)):
        raise DeploymentError(f".env: {archive}_URL {fault}.")
    told = {key: values[name] for name, key in module.KEYS.items() if name in values}
    if told and url is None:
        named = ", ".join(name for name in module.KEYS if name in values)
        raise DeploymentError(
            f".env: {named} is of {_article(archive)} {archive} that is there: give its {archive}_URL, too."
        )
    if "CaFile" in told:
        told["CaFile"] = str(REPOSITORY / told["CaFile"])
    return told


def _article(archive: str) -> str:
    return "an" if archive == "XNAT" else "a"


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


def _ports(values: Mapping[str, str]) -> Ports:
    chosen = {}
    for name in _PORTS.keys() & values.keys():
        if not values[name].isdecimal() or not 0 < int(values[name]) <= _HIGHEST_PORT:
            raise DeploymentError(
                f".env: {name} is {values[name]}; it must be a number from 1 to {_HIGHEST_PORT}."
            )
        chosen[_PORTS[name]] = int(values[name])
    ports = Ports(**chosen)
    others = {name for url, names in _OF_STAND_INS.items() if url in values for name in names}
    used = [name for name in _PORTS if name not in others]
    if len({getattr(ports, _PORTS[name]) for name in used}) < len(used):
        raise DeploymentError(f".env: two of {', '.join(used)} are the same; each server needs its own.")
    return ports


def _unquoted(value: str) -> str:
    for quote in "\"'":
        if len(value) > 1 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value
