"""A project has one key, which nobody else can read, and which is known to be whole."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.custody.keys import (
    KeyPurpose,
    ProjectKey,
    create_key,
    destroy_key,
    key_path,
    load_key,
    was_destroyed,
)
from orthanc_plugins.errors import KeyUnusable
from orthanc_plugins.pseudonyms import Pseudonyms
from tests.unit.custody.processes import at_once

if TYPE_CHECKING:
    from pathlib import Path

SECRET = bytes(range(32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def _created(folder: Path) -> str:
    return create_key(folder, "trial").secret.hex()


def _key_file(
    *, project: str = "trial", purpose: str = "pseudonyms", secret: bytes = SECRET, key_id: str = ""
) -> str:
    text = (
        f"orthanc-pacs-suite key 1\nproject: {project}\npurpose: {purpose}\n"
        f"key-id: {key_id or '37a0c7d3a7f25e32'}\nsecret: {secret.hex()}\n"
    )
    return f"{text}sha-256: {hashlib.sha256(text.encode()).hexdigest()}\n"


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "trial.pseudonyms.key"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_key_is_loaded_as_it_was_created(folder: Path) -> None:
    key = create_key(folder, "trial")
    assert load_key(folder, "trial") == key
    assert len(key.secret) == 32
    assert key.secret != create_key(folder, "other").secret


def test_key_and_folder_are_closed_to_others(folder: Path) -> None:
    create_key(folder, "trial")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["trial.pseudonyms.key"], "no draft is left"
    assert (folder / "trial.pseudonyms.key").stat().st_mode & 0o777 == 0o600


def test_creating_again_changes_nothing(folder: Path) -> None:
    assert create_key(folder, "trial") == create_key(folder, "trial")


def test_processes_that_create_at_once_get_one_key(folder: Path) -> None:
    assert len(set(at_once(_created, [(folder,)] * 3))) == 1


def test_the_identifier_of_a_key_is_the_one_that_pseudonyms_report() -> None:
    key_id = ProjectKey("trial", KeyPurpose.PSEUDONYMS, SECRET).key_id
    assert key_id == Pseudonyms(SECRET).key_id == "37a0c7d3a7f25e32"


def test_each_purpose_has_a_key_of_its_own(folder: Path) -> None:
    secrets = {create_key(folder, "trial", purpose).secret for purpose in KeyPurpose}
    assert len(secrets) == 3


def test_a_key_written_by_hand_is_read(folder: Path) -> None:
    _write(folder, _key_file())
    assert load_key(folder, "trial").secret == SECRET


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (_key_file()[:-2], "damaged"),
        (_key_file().replace("0405", "0406"), "damaged"),
        (_key_file().replace("key 1", "key 2"), "damaged"),
        ("", "damaged"),
        ("\xff" * 2000, "damaged"),
        (_key_file(project="other"), "another project"),
        (_key_file(purpose="mapping"), "another project or purpose"),
        (_key_file(secret=SECRET[:16]), "another length"),
        (_key_file(secret=SECRET * 2), "another length"),
        (_key_file(key_id="0123456789abcdef"), "another secret"),
    ],
)
def test_what_is_no_whole_key_of_the_project_is_refused(folder: Path, text: str, says: str) -> None:
    _write(folder, text)
    with pytest.raises(KeyUnusable, match=says) as refused:
        load_key(folder, "trial")
    assert "0405" not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_open_to_others_is_refused(folder: Path, mode: int) -> None:
    _write(folder, _key_file()).chmod(mode)
    with pytest.raises(KeyUnusable, match="set its mode to 600"):
        load_key(folder, "trial")


def test_a_folder_into_which_others_write_is_refused(folder: Path) -> None:
    _write(folder, _key_file())
    folder.chmod(0o770)
    with pytest.raises(KeyUnusable, match="set its mode to 700"):
        load_key(folder, "trial")
    with pytest.raises(KeyUnusable, match="set its mode to 700"):
        create_key(folder, "other")


def test_a_key_of_another_account_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(folder, _key_file())
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(KeyUnusable, match="another account"):
        load_key(folder, "trial")


def test_a_link_to_a_key_is_refused(folder: Path, tmp_path: Path) -> None:
    path = _write(folder, _key_file())
    path.rename(tmp_path / "elsewhere.key")
    path.symlink_to(tmp_path / "elsewhere.key")
    with pytest.raises(KeyUnusable, match="not usable"):
        load_key(folder, "trial")
    with pytest.raises(KeyUnusable, match="not usable"):
        create_key(folder, "trial")


def test_a_pipe_in_place_of_a_key_is_refused_at_once(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / "trial.pseudonyms.key", 0o600)
    with pytest.raises(KeyUnusable, match="no plain file"):
        load_key(folder, "trial")


def test_a_missing_key_is_not_made_by_loading(folder: Path) -> None:
    with pytest.raises(KeyUnusable, match="create or restore"):
        load_key(folder, "trial")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["", "../trial", "a/b", "a.b", "-a", "a b", "é", "a" * 65, "a\n"])
def test_a_name_that_is_none_of_a_project_is_refused(folder: Path, name: str) -> None:
    for use in (key_path, create_key, load_key, destroy_key):
        with pytest.raises(KeyUnusable, match="A project's name"):
            use(folder, name)


def test_a_destroyed_key_is_gone_with_its_drafts(folder: Path) -> None:
    create_key(folder, "trial")
    kept = create_key(folder, "other")
    draft = folder / ".trial.pseudonyms.key.0123"
    draft.write_bytes(b"left by a crash")
    held = (folder / "trial.pseudonyms.key").open("rb")
    destroy_key(folder, "trial")
    with held:
        assert not any(held.read()), "it was overwritten before it was removed"
    assert sorted(path.name for path in folder.iterdir()) == [
        "other.pseudonyms.key",
        "trial.pseudonyms.destroyed",
    ]
    assert load_key(folder, "other") == kept
    destroy_key(folder, "trial")


def test_a_destroyed_key_is_neither_made_again_nor_taken_from_a_copy(folder: Path) -> None:
    create_key(folder, "trial")
    copy = (folder / "trial.pseudonyms.key").read_text()
    destroy_key(folder, "trial")
    _write(folder, copy)
    assert was_destroyed(folder, "trial")
    assert not was_destroyed(folder, "trial", KeyPurpose.MAPPING)
    for use in (create_key, load_key):
        with pytest.raises(KeyUnusable, match="destroyed for good"):
            use(folder, "trial")
    create_key(folder, "trial", KeyPurpose.MAPPING)


def test_a_key_that_never_was_leaves_no_word_of_its_end(folder: Path) -> None:
    create_key(folder, "other")
    destroy_key(folder, "trial")
    assert not was_destroyed(folder, "trial")
    create_key(folder, "trial")


def test_no_secret_is_shown(folder: Path) -> None:
    key = create_key(folder, "trial")
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)
