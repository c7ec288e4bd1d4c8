"""Requests to Orthanc's REST API, and what its failures mean."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

from orthanc_plugins.archives.plain_http import FAILURES, PlainHttp
from orthanc_plugins.archives.resilience import CircuitBreaker
from orthanc_plugins.archives.sessions import CONNECT_TIMEOUT_S, is_permanent_tls
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_ARCHIVE = "orthanc"
_CONNECTIONS = 16
_PAUSE_S = 5.0
"""Orthanc starts within seconds: it is not left alone for longer."""
_NOT_FOUND = 404
_WITHOUT_RIGHTS = frozenset({401, 403})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class OrthancHttp:
    """A client of Orthanc's REST API that knows no route; may be used by several threads.

    Parameters
    ----------
    url
        Root of the REST API.
    timeout_s
        Seconds until a request that got no byte is given up.
    credentials
        User and password, None when Orthanc asks for none.
    headers
        Sent with each request, such as an authorisation token.
    ca_file
        Certificates (PEM) that its TLS is trusted by; requests' own when None.
    breaker
        Keeps requests back for a while when several in a row were not answered; one of its own when None.

    Every method raises ArchiveUnavailable when Orthanc does not answer, NotFound when it does not
    hold the resource and ArchiveRefused when it refuses.
    """

    def __init__(  # noqa: PLR0913 - all that can differ between two of them
        self,
        url: str,
        *,
        timeout_s: float = 30.0,
        credentials: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._verify: bool | str = True if ca_file is None else str(ca_file)
        self._timeouts_s = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        self._credentials = credentials
        self._headers = dict(headers or {})
        self._breaker = breaker or CircuitBreaker(_ARCHIVE, title=f"Orthanc at {self._url}", pause_s=_PAUSE_S)
        self._local = threading.local()
        self._plain: PlainHttp | None = None
        if self._url.startswith("http://"):
            authorised = {} if credentials is None else {"Authorization": _basic(*credentials)}
            self._plain = PlainHttp(self._url, timeout_s, {**self._headers, **authorised})

    @property
    def url(self) -> str:
        """Root of the REST API."""
        return self._url

    def _content(self, path: str) -> bytes:
        """Return what is at a path."""
        if self._plain is not None:
            with self._unless_down(f"GET {path}"):
                body = self._plain.get(path)
            if body is not None:
                return body  # what is not there, or is refused, is told by the other way
        with as_archive_error(f"GET {path}", self._url), self._request("GET", path, stream=True) as answer:
            # In as few pieces as it comes in: requests' own are of ten kilobytes.
            return b"".join(answer.iter_content(chunk_size=None))

    def _json[T](self, read: Callable[[Any], T], method: str, path: str, **options: Any) -> T:
        """Return what ``read`` makes of the JSON answered."""
        answer = self._request(method, path, **options)
        try:
            return read(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArchiveRefused(
                f"Orthanc answered {method} {path} with something else than expected: "
                f"is {self._url} really Orthanc?",
                archive=_ARCHIVE,
            ) from error

    def _request(self, method: str, path: str, **options: Any) -> requests.Response:
        with self._unless_down(f"{method} {path}"):
            answer = self._sent(method, path, options)
        if answer.ok:
            return answer
        with answer:
            raise _failure(answer, f"{method} {path}")

    @contextmanager
    def _unless_down(self, request: str) -> Iterator[None]:
        """Let a request be made inside the block unless Orthanc is down, and note whether it answered."""
        self._breaker.admit()
        try:
            with as_archive_error(request, self._url):
                yield
        except ArchiveUnavailable:
            self._breaker.failed()
            raise
        self._breaker.answered()

    def _sent(self, method: str, path: str, options: Mapping[str, Any]) -> requests.Response:
        """Send a request, once more when the connection was closed before an answer began.

        Orthanc closes a connection that was idle for a second, perhaps at the moment it is used again.
        Nothing this client asks for does more when it is asked twice: it reads, or stores the same file.
        """
        session = self._session()
        try:
            return session.request(method, self._url + path, timeout=self._timeouts_s, **options)
        except requests.ConnectionError as error:
            if not (error.args and isinstance(error.args[0], ProtocolError)):
                raise
            session.close()
            return session.request(method, self._url + path, timeout=self._timeouts_s, **options)

    def _session(self) -> requests.Session:
        """Return this thread's session; requests' sessions are not safe to share."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify = self._verify
            session.auth = self._credentials
            session.headers.update(self._headers)
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_CONNECTIONS)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session = session
        return session


def _basic(user: str, password: str) -> str:
    """Return the value of the Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


@contextmanager
def as_archive_error(request: str, url: str) -> Iterator[None]:
    """Turn the errors of requests, and of `PlainHttp`, into the suite's."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        if not is_permanent_tls(error):
            raise _no_answer(request, url, error) from error
        raise ArchiveRefused(
            f"Orthanc at {url} could not be asked {request}: its certificate is not trusted, or it speaks no "
            "TLS there: check its address and the file of certificates.",
            archive=_ARCHIVE,
        ) from error
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        raise _no_answer(request, url, error) from error
    except requests.RequestException as error:
        raise ArchiveRefused(
            f"Orthanc at {url} could not be asked {request} ({type(error).__name__}): "
            "check its address in the settings.",
            archive=_ARCHIVE,
        ) from error
    except FAILURES as error:  # requests' errors are OSErrors, too
        raise _no_answer(request, url, error) from error


def _no_answer(request: str, url: str, error: Exception) -> ArchiveUnavailable:
    return ArchiveUnavailable(
        f"Orthanc at {url} did not answer {request} ({type(error).__name__}).", archive=_ARCHIVE
    )


def _failure(answer: requests.Response, request: str) -> ArchiveRefused | ArchiveUnavailable:
    status = answer.status_code
    if status == _NOT_FOUND:
        return NotFound(f"Orthanc does not hold what {request} asks for.", archive=_ARCHIVE, status=status)
    text = f"Orthanc answered {request} with HTTP {status}{_reason(answer)}"
    if status in _PASSING:
        return ArchiveUnavailable(f"{text}: see Orthanc's log.", archive=_ARCHIVE, status=status)
    remedy = (
        "check the suite's user, password and rights" if status in _WITHOUT_RIGHTS else "see Orthanc's log"
    )
    return ArchiveRefused(f"{text}: {remedy}.", archive=_ARCHIVE, status=status)


def _reason(answer: requests.Response) -> str:
    """Return Orthanc's own name of its error, in brackets; not its details, which may quote a patient."""
    try:
        return f" ({answer.json()['OrthancError']})"
    except (ValueError, KeyError, TypeError, requests.RequestException):
        return ""
