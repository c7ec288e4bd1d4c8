"""What a person is shown lies in folders of its own, open to nobody else, and goes."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.errors import StoreError
from orthanc_plugins.store import ShownFiles

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> ShownFiles:
    return ShownFiles(tmp_path, "previews")


def test_only_its_owner_reads_what_is_kept(files: ShownFiles, tmp_path: Path) -> None:
    files.keep("one", "a.png", b"picture")
    path = files.path("one", "a.png")
    assert path is not None
    assert path.read_bytes() == b"picture"
    assert {one.stat().st_mode & 0o077 for one in (path, path.parent, tmp_path / "previews")} == {0}
    assert [one.name for one in path.parent.iterdir()] == ["a.png"]


def test_values_come_back_until_they_are_removed(files: ShownFiles) -> None:
    files.keep_json("one", "a.json", {"before": ["Zoë"]})
    assert files.read_json("one", "a.json") == {"before": ["Zoë"]}
    assert files.remove("one")
    assert files.read_json("one", "a.json") is None
    assert not files.remove("one")


def test_what_is_older_than_it_may_be_goes_as_a_whole(files: ShownFiles, tmp_path: Path) -> None:
    for folder in ("old", "new"):
        files.keep(folder, "a.png", b"")
    then = time.time() - 7200
    os.utime(tmp_path / "previews" / "old", (then, then))
    assert files.forget_older(timedelta(hours=3)) == 0
    assert files.forget_older(timedelta(hours=1)) == 1
    assert [one.name for one in (tmp_path / "previews").iterdir()] == ["new"]


@pytest.mark.parametrize("name", ["../one", "", ".hidden", "a/b", "a\0b"])
def test_no_name_leads_elsewhere(files: ShownFiles, name: str) -> None:
    with pytest.raises(StoreError):
        files.keep(name, "a.png", b"")
    with pytest.raises(StoreError):
        files.keep("one", name, b"")
    assert files.path(name, "a.png") is None
    assert files.path("one", name) is None


def test_a_folder_that_others_may_write_into_is_not_used(files: ShownFiles, tmp_path: Path) -> None:
    (tmp_path / "previews").mkdir()
    (tmp_path / "previews").chmod(0o777)
    with pytest.raises(StoreError, match="check the data directory"):
        files.keep("one", "a.png", b"")
