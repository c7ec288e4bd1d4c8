"""Stores what was made of a structure set back into Orthanc, and takes away what no longer holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom

from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.rtstruct.objects import FOLDER, is_ours, series_uids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orthanc_plugins.archives import OrthancRest
    from orthanc_plugins.identifiers import OrthancId


def store_objects(orthanc: OrthancRest, structure_set_uid: str, folder: Path) -> int:
    """Store the objects of a structure set's results and return how many Orthanc holds when asked.

    What it holds already is not stored again, so that nobody is told of it as new. Earlier objects of ours,
    of the same structure set, that were not made this time are removed.

    Parameters
    ----------
    orthanc
        Where to.
    structure_set_uid
        SOP Instance UID of the structure set.
    folder
        Folder of its results.

    Raises
    ------
    ArchiveRefused
        Orthanc does not hold an object after it was stored.
    """
    made = {_uid_of(path): path for path in sorted((folder / FOLDER).glob("*.dcm"))}
    for uid, path in made.items():
        if not orthanc.lookup(uid, "Instance"):
            orthanc.put(path.read_bytes())
        if not orthanc.lookup(uid, "Instance"):
            raise ArchiveRefused(
                f"Orthanc does not hold object {uid} after it was stored: look into its log, and ask for the "
                "structure set again.",
                archive="orthanc",
            )
    for uid, instance in _held(orthanc, structure_set_uid):
        if uid not in made:
            orthanc.delete_resource("Instance", instance)
    return len(made)


def remove_objects(orthanc: OrthancRest, structure_set_uid: str) -> int:
    """Remove what was made of a structure set from Orthanc, and return how many objects these were."""
    held = list(_held(orthanc, structure_set_uid))
    for _, instance in held:
        orthanc.delete_resource("Instance", instance)
    return len(held)


def _held(orthanc: OrthancRest, structure_set_uid: str) -> Iterator[tuple[str, OrthancId]]:
    """Yield the objects of ours that Orthanc holds of a structure set: no one else's in the same series."""
    for series_uid in series_uids(structure_set_uid):
        for series in orthanc.lookup(series_uid, "Series"):
            for record in orthanc.instances_of_series(series):
                if is_ours(orthanc.header(record.orthanc_id)):
                    yield str(record.sop_instance_uid), record.orthanc_id


def _uid_of(path: Path) -> str:
    return str(
        pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
    )
