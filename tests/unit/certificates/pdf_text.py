"""The text of a PDF as a reader's search finds it: what is drawn, by the fonts' own tables of Unicode."""

from __future__ import annotations

import base64
import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*?)\sendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+(?:\+\d+)?) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)


def text_of(pdf: bytes) -> str:
    """Return all text, its pieces with spaces between; white space is one space each."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    fonts = {
        name: _unicode_of(objects[int(number)], objects)
        for body in objects.values()
        for name, number in re.findall(rb"/(F\d+(?:\+\d+)?) (\d+) 0 R", body)
    }
    pieces = [
        piece
        for body in objects.values()
        if b"/Length1" not in body and b"/Subtype /Image" not in body
        for piece in _pieces(_content(body), fonts)
    ]
    return " ".join(" ".join(pieces).split())


def _pieces(content: bytes, fonts: dict[bytes, dict[int, str]]) -> list[str]:
    found, font = [], dict[int, str]()
    for name, text in _SHOWN.findall(content):
        if name:
            font = fonts[name]
        else:
            found.append("".join(font.get(code, chr(code)) for code in _ESCAPE.sub(_unescaped, text)))
    return found


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if escape.isdigit():
        return bytes([int(escape, 8)])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}.get(escape, escape)


def _content(body: bytes) -> bytes:
    found = _STREAM.search(body)
    if found is None:
        return b""
    raw = found[1]
    if b"ASCII85Decode" in body:
        raw = base64.a85decode(b"<~" + raw.strip(), adobe=True)
    return zlib.decompressobj().decompress(raw) if b"FlateDecode" in body else raw


def _unicode_of(font: bytes, objects: dict[int, bytes]) -> dict[int, str]:
    """Return which character a font's code stands for."""
    table = re.search(rb"/ToUnicode (\d+) 0 R", font)
    if table is None:
        return {}
    pairs = re.findall(rb"<(\w\w)> <(\w{4,})>", _content(objects[int(table[1])]))
    return {int(code, 16): _letter(letter) for code, letter in pairs}


def _letter(code: bytes) -> str:
    return bytes.fromhex(code.decode()).decode("utf-16-be")
