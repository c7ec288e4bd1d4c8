"""Small pictures of studies, from either archive, as the route answers them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.errors import ArchiveRefused
from tests.fakes.archive import MemoryArchive
from tests.unit.api.conftest import Client

if TYPE_CHECKING:
    from orthanc_plugins.services import Services

STUDY = "api/studies/1.2/thumbnail"


@pytest.fixture
def archives() -> dict[ArchiveName, MemoryArchive]:
    """Both hold a structure set and two series of images, the larger of three."""
    archives = {name: MemoryArchive(name) for name in (ArchiveName.ORTHANC, ArchiveName.DCM4CHEE)}
    for archive in archives.values():
        for uid in ("1.2.1.10", "1.2.1.9", "1.2.1.2"):
            archive.put(uid, series="1.2.1")
        archive.put("1.2.2.1", series="1.2.2")
        for number in range(5):
            archive.put(f"1.2.3.{number}", series="1.2.3", modality="RTSTRUCT")
    return archives


@pytest.fixture
def asking(services: Services, archives: dict[ArchiveName, MemoryArchive]) -> Client:
    return Client(create_app(replace(services, archives=archives)))


@pytest.mark.parametrize("archive", list(ArchiveName))
def test_the_middle_of_the_largest_series_of_images_is_shown(asking: Client, archive: ArchiveName) -> None:
    answer = asking.get(STUDY, params={"archive": archive, "size": 64})
    assert (answer.status_code, answer.content[2:]) == (200, b"64 1.2.1.9")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_series_or_an_instance_can_be_meant(asking: Client) -> None:
    of_series = asking.get(STUDY, params={"series": "1.2.2"})
    of_instance = asking.get(STUDY, params={"instance": "1.2.1.10"})
    assert (of_series.content[2:], of_instance.content[2:]) == (b"160 1.2.2.1", b"160 1.2.1.10")


def test_the_same_picture_is_not_sent_twice(asking: Client) -> None:
    first = asking.get(STUDY)
    again = asking.get(STUDY, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_has_no_picture_is_not_found(
    asking: Client, archives: dict[ArchiveName, MemoryArchive], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asking.get("api/studies/9.9/thumbnail").status_code == 404
    monkeypatch.setattr(MemoryArchive, "picture", lambda *_: b"<svg onload='x'>")
    assert asking.get(STUDY).status_code == 404

    def refuse(*_: object) -> bytes:
        raise ArchiveRefused("It has no pixels.", archive="orthanc")

    monkeypatch.setattr(MemoryArchive, "picture", refuse)
    answer = asking.get(STUDY)
    assert answer.status_code == 404
    assert "no picture" in answer.json()["detail"]
    archives[ArchiveName.ORTHANC].faults.down = True
    assert asking.get(STUDY).status_code == 503


@pytest.mark.parametrize(
    "asked",
    [
        {"archive": "http://elsewhere.invalid"},
        {"size": 5000},
        {"series": "../x"},
        {"url": "http://a.invalid"},
    ],
)
def test_nothing_else_than_what_is_set_can_be_asked(asking: Client, asked: dict[str, str]) -> None:
    assert asking.get(STUDY, params=asked).status_code == 422


def test_an_archive_that_is_not_set_shows_nothing(services: Services) -> None:
    client = Client(create_app(replace(services, archives={})))
    assert client.get(STUDY, params={"archive": "dcm4chee"}).status_code == 404
