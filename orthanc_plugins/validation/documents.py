"""What an encapsulated document says: of a PDF its streams inflated, of a text (CDA, OBJ, MTL) the words.

See ISO 32000-1, clauses 7.3 (strings), 7.4 (filters) and 9.4 (text).
"""

from __future__ import annotations

import html
import re
import zlib
from dataclasses import dataclass, field

ENCAPSULATED_DOCUMENT = 0x00420011
_MOST = 256 * 2**20
"""Bytes; a stream that inflates to more is not read."""
_STREAM = re.compile(
    rb"<<(?P<about>(?:(?!endobj|stream).){0,4096}?)>>\s*stream\r?\n(?P<held>.*?)endstream", re.DOTALL
)
_FILTER = re.compile(rb"/Filter\s*\[?\s*/(\w+)(\s*/\w+)?")
_PICTURES = {b"DCTDecode", b"JPXDecode", b"CCITTFaxDecode", b"JBIG2Decode"}
_STRING = re.compile(rb"\((?P<text>(?:\\.|[^\\()])*)\)|<(?P<digits>[0-9A-Fa-f\s]+)>", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{1,3}|\r?\n|.)", re.DOTALL)
_NO_TEXT = re.compile(r"[^\t\n\f\r -~\u00a0-\U0010ffff]|[A-Za-z0-9+/=]{256}")
"""Controls, and runs of letters as long as those of data written as text (Base64)."""
_TAG = re.compile(r"<[^<>]*>")
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass
class Document:
    """Views of a document's bytes to be searched, and how many of its streams could not be read.

    ``pictures`` counts those that are pictures, which may show text.
    """

    views: list[bytes] = field(default_factory=list)
    unread: int = 0
    pictures: int = 0


def open_document(value: bytes) -> Document:
    """Return what is to be searched of a document beside its bytes; what is no PDF and no text is unread."""
    document = Document()
    if not value.lstrip().startswith(b"%PDF"):
        words = _words(value.strip(b"\0 "))
        document.unread += words is None
        document.views += [words] if words else []
        return document
    document.views.append(_strings(value))
    for stream in _STREAM.finditer(value):
        _open_stream(stream["about"], stream["held"], document)
    return document


def _words(value: bytes) -> bytes | None:
    """Return what a text shows, without marks of XML; None of what is no text."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _NO_TEXT.search(text) else html.unescape(_TAG.sub("", text)).encode()


def _open_stream(about: bytes, held: bytes, document: Document) -> None:
    """Add a stream's bytes and its text."""
    stated = _FILTER.search(about)
    if stated is None:
        document.views.append(_strings(held))
    elif stated[1] in _PICTURES:
        document.pictures += 1
    elif stated[1] == b"FlateDecode" and not stated[2]:
        inflated = _inflate(held)
        if inflated is None:
            document.unread += 1
        else:
            document.views += [inflated, _strings(inflated)]
            document.pictures += b"/Subtype/Image" in about.replace(b" ", b"")
    else:
        document.unread += 1


def _inflate(held: bytes) -> bytes | None:
    try:
        inflater = zlib.decompressobj()
        inflated = inflater.decompress(held, _MOST)
    except zlib.error:
        return None
    return inflated if inflater.eof else None


def _strings(content: bytes) -> bytes:
    """Return the text that strings hold, put together as a page shows it, whatever stands between them."""
    found = []
    for string in _STRING.finditer(content):
        if string["digits"] is not None:
            digits = re.sub(rb"\s", b"", string["digits"])
            found.append(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()))
        else:
            found.append(_ESCAPED.sub(_unescaped, string["text"]))
    return b"".join(found)


def _unescaped(escape: re.Match[bytes]) -> bytes:
    mark = escape[1]
    if mark.isdigit():
        return bytes((int(mark, 8) & 0xFF,))
    return b"" if mark.strip(b"\r\n") == b"" else _CONTROLS.get(mark, mark)
