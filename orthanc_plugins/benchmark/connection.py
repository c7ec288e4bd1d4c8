"""The thin client both archives are asked with: one connection, whose beginning and end are in our hands."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from orthanc_plugins.benchmark.multipart import PartCounter, boundary_of
from orthanc_plugins.benchmark.targets import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from orthanc_plugins.benchmark.targets import Target

NOT_ANSWERED = (OSError, http.client.HTTPException)
"""What is raised where no whole answer comes: refused, broken off, too late, not HTTP."""

JSON = {"Accept": "application/dicom+json"}
DICOM = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
"""Whole files, each in the transfer syntax it is stored in (PS3.18 8.7.3.5.2)."""

_BUFFER_BYTES = 1 << 20
_NO_CONTENT = 204


@dataclass(frozen=True)
class Answer:
    """What was answered, to its last byte; ``body`` is empty where only parts were counted."""

    status: int
    size_bytes: int
    parts: int
    body: bytes
    content_type: str
    server: str

    @property
    def content(self) -> Any:
        """The JSON answered, None where there is no content.

        Raises
        ------
        ValueError
            It is no JSON.
        """
        return json.loads(self.body) if self.status != _NO_CONTENT and self.body else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The matches of a query (PS3.18 F.2); none where there is no content.

        Raises
        ------
        ValueError
            It is no list of matches.
        """
        content = self.content
        if content is None:
            return []
        if not (isinstance(content, list) and all(isinstance(row, dict) for row in content)):
            raise ValueError("It is no list of matches.")
        return content


class Connection:
    """One connection to an archive, opened by its first request and again by one after it was closed.

    ``root`` is put in front of each path: that of the archive's DICOMweb unless another is given. Headers of
    authorisation are got here, before any clock runs.
    """

    def __init__(self, target: Target, root: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._headers = dict(target.authorisation())
        self._root = urlsplit(target.dicomweb if root is None else root).path
        if target.is_secure:
            trust = target.trust or ssl.create_default_context()
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                target.host, target.port, timeout=timeout_s, context=trust
            )
        else:
            self._http = http.client.HTTPConnection(target.host, target.port, timeout=timeout_s)
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = JSON,
        *,
        count_parts: bool = False,
    ) -> Answer:
        """Send a request and read the answer to its end.

        With ``count_parts`` the parts of a multipart answer are counted and its bytes let go.

        Raises
        ------
        OSError, http.client.HTTPException
            There was no whole answer; the connection is closed.
        """
        try:
            self._http.request(method, self._root + path, body, {**self._headers, **headers})
            with closing(self._http.getresponse()) as answer:
                return self._read(answer, count_parts=count_parts)
        except BaseException:  # a connection that was left in the middle of an answer is of no more use
            self.close()
            raise

    def _read(self, answer: http.client.HTTPResponse, *, count_parts: bool) -> Answer:
        content_type, server = answer.getheader("Content-Type", ""), answer.getheader("Server", "")
        boundary = boundary_of(content_type) if count_parts else None
        if boundary is None:
            body = answer.read()
            return Answer(answer.status, len(body), 0, body, content_type, server)
        if not self._buffer:
            self._buffer = bytearray(_BUFFER_BYTES)
        counter = PartCounter(boundary)
        size_bytes = 0
        while length := answer.readinto(self._buffer):
            counter.add(self._buffer, length)
            size_bytes += length
        if answer.length:  # what was announced and did not come
            raise http.client.IncompleteRead(b"", answer.length)
        return Answer(answer.status, size_bytes, counter.parts, b"", content_type, server)
