"""A night's work: a thousand studies through the running system. ``scripts/bench overnight``.

Generates studies (plain CT, and MR, PET, oblique, odd and damaged ones among them), sends each by C-STORE
as fast as they are taken, waits until no job is left, and proves that none was lost: every structure set sent
has results that name all its regions and the files they name, or a job that says why not. Meanwhile the
memory of Orthanc and of the worker is sampled. ``--kill`` ends the worker's process once in the middle;
with ``--postgresql`` Orthanc keeps its index in PostgreSQL instead of SQLite.

With ``--folder`` the state stays there, and a run that was cut off goes on where it was. The outcome is
written beside it as ``outcome.json`` and ``outcome.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.bench._postgresql import orthanc_index
from tests.bench._samples import Memory, Sample, memory, processor_s, resident_mb
from tests.bench._studies import Template, mixture
from tests.stack import Stack, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PAGE = 500
_AT_REST = {"succeeded", "failed", "cancelled", "waiting"}
_SHOWN_EVERY_S = 60.0
_STUDY_MB = 60
"""What images and results of a study take on disk."""
_PROGRESS = "progress.json"
_PATIENCE_S = 600.0
"""So long nothing may happen at all before the run is given up."""


@dataclass
class Night:
    """One run: the folder of its state, what is sent, and what was seen."""

    stack: Stack
    folder: Path
    templates: Sequence[Template]
    studies: int
    every_s: float
    kill: bool
    samples: list[Sample] = field(default_factory=list)
    sent: int = 0
    began: float = field(default_factory=time.time)

    def run(self) -> None:
        """Send, sample and wait until nothing is left to do."""
        self._resume()
        stop = threading.Event()
        sender = threading.Thread(target=self._send, args=(stop,), daemon=True)
        sender.start()
        try:
            self._watch(sender)
        finally:
            stop.set()
            sender.join()

    def _resume(self) -> None:
        """Go on where an earlier run in the same folder was cut off."""
        if known := _before(self.folder):
            self.sent, self.began = known["sent"], known["began"]
            lines = (self.folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
            self.samples = [Sample(**json.loads(line)) for line in lines]
            print(f"goes on after {self.sent} studies that were sent before", flush=True)

    def _send(self, stop: threading.Event) -> None:
        while self.sent < self.studies and not stop.is_set():
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                files = self._template(self.sent).write(self.sent, Path(place) / "study")
                try:
                    self.stack.receive(*files)
                except subprocess.SubprocessError as error:
                    # To send a study again changes nothing that was taken.
                    print(f"study {self.sent} is sent again: {type(error).__name__}", flush=True)
                    stop.wait(1.0)
                    continue
            self.sent += 1
            progress = {"sent": self.sent, "began": self.began}
            (self.folder / _PROGRESS).write_text(json.dumps(progress), encoding="utf-8")

    def _template(self, number: int) -> Template:
        return self.templates[number % len(self.templates)]

    def _watch(self, sender: threading.Thread) -> None:
        shown, moved, done, killed = 0.0, time.monotonic(), -1, not self.kill
        while True:
            counts = self.counts()
            ended = sum(counts[state] for state in _AT_REST)
            if ended != done:
                moved, done = time.monotonic(), ended
            self._sample(done)
            if not killed and done >= self.studies // 4:
                self.stack.kill_worker()
                killed = True
                print(f"the worker was killed after {done} structure sets", flush=True)
            if time.monotonic() - shown > _SHOWN_EVERY_S:
                shown = time.monotonic()
                print(self._progress(done, counts), flush=True)
            if not sender.is_alive() and done >= self.sent and not counts["queued"] + counts["running"]:
                return
            if time.monotonic() - moved > _PATIENCE_S:
                raise AssertionError(f"Nothing happened for {_PATIENCE_S:.0f} s: {dict(counts)}")
            time.sleep(self.every_s)

    def counts(self) -> Counter[str]:
        """Return how many structure sets' jobs are in each state, as Prometheus sees them."""
        found: Counter[str] = Counter()
        try:
            text = self.stack.get("/pacs/api/metrics").text
        except requests.RequestException:
            return found
        for line in text.splitlines():
            if line.startswith('pacs_jobs{kind="extract_structures",state="'):
                found[line.split('"')[3]] = int(float(line.rpartition(" ")[2]))
        return found

    def _sample(self, done: int) -> None:
        orthanc, worker = self.stack.orthanc_process, self.stack.worker_process()
        made = Sample(
            time.time() - self.began,
            done,
            resident_mb(orthanc),
            resident_mb(worker),
            processor_s(orthanc),
            processor_s(worker),
            worker,
        )
        self.samples.append(made)
        with (self.folder / "samples.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(made)) + "\n")

    def _progress(self, done: int, counts: Counter[str]) -> str:
        last = self.samples[-1]
        states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        return (
            f"{datetime.now(UTC):%H:%M:%S} sent {self.sent}, done {done} of {self.studies} ({states}); "
            f"Orthanc {last.orthanc_mb:.0f} MB, worker {last.worker_mb:.0f} MB"
        )

    # The proof

    def lost(self) -> tuple[list[str], Counter[tuple[str, str]]]:
        """Return what is wrong with each structure set sent, and how those of each template ended."""
        jobs = {job["sop_instance_uid"]: job for job in self._jobs()}
        wrong, ended = [], Counter[tuple[str, str]]()
        for number in range(self.sent):
            template = self._template(number)
            job = jobs.get(template.uid(number))
            ended[template.name, "no job" if job is None else job["state"]] += 1
            if job is None:
                wrong.append(f"study {number} ({template.name}): no job")
            elif fault := self._fault(template, job):
                wrong.append(f"study {number} ({template.name}): {fault}")
        if self.sent < self.studies:
            wrong.append(f"only {self.sent} of {self.studies} studies could be sent")
        if len(jobs) != self.sent:
            wrong.append(f"{self.sent} structure sets were sent, {len(jobs)} have a job")
        return wrong, ended

    def _jobs(self) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            address = f"/pacs/api/jobs?kind=extract_structures&limit={_PAGE}&offset={offset}"
            page = self.stack.get(address).json()["jobs"]
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def _fault(self, template: Template, job: dict[str, Any]) -> str | None:
        """Return what is wrong with how a job ended; a failure that is told is not."""
        if job["state"] == "failed":
            return None if (job["error"] or {}).get("message") else "failed without a reason"
        if job["state"] != "succeeded":
            return f"its job is {job['state']}"
        folder = self.stack.deployment.data / "exports" / job["study_uid"] / job["series_uid"]
        try:
            path = folder / job["sop_instance_uid"] / "results.json"
            regions = json.loads(path.read_text(encoding="utf-8"))["regions"]
        except (OSError, ValueError) as error:
            return f"its results cannot be read ({type(error).__name__})"
        if len(regions) < template.regions:
            return f"{len(regions)} of its {template.regions} regions are in its results"
        return next(
            (f"{path} is not there" for path in _files(regions) if not self._is_there(job, path)), None
        )

    def _is_there(self, job: dict[str, Any], path: str) -> bool:
        place = Path(job["study_uid"], job["series_uid"], job["sop_instance_uid"], path)
        return (self.stack.deployment.data / "exports" / place).exists()


def _before(folder: Path) -> dict[str, Any]:
    """Return what an earlier run in a folder has ``sent`` and when it ``began``, empty without one."""
    progress = folder / _PROGRESS
    return json.loads(progress.read_text(encoding="utf-8")) if progress.exists() else {}


def _files(regions: Sequence[dict[str, Any]]) -> Iterator[str]:
    for region in regions:
        yield from (region[key] for key in ("mask_path", "stl_path", "preview_path") if region.get(key))
    yield from ("report.pdf", "scene.html", "contours.json")


def outcome(night: Night) -> dict[str, Any]:
    """Return what a night brought, as it is written down."""
    wrong, ended = night.lost()
    seconds = night.samples[-1].seconds
    states = Counter[str]()
    for (_, state), count in ended.items():
        states[state] += count
    cpu = [sample.orthanc_cpu_s + sample.worker_cpu_s for sample in night.samples]
    one_worker = len({sample.worker for sample in night.samples}) == 1
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "studies": night.sent,
        "killed": night.kill,
        "index": "PostgreSQL" if "PostgreSQL" in night.stack.deployment.orthanc else "SQLite",
        "hours": seconds / 3600,
        "studies_per_hour": night.sent / seconds * 3600,
        "cpu_s_per_study": (cpu[-1] - cpu[0]) / night.sent if one_worker else None,
        "states": dict(states),
        "by_template": {f"{name}: {state}": count for (name, state), count in sorted(ended.items())},
        "wrong": wrong,
        "orthanc_memory": asdict(memory([sample.orthanc_mb for sample in night.samples])),
        "worker_memory": asdict(memory([sample.worker_mb for sample in night.samples])),
        "disk_mb": {
            name: _size_mb(night.stack.deployment.data / name)
            for name in ("orthanc", "exports", "store", "logs")
        },
    }


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _markdown(found: dict[str, Any]) -> Iterator[str]:
    killed = ", the worker killed once in the middle" if found["killed"] else ""
    yield (
        f"Overnight, {found['when']}, {found['machine']}, Orthanc's index in {found['index']}: "
        f"{found['studies']} studies{killed}"
    )
    yield ""
    yield f"- lost: {len(found['wrong']) or 'none'}; " + ", ".join(
        f"{count} {state}" for state, count in found["states"].items()
    )
    yield f"- {found['studies_per_hour']:.0f} studies an hour, {found['hours']:.2f} h in all"
    sizes = ", ".join(f"{name} {size:.0f} MB" for name, size in found["disk_mb"].items())
    if found["cpu_s_per_study"] is not None:
        yield f"- {found['cpu_s_per_study']:.2f} s of processor time a study, Orthanc's receiving included"
    yield f"- disk: {sizes}"
    yield ""
    yield "| memory, MB | start | middle | end | peak | growth over the second half | |"
    yield "|---|---|---|---|---|---|---|"
    for name in ("orthanc", "worker"):
        held = Memory(**found[f"{name}_memory"])
        numbers = (held.start_mb, held.middle_mb, held.end_mb, held.peak_mb)
        shown = " | ".join(f"{number:.0f}" for number in numbers)
        verdict = "flat" if held.flat else "GROWS"
        yield f"| {name} | {shown} | {held.growth_mb:+.1f} | {verdict} |"
    yield from ["", *(f"- {fault}" for fault in found["wrong"][:50])]


