"""Metadata, bulk data, rejection notes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from dcm4chee.standin.bulkdata import value_at
from dcm4chee.standin.dataset import attributes_of, read_received
from dcm4chee.standin.metadata import metadata_of
from dcm4chee.standin.rejection_note import REVOKE, Reference, note_code, rejection_note
from dcm4chee.standin.retrieval import Retrieved
from tests.standin_objects import build_object, content_of

FOUND = Retrieved(1, "1.1", "1.2", "1.3", "id", "1.2.840.10008.1.2.1", 1, "d", {}, ())
URL = "http://archive/rs/studies/1.1/series/1.2/instances/1.3"


def test_integers_become_strings_and_group_two_is_left_out() -> None:
    told: dict[str, Any] = {
        "00020010": {"vr": "UI", "Value": ["1.2"]},
        "00200013": {"vr": "IS", "Value": [7, None]},
        "00180050": {"vr": "DS", "Value": [2.0, "2.5"]},
        "00280010": {"vr": "US", "Value": [8]},
    }
    assert metadata_of(told, FOUND, "http://archive/rs") == {
        "00180050": {"vr": "DS", "Value": ["2", "2.5"]},
        "00200013": {"vr": "IS", "Value": ["7", None]},
        "00280010": {"vr": "US", "Value": [8]},
    }


@pytest.mark.parametrize(
    ("element", "is_bulk"),
    [
        ({"vr": "DS", "Value": ["1.5"] * 256}, False),
        ({"vr": "DS", "Value": ["1.5"] * 257}, True),
        ({"vr": "UN", "InlineBinary": "A" * 1400}, True),
        ({"vr": "FD", "Value": [0.5] * 129}, True),
        ({"vr": "FL", "Value": [0.5] * 129}, False),
        ({"vr": "LO", "Value": ["x" * 2000]}, False),
        ({"vr": "OW", "BulkDataURI": "elsewhere"}, True),
    ],
)
def test_long_values_are_references(element: dict[str, Any], *, is_bulk: bool) -> None:
    told = metadata_of({"00091010": element}, FOUND, "http://archive/rs")["00091010"]
    assert (told == {"vr": element["vr"], "BulkDataURI": f"{URL}/bulkdata/00091010"}) is is_bulk


def test_references_within_items_have_their_path() -> None:
    inner = {"30060050": {"vr": "DS", "Value": ["1"] * 2000}}
    nested: dict[str, Any] = {"vr": "SQ", "Value": [{}, {"30060040": {"vr": "SQ", "Value": [inner]}}]}
    told = metadata_of({"30060039": nested}, FOUND, "http://archive/rs")
    item = told["30060039"]["Value"][1]["30060040"]["Value"][0]
    assert item["30060050"]["BulkDataURI"] == f"{URL}/bulkdata/30060039/2/30060040/1/30060050"


def test_pixels_are_at_an_address_of_their_own() -> None:
    told = metadata_of({"7FE00010": {"vr": "OW", "BulkDataURI": "x"}}, FOUND, "http://archive/rs")
    assert told["7FE00010"]["BulkDataURI"] == f"{URL}/pixeldata"


def test_bulk_data_is_found_by_its_path() -> None:
    dataset = build_object()
    item = Dataset()
    item.add_new(0x30060050, "DS", ["1.5", "2.5"])
    dataset.add_new(0x30060039, "SQ", [Dataset(), item])
    content = content_of(dataset)
    assert value_at(content, "30060039/2/30060050") == b"1.5\\2.5 "
    assert value_at(content, "7FE00010") == dataset.PixelData
    assert value_at(content, "00180050") == b"2.50"
    for absent in (
        "30060039/3/30060050",
        "30060039/1/30060050",
        "00091010",
        "nonsense",
        "7FE00010/1/00080018",
    ):
        assert value_at(content, absent) is None


def test_a_rejection_note_is_a_key_object_document_of_the_study() -> None:
    study = attributes_of(dcmread(io.BytesIO(content_of(build_object(StudyInstanceUID="1.1")))))
    kept = {tag: study[tag] for tag in ("00100010", "00100020", "00080020", "0020000D")}
    references = [
        Reference("1.2", "1.2.840.10008.5.1.4.1.1.2", "1.3"),
        Reference("1.2", "1.2.840.10008.5.1.4.1.1.481.3", "1.4"),
        Reference("1.9", "1.2.840.10008.5.1.4.1.1.9.1.1", "1.5"),
    ]
    content = rejection_note(kept, "1.1", "113037^DCM", references, "20260102030405.000+0000")
    received = read_received(content)
    assert note_code(received) == "113037^DCM"
    note = dcmread(io.BytesIO(content))
    assert (note.Modality, note.StudyInstanceUID, note.PatientName) == ("KO", "1.1", "Doe^Jane")
    assert (note.ContentDate, note.ContentTime) == ("20260102", "030405")
    series = note.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert [len(one.ReferencedSOPSequence) for one in series] == [2, 1]
    assert [item.ValueType for item in note.ContentSequence] == ["IMAGE", "COMPOSITE", "WAVEFORM"]


def test_other_objects_are_no_rejection_notes() -> None:
    assert note_code(read_received(content_of(build_object()))) is None
    note = rejection_note({}, "1.1", REVOKE, [Reference("1.2", "1.2.3", "1.4")], "20260102030405")
    assert note_code(read_received(note)) == REVOKE
    other = dcmread(io.BytesIO(note))
    other.ConceptNameCodeSequence[0].CodeValue = "113000"
    assert note_code(read_received(content_of(other))) is None
