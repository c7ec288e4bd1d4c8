"""Documents in an envelope: a PDF with names in text and metadata, a model with one in its head."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from pydicom.uid import EncapsulatedPDFStorage, EncapsulatedSTLStorage

from tests.builders.planted.parts import code, item
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_DOCUMENT = "(0042,0011)"
_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
    b"/Resources << /Font << /F1 5 0 R >> >> >>"
)
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def pdf(text: str, author: str, subject: str) -> bytes:
    """Return a PDF of one page: its text deflated, author in the Info dictionary, subject in XMP."""
    page = zlib.compress(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode("ascii"))
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:subject>{subject}</dc:subject></x:xmpmeta>'.encode(
        "ascii"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Metadata 7 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE,
        _stream(page, "/Filter /FlateDecode"),
        _FONT,
        f"<< /Author ({author}) /Title (Report) >>".encode("ascii"),
        _stream(xmp, "/Type /Metadata /Subtype /XML"),
    ]
    return _numbered(objects)


def _stream(content: bytes, more: str) -> bytes:
    return f"<< /Length {len(content)} {more} >>\nstream\n".encode("ascii") + content + b"\nendstream"


def _numbered(objects: list[bytes]) -> bytes:
    """Return objects as a file with a table of where they begin (ISO 32000-1 7.5)."""
    body, begins = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        begins.append(len(body))
        body += f"{number} 0 obj\n".encode("ascii") + content + b"\nendobj\n"
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(
        f"{at:010d} 00000 n \n" for at in begins
    )
    trailer = (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 6 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    )
    return body + (table + trailer).encode("ascii")


def add_documents(ledger: Ledger, visit: Visit) -> None:
    """Write an encapsulated PDF (PS3.3 A.45.1) and an encapsulated STL (A.85.1)."""
    tokens = ledger.tokens
    text = tokens.word("document")
    made = new_object(tokens, visit, EncapsulatedPDFStorage, "pdf", modality="DOC")
    made.update(_envelope(tokens, "application/pdf"))
    content = pdf(f"Letter to {text}", tokens.word("document"), tokens.word("document"))
    made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    made.EncapsulatedDocumentLength = len(content)
    file = f"{visit.label}/pdf.dcm"
    ledger.add(file, made)
    ledger.plant(file, _DOCUMENT, text, within="flate")
    model = new_object(tokens, visit, EncapsulatedSTLStorage, "stl", modality="M3D")
    model.update(_envelope(tokens, "model/stl"))
    model.update(_model(tokens, visit))
    ledger.add(f"{visit.label}/stl.dcm", model)


def _envelope(tokens: Tokens, mime_type: str) -> Dataset:
    """Return the Encapsulated Document module (PS3.3 C.24.2)."""
    return item(
        ConversionType="WSD",
        BurnedInAnnotation="YES",
        AcquisitionDateTime=tokens.moment(),
        DocumentTitle=tokens.phrase("text", "letter to"),
        ConceptNameCodeSequence=[code("18748-4", "LN", "Diagnostic Imaging Report")],
        MIMETypeOfEncapsulatedDocument=mime_type,
    )


def _model(tokens: Tokens, visit: Visit) -> Dataset:
    """Return a model of one triangle; the free eighty bytes ahead of it name the patient."""
    triangle = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0)
    content = f"jaw of {tokens.word('document')}".encode().ljust(80) + struct.pack("<L", 1) + triangle
    return item(
        FrameOfReferenceUID=tokens.uid(f"{visit.label} model frame"),
        PositionReferenceIndicator="",
        EncapsulatedDocument=content,
        EncapsulatedDocumentLength=len(content),
        MeasurementUnitsCodeSequence=[code("mm", "UCUM", "mm")],
        ModelModification="NO",
        ModelMirroring="NO",
    )
