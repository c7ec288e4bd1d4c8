"""A stand-in for DCM4CHEE that all tests of this folder share; each has studies of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.standin import running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standin import StandIn


@pytest.fixture(scope="session")
def dcm4chee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_standin(tmp_path_factory.mktemp("dcm4chee")) as standin:
        yield standin
