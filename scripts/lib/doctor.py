"""The part of ``scripts/doctor`` that runs inside: packages, settings, programs, health.

Prints one finding a line, its fields apart by tabs: ``ok`` or ``wrong``, part, what was found, what to do.
With ``--settings`` it only tells, in words, what is wrong with the settings; ``scripts/up`` asks that first.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, ConfigurationError, ProfileError
from orthanc_plugins.projects import Custodian, Deidentification
from orthanc_plugins.services.releasing import deidentification_of
from orthanc_plugins.settings import load_settings
from scripts.lib.health import PROJECTS, TO_MEND_PROJECTS, Finding, examine, supervised
from scripts.lib.render import (
    REPOSITORY,
    Deployment,
    DeploymentError,
    is_rendered,
    orthanc_configuration,
    this_deployment,
)

if TYPE_CHECKING:
    from pathlib import Path

_UP_AGAIN = "run scripts/down, then scripts/up"
_CORRECT = "correct it there: in the environment, .env or orthanc-config/orthanc.json"


def packages() -> Finding:
    """Return whether what is installed is what the lock names."""
    locked = locked_packages((REPOSITORY / "requirements.lock").read_text(encoding="utf-8"))
    installed = {
        re.sub(r"[-_.]+", "-", found.name).lower(): found.version
        for found in metadata.distributions()
        if found.name
    }
    wanting = sorted(name for name, version in locked.items() if installed.get(name.lower()) != version)
    if wanting:
        return Finding(
            "Python packages",
            healthy=False,
            text=f"not as locked: {', '.join(wanting)}",
            remedy="run scripts/up",
        )
    return Finding("Python packages", healthy=True, text=f"{len(locked)}, as locked")


def locked_packages(text: str) -> dict[str, str]:
    """Return the packages that a lock names for this machine, and their versions."""
    named = (Requirement(line.rstrip(" \\")) for line in re.findall(r"^\w.*", text, re.MULTILINE))
    meant = [one for one in named if one.marker is None or one.marker.evaluate()]
    return {one.name: next(iter(one.specifier)).version for one in meant}


def settings(deployment: Deployment, *, running: bool) -> Finding:
    """Return whether the suite accepts its settings and, while it runs, whether it runs with them."""
    try:
        load_settings(orthanc_configuration(deployment), os.environ)
    except ConfigurationError as error:
        return Finding("settings", healthy=False, text=str(error), remedy=_CORRECT)
    if not running:
        return Finding("settings", healthy=True, text="valid")
    if not is_rendered(deployment):
        return Finding(
            "settings", healthy=False, text="changed since the suite was started", remedy="run scripts/up"
        )
    return Finding("settings", healthy=True, text="valid, and in use")


def projects(deployment: Deployment) -> list[Finding]:
    """Return whether each project of de-identification can be used.

    Nothing before the first start, which makes a key, nor where the settings are not valid.
    """
    if not deployment.orthanc_json.exists():
        return []
    try:
        chosen = load_settings(orthanc_configuration(deployment), os.environ)
    except ConfigurationError:
        return []
    settings = chosen.deidentification
    custodian = Custodian(chosen.custody, chosen.audit, chosen.identities)
    known = Deidentification(custodian, profiles=settings.profiles_directory)
    return [
        Finding(
            PROJECTS,
            healthy=fault is None,
            text=f"{project.name}: {fault or 'key, register and profiles are there'}",
            remedy=TO_MEND_PROJECTS,
        )
        for project in settings.projects
        for fault in [known.fault_of(project) or _profile_fault(project.profiles, known.profiles)]
    ]


def _profile_fault(names: tuple[str, ...], folder: Path | None) -> str | None:
    """Return what is wrong inside a profile."""
    try:
        for name in names:
            load_profile(name, folder)
    except ProfileError as error:
        return str(error)
    return None


def xnat_login(deployment: Deployment) -> list[Finding]:
    """Return whether XNAT lets the suite in, which its health does not try: each try counts for XNAT.

    Nothing where there is no XNAT, nor where it does not answer, which its health tells.
    """
    try:
        access = deidentification_of(load_settings(orthanc_configuration(deployment), os.environ)).xnat
    except ConfigurationError:
        return []
    if access is None:
        return []
    try:
        with access.opened() as there:
            there.http.log_in()
    except ArchiveUnavailable:
        return []
    except ArchiveRefused as error:
        remedy = "see xnat/README.md, step 4, for what tells in .env who the suite is there"
        return [Finding("XNAT", healthy=False, text=str(error), remedy=remedy)]
    return [Finding("XNAT", healthy=True, text=f"lets the suite in, as {access.user}")]


def programs(deployment: Deployment) -> list[Finding]:
    """Return how supervisor sees each program, and how the suite and OHIF answer."""
    findings = [
        Finding(
            name,
            healthy=state in {"RUNNING", "STARTING"},
            text=state.lower(),
            remedy=f"see scripts/logs {name}; {_UP_AGAIN}",
        )
        for name, state in supervised(deployment).items()
    ]
    return findings + [finding for finding in examine(deployment) if finding.part != PROJECTS]


def findings(deployment: Deployment, *, running: bool) -> list[Finding]:
    """Return everything there is to say of the inside."""
    found = [packages(), settings(deployment, running=running), *projects(deployment)]
    return found + programs(deployment) + xnat_login(deployment) if running else found


def main() -> int:
    """Print the findings; with ``--settings``, 1 when these are not valid."""
    only_settings = "--settings" in sys.argv[1:]
    try:
        deployment = this_deployment()
        if only_settings:
            found = [settings(deployment, running=False)]
        else:
            found = findings(deployment, running="--running" in sys.argv[1:])
    except (DeploymentError, OSError, ValueError, subprocess.SubprocessError) as error:
        found = [Finding("settings", healthy=False, text=str(error), remedy="correct it there")]
    if only_settings:
        wrong = [finding for finding in found if not finding.healthy]
        sys.stderr.writelines(f"error: {finding.text}\n       {finding.remedy}\n" for finding in wrong)
        return 1 if wrong else 0
    for finding in found:
        fields = ("ok" if finding.healthy else "wrong", finding.part, finding.text, finding.remedy)
        sys.stdout.write("\t".join(" ".join(field.split()) for field in fields) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
