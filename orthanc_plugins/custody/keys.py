"""The keys of projects: a secret of 256 bits for each purpose, in a file that tells whether it is whole.

A key is created only when somebody asks for it. Whoever de-identifies loads it, and is refused where it is
missing: a new key in its place would give every patient a second pseudonym. One that was destroyed leaves an
empty file that says so, and is neither made again nor taken from a copy.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from orthanc_plugins.errors import KeyUnusable
from orthanc_plugins.private_files import destroy, private_folder, read_private, write_once

if TYPE_CHECKING:
    from pathlib import Path

SECRET_BYTES = 32
"""Length of a secret: 256 bits."""

_LONGEST_FILE = 1000
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FILE = re.compile(
    r"(orthanc-pacs-suite key 1\n"
    r"project: (?P<project>[A-Za-z0-9_-]+)\n"
    r"purpose: (?P<purpose>[a-z]+)\n"
    r"key-id: (?P<key_id>[0-9a-f]{16})\n"
    r"secret: (?P<secret>[0-9a-f]+)\n)"
    r"sha-256: (?P<checksum>[0-9a-f]{64})\n"
)


class KeyPurpose(StrEnum):
    """What a key is for; a key of one purpose serves no other."""

    PSEUDONYMS = "pseudonyms"
    MAPPING = "mapping"
    AUDIT = "audit"


@dataclass(frozen=True)
class ProjectKey:
    """A project's secret for one purpose. Its repr does not show the secret."""

    project: str
    purpose: KeyPurpose
    secret: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """Which key this is, in 16 hex digits that tell nothing of it; the same that pseudonyms report."""
        return hmac.digest(self.secret, b"key-id\0", "sha256").hex()[:16]


def is_project(name: str) -> bool:
    """Return whether a name may be that of a project: letters, digits, - and _, at most 64, no path.

    >>> is_project("trial-7"), is_project("../trial"), is_project("")
    (True, False, False)
    """
    return _PROJECT.fullmatch(name) is not None


def key_path(folder: Path, project: str, purpose: KeyPurpose = KeyPurpose.PSEUDONYMS) -> Path:
    """Return where a project's key is.

    Raises
    ------
    KeyUnusable
        The name is none of a project.
    """
    if not is_project(project):
        raise KeyUnusable("A project's name has letters, digits, - and _, at most 64; this one has not.")
    return folder / f"{project}.{purpose}.key"


def create_key(folder: Path, project: str, purpose: KeyPurpose = KeyPurpose.PSEUDONYMS) -> ProjectKey:
    """Return a project's key, made now unless it is there; two processes that create at once get one key.

    Raises
    ------
    KeyUnusable
        It cannot be written, or what is there cannot be used.
    """
    path = key_path(folder, project, purpose)
    _refuse_destroyed(folder, project, purpose)
    key = ProjectKey(project, purpose, secrets.token_bytes(SECRET_BYTES))
    try:
        private_folder(folder)
        made = write_once(path, _written(key))
    except OSError as error:
        raise KeyUnusable(f"The {purpose} key of project {project} cannot be made: {error}") from error
    return key if made else load_key(folder, project, purpose)


def load_key(folder: Path, project: str, purpose: KeyPurpose = KeyPurpose.PSEUDONYMS) -> ProjectKey:
    """Return a project's key.

    Raises
    ------
    KeyUnusable
        There is none, others could read or replace it, or it is damaged; the text says how to mend it.
    """
    path = key_path(folder, project, purpose)
    _refuse_destroyed(folder, project, purpose)
    try:
        if not path.is_symlink() and not path.exists():
            raise KeyUnusable(f"Project {project} has no {purpose} key in {folder}; create or restore it.")
        private_folder(folder)
        content = read_private(path, _LONGEST_FILE)
    except OSError as error:
        raise KeyUnusable(f"The {purpose} key of project {project} is not usable: {error}") from error
    return _read(content, path, project, purpose)


def destroy_key(folder: Path, project: str, purpose: KeyPurpose = KeyPurpose.PSEUDONYMS) -> None:
    """Destroy a project's key for good, and remember that: it is not made again; none is no error.

    Raises
    ------
    KeyUnusable
        It cannot be removed.
    """
    path = key_path(folder, project, purpose)
    try:
        if path.exists():
            write_once(_note(path), b"")
        destroy(path)
    except OSError as error:
        raise KeyUnusable(f"The {purpose} key of project {project} is still there: {error}") from error


def was_destroyed(folder: Path, project: str, purpose: KeyPurpose = KeyPurpose.PSEUDONYMS) -> bool:
    """Return whether a project's key was destroyed for good."""
    return _note(key_path(folder, project, purpose)).exists()


def _note(path: Path) -> Path:
    """Return the empty file that says that a key was destroyed."""
    return path.with_suffix(".destroyed")


def _refuse_destroyed(folder: Path, project: str, purpose: KeyPurpose) -> None:
    if not was_destroyed(folder, project, purpose):
        return
    if purpose is KeyPurpose.MAPPING:
        raise KeyUnusable(
            f"What told who is behind the pseudonyms of project {project} was destroyed for good: it is not "
            "reversible any more, and goes on without. Where that is to be known, make another project."
        )
    raise KeyUnusable(
        f"The {purpose} key of project {project} was destroyed for good, and no other takes its place: make "
        "a project of another name."
    )


def _written(key: ProjectKey) -> bytes:
    text = (
        "orthanc-pacs-suite key 1\n"
        f"project: {key.project}\npurpose: {key.purpose}\nkey-id: {key.key_id}\nsecret: {key.secret.hex()}\n"
    )
    return f"{text}sha-256: {_checksum(text)}\n".encode("ascii")


def _read(content: bytes, path: Path, project: str, purpose: KeyPurpose) -> ProjectKey:
    found = _FILE.fullmatch(content.decode("ascii", "replace"))
    if found is None or not hmac.compare_digest(found["checksum"], _checksum(found[1])):
        raise KeyUnusable(f"{path} is damaged, or no key; restore it from the custodian's copy.")
    if (found["project"], found["purpose"]) != (project, purpose):
        raise KeyUnusable(f"{path} is a key of another project or purpose; restore the right one.")
    if len(found["secret"]) != 2 * SECRET_BYTES:
        raise KeyUnusable(f"{path} holds a key of another length than 256 bits; restore the right one.")
    key = ProjectKey(project, purpose, bytes.fromhex(found["secret"]))
    if key.key_id != found["key_id"]:
        raise KeyUnusable(f"{path} holds another secret than its identifier says; restore the right one.")
    return key


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
