"""The bridge where Orthanc is not needed to see what it does: failures, endings, slow clients.

What it passes on is held by the contract tests, which ask the fake and the real Orthanc the same.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.plugin.asgi_bridge import BUFFERED_BYTES, AsgiBridge
from tests.fakes import FakeOrthanc, RestOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Mount = Callable[[Any], FakeOrthanc]

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/x-test")]}


@pytest.fixture
def bridges() -> Iterator[list[AsgiBridge]]:
    made: list[AsgiBridge] = []
    yield made
    for bridge in made:
        bridge.close()


@pytest.fixture
def mount(bridges: list[AsgiBridge]) -> Mount:
    def mounted(application: Any) -> FakeOrthanc:
        bridges.append(AsgiBridge(application, "/pacs"))
        orthanc = FakeOrthanc()
        orthanc.RegisterRestCallback("/pacs(/.*)?", bridges[-1].answer)
        return orthanc

    return mounted


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


def test_an_application_that_raises_before_it_answers_gives_a_problem(mount: Mount) -> None:
    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError("DOE^JOHN")

    answer = mount(application).call("GET", "/pacs/x")
    assert answer.status == 500
    assert answer.headers["x-media-type"] == "application/problem+json"
    assert json.loads(answer.body)["status"] == 500
    assert b"DOE^JOHN" not in answer.body


@pytest.mark.parametrize("ending", ["raises", "returns"])
def test_a_small_answer_that_breaks_off_is_no_success(mount: Mount, ending: str) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"half", more=True))
        if ending == "raises":
            raise ValueError("DOE^JOHN")

    answer = mount(application).call("GET", "/pacs/x")
    assert answer.status == 500
    assert b"half" not in answer.body


@pytest.mark.parametrize("ending", ["raises", "returns"])
def test_a_streamed_answer_that_breaks_off_raises_so_that_the_client_sees_it_cut(
    mount: Mount, ending: str
) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(bytes(BUFFERED_BYTES + 1), more=True))
        await send(body(b"half", more=True))
        if ending == "raises":
            raise ValueError("DOE^JOHN")

    orthanc = mount(application)
    answer = orthanc.call("GET", "/pacs/x")
    assert answer.streamed
    assert [severity for severity, _ in orthanc.logged] == ["error"]
    assert "DOE^JOHN" not in orthanc.logged[0][1]


def test_an_application_that_returns_without_an_answer_gives_status_500(mount: Mount) -> None:
    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        """Answer nothing."""

    assert mount(application).call("GET", "/pacs/x").status == 500


def test_a_client_that_goes_away_does_not_hold_the_application(mount: Mount) -> None:
    ended = threading.Event()

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        for _ in range(200):
            await send(body(bytes(BUFFERED_BYTES // 4), more=True))
        ended.set()

    mount(application).call("GET", "/pacs/x", output=RestOutput(fail_after=3))
    assert ended.wait(10)


def test_a_slow_client_holds_the_application_rather_than_the_memory(mount: Mount) -> None:
    sent = 0
    far_ahead = threading.Event()

    class SlowOutput(RestOutput):
        def SendStreamChunk(self, chunk: bytes) -> None:  # noqa: N802
            if self.chunks == 0:
                far_ahead.wait(0.3)
            super().SendStreamChunk(chunk)

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal sent
        await send(START)
        await send(body(bytes(BUFFERED_BYTES + 1), more=True))
        for _ in range(100):
            await send(body(b"chunk", more=True))
            sent += 1
            if sent > 50 and not output.chunks:
                far_ahead.set()
        await send(body(b""))

    output = SlowOutput()
    mount(application).call("GET", "/pacs/x", output=output)
    assert not far_ahead.is_set()
    assert len(output.body) == BUFFERED_BYTES + 1 + 500


def test_requests_do_not_wait_for_each_other(mount: Mount) -> None:
    both = threading.Barrier(2, timeout=10)

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.to_thread(both.wait)
        await send(START)
        await send(body(b"met"))

    orthanc = mount(application)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(orthanc.call("GET", "/pacs/x").body)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [b"met", b"met"]


def test_a_request_that_is_being_answered_when_the_bridge_closes_does_not_hold_orthanc(
    mount: Mount, bridges: list[AsgiBridge]
) -> None:
    arrived = threading.Event()

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        arrived.set()
        await asyncio.sleep(600)

    orthanc = mount(application)
    output = RestOutput()
    caller = threading.Thread(target=lambda: orthanc.call("GET", "/pacs/x", output=output), daemon=True)
    caller.start()
    assert arrived.wait(10)
    bridges[0].close()
    caller.join(10)
    assert not caller.is_alive()
    assert output.status == 503


def test_a_request_after_the_bridge_has_closed_is_answered_at_once(
    mount: Mount, bridges: list[AsgiBridge]
) -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b""))

    orthanc = mount(application)
    bridges[0].close()
    output = RestOutput()
    caller = threading.Thread(target=lambda: orthanc.call("GET", "/pacs/x", output=output), daemon=True)
    caller.start()
    caller.join(10)
    assert not caller.is_alive()
    assert output.status == 503
