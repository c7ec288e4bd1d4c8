"""How fast are files sent and had? ``scripts/bench transports``.

The same CT images are sent to one real Orthanc by DCMTK's storescu, by the suite's C-STORE, by its STOW-RS
and, for the record, by pynetdicom's own reactor, by turns. Then they are sent and retrieved in processes of
their own, and the same answer is read by bare requests. Tells the rate of each, the ratio to storescu round
by round, and how much memory and processor time that takes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from orthanc_plugins.archives import Dcm4cheeArchive
from orthanc_plugins.archives.base import StoreState, Transport
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.identifiers import StudyUid
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.standin import running_plain_orthanc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orthanc_plugins.archives.base import DicomFile
    from tests.standin import PlainOrthanc

_NO_DELAY = {"TCP_NODELAY": "1"}
_REACTOR_SHARE = 10
"""pynetdicom's own reactor is given one in so many images: it is that much slower."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench transports", description=__doc__)
    parser.add_argument("--instances", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where storage lies; a disk in memory leaves the disk's noise out")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_in_child(*options.child)))
        return
    os.environ.update(_NO_DELAY)  # for Orthanc and storescu alike
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        files = _images(Path(folder) / "images", options.instances)
        size_mb = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} CT images of 512 x 512, {size_mb:.0f} MB, {options.rounds} rounds by turns")
        with running_plain_orthanc(Path(folder) / "orthanc") as orthanc:
            _compare(orthanc, files, options.rounds)
            _measure_memory(orthanc, files)


def _images(folder: Path, count: int) -> list[Path]:
    frame = ImageFrame(size=(count, 512, 512), spacing_mm=(1.0, 1.0), gap_mm=1.0)
    return build_case(frame=frame, regions=1, noise=20).write(folder)[:-1]


def _compare(orthanc: PlainOrthanc, files: Sequence[Path], rounds: int) -> None:
    ways: dict[str, Callable[[], int]] = {
        "storescu": lambda: _storescu(orthanc, files),
        "C-STORE": lambda: _send(_archive(orthanc), files, Transport.C_STORE),
        "STOW-RS": lambda: _send(_archive(orthanc), files, Transport.STOW),
        "pynetdicom": lambda: _reactor(orthanc, files[::_REACTOR_SHARE]),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, send in ways.items():
            _empty(orthanc)
            began = time.perf_counter()
            sent = send()
            took_s = time.perf_counter() - began
            assert requests.get(f"{orthanc.url}/statistics", timeout=60).json()["CountInstances"] == sent
            if turn:  # the first one warms
                rates[name].append(sent / took_s)
    print(f"{'images a second':16} {'median':>7} {'best':>6}   ratio to storescu: median, each")
    for name, each in rates.items():
        ratios = [one / other for one, other in zip(each, rates["storescu"], strict=True)]
        told = " ".join(f"{ratio:.2f}" for ratio in ratios)
        middle = statistics.median(each)
        print(f"{name:16} {middle:7.0f} {max(each):6.0f}   {statistics.median(ratios):.2f}, {told}")


def _measure_memory(orthanc: PlainOrthanc, files: Sequence[Path]) -> None:
    """Print rate and memory of sending and of retrieving, each in a process of its own."""
    print(f"{'one process':16} {'MB/s':>7} {'images':>7}   MB of memory: before, at most   processor, s")
    folder = str(files[0].parent)
    for task in ("c-store", "stow", "retrieve", "bare", "retrieve", "bare"):
        if task in {"c-store", "stow"}:
            _empty(orthanc)
        command = [sys.executable, "-P", "-m", "tests.bench.transports", "--child", task]
        arguments = [orthanc.dicomweb_url, str(orthanc.dicom_port), folder]
        done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        print(
            f"{task:16} {told['mb'] / told['seconds']:7.0f} {told['images']:7}   "
            f"{told['before_mb']:.0f}, {told['most_mb']:.0f}   {told['processor_s']:.2f}"
        )


def _in_child(task: str, url: str, dicom_port: str, folder: str) -> dict[str, float]:
    """Send or retrieve everything, and return how that went."""
    archive = Dcm4cheeArchive(url, dicom_port=int(dicom_port))
    files = sorted(path for path in Path(folder).iterdir() if path.is_file())
    study_uid = _study_uid(files[0])
    # Listing is left out: without the archive's index of its own, Orthanc opens each file for it.
    held = archive.instances(study_uid) if task == "retrieve" else []
    before_mb = _most_mb()
    images = size = 0
    began, processor_s = time.perf_counter(), time.process_time()
    if task == "retrieve":
        for file in archive._wado.files(study_uid, held, held):
            images, size = images + 1, size + len(file.content)
    elif task == "bare":
        headers = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
        with requests.get(f"{url}/studies/{study_uid}", headers=headers, stream=True, timeout=60) as answer:
            size = sum(map(len, answer.iter_content(1 << 18)))
    else:
        images = _send(archive, files, Transport(task))
        size = sum(path.stat().st_size for path in files)
    seconds = time.perf_counter() - began
    return {
        "images": images,
        "mb": size / 1e6,
        "seconds": seconds,
        "processor_s": time.process_time() - processor_s,
        "before_mb": before_mb,
        "most_mb": _most_mb(),
    }


def _most_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1000


def _study_uid(path: Path) -> StudyUid:
    from pydicom import dcmread  # noqa: PLC0415 - only here

    return StudyUid(dcmread(path, stop_before_pixels=True).StudyInstanceUID)


def _archive(orthanc: PlainOrthanc) -> Dcm4cheeArchive:
    return Dcm4cheeArchive(orthanc.dicomweb_url, dicom_port=orthanc.dicom_port)


def _read(files: Sequence[Path]) -> Iterator[DicomFile]:
    return (described(path.read_bytes()) for path in files)


def _send(archive: Dcm4cheeArchive, files: Sequence[Path], transport: Transport) -> int:
    outcomes = list(archive.store(_read(files), transport))
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}, outcomes[0]
    return len(outcomes)


def _storescu(orthanc: PlainOrthanc, files: Sequence[Path]) -> int:
    command = ["/usr/bin/storescu", "-aec", orthanc.aet, "127.0.0.1", str(orthanc.dicom_port)]
    subprocess.run([*command, *map(str, files)], check=True, capture_output=True)
    return len(files)


def _reactor(orthanc: PlainOrthanc, files: Sequence[Path]) -> int:
    entity = AE()
    entity.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
    association = entity.associate("127.0.0.1", orthanc.dicom_port)
    assert association.is_established
    for path in files:
        assert association.send_c_store(path).Status == 0
    association.release()
    return len(files)


def _empty(orthanc: PlainOrthanc) -> None:
    for study in requests.get(f"{orthanc.url}/studies", timeout=60).json():
        requests.delete(f"{orthanc.url}/studies/{study}", timeout=600).raise_for_status()
    time.sleep(1)  # files are taken away behind the answer


if __name__ == "__main__":
    main()
