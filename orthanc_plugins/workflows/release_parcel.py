"""What goes from step to step of a job: what keeps an input back, and what is handed to a destination."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from orthanc_plugins.delivery.parcel import Parcel, ParcelFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.pseudonyms import Pseudonyms
    from orthanc_plugins.release import Studies
    from orthanc_plugins.workflows.release_work import WorkFolder

_SESSION_LENGTH = 8
_MOST_REASONS = 5


def parcel_of(
    released: Mapping[str, Any],
    work: WorkFolder,
    pseudonyms: Pseudonyms,
    earlier: frozenset[str] = frozenset(),
) -> Parcel:
    """Return a released study as a destination takes it; the same study has the same label every time.

    ``earlier`` are the SOP Instance UIDs that earlier releases of it had.
    """
    (study,) = released["report"]["studies"]
    label = pseudonyms.token("session", study["study_uid"], _SESSION_LENGTH)
    return Parcel(
        patient=study["patient"],
        study_uid=study["study_uid"],
        session=f"{study['patient']}_{label}",
        files=tuple(
            ParcelFile(
                path=work.released / file["path"],
                sop_class_uid=file["sop_class_uid"],
                sop_instance_uid=PurePosixPath(file["path"]).stem,
                series_uid=PurePosixPath(file["path"]).parent.name,
                sha256=file["sha256"],
                original=work.originals / released["made_of"][file["path"]],
            )
            for file in study["files"]
        ),
        method_codes=frozenset(released["report"]["method_codes"]),
        cleaned=frozenset(released["cleaned"]),
        earlier=earlier,
    )


def fault_of(found: Studies) -> str | None:
    """Return why a person has to look before anything is done; None where nothing keeps the input back."""
    if found.faults:
        reasons = list(dict.fromkeys(fault.reason for fault in found.faults))[:_MOST_REASONS]
        return f"{len(found.faults)} of {found.files} objects cannot be used. {' '.join(reasons)}"
    if len(found.studies) != 1:
        return "The objects of the study are those of several patients: correct them in Orthanc."
    return None
