"""Orthanc by the archive protocol: a real one, that overwrites and that does not, with either index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from orthanc_plugins.archives import OrthancArchive, OrthancRest
from tests.standin import PlainOrthanc, running_plain_orthanc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgresql import Postgres


@pytest.fixture(scope="package", params=["overwrites", "keeps", "index in PostgreSQL"])
def orthanc(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlainOrthanc]:
    """Debian's index plugin for PostgreSQL has no extended find, as that in Orthanc's own SQLite has."""
    options: dict[str, Any] = {"OverwriteInstances": request.param != "keeps"}
    if request.param == "index in PostgreSQL":
        postgres: Postgres = request.getfixturevalue("postgres")
        options |= postgres.orthanc_index("of_an_archive", IndexConnectionsCount=5, Lock=False)
    folder = tmp_path_factory.mktemp("orthanc")
    with running_plain_orthanc(
        folder, LimitFindResults=7, LimitFindInstances=7, StableAge=1, **options
    ) as running:
        yield running


@pytest.fixture
def archive(orthanc: PlainOrthanc) -> Iterator[OrthancArchive]:
    """Orthanc, empty."""
    rest = OrthancRest(orthanc.url)
    for study in requests.get(f"{orthanc.url}/studies", timeout=10).json():
        requests.delete(f"{orthanc.url}/studies/{study}", timeout=10)
    archive = OrthancArchive(rest)
    yield archive
    archive.close()
