"""What the tests of the scripts share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from scripts.lib.render import REPOSITORY, Deployment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but its scripts."""
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("*.pyc"))
    return tmp_path


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A deployment whose programs have said something."""
    found = Deployment(data=tmp_path)
    found.logs.mkdir()
    for name in ("nginx", "orthanc"):
        (found.logs / f"{name}.log").write_text(f"said by {name}\n", encoding="utf-8")
    return found
