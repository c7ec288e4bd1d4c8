"""The installation has one key, which nobody else can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from orthanc_plugins.certificates import PublicKey, create_signing_key, load_signing_key
from orthanc_plugins.errors import KeyUnusable
from orthanc_plugins.signing_keys import KEY_NAME
from tests.unit.certificates.samples import key
from tests.unit.custody.processes import at_once

if TYPE_CHECKING:
    from pathlib import Path

OTHER = generate_private_key(SECP256R1())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "custody"


def _created(folder: Path) -> str:
    return create_signing_key(folder).public.raw.hex()


def _write(folder: Path, content: bytes) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / KEY_NAME
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_a_key_is_loaded_as_it_was_created(folder: Path) -> None:
    made = create_signing_key(folder)
    assert load_signing_key(folder).public == made.public
    assert load_signing_key(folder).signature(b"a") == made.signature(b"a")


def test_key_and_folder_are_closed_to_others(folder: Path) -> None:
    create_signing_key(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == [KEY_NAME], "no draft is left"
    assert (folder / KEY_NAME).stat().st_mode & 0o777 == 0o600


def test_creating_again_changes_nothing(folder: Path) -> None:
    assert create_signing_key(folder).public == create_signing_key(folder).public


def test_processes_that_create_at_once_get_one_key(folder: Path) -> None:
    assert len(set(at_once(_created, [(folder,)] * 3))) == 1
    assert [path.name for path in folder.iterdir()] == [KEY_NAME]


def test_the_file_is_pkcs_8_as_other_programs_write_it(folder: Path) -> None:
    _write(folder, key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert load_signing_key(folder).public == key().public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_open_to_others_is_refused(folder: Path, mode: int) -> None:
    create_signing_key(folder)
    (folder / KEY_NAME).chmod(mode)
    for use in (load_signing_key, create_signing_key):
        with pytest.raises(KeyUnusable, match="set its mode to 600"):
            use(folder)


def test_a_folder_into_which_others_write_is_refused(folder: Path) -> None:
    create_signing_key(folder)
    folder.chmod(0o770)
    for use in (load_signing_key, create_signing_key):
        with pytest.raises(KeyUnusable, match="set its mode to 700"):
            use(folder)


def test_a_key_of_another_account_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_signing_key(folder)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(KeyUnusable, match="another account"):
        load_signing_key(folder)


def test_a_link_to_a_key_is_refused(folder: Path, tmp_path: Path) -> None:
    create_signing_key(folder)
    (folder / KEY_NAME).rename(tmp_path / "elsewhere")
    (folder / KEY_NAME).symlink_to(tmp_path / "elsewhere")
    for use in (load_signing_key, create_signing_key):
        with pytest.raises(KeyUnusable, match="not usable"):
            use(folder)


def test_a_pipe_in_place_of_a_key_is_refused_at_once(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / KEY_NAME, 0o600)
    with pytest.raises(KeyUnusable, match="no plain file"):
        load_signing_key(folder)


def test_a_missing_key_is_not_made_by_loading(folder: Path) -> None:
    with pytest.raises(KeyUnusable, match="create or restore"):
        load_signing_key(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (b"\xff" * 2000, "damaged"),
        (OTHER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "another kind"),
        (
            key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
            "damaged",
        ),
    ],
)
def test_what_is_no_key_of_this_kind_is_refused(folder: Path, content: bytes, says: str) -> None:
    _write(folder, content)
    with pytest.raises(KeyUnusable, match=says):
        load_signing_key(folder)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no public key"),
        (OTHER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "another kind"),
        (key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "no public key"),
    ],
)
def test_what_is_no_public_key_of_this_kind_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(KeyUnusable, match=says):
        PublicKey.from_pem(content)


def test_no_secret_is_shown(folder: Path) -> None:
    made = create_signing_key(folder)
    assert made.private.private_bytes_raw().hex() not in repr(made)
    assert "PRIVATE" not in repr(made)
