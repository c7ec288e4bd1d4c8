"""The shim as an application: what it does when those who ask go away."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from dcm4chee.standin.application import create_app
from dcm4chee.standin.asking import OrthancSilentError
from dcm4chee.standin.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from starlette.requests import Request
    from starlette.types import Message


class NoOrthanc:
    """What stands for the archive of the application: no request comes as far as Orthanc."""

    @property
    def orthanc(self) -> NoOrthanc:
        return self

    async def version(self) -> str:
        raise OrthancSilentError("Nobody is there.")


async def read(request: Request) -> Response:
    """Read a request to its end, as all that take in something do."""
    return Response(await request.body())


def test_a_client_that_goes_away_in_the_middle_is_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configuration = Configuration(
        port=1, orthanc_url="http://127.0.0.1:2", state_file=tmp_path / "state.sqlite"
    )
    app = create_app(configuration)
    app.state.archive = NoOrthanc()
    app.router.routes.append(Route("/studies", read, methods=["POST"]))
    came: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"--x", "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(came)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/studies", "query_string": b"", "headers": []}
    with caplog.at_level(logging.WARNING):
        asyncio.run(app(scope, receive, send))
    (record,) = caplog.records
    assert (
        record.getMessage() == "A client went away in the middle of a POST: what had not come is not stored."
    )
    assert record.exc_info is None
    assert sent[0]["status"] == 400
