"""Media types (RFC 9110 8.3, 12.5.1): what a client accepts, and the parameters of what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request


@dataclass(frozen=True)
class MediaType:
    """A media type or range, in small letters, and its parameters without quotes."""

    name: str
    parameters: dict[str, str]

    @property
    def of_parts(self) -> str:
        """What the parts of ``multipart/related`` are (parameter ``type``), else the type itself."""
        return (
            self.parameters.get("type", self.name).lower() if self.name == "multipart/related" else self.name
        )

    def includes(self, name: str) -> bool:
        """Return whether a media type is within this range."""
        kind = name.partition("/")[0]
        return self.of_parts in {"*/*", f"{kind}/*", name}


def media_type(text: str) -> MediaType:
    """Return a media type parsed.

    >>> media_type('multipart/related; type="application/dicom"; boundary=x').parameters
    {'type': 'application/dicom', 'boundary': 'x'}
    """
    message = Message()
    message["Content-Type"] = text
    parameters = {str(name): str(value) for name, value in message.get_params(failobj=[], unquote=True)[1:]}
    return MediaType(text.partition(";")[0].strip().lower(), parameters)


def accepted(request: Request) -> list[MediaType]:
    """Return what a client accepts, all when it says nothing; a parameter ``accept`` is heard first."""
    given = request.query_params.getlist("accept") or request.headers.getlist("accept") or ["*/*"]
    return [media_type(part) for text in given for part in _split(text)]


def accepts(request: Request, names: Iterable[str]) -> bool:
    """Return whether a client accepts one of some media types."""
    ranges = accepted(request)
    return any(one.includes(name) for name in names for one in ranges)


def _split(text: str) -> list[str]:
    """Return the parts between commas that are not quoted."""
    parts, quoted, begin = [], False, 0
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [part for part in (*parts, text[begin:].strip()) if part]
