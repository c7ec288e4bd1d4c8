"""HTTP sessions shared among threads, and the errors of requests made the suite's own.

The texts of requests' errors hold the whole address with its query, so none of them is chained to ours.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from orthanc_plugins.archives.resilience import MayPass
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.archives.tokens import Credentials

CONNECT_TIMEOUT_S = 5.0
"""Seconds in which a connection is made, on the third try of a packet at the latest, or is not."""

_IDLE_SESSIONS = 8
_PERMANENT_TLS = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL")
_MAY_PASS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    HTTPError,  # urllib3's own, when a body is read as it comes
)


@dataclass(frozen=True)
class HttpOptions:
    """How an archive is spoken to.

    Parameters
    ----------
    credentials
        Who the suite is for the archive.
    ca_file
        Certificates (PEM) that its TLS is trusted by; those of the system when None.
    timeout_s
        Seconds without a byte until a request fails.
    connect_timeout_s
        Seconds until a connection that is not made fails: who is there takes it at once, however busy.
    """

    credentials: Credentials = None
    ca_file: Path | None = None
    timeout_s: float = 60.0
    connect_timeout_s: float = CONNECT_TIMEOUT_S


class Sessions:
    """Connections that are kept for the next request; each is used by one thread at a time.

    Every method raises MayPass or ArchiveRefused.
    """

    def __init__(self, archive: str, options: HttpOptions) -> None:
        self._archive = archive
        self._title = archive.upper()
        self._timeouts_s = (min(options.connect_timeout_s, options.timeout_s), options.timeout_s)
        self._verify: bool | str = True if options.ca_file is None else str(options.ca_file)
        self._lock = threading.Lock()
        self._idle: list[requests.Session] = []

    def send(
        self, method: str, address: str, headers: Mapping[str, str], body: Any, *, shown: str
    ) -> OpenAnswer:
        """Send a request and return its answer, of which the body is still to be read.

        ``shown`` is what the request is called in errors.
        """
        session = self._borrowed()
        try:
            with self.errors_of(shown):
                answer = session.request(
                    method,
                    address,
                    headers=headers,
                    data=body,
                    timeout=self._timeouts_s,
                    verify=self._verify,
                    stream=True,
                    allow_redirects=False,
                )
        except BaseException:
            session.close()
            raise
        return OpenAnswer(self, session, answer, shown)

    def close(self) -> None:
        """Close what is kept; further requests make new connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    @contextmanager
    def errors_of(self, shown: str) -> Iterator[None]:
        """Turn the errors of requests into the suite's."""
        try:
            yield
        except (requests.RequestException, HTTPError) as error:
            raise self._ours(error, shown) from None

    def give_back(self, session: requests.Session) -> None:
        """Keep a session for the next request."""
        with self._lock:
            if len(self._idle) < _IDLE_SESSIONS:
                self._idle.append(session)
                return
        session.close()

    def _borrowed(self) -> requests.Session:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_connections=2, pool_maxsize=1))
        return session

    def _ours(self, error: requests.RequestException | HTTPError, shown: str) -> MayPass | ArchiveRefused:
        kind = type(error).__name__
        if isinstance(error, requests.exceptions.SSLError) and is_permanent_tls(error):
            return ArchiveRefused(
                f"{self._title} could not be asked {shown}: its certificate is not trusted, or it speaks "
                "no TLS there: check its address and the file of certificates.",
                archive=self._archive,
            )
        if isinstance(error, _MAY_PASS):
            text = f"{self._title} did not answer {shown} ({kind})."
            unavailable = ArchiveUnavailable(text, archive=self._archive)
            timed_out = isinstance(error, requests.Timeout | ReadTimeoutError)
            return MayPass(unavailable, sent=not _never_connected(error), timed_out=timed_out)
        return ArchiveRefused(
            f"{self._title} could not be asked {shown} ({kind}): check its address in the settings.",
            archive=self._archive,
        )


def is_permanent_tls(error: requests.exceptions.SSLError) -> bool:
    """Return whether TLS failed by what it will fail by again: a certificate, or the lack of TLS."""
    return any(reason in str(error) for reason in _PERMANENT_TLS)


class OpenAnswer:
    """An answer whose body is still to be read; leaving it as a context closes it."""

    def __init__(
        self, sessions: Sessions, session: requests.Session, response: requests.Response, shown: str
    ) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._sessions = sessions
        self._session = session
        self._response = response
        self._shown = shown
        self._whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        if self._whole:
            self._sessions.give_back(self._session)
        else:
            self._session.close()

    def content(self) -> bytes:
        """Return the whole body."""
        with self._sessions.errors_of(self._shown):
            content = self._response.content
        self._whole = True
        return content

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the body as it comes, in pieces of at most this many bytes.

        When it breaks off, what came before has been given: requests' own iteration would keep a piece back.
        """
        with self._sessions.errors_of(self._shown):
            while piece := self._response.raw.read1(size, decode_content=True):
                yield piece
        self._whole = True


def _never_connected(error: Exception) -> bool:
    """Return whether no connection was made, so that nothing can have been sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(
        reason, NewConnectionError | ConnectTimeoutError
    )
