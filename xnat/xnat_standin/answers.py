"""How XNAT answers: plain text, lists of URIs, and refusals as the HTML pages of its REST library."""

from __future__ import annotations

import html
import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class RefusedError(Exception):
    """A request that XNAT refuses."""

    def __init__(
        self, status: HTTPStatus | int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.message = message
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """The answer: the message is in its ``<h3>``."""
        page = (
            f"<html>\n<head>\n   <title>Status page</title>\n</head>\n<body>\n"
            f"<h3>{html.escape(self.message)}</h3>"
            f"<p>{html.escape(self.status.phrase)}</p>\n</body>\n</html>\n"
        )
        return Response(page, self.status, self.headers, "text/html")


def text(content: str, status: int = HTTPStatus.OK) -> Response:
    """Return plain text."""
    return Response(content, status, media_type="text/plain")


def plain_json(content: object, status: int = HTTPStatus.OK) -> Response:
    """Return JSON."""
    return Response(json.dumps(content), status, media_type="application/json")


def xml(content: str) -> Response:
    """Return XML."""
    return Response(content, media_type="text/xml")


def uri_list(uris: Iterable[str], *, single_as_text: bool = False) -> Response:
    """Return ``text/uri-list`` (RFC 2483): one URI a line, each with CRLF.

    A single URI asked for as text has no CRLF.
    """
    listed = list(uris)
    if single_as_text and len(listed) == 1:
        return text(listed[0])
    return Response("".join(f"{uri}\r\n" for uri in listed), media_type="text/uri-list")


def not_found(what: str) -> RefusedError:
    """Return the refusal of what is not there."""
    return RefusedError(HTTPStatus.NOT_FOUND, what)


def bad_request(why: str) -> RefusedError:
    """Return the refusal of a request that says nothing sensible."""
    return RefusedError(HTTPStatus.BAD_REQUEST, why)


def forbidden(why: str) -> RefusedError:
    """Return the refusal of what this user may not do."""
    return RefusedError(HTTPStatus.FORBIDDEN, why)


def conflict(why: str) -> RefusedError:
    """Return the refusal of what does not fit what is there."""
    return RefusedError(HTTPStatus.CONFLICT, why)
