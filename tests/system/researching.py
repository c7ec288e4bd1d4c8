"""The suite with XNAT's stand-in as ``scripts/up`` has them, for the tests of de-identification."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from pydicom import Dataset, dcmread

from scripts.lib.xnat import PROJECT, USER
from tests.fakes.faulty_archive import FaultyProxy, faulty_proxy
from tests.stack import Stack, eventually, running_stack
from tests.xnat_process import PASSWORD, XnatProcess, running_xnat
from xnat_setup.__main__ import main as set_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OWN_PASSWORD = "of the suite"
_ENDED = {"succeeded", "failed", "cancelled"}
_KEPT = ("logs", "run", "store", "audit", "custody", "identities", "certificates", "deidentification")


@dataclass
class Research:
    """A suite, the XNAT its studies go to, and what lies between: every line of its requests is kept."""

    stack: Stack
    xnat: XnatProcess
    wire: FaultyProxy

    # The suite

    def pacs(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the suite's command line with the suite's own configuration."""
        environment = {"PACS_SUITE_CONFIGURATION": str(self.stack.deployment.orthanc_json)}
        return subprocess.run(
            [sys.executable, "-m", "orthanc_plugins", *words],
            capture_output=True,
            check=False,
            cwd=self.stack.deployment.repository,
            env=os.environ | environment,
            text=True,
        )

    def ask(self, study_uid: str) -> str:
        """Ask for a study as the dashboard does, by what Orthanc calls it, and return the job."""
        (found,) = self.stack.post("/tools/lookup", data=study_uid).json()
        answer = self.stack.post(f"/pacs/api/anonymize/study/{found['ID']}", json={"wait_s": 0})
        assert answer.status_code in {200, 202}, answer.text
        return str(answer.json()["job_id"])

    def ended(self, job_id: str) -> dict[str, Any]:
        """Return a job once it has ended."""

        def look() -> dict[str, Any] | None:
            job = self.stack.job(job_id)
            return job if job["state"] in _ENDED else None

        return eventually(look, "the job has ended", within_s=120)

    def certified(self, study_uid: str) -> dict[str, Any]:
        """Have a study de-identified, and return what is answered once XNAT has it."""
        job = self.ended(self.ask(study_uid))
        assert job["state"] == "succeeded", json.dumps(job, indent=1)
        answer = self.stack.post(f"/pacs/api/anonymize/study/{study_uid}", json={})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        assert told["status"] == "certified", told
        return told

    def audited(self, **query: str) -> list[dict[str, Any]]:
        """Return records of the audit trail, the newest first."""
        words = "&".join(f"{name}={value}" for name, value in query.items())
        answer = self.stack.get(f"/pacs/api/audit?{words}")
        answer.raise_for_status()
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    # XNAT, as its administrator sees it

    def seen(self, path: str, **query: str) -> requests.Response:
        answer = requests.get(self.xnat.url + path, params=query, auth=("admin", PASSWORD), timeout=60)
        answer.raise_for_status()
        return answer

    def rows(self, path: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.seen(path, format="json").json()["ResultSet"]["Result"]
        return found

    def sessions(self) -> list[dict[str, str]]:
        """Return all sessions of the project."""
        return self.rows(f"/data/projects/{PROJECT}/experiments")

    def objects(self, session: dict[str, str]) -> list[Dataset]:
        """Return all DICOM objects of a session, whatever resource they are in."""
        packed = self.seen(f"/data/experiments/{session['ID']}/scans/ALL/files", format="zip").content
        with zipfile.ZipFile(io.BytesIO(packed)) as files:
            return [dcmread(io.BytesIO(files.read(name))) for name in files.namelist()]

    # What must hold nothing of the patient

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Yield all that is kept or said beside Orthanc's own storage and the results of structure sets."""
        data = self.stack.deployment.data
        folders = [data / name for name in _KEPT]
        for folder in [*folders, self.xnat.folder]:
            for path in folder.rglob("*"):
                if path.is_file():
                    yield str(path), str(path).encode() + path.read_bytes()
        yield "requests to XNAT", "\n".join(self.wire.requests).encode()


@contextmanager
def running_research(folder: Path, *, front: bool = False, **suite: Any) -> Iterator[Research]:
    """Run the suite with XNAT made ready for it, and the project's key made as at a first start.

    ``front`` is that of `running_stack`, further keywords go into the section ``PacsSuite``.
    """
    with running_xnat(folder / "xnat") as xnat, faulty_proxy(xnat.url) as wire:
        _make_ready(xnat, folder)
        project = {
            "Name": PROJECT,
            "Profile": "research_rt",
            "Patients": "numbered",
            "Destination": {"Kind": "xnat", "Project": PROJECT},
        }
        section = {
            "Xnat": {"Url": wire.url, "Username": USER, "Password": OWN_PASSWORD},
            "Deidentification": {"Projects": [project]},
            **suite,
        }
        with running_stack(folder / "data", front=front, PacsSuite=section) as stack:
            research = Research(stack, xnat, wire)
            for one in section["Deidentification"]["Projects"]:
                made = research.pacs("project", "create", one["Name"])
                assert made.returncode == 0, made.stderr
            stack.wait_until_healthy()
            yield research


def _make_ready(xnat: XnatProcess, folder: Path) -> None:
    arguments = ["--url", xnat.url, "--project", PROJECT, "--user", USER]
    for name, password in (("admin", PASSWORD), ("user", OWN_PASSWORD)):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(password, encoding="utf-8")
        arguments += [f"--{name}-password-file", str(path)]
    assert set_up(arguments) == 0
