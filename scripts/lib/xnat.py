"""XNAT's place in a deployment: what stands in for it, or where the real one is.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scripts.lib import secret_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scripts.lib.deployment import Deployment

PROJECT = "PACS_ANONYMIZED"
"""The suite's project, and XNAT's, where nobody has said otherwise."""
USER = "pacs-suite"
"""Who the suite is at the stand-in."""
AET = "XNAT"
KEYS = {
    "XNAT_USERNAME": "Username",
    "XNAT_PASSWORD": "Password",
    "XNAT_ALIAS_TOKEN": "AliasToken",
    "XNAT_SECRET": "Secret",
    "XNAT_CA_FILE": "CaFile",
}
"""What ``.env`` tells of a real one beside its address and port, and the keys of the suite's settings."""


def web_root(port: int) -> str:
    """Return the root of a stand-in."""
    return f"http://127.0.0.1:{port}"


def fault_of(url: str) -> str | None:
    """Return what is wrong with the address of an XNAT, None when nothing is."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named:
        return "is no http or https address"
    if parts.query or parts.fragment or parts.username:
        return "must be the root of the site, without anything behind it, and hold no password"
    return None


def is_somebody(values: Mapping[str, str]) -> bool:
    """Return whether ``.env`` says who the suite is at a real one, which lets in nobody else."""
    pairs = (("XNAT_USERNAME", "XNAT_PASSWORD"), ("XNAT_ALIAS_TOKEN", "XNAT_SECRET"))
    return any(values.keys() >= {*pair} for pair in pairs)


def admin_password(deployment: Deployment) -> Path:
    """Return the file of the password of the stand-in's administrator."""
    return deployment.secrets / "xnat-admin"


def own_password(deployment: Deployment) -> Path:
    """Return the file of the password of the suite's user at the stand-in."""
    return deployment.secrets / "xnat-suite"


def section(deployment: Deployment) -> dict[str, Any]:
    """Return how the suite reaches XNAT; nothing where there is none."""
    dicom = {"Aet": AET, "DicomPort": deployment.ports.xnat_dicom}
    if deployment.xnat_stand_in:
        who = {"Username": USER, "Password": secret_files.read(own_password(deployment))}
        return {"Xnat": {"Url": web_root(deployment.ports.xnat), **who, **dicom}}
    return {} if deployment.xnat_url is None else {"Xnat": {"Url": deployment.xnat_url, **dicom}}


def project(deployment: Deployment) -> dict[str, Any]:
    """Return the project of de-identification that there is where XNAT is and nobody has named another.

    Nothing goes there by itself: somebody asks for a study, or writes a rule.
    """
    if not deployment.xnat_stand_in and deployment.xnat_url is None:
        return {}
    one = {
        "Name": PROJECT,
        "Profile": "research_rt",
        "LongitudinalProfile": "research_rt",
        "Patients": "numbered",
        "Destination": {"Kind": "xnat", "Project": PROJECT},
    }
    return {"Deidentification": {"Projects": [one]}}
