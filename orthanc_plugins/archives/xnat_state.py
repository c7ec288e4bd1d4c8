"""How XNAT is, by what it tells everybody: no login, which would open a server session each time."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import ArchiveState
from orthanc_plugins.archives.resilience import MayPass
from orthanc_plugins.archives.sessions import Sessions
from orthanc_plugins.archives.xnat_http import ARCHIVE, USER_AGENT
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from orthanc_plugins.archives.sessions import HttpOptions

_PATH = "/xapi/siteConfig/buildInfo"
_OK = 200
_SERVER_ERROR = 500


def xnat_state(url: str, options: HttpOptions) -> ArchiveState:
    """Return which XNAT is at an address, and whether something else plays it; asked once.

    Raises
    ------
    ArchiveUnavailable, ArchiveRefused
        It does not answer, or what answers is no XNAT; the text says what to do.
    """
    begun = time.monotonic()
    status, content = _answer(url.rstrip("/") + _PATH, options)
    latency_ms = (time.monotonic() - begun) * 1000
    if status >= _SERVER_ERROR:
        raise ArchiveUnavailable(
            f"XNAT answered with HTTP {status}: see its log.", archive=ARCHIVE, status=status
        )
    told = _json(content) if status == _OK else None
    if not isinstance(told, dict) or not isinstance(told.get("version"), str):
        raise ArchiveRefused(
            f"What is at XNAT's address is no XNAT (HTTP {status}): check Xnat.Url in the settings.",
            archive=ARCHIVE,
            status=status,
        )
    stand_in = told.get("standIn")
    return ArchiveState(told["version"], latency_ms, None if stand_in is None else str(stand_in))


def _answer(address: str, options: HttpOptions) -> tuple[int, bytes]:
    """Return status and body of one answer."""
    sessions = Sessions(ARCHIVE, options)
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
    try:
        with sessions.send("GET", address, headers, None, shown="for its version") as answer:
            return answer.status, answer.content()
    except MayPass as failure:
        raise failure.error from None
    finally:
        sessions.close()


def _json(content: bytes) -> object:
    try:
        told: object = json.loads(content)
    except ValueError:
        return None
    return told
