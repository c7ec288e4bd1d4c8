"""Requests to XNAT as one user: logged in once, again when the login ended, and what its answers mean.

XNAT opens a server session for each request that brings a password and no cookie, so the password is sent at
login alone. It tells refusals in HTML, and to who is not logged in it may send a page with status 200: a page
where data was asked for is no answer. What it says in a refusal may quote anything; only texts that are known
are told (`said`).
"""

from __future__ import annotations

import html
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from orthanc_plugins.archives.resilience import CircuitBreaker, Clocks, MayPass, Resilience, retry_after_s
from orthanc_plugins.archives.sessions import HttpOptions, Sessions
from orthanc_plugins.archives.tokens import BasicCredentials, FixedAuthorisation
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.archives.resilience import RetryPolicy
    from orthanc_plugins.archives.sessions import OpenAnswer

ARCHIVE = "xnat"
USER_AGENT = "orthanc-pacs-suite"
"""XNAT asks what calls itself a browser for a CSRF token, and sends it a login page."""
_TITLE = "XNAT"
_LOGIN = "/data/JSESSION"
_OK = frozenset({200, 201, 204})
_UNAUTHORISED, _NOT_FOUND = 401, 404
_REDIRECTED = range(300, 400)
_PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504, 507})
_NOBODY_BEHIND = frozenset({502, 503, 504})
_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "DELETE"})
_NOT_WAITED_FOR = frozenset({423, 507})
"""Locked by somebody's work, and no space: seconds later they are as they were."""
_SAME_TIME = "Concurrent file sends of the same data is not supported"
_REMEDIES = {
    401: "check user and password, or alias token, in the settings",
    403: "give the suite's user the rights for it, in the project or on the site",
    409: "it does not fit what is there",
    413: "raise the limit of the proxy before it (nginx: client_max_body_size 0)",
    423: "somebody works on the session there",
    507: "it has no space left",
}
_KNOWN_TEXTS = (
    "Session already exists, retry with overwrite enabled",
    "Session already exists with matching files",
    "Invalid modification of session UID",
    "Invalid modification of session subject",
    "Invalid modification of session modality",
    "Invalid modification of session project",
    "Invalid modification of session label",
    "Invalid modification of session ID",
    "Operation already in progress",
    "session document locked",
    "did not complete within the configured timeout interval",
    "unable to archive for the Prearchive session",
    "Anonymization failed",
    "All instances were rejected",
    "Unable to parse the session",
    "Unable to read DICOM object",
    "No DICOM files were found in the session",
    "Upload did not include parsable files for session generation",
    "Upload included files for multiple imaging sessions",
    "Unable to identify upload format",
    "Site has not yet been configured",
    "INVALID CSRF",
    "Maximum sessions",
    _SAME_TIME,
)
"""What XNAT is known to say, told in its own words; whatever follows may be a value."""
_HEADING = re.compile(r"<h3>(.*?)</h3>", re.DOTALL)


