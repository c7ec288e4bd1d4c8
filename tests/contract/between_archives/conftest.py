"""Both archives, and a study of its own for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives import OrthancArchive, OrthancRest
from tests.contract.between_archives.pairs import Pair
from tests.standin import PlainOrthanc, StandIn, running_plain_orthanc, running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlainOrthanc, StandIn]]:
    with (
        running_plain_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc,
        running_standin(tmp_path_factory.mktemp("dcm4chee") / "standin") as standin,
    ):
        yield orthanc, standin


@pytest.fixture
def pair(servers: tuple[PlainOrthanc, StandIn], tmp_path: Path) -> Iterator[Pair]:
    orthanc, standin = servers
    pair = Pair(orthanc, standin, OrthancArchive(OrthancRest(orthanc.url)))
    pair.fill(tmp_path / "case")
    yield pair
    pair.left.close()
