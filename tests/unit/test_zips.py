"""A ZIP is unpacked whole, inside its folder and for a while, or it is refused with what to do."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins import zips
from orthanc_plugins.errors import ZipRefused
from orthanc_plugins.zips import is_zip, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def packed(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], **how: Any) -> Path:
    with zipfile.ZipFile(path, "w", **how) as out:
        for name, content in entries:
            out.writestr(name, content)
    return path


def test_files_keep_their_places_and_are_gone_afterwards(tmp_path: Path) -> None:
    given = packed(tmp_path / "study.ZIP", ("a/b/1.dcm", b"one"), ("Ä 2.dcm", b"two"), ("empty/", b""))
    with unpacked(given) as folder:
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.dcm")}
        assert folder.name == "study.ZIP"
        assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert found == {"a/b/1.dcm": b"one", "Ä 2.dcm": b"two"}
    assert not folder.parent.exists()


def test_what_is_a_zip_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    assert is_zip(packed(tmp_path / "study.dcm", ("1", b"1")))
    (tmp_path / "no.zip").write_bytes(b"DICM")
    assert not is_zip(tmp_path / "no.zip")
    assert not is_zip(tmp_path)
    assert not is_zip(tmp_path / "nowhere")


def encrypted(path: Path) -> Path:
    content = bytearray(packed(path, ("1.dcm", b"one")).read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    return path


def link(path: Path) -> Path:
    info = zipfile.ZipInfo("1.dcm")
    info.external_attr = 0o120777 << 16
    return packed(path, (info, b"/etc/passwd"))


def nested(path: Path) -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as out:
        out.writestr("1.dcm", b"one")
    return packed(path, ("a.dcm", b"one"), ("inner.dcm", inner.getvalue()))


def bomb(path: Path) -> Path:
    return packed(path, ("1.dcm", bytes(10_000)), compression=zipfile.ZIP_DEFLATED)


def cut(path: Path) -> Path:
    path.write_bytes(packed(path, ("1.dcm", b"one" * 100)).read_bytes()[:-30])
    return path


def altered(path: Path) -> Path:
    path.write_bytes(packed(path, ("1.dcm", b"one" * 100)).read_bytes().replace(b"oneone", b"twoone", 1))
    return path


def twice(path: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return packed(path, ("1.dcm", b"one"), ("1.dcm", b"two"))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (encrypted, "file 1 in it is encrypted"),
        (link, "file 1 in it is a link"),
        (nested, "it holds another ZIP"),
        (bomb, "it unpacks to 10000 bytes, more than 20 times its own"),
        (cut, "it is damaged"),
        (altered, "it is damaged"),
        (twice, "two files in it have one name"),
        (packed, "it holds no file"),
        (lambda path: packed(path, ("../1.dcm", b"1")), "leads out of it"),
        (lambda path: packed(path, ("a/../../1.dcm", b"1")), "leads out of it"),
        (lambda path: packed(path, ("/1.dcm", b"1")), "leads out of it"),
        (lambda path: packed(path, ("a\\..\\1.dcm", b"1")), "leads out of it"),
        (lambda path: packed(path, ("C:/1.dcm", b"1")), "leads out of it"),
        (lambda path: packed(path, (f"{'x' * 300}.dcm", b"1")), "a name of more than 255 bytes"),
        (lambda path: packed(path, ("1.dcm", b"1"), compression=zipfile.ZIP_LZMA), "another method"),
        (lambda path: packed(path, *((str(number), b"1") for number in range(11))), "10 are the most"),
    ],
)
def test_what_is_not_to_be_unpacked_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], Path], reason: str
) -> None:
    monkeypatch.setattr(zips, "MOST_ENTRIES", 10)
    monkeypatch.setattr(zips, "MOST_RATIO", 20)
    monkeypatch.setattr(zips, "FREE_BYTES", 500)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    given = made(tmp_path / "given.zip")
    with pytest.raises(ZipRefused, match=reason) as refused, unpacked(given):
        pass
    assert str(given) in str(refused.value)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.zip", "tmp"]


def test_where_it_has_no_room_is_told_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with (
        pytest.raises(ZipRefused, match="unpacks to 3 bytes, and 2 are free: make room, or set TMPDIR"),
        unpacked(packed(tmp_path / "given.zip", ("1.dcm", b"one"))),
    ):
        pass
