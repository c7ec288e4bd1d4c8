"""The part of ``scripts/doctor`` that runs inside: packages, settings, programs, health.

Prints one finding a line, its fields apart by tabs: ``ok`` or ``wrong``, part, what was found, what to do.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.settings import load_settings
from scripts.lib.health import Finding, examine, supervised
from scripts.lib.render import (
    REPOSITORY,
    Deployment,
    DeploymentError,
    orthanc_configuration,
    this_deployment,
)

_UP_AGAIN = "run scripts/down, then scripts/up"


def packages() -> Finding:
    """Return whether what is installed is what the lock names."""
    locked = dict(
        re.findall(r"^([\w.-]+)==([^\s;\\]+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE)
    )
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


def settings(deployment: Deployment) -> list[Finding]:
    """Return whether the suite accepts its settings, and whether they are those it runs with."""
    wanted = orthanc_configuration(deployment)
    try:
        load_settings(wanted, os.environ)
    except ConfigurationError as error:
        return [
            Finding(
                "settings",
                healthy=False,
                text=str(error),
                remedy="correct .env or orthanc-config/orthanc.json",
            )
        ]
    if not deployment.orthanc_json.exists():
        return [Finding("settings", healthy=True, text="valid")]
    if json.loads(deployment.orthanc_json.read_text(encoding="utf-8")) != wanted:
        return [
            Finding("settings", healthy=False, text="changed since the suite was started", remedy=_UP_AGAIN)
        ]
    return [Finding("settings", healthy=True, text="valid, and in use")]


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
    return findings + examine(deployment)


def main() -> int:
    """Print the findings."""
    findings = [packages()]
    try:
        deployment = this_deployment()
        findings += settings(deployment)
        if "--running" in sys.argv[1:]:
            findings += programs(deployment)
    except (DeploymentError, OSError, ValueError, subprocess.SubprocessError) as error:
        findings.append(
            Finding("settings", healthy=False, text=str(error), remedy="correct it; see .env.example")
        )
    for found in findings:
        fields = ("ok" if found.healthy else "wrong", found.part, found.text, found.remedy)
        sys.stdout.write("\t".join(" ".join(field.split()) for field in fields) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
