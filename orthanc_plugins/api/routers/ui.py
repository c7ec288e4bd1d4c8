"""The dashboard: one page, whose script shows what its address names.

Its files stand below an address that holds a digest of them all, so that browsers keep them for good and
never mix two versions. Nothing on the page comes from elsewhere; its policy allows no script and no style
but these files, and no HTML made of text (Trusted Types) but the templates of lit-html.
"""

from __future__ import annotations

import hashlib
import html
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.types import Scope

router = APIRouter(include_in_schema=False)

WEB = Path(__file__).resolve().parents[2] / "web"
"""Folder of the suite's own files for browsers."""

_FILES = "/static/ui"
_PAGE = (WEB / "ui" / "index.html").read_text(encoding="utf-8")
_MISSING = (WEB / "ui" / "missing.html").read_text(encoding="utf-8")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'self'; "
    "frame-ancestors 'self'; "
    "require-trusted-types-for 'script'; trusted-types lit-html"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


class _KeptFiles(StaticFiles):
    """Files that never change at their address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, to be kept for good."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = _FOR_GOOD
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def mount_files(app: FastAPI, libraries: Path) -> None:
    """Mount the dashboard's files and the libraries they use.

    Parameters
    ----------
    app
        The application.
    libraries
        Folder of the libraries, one folder each; the page says so where it is not there.
    """
    files = f"{_FILES}/{_digest()}"
    app.mount(f"{files}/libraries", _KeptFiles(directory=libraries, check_dir=False), name="libraries")
    app.mount(files, _KeptFiles(directory=WEB / "ui"), name="ui")
    app.state.web_libraries = libraries


def to_dashboard(request: Request) -> RedirectResponse:
    """Lead who asks for the mount itself to the dashboard."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/ui/")


@router.get("/ui", response_class=HTMLResponse)
@router.get("/ui/{page:path}", response_class=HTMLResponse)
def dashboard(request: Request, page: str = "") -> HTMLResponse:  # noqa: ARG001 - the script reads the address
    """Return the page; which of its views is shown, its script decides by the address.

    Orthanc takes a slash at the end of an address away, so the page answers without one too.
    """
    libraries: Path = request.app.state.web_libraries
    if not (libraries / "lit-html" / "lit-html.js").is_file():
        return HTMLResponse(_MISSING, 503, {**_HEADERS, "Content-Security-Policy": "default-src 'none'"})
    mount = html.escape(request.scope.get("root_path", ""))
    files = html.escape(files_address(request))
    return HTMLResponse(_PAGE.replace("$mount", mount).replace("$files", files), headers=_HEADERS)


def files_address(request: Request) -> str:
    """Return where a browser finds the dashboard's files."""
    return f"{request.scope.get('root_path', '')}{_FILES}/{_digest()}"


@cache
def _digest() -> str:
    return digest_of(WEB)


def digest_of(folder: Path) -> str:
    """Return what the files of a folder are called and hold, in sixteen characters."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()[:16]
