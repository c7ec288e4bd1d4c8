"""Requests to an archive that are never timed: what it is, what it holds, what is to go.

It knows nothing but the standard library: Orthanc's own process imports it by `refusal`.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any

from orthanc_plugins.benchmark.connection import JSON, NOT_ANSWERED, Answer, Connection
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orthanc_plugins.benchmark.targets import Target

TIMEOUT_S = 120.0
"""Seconds without a byte until such a request fails."""

PAUSES_S = (0.5, 2.0)
"""Seconds between attempts."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_ERROR = 400


class Interface:
    """What stands below one root of an archive: its DICOMweb, or its own interface.

    Each request has a connection of its own. Every method raises ArchiveUnavailable when the archive does not
    answer, and ArchiveRefused when it answers with an error or with something else than expected.
    """

    def __init__(self, target: Target, root: str) -> None:
        self.target = target
        self._root = root

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = JSON,
        *,
        allowed: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send a request and return the answer; statuses of errors that are ``allowed`` are answers.

        Sent again, after a pause, where the archive may answer later: nothing that is sent here does more
        when it is sent twice.
        """
        for pause_s in PAUSES_S:
            try:
                return self._send(method, path, body, headers, allowed)
            except ArchiveUnavailable as error:
                if isinstance(error.__cause__, TimeoutError):
                    raise  # it has been waited for long enough
                time.sleep(pause_s)
        return self._send(method, path, body, headers, allowed)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        allowed: frozenset[int],
    ) -> Answer:
        with Connection(self.target, self._root, TIMEOUT_S) as connection:
            try:
                answer = connection.ask(method, path, body, headers)
            except NOT_ANSWERED as error:
                raise ArchiveUnavailable(
                    f"{self._shown} did not answer ({type(error).__name__}): does it run there?",
                    archive=self.target.name,
                ) from error
        if answer.status >= _ERROR and answer.status not in allowed:
            kind = ArchiveUnavailable if answer.status in _PASSING else ArchiveRefused
            raise kind(
                f"{self._shown} answered {method} {path.partition('?')[0]} with HTTP {answer.status}: "
                "check its address, user and rights, and see its log.",
                archive=self.target.name,
                status=answer.status,
            )
        return answer

    def read[T](self, method: str, path: str, read: Callable[[Any], T], body: bytes | None = None) -> T:
        """Return what ``read`` makes of the JSON answered."""
        answer = self.send(method, path, body)
        try:
            return read(answer.content)
        except (ValueError, KeyError, TypeError) as error:
            raise self.not_understood() from error

    def matches(self, path: str, page: int) -> Iterator[Mapping[str, Any]]:
        """Yield the matches of a query, so many at a time; ``path`` has a query string already."""
        for number in count():
            answer = self.send("GET", f"{path}&limit={page}&offset={number * page}")
            try:
                rows = answer.rows
            except ValueError as error:
                raise self.not_understood() from error
            yield from rows
            if len(rows) < page:
                return

    def not_understood(self) -> ArchiveRefused:
        """Return the error of an archive that answers something else than such an archive does."""
        return ArchiveRefused(
            f"{self._shown} answered with something else than expected: is it really one?",
            archive=self.target.name,
        )

    @property
    def _shown(self) -> str:
        return f"{self.target.title} at {self._root}"
