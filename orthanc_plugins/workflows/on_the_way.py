"""What is missing in an archive and is to be brought by a transfer that has not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.store import TransferState, WaitsFor
from orthanc_plugins.sync.plan_text import counted
from orthanc_plugins.sync.strategies import archive_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import InstanceEntry
    from orthanc_plugins.services import Services
    from orthanc_plugins.store import TransferRecord

_AWAITED = {
    WaitsFor.WINDOW: "it waits for its hours until {}",
    WaitsFor.ARCHIVE: "it waits for an archive that does not answer or has no space, until {}",
    WaitsFor.STUDY: "it waits for another transfer or a repair of the study",
}


def notes_of_transfers(
    services: Services, holdings: Mapping[ArchiveName, Sequence[InstanceEntry]]
) -> Iterator[str]:
    """Yield a sentence for each transfer that has not ended and is to bring what is missing of a study.

    Parameters
    ----------
    holdings
        What each archive lists of the study now.
    """
    for archive in ArchiveName:
        listed = {one.sop_instance_uid for one in holdings[archive]}
        lacking = [one for one in holdings[archive.other] if one.sop_instance_uid not in listed]
        if not lacking:
            continue
        missing = {one.sop_instance_uid for one in lacking}
        for record, wanted in services.store.transfers.under_way(lacking[0].study_uid, archive):
            brought = missing & wanted if wanted else missing
            if brought:
                number = counted(len(brought), "instance")
                title = archive_title(archive)
                yield f"A transfer ({record.cause}) is to bring {number} to {title}; {_standing(record)}."


def _standing(record: TransferRecord) -> str:
    """Return how far a transfer is, or for what and how long it waits."""
    awaited = None if record.waits_for is None else _AWAITED.get(record.waits_for)
    if awaited is not None and record.not_before is not None:
        return awaited.format(f"{record.not_before:%Y-%m-%d %H:%M} UTC")
    return "it waits for a worker" if record.state is TransferState.QUEUED else "it is under way"
