"""The RT Doses that belong to a structure set, found in Orthanc: those of its study and frame of reference.

Without any the search is one question to the index. Orthanc's index does not hold frames of reference, so
each dose's header is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveRefused
from orthanc_plugins.rtstruct.dose import MissingDose, in_other_frame, preference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orthanc_plugins.archives import InstanceRecord, OrthancRest
    from orthanc_plugins.identifiers import OrthancId


@dataclass(frozen=True)
class FoundDoses:
    """The doses of a study.

    ``looked_at`` holds the SOP Instance UID of every dose of the study, whatever its frame of reference, so
    that it is known later what a run has seen. ``fitting`` are those of the structure set's, the whole plan's
    first; ``refused`` those of which Orthanc does not tell the frame of reference; ``elsewhere`` counts those
    of another one.
    """

    looked_at: tuple[str, ...] = ()
    fitting: tuple[OrthancId, ...] = ()
    refused: tuple[OrthancId, ...] = ()
    elsewhere: int = 0

    @property
    def any(self) -> bool:
        """Whether the study has doses, of which results then tell."""
        return bool(self.looked_at)

    @property
    def wanted(self) -> tuple[OrthancId, ...]:
        """All that results should hold, or say why they do not."""
        return self.fitting + self.refused


def dose_instances(orthanc: OrthancRest, study: OrthancId) -> list[InstanceRecord]:
    """Return all RT Doses of a study, as the index knows them."""
    of_study = [series for series in orthanc.series_of_study(study) if series.holds_doses]
    return [record for series in of_study for record in orthanc.instances_of_series(series.orthanc_id)]


def find_doses(orthanc: OrthancRest, study: OrthancId, frame_of_reference_uid: str) -> FoundDoses:
    """Return the doses of a study, and which of them share a frame of reference."""
    records = dose_instances(orthanc, study)
    fitting, refused, elsewhere = [], [], 0
    for record in records:
        try:
            header = orthanc.header(record.orthanc_id)
        except ArchiveRefused:
            refused.append(record.orthanc_id)
            continue
        if header.get("FrameOfReferenceUID") == frame_of_reference_uid:
            kind = str(header.get("DoseSummationType", ""))
            fitting.append((preference(kind), record.sop_instance_uid, record.orthanc_id))
        else:
            elsewhere += 1
    return FoundDoses(
        tuple(sorted(record.sop_instance_uid for record in records)),
        tuple(orthanc_id for _, _, orthanc_id in sorted(fitting)),
        tuple(sorted(refused)),
        elsewhere,
    )


def dose_file(orthanc: OrthancRest, instance: OrthancId) -> bytes | MissingDose:
    """Return the file of a dose, or what stands for it where Orthanc refuses it: the set goes on without.

    Raises
    ------
    ArchiveUnavailable
        Orthanc does not answer: the same request may succeed later.
    """
    try:
        return orthanc.file(instance)
    except ArchiveRefused as error:
        return MissingDose(f"RT Dose {instance} could not be had from Orthanc: {error}")


def dose_files(orthanc: OrthancRest, doses: FoundDoses) -> Iterator[bytes | MissingDose]:
    """Yield the files of the doses that are wanted, one by one, and what stands for those elsewhere."""
    for instance in doses.wanted:
        yield dose_file(orthanc, instance)
    if doses.elsewhere:
        yield in_other_frame(doses.elsewhere)
