"""What goes wrong between the client and Orthanc, and which error it becomes."""

from __future__ import annotations

import socket

import pytest
import requests

from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.archives.resilience import CircuitBreaker, Clocks
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ArchiveUnavailable, NotFound
from orthanc_plugins.identifiers import StudyUid
from tests.unit.archives.conftest import INSTANCE, Parrot, every_exception

UNAVAILABLE = {
    requests.ConnectionError,
    requests.ConnectTimeout,
    requests.ReadTimeout,
    requests.Timeout,
    requests.exceptions.SSLError,
    requests.exceptions.ProxyError,
    requests.exceptions.ChunkedEncodingError,
}


@pytest.mark.parametrize("kind", sorted(every_exception(requests.RequestException), key=str))
def test_every_exception_of_requests_becomes_an_archive_error(
    kind: type[requests.RequestException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> requests.Response:
        raise kind("marker", "marker", 0) if issubclass(kind, requests.JSONDecodeError) else kind("marker")

    monkeypatch.setattr(requests.Session, "request", fail)
    with pytest.raises(ArchiveError) as caught:
        OrthancRest("http://127.0.0.1:1").system()
    expected = ArchiveUnavailable if kind in UNAVAILABLE else ArchiveRefused
    assert type(caught.value) is expected
    assert caught.value.archive == "orthanc"
    assert "marker" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ArchiveRefused),
        (401, ArchiveRefused),
        (403, ArchiveRefused),
        (404, NotFound),
        (405, ArchiveRefused),
        (408, ArchiveUnavailable),
        (409, ArchiveRefused),
        (415, ArchiveRefused),
        (429, ArchiveUnavailable),
        (500, ArchiveUnavailable),
        (502, ArchiveUnavailable),
        (503, ArchiveUnavailable),
        (504, ArchiveUnavailable),
        (507, ArchiveRefused),
    ],
)
def test_each_status_is_the_right_error(
    parrot: Parrot, client: OrthancRest, status: int, kind: type[ArchiveError]
) -> None:
    parrot.status = status
    with pytest.raises(ArchiveError, match=r"GET /instances/") as caught:
        client.instance(INSTANCE)
    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_for_want_of_rights_says_so(parrot: Parrot, client: OrthancRest, status: int) -> None:
    parrot.status = status
    with pytest.raises(ArchiveRefused, match="user, password"):
        client.system()


def test_another_refusal_does_not_send_anyone_looking_for_passwords(
    parrot: Parrot, client: OrthancRest
) -> None:
    parrot.status = 400
    with pytest.raises(ArchiveRefused, match="HTTP 400") as caught:
        client.system()
    assert "password" not in str(caught.value)


def test_a_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ArchiveUnavailable, match="did not answer") as caught:
        OrthancRest(f"http://127.0.0.1:{port}").system()
    assert caught.value.status is None


def test_silence_is_unavailable(parrot: Parrot) -> None:
    parrot.silent = True
    client = OrthancRest(parrot.url, timeout_s=0.1)
    with pytest.raises(ArchiveUnavailable, match="ReadTimeout"):
        client.system()


def test_a_connection_that_orthanc_closed_meanwhile_is_made_anew(parrot: Parrot, client: OrthancRest) -> None:
    client.system()
    parrot.hangs_up = 1
    assert client.system()["Version"] == "1.12.7"
    assert len(parrot.asked) == 3


def test_a_request_is_sent_twice_at_most(parrot: Parrot, client: OrthancRest) -> None:
    parrot.hangs_up = 9
    with pytest.raises(ArchiveUnavailable, match="ConnectionError"):
        client.system()
    assert len(parrot.asked) == 2


def test_a_request_that_took_too_long_is_not_sent_again(parrot: Parrot) -> None:
    parrot.silent = True
    with pytest.raises(ArchiveUnavailable):
        OrthancRest(parrot.url, timeout_s=0.1).system()
    assert len(parrot.asked) == 1


def test_an_orthanc_that_is_down_is_left_alone_until_it_may_be_back(parrot: Parrot) -> None:
    seconds = 0.0
    breaker = CircuitBreaker("orthanc", failures=2, pause_s=5, clocks=Clocks(seconds=lambda: seconds))
    client = OrthancRest(parrot.url, timeout_s=0.1, breaker=breaker)
    parrot.silent = True
    for ask in (client.system, lambda: client.file(INSTANCE)):
        with pytest.raises(ArchiveUnavailable, match="did not answer"):
            ask()
    parrot.silent = False
    for ask in (client.system, lambda: client.file(INSTANCE)):
        with pytest.raises(ArchiveUnavailable, match="has not answered since"):
            ask()
    assert len(parrot.asked) == 2
    seconds = 5.0
    assert client.system()["Version"] == "1.12.7"
    assert client.file(INSTANCE) == parrot.body


def test_an_orthanc_that_answers_with_errors_is_asked_again(parrot: Parrot, client: OrthancRest) -> None:
    parrot.status = 503
    for _ in range(9):
        with pytest.raises(ArchiveUnavailable, match="HTTP 503"):
            client.system()
    parrot.status = 200
    assert client.system()["Version"] == "1.12.7"


def test_an_answer_cut_short_is_unavailable(parrot: Parrot, client: OrthancRest) -> None:
    parrot.headers = {"Content-Length": "1000", "Connection": "close"}
    with pytest.raises(ArchiveUnavailable):
        client.file(INSTANCE)


@pytest.mark.parametrize("body", [b"<html>a login page</html>", b"", b"\xff"])
def test_an_answer_that_is_not_json_is_refused_by_name(
    parrot: Parrot, client: OrthancRest, body: bytes
) -> None:
    parrot.body = body
    with pytest.raises(ArchiveRefused, match=r"is .* really Orthanc"):
        client.system()


@pytest.mark.parametrize("content", [{}, [{}], {"MainDicomTags": {}}, {"Version": None}, "text", 5, None])
def test_json_of_another_kind_is_refused_by_name(
    parrot: Parrot, client: OrthancRest, content: object
) -> None:
    parrot.says(content)
    for ask in (
        client.statistics,
        client.last_change,
        lambda: client.changes(0),
        lambda: client.series(INSTANCE),
        lambda: client.instance(INSTANCE),
        lambda: client.study_uid(INSTANCE),
        lambda: client.upload(b"x"),
        lambda: client.put(b"x"),
        lambda: client.study(INSTANCE),
        lambda: client.find_studies({"PatientID": "P"}),
        lambda: client.list_studies(0, 10),
        lambda: client.find_instances([StudyUid("1.2")]),
        lambda: client.count("Study", {}),
        lambda: client.studies_of([INSTANCE]),
        client.now,
    ):
        with pytest.raises(ArchiveRefused, match=r"is .* really Orthanc"):
            ask()


def test_orthancs_name_of_an_error_is_told_and_its_details_are_not(
    parrot: Parrot, client: OrthancRest
) -> None:
    parrot.status = 400
    parrot.says({"OrthancError": "Bad file format", "Details": "patient Doe"})
    with pytest.raises(ArchiveRefused, match=r"HTTP 400 \(Bad file format\)") as caught:
        client.put(b"x")
    assert "Doe" not in str(caught.value)


def test_an_instance_that_is_not_there_is_told_and_other_failures_are_not_taken_for_it(
    parrot: Parrot, client: OrthancRest
) -> None:
    parrot.status = 404
    assert not client.has_instance(INSTANCE)
    parrot.status = 503
    with pytest.raises(ArchiveUnavailable):
        client.has_instance(INSTANCE)
