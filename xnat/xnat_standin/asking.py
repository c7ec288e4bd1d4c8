"""From a request on the wire to what a handler is asked, and back."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from xnat_standin.answers import RefusedError, forbidden
from xnat_standin.gate import Admitted, Entry, admit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from xnat_standin.users import User
    from xnat_standin.xnat import Xnat

_FORM = "application/x-www-form-urlencoded"
_READ = 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """A file that came with a request, in a file that is deleted after the answer was made."""

    name: str
    path: Path


@dataclass(frozen=True)
class Asked:
    """A request, its body received."""

    method: str
    path: str
    names: Mapping[str, str]
    """Parameters of the path."""
    parameters: Mapping[str, str]
    """Those of the query and of a form; the form's win."""
    headers: Mapping[str, str]
    xnat: Xnat
    admitted: Admitted | None
    body: Path | None = None
    """What came as it is, not in a form."""
    uploads: list[Upload] = field(default_factory=list)
    """Files out of a multipart form."""

    @property
    def user(self) -> User:
        """Who asks."""
        assert self.admitted is not None, "an open path asks who it is"
        return self.admitted.user

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.read_text(encoding="utf-8") if self.body else ""

    def flag(self, name: str) -> bool:
        """Return whether a parameter says true."""
        return self.parameters.get(name, "").lower() in {"true", "1", "yes"}

    def needs_admin(self) -> None:
        """Refuse anyone but an administrator."""
        if not self.user.admin:
            raise forbidden("Only administrators may do this.")


type Handler = Callable[[Asked], Response]


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler as one of Starlette's: faults, the gate, the body, the work, and the cookies."""

    async def answer(request: Request) -> Response:
        xnat: Xnat = request.app.state.xnat
        at = f"{request.method} {request.scope['path']}"
        if fault := xnat.faults.take("refuse", at):
            raise RefusedError(fault.status, fault.message)
        admitted = await run_in_threadpool(admit, xnat, _entry(request))
        kept: list[Path] = []
        try:
            asked = await _asked(request, xnat, admitted, kept)
            response = await run_in_threadpool(handler, asked)
        finally:
            for path in kept:
                path.unlink(missing_ok=True)
        if fault := xnat.faults.take("delay", at):
            await asyncio.sleep(fault.delay_s)
        if fault := xnat.faults.take("answer_instead", at):
            raise RefusedError(fault.status, fault.message)
        if admitted is not None:
            set_cookies(response, xnat, admitted.login.key, is_new=admitted.is_new)
        return response

    return answer


def set_cookies(response: Response, xnat: Xnat, key: str, *, is_new: bool) -> None:
    """Tell a client its session, and when it ends: moment and length in ms, in quotes."""
    if is_new:
        response.headers.append("Set-Cookie", f"JSESSIONID={key}; Path=/; HttpOnly")
    timeout_ms = int(xnat.logins.timeout_s * 1000)
    expiry = f'SESSION_EXPIRATION_TIME="{int(time.time() * 1000)},{timeout_ms}"; Path=/'
    response.headers.append("Set-Cookie", expiry)


def _entry(request: Request) -> Entry:
    return Entry(
        method=request.method,
        path=request.scope["path"],
        parameters=request.query_params,
        agent=request.headers.get("user-agent", ""),
        authorization=request.headers.get("authorization", ""),
        cookie=request.cookies.get("JSESSIONID"),
    )


async def _asked(request: Request, xnat: Xnat, admitted: Admitted | None, kept: list[Path]) -> Asked:
    form: dict[str, str] = {}
    uploads: list[Upload] = []
    body: Path | None = None
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        await _read_form(request, xnat, form, uploads, kept)
    elif content_type == _FORM:
        content = (await request.body()).decode("utf-8", "replace")
        form.update(parse_qsl(content, keep_blank_values=True))
    else:
        body = await _spooled(request, xnat, kept)
    return Asked(
        method=request.method,
        path=request.scope["path"],
        names=request.path_params,
        parameters={**request.query_params, **form},
        headers=request.headers,
        xnat=xnat,
        admitted=admitted,
        body=body,
        uploads=uploads,
    )


async def _read_form(
    request: Request, xnat: Xnat, form: dict[str, str], uploads: list[Upload], kept: list[Path]
) -> None:
    async with request.form(max_files=10_000) as parts:
        for name, part in parts.multi_items():
            if not isinstance(part, UploadFile):
                form[name] = part
                continue
            path = _new_file(xnat, kept)
            with path.open("wb") as out:
                while chunk := await part.read(_READ):
                    out.write(chunk)
            uploads.append(Upload(part.filename or name, path))


async def _spooled(request: Request, xnat: Xnat, kept: list[Path]) -> Path | None:
    """Return the body in a file, None when there is none."""
    path = _new_file(xnat, kept)
    with path.open("wb") as out:
        async for chunk in request.stream():
            out.write(chunk)
    return path if path.stat().st_size else None


def _new_file(xnat: Xnat, kept: list[Path]) -> Path:
    with tempfile.NamedTemporaryFile(dir=xnat.configuration.build, delete=False) as file:
        kept.append(Path(file.name))
    return kept[-1]
