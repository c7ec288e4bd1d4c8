"""Answers as a test dictates them: cut, unasked for, in fragments; and what is proposed."""

from __future__ import annotations

import ast
from pathlib import Path

import pynetdicom
import pynetdicom.pdu
import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
)
from pynetdicom import evt
from pynetdicom.pdu import A_ASSOCIATE_RQ

from orthanc_plugins.archives.association import MALFORMED, Association
from orthanc_plugins.archives.dicom_peer import AssociationLost, AssociationRejected
from tests.unit.archives.scps import SYNTAXES, Parrot, accepted, element, files, p_data, peer, running_scp


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x02\x00\x00\x00\x00\x04\x00\x00\x00\x00",
        b"\x02\x00\x00\x00\x00\x50" + bytes(80),
        b"\x03\x00\x00\x00\x00\x04\x00\x09\x09\x09",
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",
        b"\x63\x00\xff\xff\xff\xff",
        b"",
    ],
)
def test_an_answer_that_is_no_association_is_lost(answer: bytes) -> None:
    parrot = Parrot(answer)
    with pytest.raises((AssociationLost, AssociationRejected)):
        Association(peer(parrot.port), [(CTImageStorage, ExplicitVRLittleEndian)])
    parrot.close()


@pytest.mark.parametrize(
    "answer",
    [
        p_data(element(0x100, 0x8001) + element(0x120, 99) + element(0x900, 0)),  # to another message
        p_data(element(0x100, 0x8030) + element(0x120, 1) + element(0x900, 0)),  # to C-ECHO
        p_data(element(0x100, 0x8001) + element(0x120, 1)),  # without a status
        p_data(b"\x00\x00\x00"),  # half an element
        b"\x04\x00\x00\x00\x00\x02\x00\x00",  # half a fragment
        b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00",  # the wish to end
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00",  # an abort
        b"\x04\x00\x00\x00",  # half a PDU
    ],
)
def test_an_answer_that_was_not_asked_for_loses_the_association_with_the_file_sent(answer: bytes) -> None:
    parrot = Parrot(accepted(), answer)
    association = Association(peer(parrot.port), [(CTImageStorage, ExplicitVRLittleEndian)])
    with pytest.raises(AssociationLost) as caught:
        association.store(files(1)[0])
    assert caught.value.complete
    association.abort()
    parrot.close()


def test_an_answer_in_several_fragments_is_read() -> None:
    command = element(0x100, 0x8001) + element(0x120, 1) + element(0x900, 0xB000)
    parrot = Parrot(accepted(), p_data(command[:7], 1) + p_data(command[7:], 3))
    association = Association(peer(parrot.port), [(CTImageStorage, ExplicitVRLittleEndian)])
    assert association.store(files(1)[0]) == 0xB000
    association.abort()
    parrot.close()


def test_what_is_proposed_can_be_read_by_pynetdicom() -> None:
    heard: list[bytes] = []
    with running_scp() as scp:
        scp.server.bind(evt.EVT_DATA_RECV, lambda event: heard.append(bytes(event.data)))
        with Association(peer(scp.port), [(CTImageStorage, one) for one in SYNTAXES]):
            pass
    request = A_ASSOCIATE_RQ()
    request.decode(heard[0])
    assert [context.presentation_context_id for context in request.presentation_context] == [1, 3]
    assert request.calling_ae_title.strip() == "SUITE"


def test_every_error_that_pynetdicom_raises_at_a_pdu_is_known() -> None:
    folder = Path(pynetdicom.__file__).parent
    raised = {
        node.exc.func.id
        for name in ("pdu", "pdu_items", "pdu_primitives", "presentation", "_validators", "utils")
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }
    assert raised >= {"ValueError", "TypeError"}
    assert raised <= {kind.__name__ for kind in MALFORMED}
