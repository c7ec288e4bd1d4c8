"""What holds for the lock files: every package is pinned by hash, and the tests see what users get."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scripts.lib.render import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

RUNTIME = REPOSITORY / "requirements.lock"
DEVELOPMENT = REPOSITORY / "requirements-dev.lock"
LOCKS = [RUNTIME, DEVELOPMENT, REPOSITORY / "ohif" / "node.lock"]


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_has_a_hash(path: Path) -> None:
    blocks = re.split(r"^(?=\S)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    packages = [block for block in blocks if "==" in block]
    assert packages
    assert all("--hash=sha256:" in block for block in packages)


def test_tests_run_with_the_versions_users_get() -> None:
    development = pins(DEVELOPMENT)
    assert {name: development.get(name) for name in pins(RUNTIME)} == pins(RUNTIME)


def test_runtime_holds_what_the_project_asks_for() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    section = project.split("dependencies = [", 1)[1].split("]", 1)[0]
    wanted = re.findall(r'^\s*"([\w-]+)', section, re.MULTILINE)
    assert wanted
    assert not set(wanted) - set(pins(RUNTIME))
