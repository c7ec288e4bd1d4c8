"""Seconds and processor seconds of every tool, by turns, on files in memory."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pydicom

from tests.bench.deid import orthanc
from tests.bench.deid.tools import PEERS, ours
from tests.bench.rtstruct.running import emptied
from tests.builders import ImageFrame, build_case
from tests.builders.case import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from pydicom.dataset import Dataset

IMAGES = "200 CT"
SETS = {"RTSTRUCT 2 MB": 2_000_000, "RTSTRUCT 10 MB": 10_000_000}
WAYS = {"ours, engine": "engine", "ours, engine and check": "release"}
PROFILE = "research_rt"
_TIMEOUT_S = 3600.0
_ABOUT = {
    "InstitutionName": "Example Hospital",
    "InstitutionAddress": "1 Hill Road, Exampleton",
    "StationName": "CT7",
    "OperatorsName": "Operator^Olive",
    "PerformingPhysicianName": "Physician^Paul",
    "NameOfPhysiciansReadingStudy": "Reader^Rita",
    "DeviceSerialNumber": "12345678",
    "ProtocolName": "Thorax planning",
    "PatientAge": "070Y",
    "PatientComments": "comes by ambulance",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "030405",
    "PatientAddress": "7 Market Place, Exampleton",
    "OtherPatientNames": "Other^Name",
    "RequestedProcedureDescription": "CT for planning",
}


class Took(NamedTuple):
    """One pass over the files of a case."""

    seconds: float
    cpu_s: float


@dataclass
class Timed:
    """All passes of a tool over a case, the first, which warms, left out; or why there is none."""

    files: int
    passes: list[Took] = field(default_factory=list)
    failed: str = ""

    @property
    def best_s(self) -> float:
        """Least seconds of a pass."""
        return min(one.seconds for one in self.passes)

    @property
    def median_s(self) -> float:
        """Median seconds of a pass."""
        return statistics.median(one.seconds for one in self.passes)

    @property
    def a_core(self) -> float:
        """Files in a second of one core, in the best pass."""
        return self.files / max(min(one.cpu_s for one in self.passes), 1e-3)

    def record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def write_cases(folder: Path, images: int = 200) -> dict[str, list[Path]]:
    """Write the cases and return their files by name."""
    spacing_mm, gap_mm = (400 / 512, 400 / 512), 3.0
    frame = ImageFrame(size=(images, 512, 512), spacing_mm=spacing_mm, gap_mm=gap_mm)
    case = build_case(frame=frame, regions=10, noise=12, identity=Identity(extra=_ABOUT))
    *written, structure_set = case.write(emptied(folder))
    structure_set.unlink()
    cases = {IMAGES: written}
    for name, size in SETS.items():
        path = folder / f"{name.replace(' ', '_')}.dcm"
        sized(case.copied_structure_set(), size).save_as(path, enforce_file_format=True)
        cases[name] = [path]
    return cases


def sized(structure_set: Dataset, size: int) -> Dataset:
    """Return a structure set with contours, in turn each of those it has, until they take so many bytes."""
    contours = [contour for roi in structure_set.ROIContourSequence for contour in roi.ContourSequence]
    taken = [len(contour.get_item("ContourData").value) + _AROUND for contour in contours]
    groups: list[list[Dataset]] = [[] for _ in structure_set.ROIContourSequence]
    total = number = 0
    while total < size:
        groups[number % len(groups)].append(contours[number % len(contours)])
        total += taken[number % len(contours)]
        number += 1
    for roi, group in zip(structure_set.ROIContourSequence, groups, strict=True):
        roi.ContourSequence = group
    return structure_set


_AROUND = 200
"""Bytes of a contour beside its points, about: its image, its type, its number of points, their heads."""


def measure(
    peers: Path,
    folder: Path,
    cases: dict[str, list[Path]],
    rounds: int,
    tools: Sequence[str],
    running: ExitStack,
) -> dict[str, dict[str, Timed]]:
    """Return what every tool took for every case; the tools take turns, and go first by turns."""
    passes = _drivers(peers, folder, tools, running)
    if not tools or orthanc.NAME in tools:
        passes |= _orthanc(folder, cases, running)
    found: dict[str, dict[str, Timed]] = {name: {} for name in passes}
    for case, files in cases.items():
        for name in passes:
            found[name][case] = Timed(len(files))
        for turn in range(rounds + 1):
            order = list(passes)
            for name in order[turn % len(order) :] + order[: turn % len(order)]:
                _one(passes[name], name, case, files, found[name][case], warms=turn == 0)
    return found


def _one(
    work: Callable[[str, list[Path]], Took],
    name: str,
    case: str,
    files: list[Path],
    timed: Timed,
    *,
    warms: bool,
) -> None:
    if timed.failed:
        return
    try:
        took = work(case, files)
    except Exception as error:  # noqa: BLE001 - a peer that cannot is told so, and the others go on
        timed.failed = f"{type(error).__name__}: {error}"
        took = Took(0, 0)
    print(f"{case}: {name}: {took.seconds:.3f} s {timed.failed}", flush=True)
    if not warms and not timed.failed:
        timed.passes.append(took)


def _drivers(
    peers: Path, folder: Path, tools: Sequence[str], running: ExitStack
) -> dict[str, Callable[[str, list[Path]], Took]]:
    passes: dict[str, Callable[[str, list[Path]], Took]] = {}
    own = {name: ours(how, PROFILE) for name, how in WAYS.items()}
    for name, tool in {**own, **{tool.name: tool for tool in PEERS}}.items():
        if tools and not any(name.startswith(wanted) for wanted in tools):
            continue
        driver = running.enter_context(tool.driver_in(peers, folder / "work" / name))

        def work(_: str, files: list[Path], driver: Any = driver) -> Took:
            output = emptied(folder / "out")
            pairs = [(path, output / f"{number}.dcm") for number, path in enumerate(files)]
            answer = driver.ask(pairs, _TIMEOUT_S)
            if answer.failed:
                raise RuntimeError(next(iter(answer.failed.values())))
            if len(list(output.rglob("*.dcm"))) != len(files):
                raise RuntimeError("it did not write every file")
            return Took(answer.seconds, answer.cpu_s)

        passes[name] = work
    return passes


def _orthanc(
    folder: Path, cases: dict[str, list[Path]], running: ExitStack
) -> dict[str, Callable[[str, list[Path]], Took]]:
    """Return both ways of Orthanc, with the files uploaded before; its study holds no other case's."""
    peer = running.enter_context(orthanc.running(emptied(folder / "work" / orthanc.NAME)))
    here: dict[str, list[str]] = {}

    def uploaded(case: str, files: list[Path]) -> list[str]:
        if case not in here:
            peer.empty()
            here.clear()
            here[case] = [peer.upload(path) for path in files]
        return here[case]

    def instances(case: str, files: list[Path]) -> Took:
        return Took(*orthanc.timed_instances(peer, uploaded(case, files), emptied(folder / "out")))

    def study(case: str, files: list[Path]) -> Took:
        uploaded(case, files)
        return Took(*orthanc.timed_study(peer, peer.studies()[0]))

    return {f"{orthanc.NAME}, instances": instances, f"{orthanc.NAME}, study": study}


def described(cases: dict[str, list[Path]]) -> str:
    """Return what the cases are, in a sentence."""
    told = []
    for name, files in cases.items():
        dataset = pydicom.dcmread(files[0], stop_before_pixels=True)
        size = sum(path.stat().st_size for path in files) / len(files) / 1e6
        told.append(f"{name}: {len(files)} files of {size:.2f} MB, {len(dataset)} attributes at the top")
    return "; ".join(told)
