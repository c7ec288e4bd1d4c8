"""A flawless study, for tests to spoil."""

from __future__ import annotations

import pytest

from tests.unit.validation.studies import Study, new_study


@pytest.fixture
def study() -> Study:
    return new_study()
