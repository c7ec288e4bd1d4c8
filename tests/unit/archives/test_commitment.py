"""Whether it passes that an archive does not commit itself, or stays so until somebody changes something."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import EVT_N_ACTION
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    Verification,
)

from orthanc_plugins.archives.base import InstanceEntry
from orthanc_plugins.archives.commitment import PORT_PAUSES_S, Commitment, StorageCommitment
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.errors import InstancesNotTaken
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENTRY = InstanceEntry(
    SopInstanceUid("1.2.3"), SeriesUid("1.2"), StudyUid("1"), "1.2.840.10008.5.1.4.1.1.2", "CT"
)


@contextmanager
def archive(
    sop_class: str = StorageCommitmentPushModel, aet: str = "DCM4CHEE", status: int = 0
) -> Iterator[int]:
    """Run an archive that answers a request with a status and never reports; yield its port."""
    entity = ApplicationEntity(ae_title=aet)
    entity.require_called_aet = True
    entity.add_supported_context(sop_class)
    handlers: list[Any] = [(EVT_N_ACTION, lambda _: (status, None))]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def ask(dicom_port: int, port: int = 0, pause: Callable[[float], None] = lambda _: None) -> Commitment:
    peer = DicomPeer("127.0.0.1", dicom_port, "DCM4CHEE", "PACS_SUITE", timeout_s=5.0)
    asking = StorageCommitment(peer, port, address="127.0.0.1", patience_s=0.05, pause=pause)
    return asking.ask([ENTRY])


def test_an_archive_that_does_not_offer_it_never_will() -> None:
    with archive(Verification) as port:
        assert ask(port).unavailable == "Storage commitment is not available: DCM4CHEE does not offer it."


def test_an_archive_of_another_name_never_will() -> None:
    with archive(aet="OTHER") as port:
        assert "DCM4CHEE does not associate with PACS_SUITE for it" in ask(port).unavailable


def test_a_request_that_it_does_not_understand_it_never_will() -> None:
    with archive(status=0x0123) as port:
        assert "answered the request with 0123" in ask(port).unavailable


def test_an_archive_without_resources_may_have_them_later() -> None:
    with archive(status=0x0213) as port, pytest.raises(InstancesNotTaken, match="with 0213"):
        ask(port)


def test_an_archive_that_does_not_report_may_do_so_later() -> None:
    with archive() as port, pytest.raises(InstancesNotTaken, match="did not report within 0 s"):
        ask(port)


def test_a_port_that_another_worker_has_is_waited_for() -> None:
    slept: list[float] = []
    with archive(Verification) as dicom_port, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InstancesNotTaken, match=f"another worker or program has port {port}"):
            ask(dicom_port, port, slept.append)
        assert slept == list(PORT_PAUSES_S)
        assert "does not offer it" in ask(dicom_port, port, lambda _: other.close()).unavailable


def test_a_port_that_the_suite_may_not_have_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(ApplicationEntity, "start_server", refused)
    assert "cannot listen on port 104 (PermissionError)" in ask(11112, 104).unavailable
