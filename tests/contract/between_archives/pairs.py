"""A real Orthanc, what stands in DCM4CHEE's place, and a study that goes from one to the other."""

from __future__ import annotations

import itertools
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from orthanc_plugins.archives import Dcm4cheeArchive, OrthancArchive
from orthanc_plugins.archives.base import Archive, Transport
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.transfers import Effects, Limiter, Transfer, TransferOutcome
from scripts.lib.sample import STORESCU
from tests.builders import build_case
from tests.builders.images import ImageFrame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from orthanc_plugins.store import TransferredInstance, TransferState
    from tests.standin import PlainOrthanc, StandIn


_SEEDS = itertools.count(7000)


@dataclass
class Ledger:
    """A recorder in memory."""

    instances: dict[SopInstanceUid, TransferredInstance] = field(default_factory=dict)

    def note(self, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0) -> None:
        assert bytes_sent >= 0
        self.instances.update({one.sop_instance_uid: one for one in instances})

    def become(self, state: TransferState) -> None:
        assert not state.ended

    def states(self) -> Counter[str]:
        return Counter(one.state.value for one in self.instances.values())


@dataclass
class Pair:
    """Both archives, and a study in Orthanc."""

    orthanc: PlainOrthanc
    standin: StandIn
    left: OrthancArchive
    study_uid: StudyUid = field(default=StudyUid(""))
    uids: list[str] = field(default_factory=list)

    def fill(self, folder: Path, images: int = 12) -> None:
        """Put a study of images and a structure set into Orthanc."""
        frame = ImageFrame(size=(images, 64, 64), spacing_mm=(4.0, 4.0), gap_mm=3.0)
        case = build_case(frame=frame, regions=2, seed=next(_SEEDS))
        case.write(folder)
        self.study_uid = StudyUid(case.reference.study_uid)
        self.uids = sorted(str(one.SOPInstanceUID) for one in (*case.images, case.structure_set))
        target = ["-aec", self.orthanc.aet, "127.0.0.1", str(self.orthanc.dicom_port)]
        subprocess.run([STORESCU, "+sd", "+r", *target, str(folder)], check=True, timeout=60)

    @contextmanager
    def right(self, url: str | None = None, **options: Any) -> Iterator[Dcm4cheeArchive]:
        """Reach the archive, perhaps by a proxy."""
        chosen: dict[str, Any] = {
            "policy": RetryPolicy(attempts=2),
            "clocks": Clocks(sleep=lambda _: None),
            "dicom_host": "127.0.0.1",
            "dicom_port": self.standin.dicom_port,
            "timeout_s": 10.0,
        } | options
        archive = Dcm4cheeArchive(url or self.standin.url, **chosen)
        try:
            yield archive
        finally:
            archive.close()

    def run(
        self,
        right: Archive,
        transport: Transport = Transport.STOW,
        ledger: Ledger | None = None,
        *,
        patient: bool = True,
        **options: Any,
    ) -> tuple[TransferOutcome, Ledger]:
        """Transfer the study to the archive."""
        ledger = ledger or Ledger()
        known = dict(ledger.instances)
        transfer = Transfer(self.left, right, self.study_uid, transport, known=known, patient=patient)
        return transfer.run(effects(ledger, **options)), ledger

    def held(self) -> list[str]:
        """Return what the archive holds of the study, asked past the shim."""
        query = {"Level": "Instance", "Query": {"StudyInstanceUID": self.study_uid}, "Expand": True}
        answer = requests.post(f"{self.standin.orthanc_url}/tools/find", json=query, timeout=30)
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in answer.json())


def effects(ledger: Ledger, **options: Any) -> Effects:
    return Effects(
        recorder=ledger,
        limiter=Limiter(None, lambda: 0.0, lambda _: None),
        check=lambda: None,
        guard=lambda: None,
        pause=lambda _: None,
        **options,
    )
