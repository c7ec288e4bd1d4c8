"""File names and files: safe, unique, stable, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.rtstruct import Region
from orthanc_plugins.rtstruct.export import file_stems, safe_name, write_whole
from tests.builders import HOSTILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("GTV", "GTV"),
        ("PTV 60 Gy", "PTV_60_Gy"),
        ("a/b:c*?", "a_b_c"),
        ("../x", "x"),
        ("..", "region"),
        (" ", "region"),
        ("", "region"),
        ("é漢", "e"),
        ("漢字", "region"),
        ("CON", "CON"),
        ("tab\there\n", "tab_here"),
        ("x" * 100, "x" * 48),
        ("-rf", "rf"),
        ("Köper /außen", "Koper_aussen"),
        ("Ærø Đorđe Łódź œuvre", "AEro_Dorde_Lodz_oeuvre"),
    ],
)
def test_names_become_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_stems_are_unique_even_where_case_is_ignored() -> None:
    regions = [Region(number, name) for number, name in enumerate([*HOSTILE_NAMES, "GTV", "gtv", "GTV"], 1)]
    stems = file_stems(regions)
    assert len({stem.lower() for stem in stems}) == len(regions)
    assert all(stem[:3].isdecimal() and "/" not in stem and ".." not in stem for stem in stems)
    assert stems == file_stems(regions)


def test_stems_of_one_number_and_of_negative_numbers_stay_apart() -> None:
    regions = [Region(4, "a"), Region(4, "a"), Region(-4, "a"), Region(1234, "a")]
    assert file_stems(regions) == ["004_a", "004-2_a", "m04_a", "1234_a"]


def test_a_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "masks" / "a.bin"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_no_part(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").write_text("x")
    with pytest.raises(OSError, match="taken"):
        write_whole(tmp_path / "taken", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
