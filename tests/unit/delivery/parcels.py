"""Parcels for tests: originals with an identity, and what is to be delivered of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pydicom.uid import RTStructureSetStorage

from orthanc_plugins.delivery import Parcel, ParcelFile
from tests.unit.validation.studies import CODES, Study, new_study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENT, SESSION = "RESEARCH-1", "RESEARCH-1_CT1"


def build_parcel(folder: Path, change: Callable[[Study], None] | None = None) -> Parcel:
    """Return a parcel of two images, their structure set, a report and a presentation state.

    ``change`` may spoil the study before it is written.
    """
    study = new_study()
    if change is not None:
        change(study)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for pair, dataset in zip(study.write(folder), study.released.values(), strict=True):
        digest = hashlib.sha256(pair.released.read_bytes()).hexdigest()
        uids = (str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), str(dataset.SeriesInstanceUID))
        files.append(ParcelFile(pair.released, *uids, digest, pair.original))
    study_uid = str(study.released["ct1"].StudyInstanceUID)
    return Parcel(PATIENT, study_uid, SESSION, tuple(files), CODES)


def without_structures(parcel: Parcel) -> Parcel:
    """Return the parcel as it is before the structure set came."""
    files = tuple(one for one in parcel.files if one.sop_class_uid != RTStructureSetStorage)
    return replace(parcel, files=files)
