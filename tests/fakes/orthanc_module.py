"""Orthanc's Python module, as far as the suite uses it.

What it answers to was seen on Orthanc 1.12.7; the contract tests run the same cases against the real one.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    type Callback = Callable[..., object]


class ChangeType(IntEnum):
    """Kinds of events, numbered as Orthanc's plugin interface numbers them."""

    COMPLETED_SERIES = 0
    DELETED = 1
    NEW_CHILD_INSTANCE = 2
    NEW_INSTANCE = 3
    NEW_PATIENT = 4
    NEW_SERIES = 5
    NEW_STUDY = 6
    STABLE_PATIENT = 7
    STABLE_SERIES = 8
    STABLE_STUDY = 9
    ORTHANC_STARTED = 10
    ORTHANC_STOPPED = 11


class ResourceType(IntEnum):
    """Levels of resources, numbered as Orthanc's plugin interface numbers them."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3
    NONE = 4


@dataclass
class RestOutput:
    """Records an answer as Orthanc would send it.

    Parameters
    ----------
    fail_after
        Chunks until the client goes away, None when it stays.
    """

    fail_after: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    streamed: bool = False
    chunks: int = 0

    def SetHttpHeader(self, name: str, value: str) -> None:  # noqa: N802 - Orthanc's name, as below
        assert self.status is None, "a header after the answer is lost"
        self.headers[name.lower()] = value

    def AnswerBuffer(self, body: bytes | str, media_type: str) -> None:  # noqa: N802
        self._answer(200, body, media_type)

    def SendHttpStatus(self, status: int, body: bytes | str) -> None:  # noqa: N802
        self._answer(status, body, "text/plain" if body else None)

    def Redirect(self, location: str) -> None:  # noqa: N802
        self.headers["location"] = location
        self._answer(302, b"", None)

    def SendMethodNotAllowed(self, allowed: str) -> None:  # noqa: N802
        self.headers["allow"] = allowed
        self._answer(405, b"", None)

    def StartStreamAnswer(self, media_type: str) -> None:  # noqa: N802
        self._answer(200, b"", media_type)
        self.streamed = True

    def SendStreamChunk(self, chunk: bytes) -> None:  # noqa: N802
        assert self.streamed, "a chunk before the stream has begun"
        self.chunks += 1
        if self.fail_after is not None and self.chunks > self.fail_after:
            raise RuntimeError("The client has gone away.")
        self.body += chunk

    def _answer(self, status: int, body: bytes | str, media_type: str | None) -> None:
        assert self.status is None, "a request is answered once"
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        if media_type is not None:
            self.headers["content-type"] = media_type


@dataclass(frozen=True)
class FakeDicomInstance:
    """What a callback is handed for a stored instance."""

    metadata: Mapping[str, str]

    def GetInstanceMetadata(self, name: str) -> str:  # noqa: N802
        return self.metadata.get(name, "")


class FakeOrthanc:
    """Registers callbacks and calls them as Orthanc does: one of each kind, REST routes by first match."""

    ChangeType = ChangeType
    ResourceType = ResourceType

    def __init__(self, configuration: Mapping[str, Any] | None = None) -> None:
        self.configuration = dict(configuration or {})
        self.logged: list[tuple[str, str]] = []
        self.explorer = ""
        self._routes: list[tuple[re.Pattern[str], Callback]] = []
        self._single: dict[str, Callback] = {}

    # What a script calls

    def GetConfiguration(self) -> str:  # noqa: N802
        return json.dumps(self.configuration)

    def GenerateRestApiAuthorizationToken(self) -> str:  # noqa: N802
        return "Bearer of-the-fake"

    def ExtendOrthancExplorer(self, script: str) -> None:  # noqa: N802
        self.explorer += script

    def LogError(self, text: str) -> None:  # noqa: N802
        self.logged.append(("error", text))

    def LogWarning(self, text: str) -> None:  # noqa: N802
        self.logged.append(("warning", text))

    def LogInfo(self, text: str) -> None:  # noqa: N802
        self.logged.append(("info", text))

    def RegisterRestCallback(self, pattern: str, callback: Callback) -> None:  # noqa: N802
        self._routes.append((re.compile(pattern), callback))

    def RegisterOnStoredInstanceCallback(self, callback: Callback) -> None:  # noqa: N802
        self._register("OnStoredInstance", callback)

    def RegisterOnChangeCallback(self, callback: Callback) -> None:  # noqa: N802
        self._register("OnChange", callback)

    def _register(self, kind: str, callback: Callback) -> None:
        if kind in self._single:
            raise RuntimeError(f"Can only register one {kind} callback")
        self._single[kind] = callback

    # What Orthanc does

    def call(
        self,
        method: str,
        uri: str,
        *,
        get: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        output: RestOutput | None = None,
    ) -> RestOutput:
        """Call a REST route; an exception of the route becomes status 500, as in Orthanc."""
        output = output or RestOutput()
        request: dict[str, Any] = {
            "method": method,
            "headers": {k.lower(): v for k, v in (headers or {}).items()},
        }
        if method == "GET":
            request["get"] = dict(get or {})
        if method in {"POST", "PUT"}:
            request["body"] = body
        for pattern, callback in self._routes:
            if found := pattern.fullmatch(uri):
                self._call_route(callback, output, uri, {**request, "groups": found.groups()})
                return output
        output.SendHttpStatus(404, b"")
        return output

    def _call_route(
        self, callback: Callback, output: RestOutput, uri: str, request: Mapping[str, Any]
    ) -> None:
        try:
            callback(output, uri, **request)
        except Exception as error:  # noqa: BLE001 - Orthanc catches whatever a script raises
            self.LogError(f"{type(error).__name__}: {error}")
            if output.status is None:
                output.SendHttpStatus(500, b"")
            return
        assert output.status is not None, "a route that answers nothing closes the connection"

    def store(self, instance: str, metadata: Mapping[str, str]) -> None:
        """Tell the script of a stored instance; what it raises is logged only."""
        self._call("OnStoredInstance", FakeDicomInstance(metadata), instance)

    def change(self, change: int, level: int = ResourceType.NONE, resource: str = "") -> None:
        """Tell the script of a change, on a thread of its own as Orthanc does."""
        thread = threading.Thread(
            target=self._call, args=("OnChange", int(change), int(level), resource), name="PY-CHANGES"
        )
        thread.start()
        thread.join()

    def _call(self, kind: str, *arguments: object) -> None:
        try:
            self._single[kind](*arguments)
        except Exception as error:  # noqa: BLE001 - Orthanc catches whatever a script raises
            self.LogError(f"{type(error).__name__}: {error}")
