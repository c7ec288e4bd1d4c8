"""Private elements as vendors and archives leave them (PS3.5 7.8)."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from tests.builders.planted.parts import item, put
from tests.builders.writing import IMPLICIT, Element, Writing, data_set

if TYPE_CHECKING:
    from tests.builders.planted.tokens import Tokens


def add_private(dataset: Dataset, tokens: Tokens) -> None:
    """Put private blocks in: header and protocol of a scanner, a sequence, orphans, a creator with a name."""
    _scanner(dataset, tokens)
    _sequence(dataset, tokens)
    _encoded(dataset, tokens)
    put(dataset, 0x00130010, "LO", f"FOR {tokens.word('private')}")  # the creator itself says whose it is
    put(dataset, 0x00131001, "LO", tokens.word("private"))
    put(dataset, 0x00152001, "LO", tokens.word("private"))  # no creator reserves block 20
    put(dataset, 0x0017_0005, "LO", tokens.word("private"))  # neither a creator nor in a block


def _scanner(dataset: Dataset, tokens: Tokens) -> None:
    """Put in blocks of the kind Siemens scanners write: a header of named values and a protocol as text."""
    put(dataset, 0x00290010, "LO", "SIEMENS CSA HEADER")
    put(dataset, 0x00290011, "LO", "SIEMENS MEDCOM HEADER2")
    put(dataset, 0x00291008, "CS", "IMAGE NUM 4")
    put(dataset, 0x00291009, "LO", tokens.date())
    put(
        dataset,
        0x00291010,
        "OB",
        _named_values(PatientName=tokens.word("private"), UsedUid=tokens.fresh_uid()),
    )
    protocol = f'### ASCCONV BEGIN ###\ntPatientName = "{tokens.word("private")}"\n### ASCCONV END ###'
    put(dataset, 0x00291020, "OB", _named_values(MrPhoenixProtocol=protocol))
    put(dataset, 0x00291160, "LO", tokens.word("private"))


def _named_values(**values: str) -> bytes:
    """Return values with their names in fixed fields, after a mark and a count."""
    parts = [b"SV10\x04\x03\x02\x01", struct.pack("<LL", len(values), 77)]
    for name, value in values.items():
        data = value.encode("ascii") + b"\0"
        parts += [name.encode("ascii").ljust(64, b"\0"), struct.pack("<L2sHL", 1, b"LO", 0, len(data)), data]
    return b"".join(parts)


def _sequence(dataset: Dataset, tokens: Tokens) -> None:
    """Put in a private sequence that holds standard attributes, and one that holds another."""
    inner = item(PatientName=tokens.name(), StudyDate=tokens.date(), SOPInstanceUID=tokens.fresh_uid())
    inner.InstitutionName = tokens.word("institution")
    outer = Dataset()
    outer.private_block(0x0021, "EXAMPLE NESTED", create=True).add_new(0x02, "SQ", [inner])
    block = dataset.private_block(0x0021, "EXAMPLE SHARED", create=True)
    block.add_new(0x01, "SQ", [outer, item(PatientID=tokens.digits(), PatientAddress=tokens.word("address"))])
    block.add_new(0x03, "PN", tokens.name())
    block.add_new(0x04, "DA", tokens.date())
    block.add_new(0x05, "UT", tokens.phrase("free text", "noted by the ward:"))
    block.add_new(0x06, "DT", tokens.moment())


def _encoded(dataset: Dataset, tokens: Tokens) -> None:
    """Put in unknown representations: a sequence in implicit encoding, XML, other codings of text."""
    put(dataset, 0x00250010, "LO", "EXAMPLE UNKNOWN")
    put(dataset, 0x00251001, "UN", unknown_sequence(tokens))
    put(dataset, 0x00251002, "UN", tokens.word("private"))
    put(dataset, 0x00251003, "OB", f"<plan><physicist>{tokens.word('private')}</physicist></plan>")
    wide = tokens.word("private")
    tokens.issued[wide] = ("private", (wide.encode("utf-16-le"),))
    put(dataset, 0x00251004, "OB", wide.encode("utf-16-le"))
    folded = tokens.word("private")
    coded = base64.b64encode(f"id {folded}".encode())  # three bytes ahead, so the word begins a group of four
    tokens.issued[folded] = ("private", (coded[4:14],))
    put(dataset, 0x00251005, "OB", coded)
    spelt = tokens.word("private")
    tokens.issued[spelt] = ("private", (spelt.encode().hex().encode(),))
    put(dataset, 0x00251006, "LT", spelt.encode().hex())


def unknown_sequence(tokens: Tokens) -> bytes:
    """Return a sequence in implicit little endian, as the value of VR UN must be (PS3.5 6.2.2)."""
    inner = (
        Element(0x00100010, "PN", tokens.name()),
        Element(0x00100020, "LO", tokens.digits()),
        Element(0x00081155, "UI", tokens.fresh_uid()),
    )
    content = data_set(inner, Writing(syntax=IMPLICIT, character_set=""))
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content
