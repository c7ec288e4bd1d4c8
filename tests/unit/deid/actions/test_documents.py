"""Encapsulated documents are replaced (PS3.3 C.24.2)."""

from __future__ import annotations

import struct

import pytest

from orthanc_plugins.deid.actions.documents import replacement_document
from tests.builders.writing import BIG_ENDIAN, EXPLICIT, IMPLICIT, Element, Writing
from tests.unit.deid.objects import new_dataset

PDF, CDA, STL, OBJ, MTL = (f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in (1, 2, 3, 4, 5))
SECRET = b"%PDF-1.4 report about Doe^John"


@pytest.mark.parametrize("sop_class_uid", [PDF, CDA, STL, OBJ, MTL, "1.2.3.4"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("profile", ["basic", "research_rt"])
def test_a_document_is_replaced_and_its_length_fits(sop_class_uid: str, syntax: str, profile: str) -> None:
    made = new_dataset(
        (
            Element(0x00420010, "ST", "Report about Doe"),
            Element(0x00420011, "OB", SECRET),
            Element(0x00420012, "LO", "application/pdf"),
            Element(0x00420015, "UL", struct.pack("<L", len(SECRET))),
        ),
        profile,
        sop_class_uid=sop_class_uid,
        writing=Writing(syntax),
    )
    document = replacement_document(sop_class_uid)
    assert made.EncapsulatedDocumentLength == len(document)
    assert made.EncapsulatedDocument == document + b"\0" * (len(document) % 2)
    assert "Doe" not in str(made.get("DocumentTitle", ""))


def test_each_kind_of_document_stays_one_of_its_kind() -> None:
    assert replacement_document(PDF).startswith(b"%PDF-1.4\n")
    assert replacement_document(PDF).endswith(b"%%EOF\n")
    assert replacement_document(CDA).startswith(b"<?xml ")
    assert struct.unpack("<L", replacement_document(STL)[80:]) == (0,)
    assert replacement_document(OBJ).startswith(b"# ")


def test_the_table_of_the_page_points_at_its_objects() -> None:
    document = replacement_document(PDF)
    (start,) = (int(document.rsplit(b"startxref\n", 1)[1].split(b"\n")[0]),)
    assert document[start:].startswith(b"xref\n0 6\n")
    entries = document[start:].split(b"\n")[3:8]
    for number, entry in enumerate(entries, 1):
        assert document[int(entry[:10]) :].startswith(b"%d 0 obj" % number)
