"""The folder of a structure set: nothing of former results stays in it, and nothing else leaves it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import orjson
import pytest

from orthanc_plugins.cli.rtstruct.set_folder import publish
from orthanc_plugins.rtstruct.results import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

OLD = ("masks/001_A.nii.gz", "masks/002_B.nii.gz", "meshes/001_A.stl", "report.pdf")
NEW = ("masks/001_A.nii.gz", "previews/001_A.png")


def make(folder: Path, names: tuple[str, ...], *, told: tuple[str, ...] = ()) -> Path:
    """Write files and the ``results.json`` that names them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(folder.name, encoding="utf-8")
    regions = [{"mask_path": name} for name in (*names, *told) if "/" in name]
    content = {"schema": {"name": SCHEMA}, "regions": regions}
    (folder / "results.json").write_bytes(orjson.dumps(content))
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_only_the_new_files_stay_and_what_is_not_the_suites(tmp_path: Path) -> None:
    folder = make(tmp_path / "set", OLD, told=("masks/../../mine.txt", "/etc/none", "notes/mine.txt"))
    own = {"masks/002_B_edited.nii.gz", "notes/mine.txt", "notes.txt"}
    for name in own:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine", encoding="utf-8")
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    publish(make(tmp_path / "made", NEW), folder)
    assert files(folder) == {*NEW, "results.json", *own}
    assert (folder / "masks" / "001_A.nii.gz").read_text(encoding="utf-8") == "made"
    assert not (folder / "meshes").exists()
    assert (tmp_path / "mine.txt").is_file()


@pytest.mark.parametrize("moves", range(1, 5))
def test_what_an_exchange_that_was_cut_off_has_left_goes_at_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    folder = make(tmp_path / "set", OLD)
    kind = type(tmp_path)
    replace = kind.replace
    done: list[Path] = []

    def cut_off(path: Path, target: Path) -> Path:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(target)
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "replace", cut_off)
        # the journal, two files, results.json
        with pytest.raises(KeyboardInterrupt) if moves < 4 else nullcontext():
            publish(make(tmp_path / "made", NEW), folder)
    assert (folder / "results.json").exists() == (moves == 4)
    publish(make(tmp_path / "third", ("meshes/003_C.stl",)), folder)
    assert files(folder) == {"meshes/003_C.stl", "results.json"}
