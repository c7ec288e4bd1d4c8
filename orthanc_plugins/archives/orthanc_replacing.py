"""Putting a file in the place of the one that Orthanc holds, without losing either on the way.

Orthanc tells instances apart by patient, study, series and SOP Instance UID together:

- A file of another patient, study or series than the stored one (a corrected Patient ID) becomes a second
  instance. It is stored first and looked at; only then is the old one deleted.
- Else, where Orthanc overwrites (OverwriteInstances), it replaces the file in one transaction of its own.
- Else the old one has to be deleted first. It is held in memory meanwhile and put back when the new one is
  refused. A process that is killed between the two leaves Orthanc without the instance: whoever asks for the
  replacement must ask again, which the suite's durable steps do; the file is then simply stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import DicomFile, StoreOutcome, StoreState
from orthanc_plugins.errors import ArchiveError, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.archives.orthanc_rest import OrthancRest
    from orthanc_plugins.identifiers import OrthancId

_KEPT_BEFORE = "AlreadyStored"
_FILTERED_OUT = "FilteredOut"


def replaced(rest: OrthancRest, file: DicomFile) -> StoreOutcome:
    """Put a file in the place of the stored one of its SOP Instance UID, and see that it is there.

    Of an instance that is not there, it is simply stored. It takes the place of all copies under the UID,
    also of those in other series or of other patients. Labels of the instance and of what it is in stay.
    """
    try:
        before = rest.lookup(file.sop_instance_uid, "Instance")
        labels = [_labels(rest, one) for one in before]
        stored = rest.put(file.content)
        if stored.status == _FILTERED_OUT:
            return _outcome(file, StoreState.REFUSED, "A filter in Orthanc does not let it in: see its log.")
        there = rest.file(stored.instance)
        if there != file.content and stored.status == _KEPT_BEFORE:
            _exchange(rest, file, stored.instance, there)
            there = rest.file(stored.instance)
        for one in before:
            if one != stored.instance:
                rest.delete_resource("Instance", one)
        _put_back(rest, stored.instance, labels)
    except ArchiveUnavailable as error:
        return _outcome(file, StoreState.FAILED, str(error))
    except ArchiveError as error:
        return _outcome(file, StoreState.REFUSED, str(error))
    changed = "Orthanc changed it on arrival (IngestTranscoding): compare."
    return _outcome(file, StoreState.STORED, "" if there == file.content else changed)


def _exchange(rest: OrthancRest, file: DicomFile, instance: OrthancId, old: bytes) -> None:
    """Delete an instance and store a file in its place; the old one is put back when that fails.

    Raises
    ------
    ArchiveError
        The file was not stored; the text says whether the old one is there.
    """
    rest.delete_resource("Instance", instance)
    try:
        status = rest.put(file.content).status
    except ArchiveError as error:
        told = _restored(rest, old)
        raise type(error)(f"{error} {told}", archive=error.archive, status=error.status) from error
    if status == _FILTERED_OUT:
        told = _restored(rest, old)
        raise NotFound(f"A filter in Orthanc does not let it in. {told}", archive="orthanc")


def _restored(rest: OrthancRest, old: bytes) -> str:
    """Put the old file back and return whether that went well, for a person."""
    try:
        rest.put(old)
    except ArchiveError:
        return "Orthanc now lacks the instance: ask for the replacement again, or send it anew."
    return "The instance that was there has been put back."


def _labels(rest: OrthancRest, instance: OrthancId) -> dict[str, list[str]]:
    """Return the labels of an instance and of what it is in, by level."""
    return {level: rest.labels(level, resource) for level, resource in _family(rest, instance).items()}


def _put_back(rest: OrthancRest, instance: OrthancId, labels: Sequence[Mapping[str, Sequence[str]]]) -> None:
    """Put labels on an instance and on what it is in; they went when it was the last one there."""
    wanted = [(level, label) for levels in labels for level, all_of in levels.items() for label in all_of]
    if wanted:
        family = _family(rest, instance)
        for level, label in wanted:
            rest.add_label(level, family[level], label)


def _family(rest: OrthancRest, instance: OrthancId) -> dict[str, OrthancId]:
    """Return an instance and what it is in, by level."""
    series = rest.series(rest.instance(instance).series_orthanc_id)
    study = rest.study(series.study_orthanc_id)
    return {
        "Patient": study.patient_orthanc_id,
        "Study": study.orthanc_id,
        "Series": series.orthanc_id,
        "Instance": instance,
    }


def _outcome(file: DicomFile, state: StoreState, detail: str) -> StoreOutcome:
    return StoreOutcome(file.sop_instance_uid, state, None, detail)