@dataclass(frozen=True)
class XnatRequest:
    """What is asked.

    Parameters
    ----------
    path
        Below the site's root, already escaped (`path_of`).
    query
        Parameters of the address.
    form
        Sent as a form, when it is not empty.
    file
        Streamed from disk as the body.
    body
        Sent as it is; not with ``file`` or ``form``.
    patient
        Whether the answer may take as long as an import or archiving.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    body: bytes | None = None
    content_type: str | None = None
    patient: bool = False

    @property
    def shown(self) -> str:
        """What errors call it."""
        return f"{self.method} {self.path}"

    def may_repeat(self, failure: MayPass) -> bool:
        """Return whether it may be sent again: what only reads, or does the same a second time."""
        return self.method in _SAFE_TO_REPEAT and failure.error.status not in _NOT_WAITED_FOR


class XnatHttp:
    """A client of XNAT that knows no route but the login; may be used by several threads.

    Parameters
    ----------
    url
        Root of the site.
    credentials
        User and password, or alias and secret of an alias token.
    options
        File of certificates and time-outs; its credentials are not used.
    patience_s
        Seconds without a byte until an import or archiving is given up. XNAT's own limit is 600.

    Every method raises ArchiveUnavailable, NotFound or ArchiveRefused.
    """

    def __init__(  # noqa: PLR0913 - all that can differ between sites
        self,
        url: str,
        credentials: BasicCredentials,
        options: HttpOptions | None = None,
        *,
        patience_s: float = 900.0,
        policy: RetryPolicy | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        options = options or HttpOptions()
        self.url = url.rstrip("/")
        self.clocks = clocks or Clocks()
        self._basic = FixedAuthorisation(credentials).header() or ""
        self.breaker = CircuitBreaker(ARCHIVE, title=_TITLE, clocks=self.clocks)
        self._resilience = Resilience(self.breaker, policy, self.clocks)
        self._quick = Sessions(ARCHIVE, options)
        self._slow = Sessions(ARCHIVE, replace(options, timeout_s=max(patience_s, options.timeout_s)))
        self._lock = threading.Lock()
        self._cookie = ""

    def ask(self, request: XnatRequest) -> bytes:
        """Return the body of an answer."""

        def attempt() -> bytes:
            with self._opened(request) as answer:
                content = answer.content()
            if _is_page(answer, content):
                raise self._no_data(request)
            return content

        return self._resilience.call(attempt, again=request.may_repeat)

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Return what is at a path as text."""
        return self.ask(XnatRequest("GET", path, query or {})).decode("utf-8", "replace")

    def json(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return what is at a path as JSON, None where there is nothing."""
        content = self.ask(XnatRequest("GET", path, query or {}))
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise self._not_xnat(path) from None

    def rows(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, str]]:
        """Return the rows of a list."""
        read = self.json(path, {"format": "json", **(query or {})})
        try:
            found = read["ResultSet"]["Result"]
            return [{str(name): str(value) for name, value in row.items()} for row in found]
        except (KeyError, TypeError, AttributeError):
            raise self._not_xnat(path) from None

    @contextmanager
    def streamed(self, request: XnatRequest) -> Iterator[OpenAnswer]:
        """Give an answer whose body is still to be read; what fails while it is read is raised as ours."""
        with self._resilience.call(lambda: self._opened(request), again=request.may_repeat) as answer:
            if _is_page(answer, b""):
                raise self._no_data(request)
            try:
                yield answer
            except MayPass as failure:
                self.breaker.failed()
                raise failure.error from None

    def pause(self, attempt: int) -> None:
        """Wait before the attempt of a number, from 2 on, that is not made here."""
        self._resilience.pause(attempt)

    def log_in(self) -> None:
        """Have a server session, so that none is opened, or found to have ended, by a large request."""
        self.ask(XnatRequest("GET", _LOGIN))

    def close(self) -> None:
        """Log out, and close connections; it can still be used."""
        with self._lock:
            cookie, self._cookie = self._cookie, ""
        if cookie:
            try:
                headers = {"Cookie": f"JSESSIONID={cookie}", "User-Agent": USER_AGENT}
                with self._quick.send("DELETE", self.url + _LOGIN, headers, None, shown="to log out"):
                    pass
            except (MayPass, ArchiveRefused):
                pass  # it ends by itself after a quarter of an hour
        for sessions in (self._quick, self._slow):
            sessions.close()

    def _opened(self, request: XnatRequest) -> OpenAnswer:
        """Send a request, once more with a new login when the last one has ended."""
        cookie = self._logged_in("")
        answer = self._sent(request, cookie)
        if _ended(answer):
            with answer:
                answer.content()
            answer = self._sent(request, self._logged_in(cookie))
        if answer.status in _OK:
            return answer
        with answer:
            failure = self._failure(answer, request.shown)
        raise failure

    def _sent(self, request: XnatRequest, cookie: str) -> OpenAnswer:
        address = self.url + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = {"Cookie": f"JSESSIONID={cookie}", "User-Agent": USER_AGENT}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        sessions = self._slow if request.patient else self._quick
        if request.file is None:
            body = dict(request.form) or request.body
            return sessions.send(request.method, address, headers, body, shown=request.shown)
        with request.file.open("rb") as file:
            return sessions.send(request.method, address, headers, file, shown=request.shown)

    def _logged_in(self, ended: str) -> str:
        """Return the server session, another one than that which has ended."""
        with self._lock:
            if not self._cookie or self._cookie == ended:
                self._cookie = self._new_login()
            return self._cookie

    def _new_login(self) -> str:
        headers = {"Authorization": self._basic, "User-Agent": USER_AGENT}
        with self._quick.send("POST", self.url + _LOGIN, headers, None, shown="for a login") as answer:
            content = answer.content()
            if answer.status not in _OK:
                raise self._failure_of(answer, content, "a login")
            key = content.decode("latin-1").strip()
            if _is_page(answer, content) or not re.fullmatch(r"[0-9A-Za-z._-]{8,128}", key):
                raise self._not_xnat(_LOGIN)
        return key

    def _failure(self, answer: OpenAnswer, request: str) -> MayPass | ArchiveRefused:
        return self._failure_of(answer, answer.content(), request)

    def _failure_of(self, answer: OpenAnswer, content: bytes, request: str) -> MayPass | ArchiveRefused:
        """Return what an answer of an unexpected status means."""
        status, heading = answer.status, _heading(content)
        told = said(heading) if heading else ""
        text = f"{_TITLE} answered {request} with HTTP {status}" + (f" ({told})" if told else "")
        if status in _PASSING or _SAME_TIME in heading:
            remedy = _REMEDIES.get(status, "see its log")
            return MayPass(
                ArchiveUnavailable(f"{text}: {remedy}.", archive=ARCHIVE, status=status),
                alive=status not in _NOBODY_BEHIND,
                retry_after_s=retry_after_s(answer.headers.get("Retry-After"), self.clocks.now()),
            )
        if status == _NOT_FOUND:
            return NotFound(
                f"{_TITLE} does not hold what {request} asks for.", archive=ARCHIVE, status=status
            )
        if status in _REDIRECTED:
            remedy = "it sends the suite elsewhere: check address and user in the settings"
        else:
            remedy = _REMEDIES.get(status, "see its log")
        return ArchiveRefused(f"{text}: {remedy}.", archive=ARCHIVE, status=status)

    def _no_data(self, request: XnatRequest) -> ArchiveRefused:
        return ArchiveRefused(
            f"{_TITLE} answered {request.shown} with a web page: the suite is not logged in, or its address "
            "in the settings is not XNAT's root.",
            archive=ARCHIVE,
        )

    def _not_xnat(self, path: str) -> ArchiveRefused:
        return ArchiveRefused(
            f"{_TITLE} answered {path} with something else than expected: check its address in the settings.",
            archive=ARCHIVE,
        )


def path_of(*segments: str) -> str:
    """Return a path of segments, each escaped.

    >>> path_of("data", "projects", "a b", "subjects", "S/1")
    '/data/projects/a%20b/subjects/S%2F1'
    """
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def said(text: str) -> str:
    """Return what XNAT says where it is one of the texts that hold no value.

    >>> said("Invalid modification of session UID via archive process.")
    'Invalid modification of session UID'
    >>> said("Doe^Jane is no session")
    'a text that is not known here; it can be read in XNAT'
    """
    known = next((one for one in _KNOWN_TEXTS if one.lower() in text.lower()), None)
    return known or "a text that is not known here; it can be read in XNAT"


def _heading(content: bytes) -> str:
    """Return the message in one of XNAT's pages of refusal, empty where there is none."""
    match = _HEADING.search(content.decode("utf-8", "replace"))
    return html.unescape(match[1]).strip() if match else ""


def _ended(answer: OpenAnswer) -> bool:
    """Return whether an answer says that nobody is logged in."""
    if answer.status == _UNAUTHORISED:
        return True
    sent_away = answer.status in _REDIRECTED and "login" in answer.headers.get("Location", "").lower()
    return sent_away or (answer.status in _OK and _is_page(answer, b""))


def _is_page(answer: OpenAnswer, content: bytes) -> bool:
    """Return whether an answer is a web page, which no data is."""
    if "text/html" in answer.headers.get("Content-Type", "").lower():
        return True
    return content[:64].lstrip().lower().startswith((b"<!doctype", b"<html"))
