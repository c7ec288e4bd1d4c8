"""Requests to a DICOMweb archive (PS3.18), and what its answers mean.

Queries carry patients' names, and answers more of them: neither is ever quoted in an error.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from orthanc_plugins.archives.resilience import CircuitBreaker, Clocks, MayPass, Resilience, retry_after_s
from orthanc_plugins.archives.sessions import HttpOptions, Sessions
from orthanc_plugins.archives.tokens import authorisation
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from orthanc_plugins.archives.resilience import RetryPolicy
    from orthanc_plugins.archives.sessions import OpenAnswer

DICOM_JSON = "application/dicom+json"
_OK = 200
_REDIRECTED = range(300, 400)
_UNAUTHORISED = 401
_NOT_FOUND = 404
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_NOBODY_BEHIND = frozenset({502, 503, 504})
"""Answers of a proxy, or of an archive that is starting: it is not there."""
_NOT_ACTED_UPON = frozenset({425, 429, 503})
_SAFE_TO_REPEAT = frozenset({"GET", "PUT"})
_REMEDIES = {
    400: "it does not know what was asked: see that it is DCM4CHEE, of a version the suite knows",
    401: "check user, password or client in the settings",
    403: "give the suite's user or client the roles it asks for",
    406: "it cannot give this in a form that the suite reads",
    413: "raise the limit of the proxy before it (nginx: client_max_body_size 0), or its own",
    415: "check its address in the settings",
}
_UNKNOWN_AE = (b"No such Application Entity", b"No Web Application with")

type Query = Iterable[tuple[str, str]]
"""Parameters of a query, in order; a name may come more than once."""


def query_string(query: Query) -> str:
    """Return a query as it stands in an address.

    Commas are left as they are, since DCM4CHEE takes only bare ones for the separator of a list; a value must
    not hold one that is none.

    >>> query_string([("includefield", "StudyDate,00081030"), ("PatientName", "A^*")])
    'includefield=StudyDate,00081030&PatientName=A%5E*'
    """
    return "&".join(f"{quote(name)}={quote(value, safe=',*')}" for name, value in query)


@dataclass(frozen=True)
class Request:
    """What is asked.

    Parameters
    ----------
    path
        Below the DICOMweb root, or a whole address.
    body
        One that is iterated must bear it more than once.
    expected
        Statuses that are no error.
    called
        What errors call it, where its path must not be shown.
    again
        Which failures are tried again. When None: for GET and PUT all that may pass, for POST those that the
        archive has not acted upon.
    """

    method: str
    path: str
    query: Query = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    expected: frozenset[int] = frozenset({200, 204})
    called: str = ""
    again: Callable[[MayPass], bool] | None = None

    @property
    def shown(self) -> str:
        """The request as errors call it: its path holds UIDs, its query names."""
        return self.called or f"{self.method} {urlsplit(self.path).path}"

    def may_repeat(self, failure: MayPass) -> bool:
        """Return whether it is tried again after a failure."""
        if self.again is not None:
            return self.again(failure)
        return self.method in _SAFE_TO_REPEAT or not failure.sent


@dataclass(frozen=True)
class Answer:
    """A whole answer of an archive."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class DicomWebConnection:
    """Requests to one archive, tried again where that is safe; may be used by several threads.

    Parameters
    ----------
    url
        DICOMweb root.
    archive
        Name of the archive, which errors carry; their texts have it in capitals.

    Every method raises ArchiveUnavailable, NotFound or ArchiveRefused.
    """

    def __init__(
        self,
        url: str,
        archive: str,
        options: HttpOptions | None = None,
        *,
        policy: RetryPolicy | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        options = options or HttpOptions()
        self.url = url.rstrip("/")
        self.archive = archive
        self.title = archive.upper()
        self._clocks = clocks or Clocks()
        self._breaker = CircuitBreaker(archive, title=self.title, clocks=self._clocks)
        self._resilience = Resilience(self._breaker, policy, self._clocks)
        self._authorisation = authorisation(
            options.credentials, self._token, archive=archive, clocks=self._clocks
        )
        self._sessions = Sessions(archive, options)

    def ask(self, request: Request) -> Answer:
        """Return a whole answer."""

        def attempt() -> Answer:
            with self._opened(request) as answer:
                return Answer(answer.status, answer.headers, answer.content())

        return self._resilience.call(attempt, again=request.may_repeat)

    def get_json(self, path: str, query: Query = ()) -> tuple[Any, Mapping[str, str]]:
        """Return the JSON of an answer, None when it has no content, and its headers."""
        request = Request("GET", path, query, headers={"Accept": DICOM_JSON})
        answer = self.ask(request)
        return self.json_of(answer, request), answer.headers

    @contextmanager
    def streamed(self, request: Request) -> Iterator[OpenAnswer]:
        """Give an answer whose body is still to be read; what fails while it is read is raised as ours."""
        with self._resilience.call(lambda: self._opened(request), again=request.may_repeat) as answer:
            try:
                yield answer
            except MayPass as failure:
                self._breaker.failed()
                raise failure.error from None

    def json_of(self, answer: Answer, request: Request) -> Any:
        """Return the JSON of an answer, None when it has no content."""
        if not answer.content.strip():
            return None
        try:
            return json.loads(answer.content)
        except ValueError:
            raise ArchiveRefused(
                f"{self.title} answered {request.shown} with something else than JSON: check its address "
                "in the settings.",
                archive=self.archive,
                status=answer.status,
            ) from None

    def authorisation_headers(self) -> Mapping[str, str]:
        """Return the headers that say who the suite is, for requests that are not made here."""
        header = self._authorisation.header()
        return {} if header is None else {"Authorization": header}

    def close(self) -> None:
        """Close connections that are kept for later; it can still be used."""
        self._sessions.close()

    def _opened(self, request: Request) -> OpenAnswer:
        """Send a request, once more with a new token when the last one is refused."""
        authorised = self._authorisation.header()
        answer = self._sent(request, authorised)
        if answer.status == _UNAUTHORISED and authorised and self._authorisation.refused(authorised):
            with answer:
                authorised = self._authorisation.header()
            answer = self._sent(request, authorised)
        if answer.status in request.expected:
            return answer
        with answer:
            failure = self._failure(answer, request.shown)
        raise failure

    def _sent(self, request: Request, authorised: str | None) -> OpenAnswer:
        address = request.path if request.path.startswith("http") else self.url + request.path
        if text := query_string(request.query):
            address = f"{address}?{text}"
        headers = {**request.headers, **({"Authorization": authorised} if authorised else {})}
        return self._sessions.send(request.method, address, headers, request.body, shown=request.shown)

    def _token(self, url: str, form: Mapping[str, str]) -> Mapping[str, object]:
        """Ask the issuer of tokens."""
        with self._sessions.send("POST", url, {}, dict(form), shown="for a token") as answer:
            content = answer.content()
        text = f"The token address of {self.title} answered with HTTP {answer.status}"
        if answer.status in _PASSING:
            error = ArchiveUnavailable(f"{text}: see its log.", archive=self.archive, status=answer.status)
            raise MayPass(error, sent=False, alive=True)
        if answer.status == _OK and isinstance(read := json_or_none(content), dict):
            return read
        raise ArchiveRefused(
            f"{text}: check token address, client and secret in the settings.",
            archive=self.archive,
            status=answer.status,
        )

    def _failure(self, answer: OpenAnswer, request: str) -> MayPass | ArchiveRefused:
        """Return what an answer of an unexpected status means."""
        status, content = answer.status, answer.content()
        text = f"{self.title} answered {request} with HTTP {status}"
        if status in _PASSING:
            return MayPass(
                ArchiveUnavailable(f"{text}: see its log.", archive=self.archive, status=status),
                sent=status not in _NOT_ACTED_UPON,
                alive=status not in _NOBODY_BEHIND,
                retry_after_s=retry_after_s(answer.headers.get("Retry-After"), self._clocks.now()),
            )
        if status == _NOT_FOUND and not any(phrase in content for phrase in _UNKNOWN_AE):
            return NotFound(
                f"{self.title} does not hold what {request} asks for.", archive=self.archive, status=status
            )
        if status == _NOT_FOUND:
            remedy = "it has no such AE title, or not for this: check its address in the settings"
        elif status in _REDIRECTED:
            remedy = "it sends the suite elsewhere: check address and credentials in the settings"
        else:
            remedy = _REMEDIES.get(status, "see its log")
        return ArchiveRefused(f"{text}: {remedy}.", archive=self.archive, status=status)


def json_or_none(content: bytes) -> object:
    """Return what some JSON says, None when it is none."""
    try:
        return json.loads(content)
    except ValueError:
        return None
