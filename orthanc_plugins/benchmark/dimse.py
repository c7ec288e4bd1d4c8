"""Upload by C-STORE (PS3.4 annex B), the second row of the first question."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from orthanc_plugins.archives.association import Association
from orthanc_plugins.archives.dicom_peer import AssociationLost, AssociationRejected, DicomPeer
from orthanc_plugins.benchmark.dataset import EDGE
from orthanc_plugins.benchmark.plan import Question
from orthanc_plugins.benchmark.samples import Condition, Outcome, Reading, WrongAnswer
from orthanc_plugins.benchmark.workloads import RowKind, judge_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orthanc_plugins.archives.base import ArchiveName, DicomFile
    from orthanc_plugins.benchmark.dataset import SyntheticStudy
    from orthanc_plugins.benchmark.site import Ground, Site
    from orthanc_plugins.benchmark.targets import DicomAddress

CALLING_AET = "PACSBENCH"
PURPOSE = "C"

_CT_IMAGES = (str(CTImageStorage), str(ExplicitVRLittleEndian))
_STORED = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Success, or stored with attributes coerced or elements discarded (PS3.4 table B.2-1)."""
_NO_ASSOCIATION = (AssociationLost, AssociationRejected)


class _NotStoredError(Exception):
    """An instance was not stored, or the association ended; the text says which."""


@dataclass
class StoreUpload:
    """One association, over which all images of a study are sent.

    Parameters
    ----------
    addresses
        Where each archive takes C-STORE.
    """

    ground: Ground
    addresses: Mapping[ArchiveName, DicomAddress]
    repeats: int
    _studies: Sequence[SyntheticStudy] = field(default=(), init=False)
    _files: Sequence[Sequence[DicomFile]] = field(default=(), init=False)

    @property
    def kind(self) -> RowKind:
        """What it is."""
        images = self.ground.size.upload_images
        return RowKind(
            "upload_c_store",
            Question.UPLOAD,
            f"Upload of {images} images",
            "C-STORE",
            f"{images} C-STORE of CT images of {EDGE} x {EDGE} over one association, one after the other, "
            "of a study the archive has not seen",
            {
                Condition.COLD: "the association is new and negotiated within the time",
                Condition.WARM: "the association has just been used for another such upload",
            },
        )

    def prepare(self, round_number: int) -> None:
        """Make the images."""
        self._studies = self.ground.uploads(PURPOSE, round_number, 1 + self.repeats)
        self._files = [list(study.files()) for study in self._studies]

    def visit(self, site: Site) -> Iterator[Reading]:
        """Send each study over one association, and see by a query that it is there."""
        peer = peer_of(self.addresses[site.target.name])
        began = time.perf_counter()
        try:
            association = Association(peer, [_CT_IMAGES])
        except _NO_ASSOCIATION as error:
            yield Reading(Condition.COLD, time.perf_counter() - began, Outcome.FAILED, str(error))
            return
        with association:
            condition = Condition.COLD
            for study, files in zip(self._studies, self._files, strict=True):
                yield _send(association, files, study, site, (condition, began))
                condition, began = Condition.WARM, time.perf_counter()

    def clear_up(self, site: Site) -> None:
        """Remove the studies."""
        prefix = f"{self.ground.maker.patient_prefix}{PURPOSE}"
        site.upkeep.remove(prefix, [study.study_uid for study in self._studies])


def peer_of(address: DicomAddress) -> DicomPeer:
    """Return an archive as a peer of the benchmark's own AE title."""
    return DicomPeer(address.host, address.port, address.aet, CALLING_AET, address.trust)


def why_not_asked(address: DicomAddress) -> str | None:
    """Return why an archive takes no C-STORE of CT images from here, None when it does."""
    try:
        with Association(peer_of(address), [_CT_IMAGES]) as association:
            taken = association.accepts(_CT_IMAGES)
    except _NO_ASSOCIATION as error:
        return f"no association with {address}: {error}"
    return None if taken else f"{address} accepts no CT images from {CALLING_AET}"


def _send(
    association: Association,
    files: Sequence[DicomFile],
    study: SyntheticStudy,
    site: Site,
    when: tuple[Condition, float],
) -> Reading:
    """Send a study and return how long it took since the given moment."""
    condition, began = when
    size_bytes = sum(len(file.content) for file in files)
    try:
        for place, file in enumerate(files):
            _store(association, file, place)
        duration_s = time.perf_counter() - began
        with site.connect() as connection:
            found = judge_stored(connection, study)
    except _NotStoredError as error:
        return Reading(condition, time.perf_counter() - began, Outcome.FAILED, str(error))
    except WrongAnswer as error:
        return Reading(condition, duration_s, Outcome.WRONG, str(error), size_bytes)
    return Reading(condition, duration_s, Outcome.OK, "", size_bytes, found)


def _store(association: Association, file: DicomFile, place: int) -> None:
    if not association.accepts(_CT_IMAGES):
        raise _NotStoredError("CT images are not accepted")
    try:
        status = association.store(file)
    except AssociationLost as error:
        raise _NotStoredError(f"{error}, at instance {place + 1}") from error
    if status not in _STORED:
        raise _NotStoredError(f"status {status:04X} for instance {place + 1}")
