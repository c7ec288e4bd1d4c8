"""The script Orthanc loads: finds the suite beside this folder and hands it Orthanc's module."""

import json
import site
import subprocess
import sys
from pathlib import Path

import orthanc

sys.path.append(str(Path(__file__).resolve().parent.parent))
_section = json.loads(orthanc.GetConfiguration()).get("PacsSuite", {})
_python = _section.get("PythonExecutable", "python3")
for _folder in subprocess.check_output(  # noqa: S603 - the administrator's own configuration names the program
    [_python, "-c", "import json, site; print(json.dumps(site.getsitepackages()))"], text=True
).splitlines():
    for _path in json.loads(_folder):
        site.addsitedir(_path)

from orthanc_plugins.plugin import register  # noqa: E402 - only now can it be found

register(orthanc)
