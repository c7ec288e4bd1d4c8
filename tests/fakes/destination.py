"""Where released studies go, in memory."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orthanc_plugins.delivery.parcel import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.delivery.parcel import Destination, Parcel
    from orthanc_plugins.errors import PacsSuiteError


@dataclass
class MemoryDestination:
    """A `Destination` that keeps what it is given.

    ``failures`` are raised, one at each delivery, before anything is stored; ``held`` are files by SOP
    Instance UID, ``attached`` those beside them by name, ``sent`` what each delivery added,
    ``written`` what it writes into the files itself.
    """

    name: str = "xnat:PACS_ANONYMIZED"
    failures: list[PacsSuiteError] = field(default_factory=list)
    held: dict[str, bytes] = field(default_factory=dict)
    attached: dict[str, bytes] = field(default_factory=dict)
    sent: list[int] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    written: bytes = b"relabelled"

    def deliver(self, parcel: Parcel) -> Delivery:
        """Keep what is missing."""
        if self.failures:
            raise self.failures.pop(0)
        self.parcels.append(parcel)
        missing = [file for file in parcel.files if file.sop_instance_uid not in self.held]
        for file in missing:
            content = file.path.read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256
            assert file.original.is_file()
            self.held[file.sop_instance_uid] = content
        self.sent.append(len(missing))
        return self._there(parcel, sent=len(missing))

    def look(self, parcel: Parcel) -> Delivery:
        """Return what is there, as after a delivery of which nothing was missing."""
        if self.failures:
            raise self.failures.pop(0)
        return self._there(parcel, sent=0)

    def _there(self, parcel: Parcel, *, sent: int) -> Delivery:
        labels = {"project": "PACS_ANONYMIZED", "subject": parcel.patient, "session": parcel.session}
        uids = {file.sop_instance_uid for file in parcel.files}
        return Delivery(
            destination=self.name,
            address="https://xnat.invalid/data/1",
            labels=labels,
            instances=len(uids),
            changes={"0008,1030": len(uids)},
            stored={uid: hashlib.sha256(self.held[uid] + self.written).hexdigest() for uid in uids},
            uncovered=len(self.held.keys() & parcel.earlier - uids),
            sent=sent,
        )

    def attach(self, parcel: Parcel, name: str, content: bytes) -> None:
        """Keep a file beside the study."""
        assert parcel.files
        self.attached[name] = content

    @contextmanager
    def opened(self, *_: object) -> Iterator[Destination]:
        """Open it, whatever is asked for."""
        yield self
