"""What XNAT tells of itself, and what is made of other answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.archives.xnat_state import xnat_state
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

if TYPE_CHECKING:
    from tests.unit.archives.conftest import Parrot

OPTIONS = HttpOptions(timeout_s=5)


@pytest.mark.parametrize(
    ("told", "stand_in"),
    [({"version": "1.9.3"}, None), ({"version": "1.9.3", "standIn": "XNAT stand-in"}, "XNAT stand-in")],
)
def test_version_is_told_and_who_plays_it(parrot: Parrot, told: dict[str, str], stand_in: str | None) -> None:
    parrot.says(told)
    state = xnat_state(f"{parrot.url}/", OPTIONS)
    assert (state.version, state.stand_in) == ("1.9.3", stand_in)


def test_it_is_asked_once_without_a_login_and_not_as_a_browser(parrot: Parrot) -> None:
    parrot.says({"version": "1.9.3"})
    xnat_state(parrot.url, OPTIONS)
    ((method, path, headers, _),) = parrot.asked
    assert (method, path) == ("GET", "/xapi/siteConfig/buildInfo")
    assert "Authorization" not in headers
    assert headers["User-Agent"] == "orthanc-pacs-suite"


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b""), (200, b"<html>"), (200, b"[]"), (200, b'{"version": 1}'), (302, b""), (200, b"\xff")],
)
def test_what_is_no_xnat_is_said_to_be_none(parrot: Parrot, status: int, body: bytes) -> None:
    parrot.status, parrot.body = status, body
    with pytest.raises(ArchiveRefused, match=r"is no XNAT.*check Xnat\.Url"):
        xnat_state(parrot.url, OPTIONS)


@pytest.mark.parametrize("fault", [{"status": 503}, {"hangs_up": 1}])
def test_one_that_does_not_answer_is_away(parrot: Parrot, fault: dict[str, Any]) -> None:
    for name, value in fault.items():
        setattr(parrot, name, value)
    with pytest.raises(ArchiveUnavailable, match="XNAT"):
        xnat_state(parrot.url, OPTIONS)
    assert len(parrot.asked) == 1
