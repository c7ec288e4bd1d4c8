"""How fast is a study forwarded? ``scripts/bench forwarding``.

One Orthanc with the suite holds a CT of 512 x 512; another one, with the shim that makes it DCM4CHEE, is the
archive. By turns the study goes there by ``storescu`` from files, by Orthanc's own jobs (C-STORE and STOW),
and by the suite over either, each time into an empty archive. The suite's time is that of POST .../forward
until every instance is verified, with its ledger and its asking back; the others ask nobody back, so their
time is told twice: until they are done, and until the archive has also listed every instance (QIDO-RS). STOW
goes through the shim, C-STORE past it: each is compared with the others of its kind.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from scripts.lib.sample import STORESCU
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.stack import Stack, running_stack
from tests.standin import StandIn, running_standin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Way = Callable[[], None]
    type _Measured = dict[str, list[float]]

_COMPARED = {
    "suite, C-STORE": ("storescu", "Orthanc, C-STORE"),
    "suite, STOW": ("Orthanc, STOW",),
}
_SETTLE_S = 1.0
_PAGE = 1000
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Setting:
    """A study in an Orthanc with the suite, and as files, and the archive it goes to."""

    stack: Stack
    archive: StandIn
    study_uid: str
    files: Path

    def ways(self) -> dict[str, Way]:
        """Return the ways in which the study can go, by name."""
        return {
            "storescu": self._storescu,
            "Orthanc, C-STORE": lambda: self._job("/modalities/archive/store"),
            "Orthanc, STOW": lambda: self._job("/dicom-web/servers/archive/stow"),
            "suite, C-STORE": lambda: self._forward("c-store"),
            "suite, STOW": lambda: self._forward("stow"),
        }

    def _storescu(self) -> None:
        target = ["-aec", self.archive.aet, "127.0.0.1", str(self.archive.dicom_port)]
        subprocess.run([STORESCU, "+sd", *target, str(self.files)], check=True, timeout=_TIMEOUT_S)

    def _job(self, path: str) -> None:
        study = self.stack.post("/tools/lookup", data=self.study_uid).json()[0]["ID"]
        self._post(path, {"Resources": [study], "Synchronous": True})

    def _forward(self, transport: str) -> None:
        answer = self._post(
            f"/pacs/api/studies/{self.study_uid}/forward", {"transport": transport, "wait_s": _TIMEOUT_S}
        )
        assert answer["state"] == "verified", answer
        assert answer["already_there"] == 0, answer

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(self.stack.url + path, json=body, timeout=_TIMEOUT_S)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def empty_archive(self) -> None:
        """Let the archive hold nothing, as it is done at a DCM4CHEE: reject, then delete."""
        if self.held():
            study = f"{self.archive.url}/studies/{self.study_uid}"
            requests.post(f"{study}/reject/113001%5EDCM", timeout=_TIMEOUT_S).raise_for_status()
            requests.delete(study, timeout=_TIMEOUT_S).raise_for_status()
        assert self.held() == 0

    def ask_back(self) -> None:
        """Have the archive list every instance, a page at a time."""
        url, held, listed = f"{self.archive.url}/studies/{self.study_uid}/instances", self.held(), 0
        while listed < held:
            asked = requests.get(url, {"offset": listed, "limit": _PAGE}, timeout=_TIMEOUT_S)
            asked.raise_for_status()
            listed += len(asked.json())

    def held(self) -> int:
        """Return how many instances the archive holds."""
        return int(
            requests.get(f"{self.archive.orthanc_url}/statistics", timeout=60).json()["CountInstances"]
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench forwarding", description=__doc__)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", help="where storage lies; a disk in memory leaves the disk's noise out")
    parser.add_argument("--ways", help="only those whose name holds this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, ExitStack() as running:
        setting = _setting(Path(folder), options.instances, running)
        ways = {name: way for name, way in setting.ways().items() if (options.ways or "") in name}
        print(f"{options.instances} CT images of 512 x 512, {options.rounds} rounds by turns, and one before")
        measured: dict[str, list[float]] = {name: [] for name in ways}
        listed: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(options.rounds + 1):
            for name in _in_turn(list(ways), turn):
                done_s, listed_s = _timed(setting, name, options.instances)
                if turn:
                    measured[name].append(done_s)
                    listed[name].append(listed_s)
        _print_rates(measured, listed, options.instances)
        print("rate of the suite to that of the other: of the best, median of the rounds, each round")
        print("the others until they are done:")
        _print_ratios(measured, measured)
        print("the others until the archive has listed all:")
        _print_ratios(measured, listed)


def _setting(folder: Path, instances: int, running: ExitStack) -> Setting:
    frame = ImageFrame(size=(instances, 512, 512), spacing_mm=(1.0, 1.0), gap_mm=1.0)
    case = build_case(frame=frame, regions=1, noise=20)
    case.write(folder / "case")
    archive = running.enter_context(running_standin(folder / "archive"))
    suite = {
        "Dcm4chee": {"Url": archive.url, "DicomHost": "127.0.0.1", "DicomPort": archive.dicom_port},
        "Synchronisation": {"IntervalS": 86400},
    }
    stack = running.enter_context(
        running_stack(
            folder / "suite",
            verbose=False,
            PacsSuite=suite,
            DicomModalities={"archive": [archive.aet, "127.0.0.1", archive.dicom_port]},
            DicomWeb={"Servers": {"archive": {"Url": archive.url, "HasDelete": False}}},
        )
    )
    stack.wait_until_healthy()
    images = folder / "case" / "images"
    stack.receive(images)
    return Setting(stack, archive, case.reference.study_uid, images)


def _in_turn(names: list[str], turn: int) -> Iterator[str]:
    """Yield the names, beginning with another one each turn."""
    start = turn % len(names)
    yield from names[start:] + names[:start]


def _timed(setting: Setting, name: str, instances: int) -> tuple[float, float]:
    """Return the seconds until a way is done, and until the archive has listed all besides."""
    setting.empty_archive()
    time.sleep(_SETTLE_S)
    began = time.perf_counter()
    setting.ways()[name]()
    done_s = listed_s = time.perf_counter() - began
    if name not in _COMPARED:  # the suite has asked back itself
        setting.ask_back()
        listed_s = time.perf_counter() - began
    assert setting.held() == instances
    return done_s, listed_s


def _print_rates(done: _Measured, listed: _Measured, instances: int) -> None:
    print(f"{'images a second':17} {'median':>6} {'best':>5}   until listed {'median':>6} {'best':>5}")
    for name, seconds in done.items():
        rates = [instances / one for one in (statistics.median(seconds), min(seconds))]
        rates += [instances / one for one in (statistics.median(listed[name]), min(listed[name]))]
        print("{:17} {:6.0f} {:5.0f}                {:6.0f} {:5.0f}".format(name, *rates))


def _print_ratios(suite: _Measured, peers: _Measured) -> None:
    for ours, others in _COMPARED.items():
        for other in (name for name in others if name in peers and ours in suite):
            pairs = zip(peers[other], suite[ours], strict=True)
            ratios = sorted(theirs / mine for theirs, mine in pairs)
            best = min(peers[other]) / min(suite[ours])
            each = " ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"  {ours} to {other:17} {best:.2f}, {statistics.median(ratios):.2f}, {each}")


if __name__ == "__main__":
    main()
