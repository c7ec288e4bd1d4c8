"""Upload by C-STORE (PS3.4 annex B), the second row of the first question."""

from __future__ import annotations

import io
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from orthanc_plugins.benchmark.dataset import EDGE
from orthanc_plugins.benchmark.samples import Condition, Outcome, Question, Reading, WrongAnswer
from orthanc_plugins.benchmark.workloads import RowKind, judge_stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydicom.dataset import Dataset

    from orthanc_plugins.archives.base import ArchiveName
    from orthanc_plugins.benchmark.dataset import SyntheticStudy
    from orthanc_plugins.benchmark.site import Ground, Site
    from orthanc_plugins.benchmark.targets import DicomAddress

VERIFICATION = "1.2.840.10008.1.1"
"""SOP Class UID of C-ECHO (PS3.4 annex A)."""

CALLING_AET = "PACSBENCH"
PURPOSE = "C"

_TIMEOUT_S = 60.0
_STORED = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Success, or stored with attributes coerced or elements discarded (PS3.4 table B.2-1)."""


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
    _datasets: Sequence[Sequence[Dataset]] = field(default=(), init=False)

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
        self._datasets = [
            [dcmread(io.BytesIO(file.content)) for file in study.files()] for study in self._studies
        ]

    def visit(self, site: Site) -> Iterator[Reading]:
        """Send each study, and see by a query that it is there."""
        address = self.addresses[site.target.name]
        began = time.perf_counter()
        with _association(address) as association:
            condition = Condition.COLD
            for study, datasets in zip(self._studies, self._datasets, strict=True):
                yield _send(association, datasets, study, site, (condition, began))
                condition, began = Condition.WARM, time.perf_counter()

    def clear_up(self, site: Site) -> None:
        """Remove the studies."""
        prefix = f"{self.ground.maker.patient_prefix}{PURPOSE}"
        site.upkeep.remove(prefix, [study.study_uid for study in self._studies])


def why_not_asked(address: DicomAddress) -> str | None:
    """Return why an archive takes no C-STORE of CT images from here, None when it does."""
    with _association(address) as association:
        if not association.is_established:
            return f"no association with {address}: is {CALLING_AET} known to it?"
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        if CTImageStorage not in accepted:
            return f"{address} accepts no CT images from {CALLING_AET}"
        status = association.send_c_echo()
        return None if "Status" in status and status.Status == 0 else f"{address} does not answer C-ECHO"


def _send(
    association: Any,
    datasets: Sequence[Dataset],
    study: SyntheticStudy,
    site: Site,
    when: tuple[Condition, float],
) -> Reading:
    """Send a study and return how long it took since the given moment."""
    condition, began = when
    size_bytes = sum(len(dataset.PixelData) for dataset in datasets)
    try:
        for place, dataset in enumerate(datasets):
            _store(association, dataset, place)
        duration_s = time.perf_counter() - began
        with site.connect() as connection:
            found = judge_stored(connection, study)
    except _NotStoredError as error:
        return Reading(condition, time.perf_counter() - began, Outcome.FAILED, str(error))
    except WrongAnswer as error:
        return Reading(condition, duration_s, Outcome.WRONG, str(error), size_bytes)
    return Reading(condition, duration_s, Outcome.OK, "", size_bytes, found)


def _store(association: Any, dataset: Dataset, place: int) -> None:
    if not association.is_established:
        raise _NotStoredError(f"no association at instance {place + 1}")
    status = association.send_c_store(dataset)
    if "Status" not in status:
        raise _NotStoredError(f"no response for instance {place + 1}")
    if status.Status not in _STORED:
        raise _NotStoredError(f"status {status.Status:04X} for instance {place + 1}")


@contextmanager
def _association(address: DicomAddress) -> Iterator[Any]:
    """Open an association, established or not, and release it."""
    entity = AE(CALLING_AET)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = _TIMEOUT_S
    entity.network_timeout = _TIMEOUT_S
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context(VERIFICATION)
    association = entity.associate(
        address.host,
        address.port,
        ae_title=address.aet,
        tls_args=None if address.trust is None else (address.trust, address.host),
        evt_handlers=[(evt.EVT_CONN_OPEN, _send_at_once)],
    )
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _send_at_once(event: Any) -> None:
    """Send what is written at once: else the system waits up to 40 ms for each image to be acknowledged."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
