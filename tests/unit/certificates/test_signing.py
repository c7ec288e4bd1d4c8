"""A signature holds for exactly what was signed, and is worth something only with a key that is trusted."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orthanc_plugins.certificates import PublicKey, Verdict, opened, signed, verify, written
from orthanc_plugins.certificates.certificate import to_json
from orthanc_plugins.errors import DeidError
from tests.unit.certificates.samples import certificate, key

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVELOPE = written(signed(certificate(), key()))


def _places(content: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where every single value of JSON is."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _places(value, (*place, name))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _places(value, (*place, number))
    else:
        yield place


def _other(value: Any) -> Any:
    """Return another value of the same form, if there is one near."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        last = value[-1:]
        return value[:-1] + ({"0": "1", "1": "0", "a": "b", "X": "Z", "K": "X"}.get(last, "1")) or "a"
    return "x"


PLACES = list(_places(json.loads(ENVELOPE)))


def _verdict(content: Any) -> Verdict | None:
    """Return the verdict to whoever trusts the key, None where the file cannot be read at all."""
    try:
        return verify(opened(json.dumps(content).encode()), [key().public])
    except DeidError:
        return None


def test_what_was_signed_is_valid_to_whoever_trusts_the_key() -> None:
    assert verify(opened(ENVELOPE), [key(2).public, key().public]) is Verdict.VALID


@pytest.mark.parametrize("altered", [False, True])
def test_openssl_alone_finds_the_signature_to_hold(tmp_path: Path, altered: bool) -> None:
    """No program of ours is needed: JSON with its names in order, and Ed25519 of another library."""
    content = json.loads(ENVELOPE)
    plain = json.dumps(content["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (tmp_path / "certificate").write_text(plain.replace("DEID-", "DIED-", 1) if altered else plain)
    (tmp_path / "signature").write_bytes(bytes.fromhex(content["signature"]["value"]))
    (tmp_path / "key.pem").write_text(key().public.pem)
    command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in certificate -sigfile signature"
    verified = subprocess.run(command.split(), cwd=tmp_path, check=False, capture_output=True, text=True)
    assert ("Signature Verified Successfully" in verified.stdout) is not altered, verified.stderr
    assert (verified.returncode == 0) is not altered


def test_a_certificate_of_the_first_form_is_read_for_ever() -> None:
    """Whoever changes the form gives it another number, and reads this one still."""
    stored = (Path(__file__).parent / "first_form.json").read_bytes()
    assert written(opened(stored)) == stored
    assert verify(opened(stored), [key().public]) is Verdict.VALID


def test_order_and_spacing_of_the_file_do_not_matter() -> None:
    content = json.loads(ENVELOPE)
    shuffled = {name: content[name] for name in reversed(content)}
    assert verify(opened(json.dumps(shuffled, indent=2).encode()), [key().public]) is Verdict.VALID


def test_a_key_that_nobody_knows_proves_nothing() -> None:
    assert verify(opened(ENVELOPE), []) is Verdict.UNKNOWN_KEY
    assert verify(opened(ENVELOPE), [key(2).public]) is Verdict.UNKNOWN_KEY


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_any_field_that_is_changed_is_found(place: tuple[str | int, ...]) -> None:
    content = json.loads(ENVELOPE)
    *above, last = place
    holder = content
    for part in above:
        holder = holder[part]
    holder[last] = _other(holder[last])
    assert _verdict(content) in {Verdict.ALTERED, None}


def test_a_change_that_contradicts_nothing_is_found_by_the_signature() -> None:
    envelope = opened(ENVELOPE)
    policy = replace(envelope.certificate.policy, suite="0.1.1")
    altered = replace(envelope, certificate=replace(envelope.certificate, policy=policy))
    assert verify(altered, [key().public]) is Verdict.ALTERED


def test_whoever_signs_again_with_a_key_of_their_own_is_not_trusted() -> None:
    envelope = opened(ENVELOPE)
    forged = signed(replace(envelope.certificate, limits=("None.",)), key(2))
    assert verify(forged, [key().public]) is Verdict.UNKNOWN_KEY
    borrowed = replace(forged, signature=replace(forged.signature, public_key=key().public.raw.hex()))
    assert verify(borrowed, [key().public]) is Verdict.ALTERED


def test_an_identifier_of_another_key_is_an_alteration() -> None:
    envelope = opened(ENVELOPE)
    other = replace(envelope.signature, key_id=key(2).public.key_id)
    assert verify(replace(envelope, signature=other), [key().public]) is Verdict.ALTERED


@pytest.mark.parametrize("part", ["certificate", "signature"])
def test_a_field_that_is_added_is_refused(part: str) -> None:
    content = json.loads(ENVELOPE)
    content[part]["note"] = "x"
    assert _verdict(content) is None


def test_the_signature_is_ed25519_over_the_canonical_certificate_alone() -> None:
    """Programs that are not ours verify it so."""
    content = json.loads(ENVELOPE)
    text = json.dumps(content["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(content["signature"]["public_key"]))
    public.verify(bytes.fromhex(content["signature"]["value"]), text.encode())
    assert text.encode() == to_json(certificate())


def test_the_same_certificate_is_signed_alike() -> None:
    assert written(signed(certificate(), key())) == ENVELOPE


def test_only_what_can_be_read_is_signed() -> None:
    whole = certificate()
    with pytest.raises(DeidError, match=r"policy\.suite"):
        signed(replace(whole, policy=replace(whole.policy, suite="a\nb")), key())


def test_a_public_key_is_handed_on_as_pem() -> None:
    public = key().public
    assert public.pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert PublicKey.from_pem(public.pem.encode()) == public


def test_a_key_is_told_in_words_of_its_digest() -> None:
    # RFC 8032, section 7.1, test 1; its SHA-256 begins 21fe31df a154a261 626bf854 046fd227
    public = PublicKey(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
    assert hashlib.sha256(public.raw).hexdigest()[:32] == "21fe31dfa154a261626bf854046fd227"
    assert public.key_id == "21fe31dfa154a261"
    assert public.words == "faluv galiz pajih panod kanor zodih bidoz tamol"
