"""What a transfer may do to the world, handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthanc_plugins.archives.base import DicomFile, InstanceEntry
    from orthanc_plugins.archives.commitment import Commitment
    from orthanc_plugins.store import TransferredInstance, TransferState
    from orthanc_plugins.transfers.limiter import Limiter


class Recorder(Protocol):
    """Where a transfer writes down how far it is; called after every batch, so it also shows progress."""

    def note(self, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0) -> None:
        """Remember how instances stand now, and how many bytes have left since the last note."""

    def become(self, state: TransferState) -> None:
        """Remember how far the transfer has come."""


class SameContent(Protocol):
    """Tells what two copies of an instance differ in."""

    def __call__(self, left: DicomFile, right: DicomFile, /) -> str | None:
        """Return None when the source's and the destination's copy hold the same, else what differs.

        The text holds no values: it is stored and logged.
        """


class Commit(Protocol):
    """Asks an archive to commit itself."""

    def __call__(self, entries: Sequence[InstanceEntry], /) -> Commitment:
        """Return what it answered for these instances; an archive that does not offer it is no error.

        Raises ArchiveUnavailable when it may answer later; InstancesNotTaken where it is there all the same.
        """


@dataclass(frozen=True)
class Effects:
    """What a transfer may do to the world.

    Parameters
    ----------
    recorder
        Where it writes down how far it is.
    limiter
        How many bytes a second may leave.
    check
        Called often, before each file that leaves among others; raises to go no further, as when the transfer
        was cancelled or its hours are over.
    guard
        Called before every file that leaves; raises when the study may be another's by now.
    pause
        Waits for so many seconds.
    same_content
        Tells what two copies differ in; None when no content is to be compared.
    commit
        Asks the destination to commit itself to keeping instances; None when it is not to be asked.
    """

    recorder: Recorder
    limiter: Limiter
    check: Callable[[], None]
    guard: Callable[[], None]
    pause: Callable[[float], None]
    same_content: SameContent | None = None
    commit: Commit | None = None
