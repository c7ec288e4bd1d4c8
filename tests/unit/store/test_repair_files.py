from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import RepairError, StoreError
from orthanc_plugins.store import RepairFiles

if TYPE_CHECKING:
    from pathlib import Path

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def files(tmp_path: Path) -> RepairFiles:
    return RepairFiles(tmp_path / "data")


def test_documents_come_back_and_the_newer_takes_the_olders_place(files: RepairFiles) -> None:
    assert files.read(ID, "plan") is None
    files.write(ID, "plan", {"name": "Müller"})
    files.write(ID, "plan", {"name": "山田"})
    files.write(ID, "comparison", {"differences": []})
    assert files.read(ID, "plan") == {"name": "山田"}
    assert files.read(ID, "comparison") == {"differences": []}


def test_kept_files_are_named_by_their_content_and_kept_once(files: RepairFiles, tmp_path: Path) -> None:
    digest = files.keep(ID, b"former")
    assert digest == hashlib.sha256(b"former").hexdigest() == files.keep(ID, b"former")
    assert files.kept(ID, digest) == b"former"
    assert [path.name for path in (tmp_path / "data" / "undo" / ID).iterdir()] == [digest]
    (tmp_path / "data" / "undo" / ID / digest).unlink()
    with pytest.raises(StoreError, match="could not be read"):
        files.kept(ID, digest)


def test_only_the_owner_reads_them(files: RepairFiles, tmp_path: Path) -> None:
    files.write(ID, "plan", {})
    files.keep(ID, b"former")
    written = [path for path in (tmp_path / "data").rglob("*") if path.name != "data"]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in written if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) for name in ("repairs", "undo")} == {
        0o700
    }


def test_a_damaged_file_is_not_put_back(files: RepairFiles, tmp_path: Path) -> None:
    digest = files.keep(ID, b"former")
    (tmp_path / "data" / "undo" / ID / digest).write_bytes(b"forme")
    with pytest.raises(RepairError, match="damaged"):
        files.kept(ID, digest)
    files.write(ID, "plan", {})
    (tmp_path / "data" / "repairs" / ID / "plan.json").write_bytes(b"{")
    with pytest.raises(RepairError, match="damaged"):
        files.read(ID, "plan")


@pytest.mark.parametrize("name", ["", "../../etc", "a/b", "A" * 32, "x" * 65])
def test_a_name_that_leads_elsewhere_is_refused(files: RepairFiles, name: str) -> None:
    for ask in (
        lambda: files.read(name, "plan"),
        lambda: files.keep(name, b""),
        lambda: files.kept(ID, name),
    ):
        with pytest.raises(RepairError):
            ask()


def test_a_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")
    with pytest.raises(StoreError, match="data directory"):
        RepairFiles(tmp_path / "data").write(ID, "plan", {})
    with pytest.raises(StoreError, match="data directory"):
        RepairFiles(tmp_path / "data").keep(ID, b"")
