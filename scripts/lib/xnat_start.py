"""What ``scripts/up`` does for XNAT's stand-in beside starting it: ``… -m scripts.lib.xnat_start keys|site``.

``keys``, before the first start: the project of de-identification gets its key. Once the stand-in holds
anything that is the custodian's own decision: a lost key is never made anew by itself.
``site``, once it answers: its project, script and user are put there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.errors import PacsSuiteError
from scripts.lib import secret_files, xnat
from scripts.lib.environment import this_deployment
from xnat_setup.__main__ import SCRIPT
from xnat_setup.ready import Wanted, make_ready

if TYPE_CHECKING:
    from scripts.lib.deployment import Deployment


def make_key(deployment: Deployment) -> int:
    """Make the key of the project that is there by itself, where nothing was ever sent; 0 when well."""
    if (deployment.data / "xnat").exists() or not _has_project(deployment):
        return 0
    command = [str(deployment.python), "-m", "orthanc_plugins", "project", "create", xnat.PROJECT]
    environment = os.environ | {"PACS_SUITE_CONFIGURATION": str(deployment.orthanc_json)}
    made = subprocess.run(command, check=False, env=environment, cwd=deployment.repository)  # noqa: S603 - fixed arguments
    return made.returncode


def _has_project(deployment: Deployment) -> bool:
    """Return whether the configuration has that project: an administrator may have others."""
    suite = json.loads(deployment.orthanc_json.read_text(encoding="utf-8"))["PacsSuite"]
    projects = suite.get("Deidentification", {}).get("Projects", [])
    return any(project.get("Name") == xnat.PROJECT for project in projects)


def make_site(deployment: Deployment) -> int:
    """Put on the stand-in what the suite needs there; 0 when that is well."""
    url = xnat.web_root(deployment.ports.xnat)
    wanted = Wanted(
        url=url,
        admin_password=secret_files.read(xnat.admin_password(deployment)),
        project=xnat.PROJECT,
        script=SCRIPT.read_text(encoding="utf-8"),
        user=xnat.USER,
        user_password=secret_files.read(xnat.own_password(deployment)),
    )
    try:
        for change in make_ready(wanted, HttpOptions()):
            sys.stdout.write(f"XNAT's stand-in: {change}\n")
    except PacsSuiteError as error:
        sys.stderr.write(f"error: XNAT's stand-in cannot be made ready. {error}\n")
        return 1
    return 0


def main() -> int:
    """Do what is asked for; nothing where a real XNAT is named."""
    deployment = this_deployment()
    if not deployment.xnat_stand_in:
        return 0
    return {"keys": make_key, "site": make_site}[sys.argv[1]](deployment)


if __name__ == "__main__":
    raise SystemExit(main())
