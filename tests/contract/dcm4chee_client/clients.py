"""A client of DCM4CHEE that asks recorded answers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives import Dcm4cheeArchive
from orthanc_plugins.archives.base import (
    Transport,
)
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from tests.fakes.faulty_archive import dicom_file

if TYPE_CHECKING:
    from orthanc_plugins.archives.base import DicomFile, StoreOutcome
    from tests.fakes.faulty_archive import ScriptedArchive

STUDY = StudyUid("1.2")
ONE, TWO, THREE = (SopInstanceUid(f"1.2.3.{number}") for number in (1, 2, 3))


class Waits:
    """How long the client waited; nobody really waits."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def client(archive: ScriptedArchive, waits: Waits, **options: Any) -> Dcm4cheeArchive:
    return Dcm4cheeArchive(
        archive.url,
        timeout_s=options.pop("timeout_s", 5.0),
        policy=RetryPolicy(attempts=2),
        clocks=Clocks(sleep=waits),
        **options,
    )


def files(*uids: str) -> list[DicomFile]:
    return [described(dicom_file(uid, "1.2.3", "1.2")) for uid in uids]


def stowed(archive: Dcm4cheeArchive, *uids: str) -> dict[str, StoreOutcome]:
    outcomes = list(archive.store(files(*uids), Transport.STOW))
    assert Counter(outcome.sop_instance_uid for outcome in outcomes) == Counter(uids)
    return {outcome.sop_instance_uid: outcome for outcome in outcomes}
