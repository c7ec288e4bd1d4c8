"""Orthanc as a peer: its own anonymisation, by whole studies and by single instances."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import requests

from tests.bench._samples import processor_s
from tests.standin import running_plain_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.standin import PlainOrthanc

_TIMEOUT_S = 60
NAME = "Orthanc"


@dataclass
class Orthanc:
    """A running Orthanc, started again where it dies."""

    plain: PlainOrthanc
    session: requests.Session = field(default_factory=requests.Session)

    def processor_s(self) -> float:
        """Return the processor time it has used."""
        return processor_s(self.plain.program.pid)

    def reason(self, error: requests.RequestException) -> str:
        """Return why it did not do what was asked; one that has died is started again."""
        if error.response is not None:
            return f"refused: HTTP {error.response.status_code}"
        self.plain.kill()
        self.plain.start()
        return f"gave no answer in {_TIMEOUT_S} s" if isinstance(error, requests.Timeout) else "died"

    @property
    def version(self) -> str:
        """What it says of itself."""
        return str(self._get("/system")["Version"])

    def upload(self, path: Path) -> str:
        """Store a file and return Orthanc's identifier of the instance.

        Raises
        ------
        requests.HTTPError
            It does not take it.
        """
        return str(self._post("/instances", path.read_bytes()).json()["ID"])

    def anonymised_instance(self, instance: str) -> bytes:
        """Return one instance anonymised; nothing is stored."""
        return self._post(f"/instances/{instance}/anonymize", json={}).content

    def anonymised_study(self, study: str) -> str:
        """Anonymise a study into a new one that is stored, and return that one's identifier."""
        asked = {"Synchronous": True, "KeepSource": True, "Permissive": True}
        return str(self._post(f"/studies/{study}/anonymize", json=asked).json()["ID"])

    def studies(self) -> list[str]:
        """Return all studies."""
        return list(self._get("/studies"))

    def instances(self, study: str) -> list[str]:
        """Return the instances of a study."""
        return [str(one["ID"]) for one in self._get(f"/studies/{study}/instances")]

    def successors(self, study: str) -> dict[str, str]:
        """Return the instances of an anonymised study by those they were made of."""
        made = self.instances(study)
        return {self._text(f"/instances/{new}/metadata/AnonymizedFrom"): new for new in made}

    def file(self, instance: str) -> bytes:
        """Return an instance's file."""
        return self._asked("GET", f"/instances/{instance}/file").content

    def empty(self) -> None:
        """Delete everything."""
        for study in self.studies():
            self.delete(study)

    def delete(self, study: str) -> None:
        """Delete a study."""
        self._asked("DELETE", f"/studies/{study}")

    def _get(self, path: str) -> Any:
        return self._asked("GET", path).json()

    def _text(self, path: str) -> str:
        return self._asked("GET", path).text

    def _post(
        self, path: str, data: bytes | None = None, json: Mapping[str, Any] | None = None
    ) -> requests.Response:
        return self._asked("POST", path, data=data, json=json)

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self.session.request(method, f"{self.plain.url}{path}", timeout=_TIMEOUT_S, **more)
        answer.raise_for_status()
        return answer


@contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """Run one with its storage in a folder."""
    with running_plain_orthanc(folder, StableAge=86_400) as plain:
        yield Orthanc(plain)


@dataclass(frozen=True)
class Stored:
    """Files uploaded: the identifier of each, and why others were not taken."""

    files: dict[str, str]
    refused: dict[str, str]


def stored(orthanc: Orthanc, files: Mapping[str, Path]) -> Stored:
    """Upload files by their names."""
    taken: dict[str, str] = {}
    refused = {}
    for file, path in files.items():
        try:
            instance = orthanc.upload(path)
        except requests.RequestException as error:
            refused[file] = orthanc.reason(error)
            continue
        if instance in taken.values():
            refused[file] = "is the same instance as another file"
        else:
            taken[file] = instance
    return Stored(taken, refused)


def anonymised(
    orthanc: Orthanc, files: Mapping[str, Path], folder: Path
) -> tuple[dict[str, Path], dict[str, str]]:
    """Anonymise files by their studies; return what was written of each, and why nothing was."""
    here = stored(orthanc, files)
    names = {instance: file for file, instance in here.files.items()}
    made: dict[str, Path] = {}
    for study in orthanc.studies():
        try:
            successors = orthanc.successors(orthanc.anonymised_study(study))
        except requests.RequestException as error:
            reason = orthanc.reason(error)
            here.refused.update(dict.fromkeys((names[one] for one in orthanc.instances(study)), reason))
            continue
        for old, new in successors.items():
            made[names[old]] = folder / f"{len(made)}.dcm"
            made[names[old]].write_bytes(orthanc.file(new))
    missing = here.files.keys() - made.keys() - here.refused.keys()
    return made, here.refused | dict.fromkeys(missing, "is missing in what was made of its study")


def tried(orthanc: Orthanc, source: Path, target: Path) -> str:
    """Anonymise one file by itself; return whether it was "released" or "refused", or Orthanc is "dead"."""
    try:
        target.write_bytes(orthanc.anonymised_instance(orthanc.upload(source)))
    except requests.RequestException as error:
        return "refused" if orthanc.reason(error).startswith("refused") else "dead"
    finally:
        orthanc.empty()
    return "released"


def timed_instances(orthanc: Orthanc, instances: Sequence[str], folder: Path) -> tuple[float, float]:
    """Anonymise instances one by one into files; return the seconds, and processor seconds.

    Those are Orthanc's, and this process's, which takes the answers and writes the files.
    """
    began, began_cpu = perf_counter(), orthanc.processor_s() + process_time()
    for number, instance in enumerate(instances):
        (folder / f"{number}.dcm").write_bytes(orthanc.anonymised_instance(instance))
    return perf_counter() - began, orthanc.processor_s() + process_time() - began_cpu


def timed_study(orthanc: Orthanc, study: str) -> tuple[float, float]:
    """Anonymise a study within Orthanc, and delete what was made; return the seconds as above."""
    began, began_cpu = perf_counter(), orthanc.processor_s()
    new = orthanc.anonymised_study(study)
    taken = perf_counter() - began, orthanc.processor_s() - began_cpu
    orthanc.delete(new)
    return taken
