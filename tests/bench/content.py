"""How fast are instances digested and studies compared, in how much memory? ``scripts/bench content``.

Everything is made here and stays in memory, so that what is measured is the comparison and neither disk nor
network. Seconds are of the processor, of one core, the fastest of several runs: what else the machine does
makes no difference. Studies are compared in processes of their own, for the peak of their memory.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.uid import JPEG2000Lossless, RLELossless

from orthanc_plugins.archives.base import DicomFile, InstanceEntry
from orthanc_plugins.content import StudyCopy, compare_studies, instance_digest
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE, SeriesUid, SopInstanceUid, StudyUid
from tests.builders.objects import (
    SERIES,
    SOP_CLASS,
    SOP_INSTANCE,
    STUDY,
    header,
    image,
    rich_elements,
    text_of,
)
from tests.builders.writing import BIG_ENDIAN, DEFLATED, IMPLICIT, Element, Writing, part_10

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.archives.base import ArchiveName
    from tests.builders.writing import Elements

INSTANCES = 2000
CONTOURS, POINTS = 5700, 100
_LEAST_S = 0.4
"""Each measurement takes at least this long; the fastest of its runs counts."""
_NOW = datetime(2026, 11, 29, tzinfo=UTC)
_KINDS = ("equal", "one attribute each", "compressed on the right")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench content", description=__doc__)
    parser.add_argument("--study", choices=_KINDS, help="compare one study, and print its time and memory")
    options = parser.parse_args()
    if options.study:
        print(_study(options.study))
        return
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("\nDigest of an instance                            ms   instances/s     MB/s")
    for name, file, decode in _files():
        seconds = _fastest(partial(instance_digest, file, decode=decode))
        size = len(file.content) / 1e6
        print(f"{name:44}{seconds * 1e3:9.2f}{1 / seconds:14,.0f}{size / seconds:9.0f}", flush=True)
    print(f"\nStudies of {INSTANCES:,} images of 512 x 512 a side        s   instances/s   peak MB")
    for kind in _KINDS:
        command = (sys.executable, "-m", "tests.bench.content", "--study", kind)
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="", flush=True)


def _files() -> Iterator[tuple[str, DicomFile, bool]]:
    """Yield what is digested: its name, the file, and whether its pixels are decoded."""
    small = _image_elements(64)
    yield f"MR 64 x 64, {len(small)} elements", _file(small, Writing()), False
    elements = _image_elements(512)
    plain = _file(elements, Writing())
    yield "CT 512 x 512, not compressed", plain, False
    for name, syntax in (("implicit", IMPLICIT), ("big endian", BIG_ENDIAN), ("deflated", DEFLATED)):
        yield f"CT 512 x 512, {name}", _file(elements, Writing(syntax=syntax)), False
    for name, syntax in (("RLE", RLELossless), ("JPEG 2000", JPEG2000Lossless)):
        coded = _compressed(plain, syntax)
        yield f"CT 512 x 512, {name}", coded, False
        yield f"CT 512 x 512, {name}, decoded", coded, True
    yield f"RTSTRUCT, {CONTOURS * POINTS:,} points", _file(_structure_set(), Writing()), False


def _fastest(work: Callable[[], object]) -> float:
    """Return the processor seconds of the fastest run."""
    best, spent = math.inf, 0.0
    while spent < _LEAST_S:
        begin = time.process_time()
        work()
        took = time.process_time() - begin
        best, spent = min(best, took), spent + took
    return best


def _image_elements(side: int, instance: int = 1) -> Elements:
    """Return a noisy image of 12 bits with as many elements as scanners write, about a third private."""
    rng = np.random.default_rng(instance)
    rows = np.hypot(*np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j])
    values = (1000 * (rows < 0.8) + 1000 + rng.normal(0, 12, (side, side))).astype(np.uint16)
    private = tuple(Element(0x00190010 + k, "DS", f"{k / 7:.6f}", "VENDOR ONE") for k in range(20))
    spatial = tuple(
        Element(tag, "DS", value)
        for tag, value in (
            (0x00180060, "120"),
            (0x00180088, "3.0"),
            (0x00200032, "-249.51\\-380.00\\-103.5"),
            (0x00200037, "1\\0\\0\\0\\1\\0"),
            (0x00280030, "0.9765625\\0.9765625"),
            (0x00281050, "40"),
            (0x00281051, "400"),
            (0x00281052, "-1024"),
            (0x00281053, "1"),
        )
    )
    return image(values, stored=12, extra=(*rich_elements(), *private, *spatial), instance=instance)


def _structure_set() -> Elements:
    """Return a structure set of 30 regions, in which each contour names its image."""
    angles = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    ring = np.column_stack((40 * np.cos(angles) - 12.5, 55 * np.sin(angles) - 180.25))
    contours = []
    for number in range(CONTOURS):
        points = np.column_stack((ring + number * 0.01, np.full(POINTS, -100.0 + number % 200 * 3)))
        named = (
            Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"),
            Element(0x00081155, "UI", f"1.2.3.{number}"),
        )
        contours.append(
            (
                Element(0x30060016, "SQ", (named,)),
                Element(0x30060042, "CS", "CLOSED_PLANAR"),
                Element(0x30060046, "IS", str(POINTS)),
                Element(0x30060050, "DS", "\\".join(f"{number:.4f}" for number in points.ravel().tolist())),
            )
        )
    share = CONTOURS // 30
    regions = [
        (
            Element(0x30060040, "SQ", tuple(contours[k * share : (k + 1) * share])),
            Element(0x30060084, "IS", str(k)),
        )
        for k in range(30)
    ]
    listed = tuple(
        (Element(0x30060022, "IS", str(k)), Element(0x30060026, "LO", f"Region {k}")) for k in range(30)
    )
    return (
        *header(sop_class=RT_STRUCTURE_SET_STORAGE),
        Element(0x30060020, "SQ", listed),
        Element(0x30060039, "SQ", tuple(regions)),
    )


def _file(elements: Elements, writing: Writing) -> DicomFile:
    uid = text_of(elements, SOP_INSTANCE)
    content = part_10(elements, writing, sop_uid=uid)
    return DicomFile(SopInstanceUid(uid), text_of(elements, SOP_CLASS), writing.syntax, content)


def _compressed(file: DicomFile, syntax: str) -> DicomFile:
    data_set = pydicom.dcmread(io.BytesIO(file.content))
    data_set.compress(syntax, generate_instance_uid=False)
    out = io.BytesIO()
    data_set.save_as(out)
    return replace(file, transfer_syntax_uid=str(syntax), content=out.getvalue())


def _study(kind: str) -> str:
    """Return a line of the table for studies that differ in a way.

    All instances share one image, in which each has a UID of its own: what makes them costs nothing.
    """
    uid = "2.25.1000000000"
    base = tuple(replace(one, value=uid) if one.tag == SOP_INSTANCE else one for one in _image_elements(512))
    left = _file(base, Writing())
    right = left
    if kind == _KINDS[1]:
        accession = tuple(replace(one, value="ACC2") if one.tag == 0x00080050 else one for one in base)
        right = _file(accession, Writing())
    elif kind == _KINDS[2]:
        right = _compressed(left, RLELossless)
    uids = [f"2.25.1{number:09}" for number in range(INSTANCES)]

    def numbered(file: DicomFile, one: str) -> DicomFile:
        content = file.content.replace(uid.encode(), one.encode())
        return replace(file, sop_instance_uid=SopInstanceUid(one), content=content)

    def copy(file: DicomFile) -> StudyCopy:
        study, series = StudyUid(text_of(base, STUDY)), SeriesUid(text_of(base, SERIES))
        entries = [
            InstanceEntry(
                SopInstanceUid(one), series, study, file.sop_class_uid, "CT", file.transfer_syntax_uid
            )
            for one in uids
        ]
        return StudyCopy(entries, (numbered(file, one) for one in uids))

    def fetch(side: ArchiveName, one: SopInstanceUid) -> DicomFile:
        return numbered(left if side == "orthanc" else right, one)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    found = compare_studies(
        StudyUid(text_of(base, STUDY)), copy(left), copy(right), fetch=fetch, compared_at=_NOW
    )
    seconds = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found.instances_compared == INSTANCES, "all were compared"
    assert len(found.differences) == (0 if kind == _KINDS[0] else 1), "what all share is told once"
    memory = f"{peak / 1024:9.0f} (+{(peak - before) / 1024:.0f})"
    return f"{kind:44}{seconds:9.1f}{2 * INSTANCES / seconds:14,.0f}{memory}"


if __name__ == "__main__":
    main()
