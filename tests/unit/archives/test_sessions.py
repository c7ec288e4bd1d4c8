"""Every error of the libraries below becomes the suite's own, and none tells what was asked."""

from __future__ import annotations

import inspect
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from orthanc_plugins.archives import Dcm4cheeArchive
from orthanc_plugins.archives.base import StudyQuery
from orthanc_plugins.archives.dicomweb import DicomWebConnection, Request, query_string
from orthanc_plugins.archives.resilience import Clocks, RetryPolicy
from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, ConfigurationError
from tests.fakes.black_holes import never_accepting
from tests.fakes.faulty_archive import Exchange, Fault, faulty_proxy, scripted_archive
from tests.unit.archives.conftest import every_exception

if TYPE_CHECKING:
    from pathlib import Path

ONCE = RetryPolicy(attempts=1)


UNAVAILABLE = {
    requests.ConnectionError,
    requests.ConnectTimeout,
    requests.ReadTimeout,
    requests.Timeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
}


@pytest.mark.parametrize("kind", sorted(every_exception(requests.RequestException), key=str))
def test_every_exception_of_requests_becomes_an_archive_error(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> requests.Response:
        raise kind("MARKER", "MARKER", 0) if issubclass(kind, requests.JSONDecodeError) else kind("MARKER")

    monkeypatch.setattr(requests.Session, "request", fail)
    with pytest.raises(ArchiveError) as caught:
        connection("http://127.0.0.1:1").get_json("/studies")
    assert type(caught.value) is (ArchiveUnavailable if kind in UNAVAILABLE else ArchiveRefused)
    assert caught.value.archive == "dcm4chee"
    assert "MARKER" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("kind", sorted(every_exception(urllib3.exceptions.HTTPError), key=str))
def test_every_exception_of_urllib3_in_the_middle_of_a_body_is_unavailable(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = (
        kind(*["MARKER"] * (len(inspect.signature(kind.__init__).parameters) - 1)) if _plain(kind) else None
    )
    if error is None:
        error = kind.__new__(kind)  # its text takes apart what it was made from
        error.args = ("MARKER",)

    def fail(*_arguments: object, **_options: object) -> bytes:
        raise error

    exchange = Exchange("GET /studies/1.2", {"status": 200, "text": "x" * 100})
    with scripted_archive(exchange) as archive:
        monkeypatch.setattr(urllib3.HTTPResponse, "read1", fail)
        request = Request("GET", "/studies/1.2")
        with (
            pytest.raises(ArchiveUnavailable, match=r"did not answer GET .*/studies/1\.2") as caught,
            connection(archive.url).streamed(request) as answer,
        ):
            list(answer.pieces(10))
    assert "MARKER" not in str(caught.value)


def _plain(kind: type[Exception]) -> bool:
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return all(
        one.kind in {one.POSITIONAL_OR_KEYWORD, one.POSITIONAL_ONLY} for one in parameters
    ) and kind not in {
        urllib3.exceptions.IncompleteRead,
        urllib3.exceptions.InvalidChunkLength,
        urllib3.exceptions.NameResolutionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.NewConnectionError,
    }


def connection(url: str, **options: Any) -> DicomWebConnection:
    return DicomWebConnection(url, "dcm4chee", policy=options.pop("policy", ONCE), **options)


def test_a_connection_that_is_not_made_is_given_up_long_before_an_answer_that_does_not_come() -> None:
    options = HttpOptions(timeout_s=30.0, connect_timeout_s=0.1)
    began = time.monotonic()
    with never_accepting() as url, pytest.raises(ArchiveUnavailable, match="ConnectTimeout"):
        connection(url, options=options).get_json("/studies")
    assert time.monotonic() - began < 5


def test_a_refused_connection_is_unavailable_and_neither_query_nor_name_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    archive = Dcm4cheeArchive(f"http://127.0.0.1:{port}/rs", policy=ONCE)
    with pytest.raises(ArchiveUnavailable, match=r"DCM4CHEE did not answer GET /studies \(") as caught:
        list(archive.studies(StudyQuery(patient_name="MARKER^NAME")))
    error: BaseException | None = caught.value
    while error is not None:
        assert "MARKER" not in str(error)
        error = error.__cause__


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_reading_is_tried_again_after_what_may_pass(status: int) -> None:
    waits: list[float] = []
    with scripted_archive(Exchange("GET /studies", {"status": status}), Exchange("GET /studies")) as archive:
        asking = connection(archive.url, policy=RetryPolicy(attempts=2), clocks=Clocks(sleep=waits.append))
        assert asking.get_json("/studies")[0] is None
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("status", "asked"), [(408, 1), (425, 2), (429, 2), (500, 1), (502, 1), (503, 2), (504, 1)]
)
def test_what_changes_the_archive_is_only_repeated_when_it_was_not_acted_upon(
    status: int, asked: int
) -> None:
    with scripted_archive(Exchange("POST /x", {"status": status}, again=True)) as archive:
        asking = connection(archive.url, policy=RetryPolicy(attempts=2), clocks=Clocks(sleep=lambda _: None))
        with pytest.raises(ArchiveUnavailable):
            asking.ask(Request("POST", "/x"))
        assert len(archive.asked) == asked


@pytest.mark.parametrize("status", [400, 401, 403, 405, 406, 409, 410, 413, 415, 501])
def test_a_refusal_is_not_repeated_and_says_what_to_do(status: int) -> None:
    with scripted_archive(Exchange("GET /studies", {"status": status, "text": "MARKER"})) as archive:
        with pytest.raises(ArchiveRefused, match=rf"HTTP {status}: \w.*\w\.$") as caught:
            connection(archive.url, policy=RetryPolicy(attempts=3)).get_json("/studies")
        assert caught.value.status == status
        assert "MARKER" not in str(caught.value)


def test_connections_are_kept_and_used_again() -> None:
    with scripted_archive(Exchange("GET /studies", again=True)) as archive:
        asking = connection(archive.url)
        for _ in range(5):
            asking.get_json("/studies")
        assert len(archive._threads) == 1
        asking.close()


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    with (
        scripted_archive(Exchange("GET /studies", {"status": 200, "json": [{}] * 9}, again=True)) as archive,
        faulty_proxy(archive.url, Fault(drop_answer_after=5, times=1)) as proxy,
    ):
        asking = connection(proxy.url, policy=RetryPolicy(attempts=2), clocks=Clocks(sleep=lambda _: None))
        assert len(asking.get_json("/studies")[0]) == 9


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with scripted_archive(Exchange("GET /studies")) as archive:
        assert connection(archive.url).get_json("/studies")[0] is None


def test_certificates_that_cannot_be_read_are_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Dcm4cheeArchive("https://archive/rs", ca_file=tmp_path / "absent.pem")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ([], ""),
        ([("a", "b c&d=e")], "a=b%20c%26d%3De"),
        ([("a", "ä^*?")], "a=%C3%A4%5E*%3F"),
        ([("a", "1,2"), ("a", "3")], "a=1,2&a=3"),
    ],
)
def test_queries_are_written_with_bare_commas(query: list[tuple[str, str]], text: str) -> None:
    assert query_string(query) == text
