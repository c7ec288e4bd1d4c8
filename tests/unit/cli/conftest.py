"""A double of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.suite_double import SuiteDouble

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def suite() -> Iterator[SuiteDouble]:
    double = SuiteDouble()
    yield double
    double.close()
