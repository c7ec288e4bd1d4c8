"""A real Orthanc that loads a script of the tests."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.contract.waiting import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).with_name("orthanc_script.py.in")
REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = sysconfig.get_path("purelib")


class RealOrthanc:
    """One process of Orthanc, whose state and log are in a folder."""

    def __init__(self, folder: Path, script: Path | None = None, **configuration: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "orthanc.log"
        if script is not None:
            filled = script.read_text(encoding="utf-8").format(
                packages=PACKAGES, repository=str(REPOSITORY), port=self.port
            )
            (folder / "script.py").write_text(filled, encoding="utf-8")
        settings = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "HttpPort": self.port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "StableAge": 1,
            "Plugins": ["/usr/share/orthanc/plugins/libOrthancPython.so"],
            "PythonScript": str(folder / "script.py"),
            "Python": {"AllowThreads": True},
            **configuration,
        }
        if "PacsSuite" in configuration:
            settings["PacsSuite"] = {"Orthanc": {"Url": self.url}, **configuration["PacsSuite"]}
        (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/Orthanc", "--verbose", str(folder / "orthanc.json")], stdout=log, stderr=log
            )

    def wait_until_it_answers(self) -> None:
        eventually(self._answers, "Orthanc answers")

    def stop(self) -> int:
        """Stop Orthanc as an administrator does, and return its exit status."""
        self._process.terminate()
        return self._process.wait(40)

    def wait_until_it_ends(self) -> int:
        return self._process.wait(40)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log()[-3000:]
        try:
            answer = requests.get(f"{self.url}/system", timeout=5)
        except requests.ConnectionError:
            return False
        return answer.status_code in {200, 401}


@contextmanager
def running_orthanc(folder: Path, script: Path | None, **configuration: Any) -> Iterator[RealOrthanc]:
    orthanc = RealOrthanc(folder, script, **configuration)
    try:
        orthanc.wait_until_it_answers()
        yield orthanc
    finally:
        orthanc.kill()
