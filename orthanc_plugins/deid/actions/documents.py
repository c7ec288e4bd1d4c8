"""Encapsulated documents (PS3.3 C.24.2): nobody here can tell what a document says, so it is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.rules import Place, Rule

_PDF, _CDA, _STL, _OBJ, _MTL = (f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in (1, 2, 3, 4, 5))
_SENTENCE = "This document was removed by de-identification."
_XML = (
    '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
    f"<title>{_SENTENCE}</title></ClinicalDocument>"
)


def _pdf() -> bytes:
    """Return a page that says so (ISO 32000-1 7.5), the same bytes every time."""
    text = f"BT /F1 12 Tf 72 720 Td ({_SENTENCE}) Tj ET".encode()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj%s endobj\n" % (number, body)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, entries)
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(content))
    return content + table + trailer


DOCUMENT_CLASSES = frozenset({_PDF, _CDA, _STL, _OBJ, _MTL})
"""SOP classes whose whole content is one document (PS3.4 B.5)."""
_REPLACEMENTS = {
    _PDF: _pdf(),
    _CDA: _XML.encode(),
    _STL: b"\0" * 84,  # a binary STL without a triangle
    _OBJ: f"# {_SENTENCE}\n".encode(),
    _MTL: f"# {_SENTENCE}\n".encode(),
}


def replacement_document(sop_class_uid: str) -> bytes:
    """Return what stands in the place of a document of this SOP class; not padded."""
    return _REPLACEMENTS.get(sop_class_uid, _SENTENCE.encode())


class ReplacedDocument:
    """D for Encapsulated Document (0042,0011)."""

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return a document that says it was removed, of even length."""
        del value, rule, place
        new = replacement_document(job.sop_class_uid)
        return new + b"\0" * (len(new) % 2)

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "D for encapsulated documents (PDF, CDA, STL, OBJ): one that says it was removed"


class ReplacedLength:
    """For Encapsulated Document Length (0042,0015), in bytes before padding."""

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the length of the replacement."""
        del value, rule
        order = "little" if place.encoding.little else "big"
        return len(replacement_document(job.sop_class_uid)).to_bytes(4, order)  # type: ignore[arg-type] # one of two

    def describe(self) -> str:
        """Return what the action does, for a person."""
        return "Encapsulated Document Length: that of the replacement"