def main() -> int:
    """Run, print and write down; the exit status tells whether all is well."""
    parser = argparse.ArgumentParser(prog="scripts/bench overnight", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--every-s", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--kill", action="store_true", help="kill the worker once, after a quarter")
    parser.add_argument("--folder", type=Path, help="where the state stays, to go on after a cut")
    parser.add_argument("--matrix", type=int, default=256, help="rows and columns of the images")
    parser.add_argument("--postgresql", action="store_true", help="Orthanc's index in PostgreSQL")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="overnight-"))
    folder.mkdir(parents=True, exist_ok=True)
    left = options.studies - _before(folder).get("sent", 0)
    needed_mb, free_mb = left * _STUDY_MB, shutil.disk_usage(folder).free / 1e6
    if free_mb < needed_mb:
        parser.error(f"{folder} has room for {free_mb:.0f} MB, {needed_mb} MB are needed: see --folder")
    with ExitStack() as running:
        index = {}
        if options.postgresql:
            folder.chmod(folder.stat().st_mode | 0o011)
            index = running.enter_context(orthanc_index(folder / "postgresql"))
        stack = running.enter_context(running_stack(folder / "data", verbose=False, **index))
        stack.wait_until_healthy()
        night = Night(
            stack, folder, mixture(matrix=options.matrix), options.studies, options.every_s, options.kill
        )
        night.run()
        found = outcome(night)
    text = "\n".join(_markdown(found))
    print(text)
    (folder / "outcome.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    (folder / "outcome.md").write_text(text + "\n", encoding="utf-8")
    if options.folder is None:
        shutil.rmtree(folder)
    flat = all(Memory(**found[f"{name}_memory"]).flat for name in ("orthanc", "worker"))
    return 0 if flat and not found["wrong"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
