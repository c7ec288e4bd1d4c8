"""C-STORE over the loopback: what an SCP accepts, and what it says of each file."""

from __future__ import annotations

import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    RTStructureSetStorage,
)
from pynetdicom import StoragePresentationContexts

from orthanc_plugins.archives.association import MOST_CONTEXTS, Association
from orthanc_plugins.archives.base import StoreState
from orthanc_plugins.archives.dicom_file import described
from orthanc_plugins.archives.dicom_peer import DicomPeer
from orthanc_plugins.errors import ConfigurationError
from tests.fakes.faulty_archive import dicom_file
from tests.unit.archives.scps import SYNTAXES, Sending, data_set, files, peer, running_scp


@pytest.mark.parametrize("longest_pdu", [0, 128, 16382, 1 << 20])
def test_files_arrive_as_they_are_stored_over_one_association(longest_pdu: int) -> None:
    sent = [*files(3), *files(1, pixel_bytes=200_001)]
    with running_scp(longest_pdu=longest_pdu) as scp:
        outcomes = Sending(scp.port)(*sent)
        assert [outcome.state for outcome in outcomes] == [StoreState.STORED] * 4
        assert scp.got == [data_set(file) for file in sent]
        assert scp.associations == 1


@pytest.mark.parametrize(
    ("status", "state", "says"),
    [
        (0x0000, StoreState.STORED, ""),
        (0xB000, StoreState.STORED, "changed attributes"),
        (0xB006, StoreState.STORED, "left out"),
        (0xB007, StoreState.STORED, "does not fit"),
        (0x0111, StoreState.STORED, "held it already"),
        (0x0110, StoreState.FAILED, "failed while it stored"),
        (0xA700, StoreState.FAILED, "out of resources"),
        (0xA701, StoreState.FAILED, "out of resources"),
        (0xA771, StoreState.REFUSED, "rejected at the archive before"),
        (0xA77A, StoreState.FAILED, "deleting this study"),
        (0xA900, StoreState.REFUSED, "does not fit its SOP class"),
        (0xC123, StoreState.REFUSED, "cannot understand"),
        (0x0124, StoreState.REFUSED, "right to"),
        (0x0999, StoreState.REFUSED, "see its log"),
    ],
)
def test_each_status_has_its_outcome(status: int, state: StoreState, says: str) -> None:
    with running_scp() as scp:
        scp.status = status
        (outcome,) = Sending(scp.port)(*files(1))
    assert outcome.state is state
    assert outcome.failure_reason == (status or None)
    assert says in outcome.detail


def test_one_refusal_does_not_touch_the_others() -> None:
    with running_scp() as scp:
        scp.status = lambda uid: 0xA900 if uid.endswith(".1") else 0
        outcomes = Sending(scp.port)(*files(3))
        assert scp.associations == 1
    assert [outcome.state.value for outcome in outcomes] == ["stored", "refused", "stored"]


def test_what_is_not_accepted_is_refused_with_what_to_do_and_nothing_transcoded() -> None:
    compressed = described(dicom_file("1.9", transfer_syntax_uid=ExplicitVRLittleEndian))
    compressed = type(compressed)(
        compressed.sop_instance_uid, compressed.sop_class_uid, JPEG2000Lossless, compressed.content
    )
    mr = described(dicom_file("1.8", sop_class_uid=MRImageStorage))
    with running_scp() as scp:
        outcomes = Sending(scp.port)(compressed, mr, *files(1))
        assert len(scp.got) == 1
    assert [outcome.state.value for outcome in outcomes] == ["refused", "refused", "stored"]
    assert JPEG2000Lossless in outcomes[0].detail
    assert MRImageStorage in outcomes[1].detail
    assert "transfer capabilities" in outcomes[1].detail


def test_an_object_with_uids_that_are_none_is_refused_before_anyone_is_asked() -> None:
    (file,) = files(1)
    odd = type(file)(file.sop_instance_uid, "no class", file.transfer_syntax_uid, file.content)
    (outcome,) = Sending(1)(odd)
    assert outcome.state is StoreState.REFUSED
    assert "UIDs that are none" in outcome.detail


def test_an_association_is_made_anew_for_what_it_was_not_negotiated_for_and_keeps_the_rest() -> None:
    images, sets = files(2), [described(dicom_file("1.7", sop_class_uid=RTStructureSetStorage))]
    with running_scp(classes=(CTImageStorage, RTStructureSetStorage)) as scp:
        outcomes = Sending(scp.port)(images[0], *sets, images[1])
        assert scp.associations == 2
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}


def test_as_many_contexts_as_there_can_be_are_proposed_at_once() -> None:
    classes = [context.abstract_syntax for context in StoragePresentationContexts[: MOST_CONTEXTS // 2]]
    contexts = [(str(one), str(syntax)) for one in classes for syntax in SYNTAXES]
    assert len(contexts) == MOST_CONTEXTS == 128
    with (
        running_scp(classes=tuple(map(str, classes))) as scp,
        Association(peer(scp.port), contexts) as association,
    ):
        assert all(association.accepts(context) for context in contexts)


def test_more_contexts_than_one_association_bears_take_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orthanc_plugins.archives.association.MOST_CONTEXTS", 2)
    classes = [CTImageStorage, MRImageStorage, RTStructureSetStorage]
    sent = [
        described(dicom_file(f"1.6.{n}", sop_class_uid=one)) for n, one in enumerate([*classes, *classes])
    ]
    with running_scp(classes=classes) as scp:
        outcomes = Sending(scp.port)(*sent)
        assert scp.associations == 6
        assert len(scp.got) == 6
    assert {outcome.state for outcome in outcomes} == {StoreState.STORED}


# Negotiation


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("require_called_aet", "it is not called ARCHIVE: check its AE title"),
        ("require_calling_aet", "does not know the AE title SUITE"),
    ],
)
def test_a_title_that_is_not_known_is_refused_and_said(setting: str, says: str) -> None:
    with running_scp() as scp:
        scp.server.ae_title = "OTHER"
        setattr(scp.entity, setting, True if setting == "require_called_aet" else ["NOBODY"])
        outcomes = Sending(scp.port)(*files(2))
    assert [outcome.state for outcome in outcomes] == [StoreState.REFUSED] * 2
    assert says in outcomes[0].detail


def test_congestion_is_tried_again_and_may_pass() -> None:
    with running_scp(longest_pdu=16000) as scp:  # a server of its own: others still end associations
        scp.entity.maximum_associations = 1
        with Association(peer(scp.port), [(CTImageStorage, ExplicitVRLittleEndian)]):
            sending = Sending(scp.port)
            (outcome,) = sending(*files(1))
    assert outcome.state is StoreState.FAILED
    assert sending.waits == [2, 3]
    assert not sending.breaker.is_open


@pytest.mark.parametrize("title", ["", " ", "A" * 17, "ÄRCHIV", "A\nB"])
def test_an_ae_title_that_is_none_is_a_mistake_of_the_configuration(title: str) -> None:
    with pytest.raises(ConfigurationError, match="no AE title"):
        DicomPeer("host", 104, title, "SUITE")
