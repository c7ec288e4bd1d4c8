"""Every answer names what really gives it, so that nobody takes the stand-in for dcm4chee."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcm4chee.standin.asking import OrthancSilentError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Named:
    """Adds the header ``Server: DCM4CHEE stand-in (Orthanc …)``, with Orthanc's version once it is known."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._version: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the name of the stand-in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                name = f"DCM4CHEE stand-in ({await self._orthanc(scope)})"
                headers = [pair for pair in message["headers"] if pair[0].lower() != b"server"]
                message = {**message, "headers": [*headers, (b"server", name.encode("ascii"))]}
            await send(message)

        await self._app(scope, receive, named)

    async def _orthanc(self, scope: Scope) -> str:
        if self._version is None:
            try:
                self._version = await scope["app"].state.archive.orthanc.version()
            except OrthancSilentError:
                return "Orthanc does not answer"
        return f"Orthanc {self._version}"
