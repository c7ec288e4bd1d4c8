"""What does the shim of DCM4CHEE's stand-in cost? ``scripts/bench standin``.

The same study is retrieved from the Orthanc inside and through the shim by turns; then a page of 1,000
studies is asked for, and those received since a moment, with few and with many studies in the archive.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import requests

from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.standin import running_standin
from tests.standin_objects import STOW_HEADERS, build_object, content_of, multipart

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin import StandIn

_AS_STORED = 'multipart/related;type="application/dicom";transfer-syntax=*'
_BUFFER_BYTES = 1024 * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench standin", description=__doc__)
    parser.add_argument("--slices", type=int, default=400, help="of 512 x 512, half a megabyte each")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--studies", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--folder", help="where storage lies; a disk in memory leaves the disk's noise out")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        running_standin(Path(folder)) as dcm4chee,
    ):
        _retrieve(dcm4chee, options.slices, options.rounds)
        stored = 0
        for count in options.studies:
            _fill(dcm4chee, count - stored)
            stored = count
            _ask(dcm4chee, count, options.rounds)
        print(f"largest memory of the shim: {_largest_mb(dcm4chee.shim.pid):.0f} MB")


def _retrieve(dcm4chee: StandIn, slices: int, rounds: int) -> None:
    frame = ImageFrame(size=(slices, 512, 512), spacing_mm=(1.0, 1.0), gap_mm=1.0)
    case = build_case(frame=frame, regions=1, noise=20)
    for image in case.images:
        content = content_of(image)
        requests.post(f"{dcm4chee.orthanc_url}/instances", data=content, timeout=60).raise_for_status()
    requests.get(f"{dcm4chee.url}/studies/count", timeout=600).raise_for_status()
    path = f"/dcm4chee-arc/aets/DCM4CHEE/rs/studies/{case.reference.study_uid}"
    sides = {"Orthanc": dcm4chee.orthanc_url + path, "through the shim": dcm4chee.root[:-13] + path}
    for url in sides.values():
        _seconds(url)  # warms both
    before_mb = _largest_mb(dcm4chee.shim.pid)
    taken = [{name: _seconds(url) for name, url in sides.items()} for _ in range(rounds)]
    megabytes = sum(len(content_of(image)) for image in case.images) / 1e6
    print(f"retrieval of {slices} slices, {megabytes:.0f} MB, {rounds} rounds by turns")
    for name in sides:
        times = sorted(one[name] for one in taken)
        middle = statistics.median(times)
        print(f"  {name:17} {middle:6.2f} s median, {times[0]:.2f} s least, {megabytes / middle:5.0f} MB/s")
    ratios = [one["Orthanc"] / one["through the shim"] for one in taken]
    best = min(one["Orthanc"] for one in taken) / min(one["through the shim"] for one in taken)
    print(
        f"  ratio of throughput {statistics.median(ratios):.2f} median of the rounds, {best:.2f} of the best"
    )
    print(f"  memory of the shim  {before_mb:.0f} MB before, {_largest_mb(dcm4chee.shim.pid):.0f} MB at most")


def _seconds(url: str) -> float:
    """Return how long a retrieval takes, its bytes thrown away as they come."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=600)
    begin = time.perf_counter()
    connection.request("GET", parts.path, headers={"Accept": _AS_STORED})
    answer = connection.getresponse()
    assert answer.status == http.HTTPStatus.OK
    buffer = bytearray(_BUFFER_BYTES)
    while answer.readinto(buffer):
        pass
    taken = time.perf_counter() - begin
    connection.close()
    return taken


def _fill(dcm4chee: StandIn, count: int) -> None:
    def store(_: int) -> None:
        contents = [content_of(build_object()) for _ in range(10)]
        requests.post(
            f"{dcm4chee.url}/studies", data=multipart(*contents), headers=STOW_HEADERS, timeout=600
        ).raise_for_status()

    begin = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(store, range((count + 9) // 10)))
    print(
        f"STOW of {count} studies of one small object: {count / (time.perf_counter() - begin):.0f} a second"
    )


def _ask(dcm4chee: StandIn, count: int, rounds: int) -> None:
    newest = requests.get(
        f"{dcm4chee.url}/studies?includefield=77770010&offset={count - 10}&limit=1", timeout=60
    ).json()[0]["77771020"]["Value"][0]
    window = f"SeriesReceiveDateTime={quote(newest)}-"
    questions: dict[str, Callable[[], requests.Response]] = {
        "a page of 1,000": lambda: requests.get(f"{dcm4chee.url}/studies?limit=1000", timeout=60),
        "the same of Orthanc": lambda: requests.get(
            f"{dcm4chee.orthanc_url}/dcm4chee-arc/aets/DCM4CHEE/rs/studies?limit=1000", timeout=60
        ),
        "all in full, a page": lambda: requests.get(
            f"{dcm4chee.url}/studies?limit=1000&includefield=all", timeout=60
        ),
        "received since": lambda: requests.get(f"{dcm4chee.url}/studies?{window}", timeout=60),
        "count": lambda: requests.get(f"{dcm4chee.url}/studies/count", timeout=60),
    }
    print(f"with {count} studies in the archive, median of {rounds}")
    for name, ask in questions.items():
        taken = []
        for _ in range(rounds):
            begin = time.perf_counter()
            answer = ask()
            taken.append(time.perf_counter() - begin)
            assert answer.status_code == http.HTTPStatus.OK
        found = answer.json()
        size = len(found) if isinstance(found, list) else found["count"]
        print(f"  {name:20} {1000 * statistics.median(taken):7.1f} ms, {size} found")


def _largest_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
