"""Two archives that rounds keep in step; what arrives is whole."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins import copying
from tests.fakes.archive import MemoryArchive
from tests.unit.holdings import LEFT, RIGHT
from tests.unit.rounds.two_archives import Listing, with_rules

if TYPE_CHECKING:
    from orthanc_plugins.services import Services


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives in these tests is whole."""
    monkeypatch.setattr(copying, "SETTLED_AFTER", timedelta(0))


@pytest.fixture
def left() -> Listing:
    return Listing(LEFT)


@pytest.fixture
def right() -> MemoryArchive:
    return MemoryArchive(RIGHT)


@pytest.fixture
def joined(services: Services, left: MemoryArchive, right: MemoryArchive) -> Services:
    return with_rules(dataclasses.replace(services, archives={LEFT: left, RIGHT: right}))
