"""What tells one engine from another."""

from __future__ import annotations

from pathlib import Path

import pytest

import orthanc_plugins
from orthanc_plugins.engine import digest_of, engine_digest


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "dose").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "dose" / "b.py").write_text("y = 2\n", encoding="utf-8")
    (tmp_path / "page.js").write_text("1;\n", encoding="utf-8")
    return tmp_path


def test_the_engine_is_the_rt_struct_package_of_this_installation() -> None:
    assert engine_digest() == digest_of(Path(orthanc_plugins.__file__).with_name("rtstruct"))
    assert len(engine_digest()) == 64


@pytest.mark.parametrize("name", ["a.py", "dose/b.py", "page.js"])
def test_every_changed_source_makes_another_engine(package: Path, name: str) -> None:
    before = digest_of(package)
    (package / name).write_text("z\n", encoding="utf-8")
    assert digest_of(package) != before


def test_a_new_name_makes_another_engine(package: Path) -> None:
    before = digest_of(package)
    (package / "a.py").rename(package / "c.py")
    assert digest_of(package) != before


def test_what_python_has_compiled_makes_none(package: Path) -> None:
    before = digest_of(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.cpython-313.pyc").write_bytes(b"\0")
    assert digest_of(package) == before
