"""What is remembered of kept elements, because it says how to treat others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.deid.keeping import whole_number
from orthanc_plugins.deid.wire.surplus import PHOTOMETRIC_422

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule


def character_set(value: bytes, rule: Rule, place: Place, job: Job) -> None:
    """Remember Specific Character Set (0008,0005) for this level and what is below it."""
    del rule, job
    place.character_set = value.strip(b"\0 ")


def sop_class(value: bytes, rule: Rule, place: Place, job: Job) -> None:
    """Remember the object's SOP Class UID (0008,0016)."""
    del rule
    if not place.path:
        job.sop_class_uid = value.rstrip(b"\0 ").decode("ascii")


def sop_instance(value: bytes, rule: Rule, place: Place, job: Job) -> None:
    """Remember the object's SOP Instance UID (0008,0018), where UIDs are retained."""
    del rule
    if not place.path:
        job.sop_instance_uid = value.rstrip(b"\0 ").decode("ascii")


def size(value: bytes, rule: Rule, place: Place, job: Job) -> None:
    """Remember a number of the Image Pixel Module (PS3.3 C.7.6.3), written in binary or as text."""
    if place.path or not value:
        return
    if rule.vr == b"CS":
        job.numbers[PHOTOMETRIC_422] = int(value.startswith(b"YBR_FULL_422"))
    elif rule.vr == b"IS":
        number = whole_number(value)
        job.numbers[rule.tag] = 1 if number is None else number
    else:
        job.numbers[rule.tag] = int.from_bytes(value[:2], "little" if place.encoding.little else "big")


def segment(value: bytes, rule: Rule, place: Place, job: Job) -> None:
    """Remember the number of the segment that this item is about."""
    del rule, job
    place.region = int.from_bytes(value[:2], "little" if place.encoding.little else "big") if value else None


def region(value: bytes, rule: Rule, place: Place, job: Job) -> None:
    """Remember the number of the region that this item is about."""
    del rule, job
    place.region = whole_number(value)
