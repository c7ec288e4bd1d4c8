"""The installation's key pair for certificates (Ed25519, RFC 8032), and public keys to know them by.

The private key is made once, when somebody asks for it, and lies in a folder of the custodian's; it is in
PKCS 8, so that other tools read it too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from orthanc_plugins.errors import KeyUnusable
from orthanc_plugins.private_files import private_folder, read_private, write_once

if TYPE_CHECKING:
    from pathlib import Path

KEY_NAME = "certificates.signing.pem"

_LONGEST_FILE = 1000
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_WORDS = 8


@dataclass(frozen=True)
class PublicKey:
    """A key that tells whether a signature is that of an installation; ``raw`` has 32 bytes."""

    raw: bytes

    @property
    def key_id(self) -> str:
        """Which key this is, in 16 hex digits of its SHA-256."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def words(self) -> str:
        """The first 128 bits of its SHA-256 in eight words, which two people can compare by telephone.

        They are proquints (Wilkerson, 2009): sixteen bits each, consonants and vowels in turn.
        """
        digest = hashlib.sha256(self.raw).digest()
        pairs = (digest[start : start + 2] for start in range(0, 2 * _WORDS, 2))
        return " ".join(proquint(int.from_bytes(pair)) for pair in pairs)

    @property
    def pem(self) -> str:
        """The key as PEM (RFC 8410), to be handed to whoever receives certificates."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @classmethod
    def from_pem(cls, text: bytes) -> Self:
        """Return the key that PEM has.

        Raises
        ------
        KeyUnusable
            It is no public key of this kind.
        """
        try:
            key = load_pem_public_key(text)
        except (ValueError, UnsupportedAlgorithm):
            raise KeyUnusable("This is no public key in PEM.") from None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyUnusable("This is a public key of another kind than Ed25519.")
        return cls(key.public_bytes_raw())

    def has_signed(self, signature: bytes, content: bytes) -> bool:
        """Return whether a signature over content is that of this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """The key that signs. Its repr does not show the secret."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The key by which its signatures are known."""
        return PublicKey(self.private.public_key().public_bytes_raw())

    def signature(self, content: bytes) -> bytes:
        """Return the signature over content, 64 bytes; the same content has the same."""
        return self.private.sign(content)


def create_signing_key(folder: Path) -> SigningKey:
    """Return the installation's key, made now unless it is there; two that create at once get one key.

    Raises
    ------
    KeyUnusable
        It cannot be written, or what is there cannot be used.
    """
    key = SigningKey(Ed25519PrivateKey.generate())
    content = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        private_folder(folder)
        made = write_once(folder / KEY_NAME, content)
    except OSError as error:
        raise KeyUnusable(f"The key that signs certificates cannot be made: {error}") from error
    return key if made else load_signing_key(folder)


def load_signing_key(folder: Path) -> SigningKey:
    """Return the installation's key.

    Raises
    ------
    KeyUnusable
        There is none, others could read or replace it, or it is damaged; the text says how to mend it.
    """
    path = folder / KEY_NAME
    try:
        if not path.is_symlink() and not path.exists():
            raise KeyUnusable(f"There is no key that signs certificates in {folder}; create or restore it.")
        private_folder(folder)
        content = read_private(path, _LONGEST_FILE)
    except OSError as error:
        raise KeyUnusable(f"The key that signs certificates is not usable: {error}") from error
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnusable(f"{path} is damaged, or no key; restore it from the custodian's copy.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} is a key of another kind than Ed25519; restore the right one.")
    return SigningKey(key)


def proquint(number: int) -> str:
    """Return sixteen bits as a word that can be said.

    >>> proquint(0x7F00), proquint(0x0001)
    ('lusab', 'babad')
    """
    return "".join(
        letters[number >> shift & len(letters) - 1]
        for letters, shift in zip(
            (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS), (12, 10, 6, 4, 0), strict=True
        )
    )
