"""What was not checked is seen by nobody, and does not stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.release.staging import staging

if TYPE_CHECKING:
    from pathlib import Path


def test_the_folder_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    with staging(tmp_path / "out") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "1.dcm").touch()
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_run_left_is_removed_and_what_another_run_makes_stays(tmp_path: Path) -> None:
    left = tmp_path / ".unchecked-0123456789abcdef"
    left.mkdir()
    (left / "1.dcm").touch()
    with staging(tmp_path) as one, staging(tmp_path) as other:
        assert sorted(tmp_path.iterdir()) == sorted((one, other))
    assert list(tmp_path.iterdir()) == []
