"""Certificates with their signature, and whether it holds.

What is signed is the canonical JSON of the certificate alone, so that no program of ours is needed to verify
it: ``jq -cSj .certificate`` writes it, ``openssl pkeyutl -verify -rawin`` checks it with the public key.
"""

# No postponed annotations here: see `certificate`.

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from orthanc_plugins.certificates.canonical import canonical, parsed, plain, restored
from orthanc_plugins.certificates.certificate import Certificate, KeyId, from_json, to_json
from orthanc_plugins.signing_keys import PublicKey, SigningKey

ALGORITHM = "Ed25519"


class Verdict(StrEnum):
    """What a signature is worth."""

    VALID = "valid"
    """It is that of a trusted key, and nothing was changed since."""
    UNKNOWN_KEY = "unknown key"
    """It holds, but the key is none of those trusted: anybody can have made it."""
    ALTERED = "altered"
    """It does not hold: something was changed after it was signed."""


@dataclass(frozen=True)
class Signature:
    """Who signed, and the signature, both in hex; ``key_id`` follows from ``public_key``."""

    algorithm: Annotated[str, "Ed25519"]
    key_id: KeyId
    public_key: Annotated[str, "[0-9a-f]{64}"]
    value: Annotated[str, "[0-9a-f]{128}"]

    @property
    def key(self) -> PublicKey:
        """The key that it says it was made with."""
        return PublicKey(bytes.fromhex(self.public_key))


@dataclass(frozen=True)
class SignedCertificate:
    """A certificate and its signature."""

    certificate: Certificate
    signature: Signature


def signed(certificate: Certificate, key: SigningKey) -> SignedCertificate:
    """Return a certificate with its signature; it is read again first: only what can be read is signed.

    Raises
    ------
    DeidError
        It has a value that no certificate has.
    """
    content = to_json(from_json(to_json(certificate)))
    public = key.public
    value = key.signature(content).hex()
    return SignedCertificate(certificate, Signature(ALGORITHM, public.key_id, public.raw.hex(), value))


def written(envelope: SignedCertificate) -> bytes:
    """Return a signed certificate as the file that it is handed on in."""
    return canonical(plain(envelope)) + b"\n"


def opened(text: bytes) -> SignedCertificate:
    """Return the signed certificate that a file has; whether its signature holds is not looked at.

    Raises
    ------
    DeidError
        It is none, or was altered into what no certificate can be.
    """
    return restored(SignedCertificate, parsed(text), "the file")


def verify(envelope: SignedCertificate, trusted: Iterable[PublicKey]) -> Verdict:
    """Return what the signature of a certificate is worth to whoever trusts these keys."""
    signature = envelope.signature
    holds = signature.key.has_signed(bytes.fromhex(signature.value), to_json(envelope.certificate))
    if not holds or signature.key_id != signature.key.key_id:
        return Verdict.ALTERED
    return Verdict.VALID if signature.key in set(trusted) else Verdict.UNKNOWN_KEY
