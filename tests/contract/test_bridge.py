"""What the bridge passes on: the same cases for the fake and for the real Orthanc."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests

from orthanc_plugins.plugin.asgi_bridge import AsgiBridge
from tests.contract.bridged_app import CHUNK, LARGE, application
from tests.contract.real_orthanc import SCRIPT, running_orthanc
from tests.fakes import FakeOrthanc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.real_orthanc import RealOrthanc


@dataclass
class Answer:
    """An answer as a client sees it; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut_short: bool = False
    told: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.told = {}
        if self.headers.get("content-type", "").startswith("application/json"):
            self.told = json.loads(self.body)


class Caller(Protocol):
    """Asks a route below the mount."""

    def __call__(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask and return the answer."""


def fake_caller(orthanc: FakeOrthanc) -> Caller:
    def call(method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        address = urlsplit(path)
        get = dict(parse_qsl(address.query, keep_blank_values=True))
        failures = len(orthanc.logged)
        output = orthanc.call(method, unquote(f"/pacs/{address.path}"), get=get, body=body, headers=headers)
        assert output.status is not None
        cut_short = output.streamed and len(orthanc.logged) > failures
        return Answer(output.status, output.headers, output.body, cut_short)

    return call


def real_caller(orthanc: RealOrthanc) -> Caller:
    def call(method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        try:
            answer = requests.request(
                method,
                f"{orthanc.url}/pacs/{path}",
                data=body or None,
                headers=headers,
                timeout=30,
                allow_redirects=False,
                stream=True,
            )
            names = {name.lower(): value for name, value in answer.headers.items()}
            received = bytearray()
            for chunk in answer.iter_content(1 << 20):
                received += chunk
        except requests.exceptions.ChunkedEncodingError:
            return Answer(answer.status_code, names, bytes(received), cut_short=True)
        return Answer(answer.status_code, names, bytes(received))

    return call


@pytest.fixture(params=["fake", "real"])
def call(request: pytest.FixtureRequest) -> Iterator[Caller]:
    if request.param == "real":
        yield real_caller(request.getfixturevalue("real_orthanc"))
        return
    bridge = AsgiBridge(application, "/pacs")
    orthanc = FakeOrthanc()
    orthanc.RegisterRestCallback("/pacs(/.*)?", bridge.answer)
    yield fake_caller(orthanc)
    bridge.close()


# Requests


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("", {}),
        ("a=1&b=two", {"a": "1", "b": "two"}),
        ("name=caf%C3%A9", {"name": "caf\u00e9"}),
        ("a=x%20y&b=%2F%3D", {"a": "x y", "b": "/="}),
        ("a=1.2.840.10008", {"a": "1.2.840.10008"}),
        ("empty=", {"empty": ""}),
    ],
)
def test_a_query_of_get_arrives_decoded_once(call: Caller, query: str, arguments: dict[str, str]) -> None:
    assert call("GET", f"echo?{query}").told["query"] == arguments


def test_a_plus_in_a_query_is_a_plus_or_a_space_but_nothing_is_lost(call: Caller) -> None:
    """Builds of Orthanc differ in who decodes; identifiers and names of states hold none."""
    assert call("GET", "echo?a=x%2By").told["query"]["a"] in {"x+y", "x y"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_carry_no_query(call: Caller, method: str) -> None:
    told = call(method, "echo?a=1").told
    assert (told["method"], told["query"]) == (method, {})


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", [b"{}", bytes(range(256)), b"\x00", b""])
def test_a_body_arrives_byte_for_byte(call: Caller, method: str, body: bytes) -> None:
    assert call(method, "echo", body=body).told["body"] == list(body)


def test_a_large_body_arrives_whole(call: Caller) -> None:
    assert call("POST", "echo", body=bytes(20_000_000)).told["body"] == 20_000_000


def test_path_and_mount_are_told(call: Caller) -> None:
    told = call("GET", "echo/a/b.c").told
    assert (told["path"], told["root_path"]) == ("/pacs/echo/a/b.c", "/pacs")


def test_an_encoded_slash_arrives_decoded(call: Caller) -> None:
    assert call("GET", "echo/a%2Fb").told["path"] == "/pacs/echo/a/b"


def test_headers_arrive_in_lower_case_and_ranges_do_not(call: Caller) -> None:
    headers = call("GET", "echo", headers={"X-Asked": "Yes", "Range": "bytes=0-1"}).told["headers"]
    assert headers["x-asked"] == "Yes"
    assert "range" not in headers


@pytest.mark.parametrize(
    ("said", "root"),
    [
        ("/hospital/pictures", "/hospital/pictures/pacs"),
        ("/hospital/", "/hospital/pacs"),
        ("//elsewhere.invalid", "/pacs"),
        ("https://elsewhere.invalid", "/pacs"),
        ('/"><script>', "/pacs"),
        ("/a, /b", "/pacs"),
        ("", "/pacs"),
    ],
)
def test_what_a_proxy_puts_in_front_is_part_of_the_root_when_it_is_a_path(
    call: Caller, said: str, root: str
) -> None:
    told = call("GET", "echo", headers={"X-Forwarded-Prefix": said}).told
    assert (told["root_path"], told["path"]) == (root, f"{root}/echo")


def test_orthanc_answers_head_itself(real_orthanc: RealOrthanc) -> None:
    """When a later Orthanc passes HEAD on, the bridge can answer it."""
    assert real_caller(real_orthanc)("HEAD", "echo").status == 404


# Answers


def test_a_small_answer_keeps_its_media_type_and_headers(call: Caller) -> None:
    answer = call("GET", "echo")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-told"] == "yes"


def test_no_answer_promises_ranges_since_they_are_not_passed_on(call: Caller) -> None:
    assert "accept-ranges" not in call("GET", "echo").headers


@pytest.mark.parametrize("length", ["known", "unknown"])
def test_a_large_answer_is_streamed_whole(call: Caller, length: str) -> None:
    answer = call("GET", f"large/{length}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-large"
    assert answer.headers["x-told"] == "yes"
    assert answer.headers.get("content-length") == (str(LARGE) if length == "known" else None)
    assert answer.body == CHUNK * (LARGE // len(CHUNK))
    assert not answer.cut_short


@pytest.mark.parametrize("status", [201, 202, 400, 404, 409, 422, 500, 503])
def test_another_status_keeps_its_body_and_names_its_media_type(call: Caller, status: int) -> None:
    answer = call("GET", f"status/{status}")
    assert answer.status == status
    assert answer.body == b'{"status": %d}' % status
    assert answer.headers["x-media-type"] == "application/problem+json"
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["x-told"] == "yes"


def test_no_content_has_no_content(call: Caller) -> None:
    answer = call("DELETE", "status/204")
    assert (answer.status, answer.body) == (204, b"")


def test_a_redirection_goes_where_it_should(call: Caller) -> None:
    answer = call("GET", "redirect")
    assert answer.status in {301, 302, 307}
    assert urlsplit(answer.headers["location"]).path == "/pacs/echo"


def test_a_method_that_is_not_allowed_names_those_that_are(call: Caller) -> None:
    answer = call("GET", "not-allowed")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")


def test_an_unknown_route_is_not_found(call: Caller) -> None:
    assert call("GET", "nothing/here").status == 404


# Failures


def test_an_application_that_raises_is_a_problem_that_quotes_nothing(call: Caller) -> None:
    answer = call("GET", "raises")
    assert answer.status == 500
    assert answer.headers["x-media-type"] == "application/problem+json"
    assert b"DOE^JOHN" not in answer.body


def test_a_small_answer_that_breaks_off_is_a_problem(call: Caller) -> None:
    assert call("GET", "breaks-off/small").status == 500


def test_a_large_answer_that_breaks_off_is_seen_to_be_cut_short(call: Caller) -> None:
    answer = call("GET", "breaks-off/large")
    assert answer.cut_short
    assert len(answer.body) < 2 * LARGE


# Many at once


def test_forty_requests_are_answered_at_the_same_time(call: Caller) -> None:
    before = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(lambda _: call("GET", "slow").status, range(40)))
    assert statuses == [200] * 40
    assert time.monotonic() - before < 40 * 0.3 / 2


def test_a_client_that_reads_nothing_holds_nobody_else(real_orthanc: RealOrthanc) -> None:
    with socket.create_connection(("127.0.0.1", real_orthanc.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /pacs/large/known HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        for _ in range(5):
            assert real_caller(real_orthanc)("GET", "echo").status == 200
            assert requests.get(f"{real_orthanc.url}/tell", timeout=10).ok


def test_a_client_that_goes_away_leaves_the_bridge_working(real_orthanc: RealOrthanc) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", real_orthanc.port)) as client:
            client.sendall(b"GET /pacs/large/known HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.recv(100)
    assert real_caller(real_orthanc)("GET", "large/known").body == CHUNK * (LARGE // len(CHUNK))


# The fake and the end


def test_the_fake_has_nothing_the_running_orthanc_has_not(real_orthanc: RealOrthanc) -> None:
    told = requests.get(f"{real_orthanc.url}/tell", timeout=10).json()
    of_orthanc = re.compile(r"[A-Z][A-Za-z]+")
    fake = {name for name in dir(FakeOrthanc) if of_orthanc.fullmatch(name)}
    assert len(fake) >= 10
    assert fake <= set(told["attributes"])
    for numbers, kind in zip(
        told["numbers"], (FakeOrthanc.ChangeType, FakeOrthanc.ResourceType), strict=True
    ):
        assert {member.name: member.value for member in kind}.items() <= numbers.items()


def test_orthanc_ends_cleanly_and_soon_though_a_request_is_being_answered(tmp_path: Path) -> None:
    with running_orthanc(tmp_path, SCRIPT) as orthanc:
        statuses: list[int] = []
        waiting = threading.Thread(
            target=lambda: statuses.append(real_caller(orthanc)("GET", "for-ever").status), daemon=True
        )
        waiting.start()
        real_caller(orthanc)("GET", "slow")
        before = time.monotonic()
        assert orthanc.stop() == 0, orthanc.log()
        assert time.monotonic() - before < 10
        waiting.join(10)
    assert statuses == [503]
