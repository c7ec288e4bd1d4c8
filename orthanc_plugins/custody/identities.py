"""Who is behind a pseudonym, as the custodian keeps it, and how it is sealed (AES-256-GCM, SP 800-38D)."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orthanc_plugins.errors import CustodyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orthanc_plugins.custody.keys import ProjectKey

_NONCE_BYTES = 12
_PSEUDONYM = re.compile(r"DEID-[A-Z2-7]{16}|[A-Z]{1,16}[0-9]{3,15}")


def is_pseudonym(text: str) -> bool:
    """Return whether a text is written as a pseudonym of the suite: keyed, or a number of a register.

    >>> is_pseudonym("DEID-RICSNLPLJNNHEA6G"), is_pseudonym("ANON00742"), is_pseudonym("Doe^Jane")
    (True, True, False)
    """
    return _PSEUDONYM.fullmatch(text) is not None


@dataclass(frozen=True)
class Identity:
    """A patient as the originals name them. Its repr shows nothing."""

    patient_id: str = field(repr=False)
    issuer: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)


@dataclass(frozen=True)
class Known:
    """All that is kept of one pseudonym. Its repr shows nothing but the pseudonym.

    Attributes
    ----------
    identities
        Every spelling seen under the pseudonym, in the order in which they were seen.
    uids
        New UID of each original one.
    """

    pseudonym: str
    identities: tuple[Identity, ...] = field(default=(), repr=False)
    uids: Mapping[str, str] = field(default_factory=dict, repr=False)

    def and_also(self, identity: Identity, uids: Mapping[str, str]) -> Known:
        """Return what is known with an identity and UIDs more.

        Raises
        ------
        CustodyError
            An original UID has another new one already: two keys, or two engines, were at work.
        """
        if any(self.uids.get(old, new) != new for old, new in uids.items()):
            raise CustodyError(f"An original UID kept under {self.pseudonym} has another new UID by now.")
        return Known(
            self.pseudonym,
            tuple(dict.fromkeys((*self.identities, identity))),
            {**self.uids, **uids},
        )


class Seal:
    """Seals what is known of a pseudonym so that it opens under that pseudonym of that project alone."""

    def __init__(self, key: ProjectKey) -> None:
        self._cipher = AESGCM(key.secret)
        self._bound_to = f"identities 1\0{key.project}\0{key.key_id}\0"

    def closed(self, known: Known) -> bytes:
        """Return nonce and ciphertext; the nonce is of 96 random bits (SP 800-38D 8.2.2)."""
        content = {"identities": [asdict(one) for one in known.identities], "uids": dict(known.uids)}
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return nonce + self._cipher.encrypt(nonce, plain, self._context(known.pseudonym))

    def opened(self, pseudonym: str, sealed: bytes) -> Known:
        """Return what is known of a pseudonym.

        Raises
        ------
        CustodyError
            It was sealed with another key, for another pseudonym, or was changed since.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, ciphertext, self._context(pseudonym))
        except (InvalidTag, ValueError):
            raise CustodyError(
                f"What is kept of {pseudonym} was changed, or sealed with another key; restore the table."
            ) from None
        content = json.loads(plain.decode("utf-8", "surrogatepass"))
        identities = tuple(Identity(**one) for one in content["identities"])
        return Known(pseudonym, identities, content["uids"])

    def _context(self, pseudonym: str) -> bytes:
        return f"{self._bound_to}{pseudonym}".encode()
