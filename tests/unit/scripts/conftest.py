"""What the tests of the scripts share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from scripts.lib.render import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but its scripts."""
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("*.pyc"))
    return tmp_path
