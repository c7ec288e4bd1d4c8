"""Released studies as files in a folder: ``<patient>/<study>/<series>/<instance>.dcm``."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from orthanc_plugins.delivery.checking import check_label, check_name, count_uncovered
from orthanc_plugins.delivery.packing import sha256_of
from orthanc_plugins.delivery.parcel import Delivery
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound, ReleaseRefused
from orthanc_plugins.identifiers import is_dicom_uid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orthanc_plugins.delivery.parcel import Parcel, ParcelFile

_KIND = "folder"


class FolderDestination:
    """A folder, as of a share of the researchers'; files appear in it whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"{_KIND}:{self._folder.name}"

    def deliver(self, parcel: Parcel) -> Delivery:
        """Copy a study's files to their places, and read them back; see `Destination`."""
        with _errors(self._folder):
            study = self._study(parcel)
            places = [(file, _place(study, file)) for file in parcel.files]
            uncovered = count_uncovered(
                parcel, _objects(study), what=f"The folder of study {parcel.study_uid}"
            )
            missing = [(file, place) for file, place in places if not _is_there(file, place)]
            for file, place in missing:
                _appear(place, partial(shutil.copyfile, file.path))
        return replace(self._read_back(parcel), uncovered=uncovered, sent=len(missing))

    def look(self, parcel: Parcel) -> Delivery:
        """Read a study's files back, and see what else is there; see `Destination`."""
        study = self._study(parcel)
        with _errors(self._folder):
            if not study.is_dir():
                raise NotFound(f"The folder has no study {parcel.study_uid} any more.", archive=_KIND)
            uncovered = count_uncovered(
                parcel, _objects(study), what=f"The folder of study {parcel.study_uid}"
            )
        return replace(self._read_back(parcel), uncovered=uncovered)

    def attach(self, parcel: Parcel, name: str, content: bytes) -> None:
        """Write a file into the study's folder, in the place of one of the same name."""
        check_name(name, archive=_KIND)
        with _errors(self._folder):
            place = self._study(parcel) / name
            _appear(place, lambda target: target.write_bytes(content))
            if place.read_bytes() != content:
                raise ReleaseRefused(
                    f"{name} of study {parcel.study_uid} is not in the folder as it was written."
                )

    def _read_back(self, parcel: Parcel) -> Delivery:
        """Return what is in the folder, if all of it is as it was released."""
        study = self._study(parcel)
        with _errors(self._folder):
            places = [(file, _place(study, file)) for file in parcel.files]
            wrong = sum(not place.is_file() or sha256_of(place) != file.sha256 for file, place in places)
        if wrong or not places:
            raise ReleaseRefused(
                f"{wrong} of {len(places)} files of study {parcel.study_uid} are not in the folder as they "
                "were released: delete the study there, and see whether its disk is sound."
            )
        return Delivery(
            destination=self.name,
            address=str(study),
            labels={"patient": parcel.patient, "study": parcel.study_uid},
            instances=len(places),
            changes={},
        )

    def _study(self, parcel: Parcel) -> Path:
        check_label(parcel.patient, what="patient's folder", archive=_KIND)
        return self._folder / parcel.patient / _uid(parcel.study_uid)


def _place(study: Path, file: ParcelFile) -> Path:
    return study / _uid(file.series_uid) / f"{_uid(file.sop_instance_uid)}.dcm"


def _objects(study: Path) -> list[str]:
    """Return the SOP Instance UIDs that the objects in a study's folder are called by."""
    return [place.stem for place in study.rglob("*.dcm")]


def _uid(uid: str) -> str:
    """Return a UID that is part of a path, and can lead nowhere else."""
    if not is_dicom_uid(uid):
        raise ArchiveRefused("A UID of the parcel is none: nothing was written.", archive=_KIND)
    return uid


def _is_there(file: ParcelFile, place: Path) -> bool:
    """Return whether a file is at its place already.

    Raises
    ------
    ArchiveRefused
        Another one is.
    """
    if not place.exists():
        return False
    if sha256_of(place) != file.sha256:
        raise ArchiveRefused(
            f"Object {file.sop_instance_uid} is in the folder with other content: move the study away there.",
            archive=_KIND,
        )
    return True


def _appear(place: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name, and have it appear at its place when it is whole on the disk."""
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f".{secrets.token_hex(8)}")
    try:
        write(unfinished)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    """Turn the system's errors into the suite's: a full disk may have room later."""
    try:
        yield
    except OSError as error:
        raise ArchiveUnavailable(
            f"The folder of released studies, {folder}, cannot be written or read: {error.strerror}. It, or "
            "the one it is to be made in, must be there when the suite starts, and be the suite's to write "
            "to.",
            archive=_KIND,
        ) from None
