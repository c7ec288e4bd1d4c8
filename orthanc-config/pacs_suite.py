"""The script Orthanc loads: finds the packages and the suite, and hands it Orthanc's module.

The locked packages of ``PacsSuite.PythonExecutable`` go behind Python's own library, which none of them
may shadow, and before the packages of the system, which must not shadow them.
"""

import json
import site
import subprocess
import sys
from pathlib import Path

import orthanc

_section = json.loads(orthanc.GetConfiguration()).get("PacsSuite", {})
_ask = [_section.get("PythonExecutable", "python3"), "-c", "import site; print(site.getsitepackages()[0])"]
_packages = subprocess.check_output(_ask, text=True).strip()  # noqa: S603 - the administrator names the program
_before = [entry for entry in sys.path if not entry.endswith("dist-packages")]
_system = [entry for entry in sys.path if entry.endswith("dist-packages")]
sys.path[:] = _before
site.addsitedir(_packages)
sys.path += [str(Path(__file__).resolve().parent.parent), *_system]

from orthanc_plugins.plugin import register  # noqa: E402 - only now can it be found

register(orthanc)
