"""The PDF says what the certificate says, can be searched, and is the same each time."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from reportlab.graphics.barcode.qr import QrCodeWidget

from orthanc_plugins.certificates import signed
from orthanc_plugins.certificates.pdf import pdf_of, qr_text
from tests.unit.certificates.pdf_text import text_of
from tests.unit.certificates.samples import DELIVERY, PATIENT, certificate, key

if TYPE_CHECKING:
    from orthanc_plugins.certificates import SignedCertificate

NEVER = re.compile(r"anonym|gdpr|hipaa|complian", re.IGNORECASE)


@pytest.fixture(scope="module")
def envelope() -> SignedCertificate:
    return signed(certificate(), key())


@pytest.fixture(scope="module")
def text(envelope: SignedCertificate) -> str:
    return text_of(pdf_of(envelope))


@pytest.mark.parametrize(
    "fact",
    [
        "De-identified per PS3.15 2026d, Basic Application Confidentiality Profile",
        PATIENT,
        "2 CT Image Storage, 1 RT Structure Set Storage",
        "9 checks, no errors, 1 warning",
        "Flagged and NOT removed.",
        "a description speaks of a head (2)",
        "2026-11-30 09:00:00 UTC, certificate issued 2026-11-30 09:05:00 UTC",
        "the data stay personal data",
        "The site must still",
        "project TRIAL7, subject DEID-K7Q2M4XA, session DEID-K7Q2M4XA_CT_1",
        "StudyDescription: set to the project's label (3 objects)",
        "37a0c7d3a7f25e32",
        "ab" * 32,
        "113107 DCM",
        "The trial's own names of series are needed.",
        "removed, emptied or replaced by a dummy, as the attribute's Type asks, 3 times: InstitutionName (3)",
        "looked for in 2 of 3 objects, painted over in 1",
        "residual no errors, no warnings",
        "Page 1 ",
    ],
)
def test_its_text_has_the_facts(text: str, fact: str) -> None:
    assert fact in text


def test_it_names_the_certificate_the_key_and_the_signature(envelope: SignedCertificate, text: str) -> None:
    signature = envelope.signature
    for fact in (
        envelope.certificate.digest,
        envelope.certificate.study.files_sha256,
        signature.key_id,
        signature.key.words,
        signature.public_key,
        signature.value[:64],
        signature.value[64:],
    ):
        assert fact in text


def test_it_never_says_that_nobody_can_be_found_or_a_law_is_kept(text: str) -> None:
    assert NEVER.search(text) is None


def test_it_has_the_same_bytes_at_any_time(
    envelope: SignedCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pdf_of(envelope)
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert pdf_of(envelope) == first
    assert b"D:20261130090500Z" in first


def test_it_has_at_most_three_pages(envelope: SignedCertificate) -> None:
    counted = re.search(rb"/Count (\d+)", pdf_of(envelope))
    assert counted is not None
    assert int(counted[1]) <= 3


def test_without_faces_and_transfer_it_says_so() -> None:
    plain = replace(certificate(faces={}), delivery=None, outcome=certificate().outcome.RELEASED)
    found = text_of(pdf_of(signed(plain, key())))
    assert "this certificate is about no transfer" in found
    assert "None flagged" in found
    assert "Where it went" not in found


def test_markup_and_characters_without_a_letter_show_as_they_stand() -> None:
    odd = replace(DELIVERY, destination="<b>A&B</b> \u4e2d")
    found = text_of(pdf_of(signed(replace(certificate(), delivery=odd), key())))
    assert "<b>A&B</b>[U+4E2D]" in found.replace(" ", "")


def test_the_code_for_a_camera_has_digest_key_and_signature(envelope: SignedCertificate) -> None:
    text = qr_text(envelope)
    code = QrCodeWidget(text, barLevel="M").qr
    code.make()
    dark = np.array(code.modules, dtype=bool)
    pixels = np.pad(np.where(dark, 0, 255).astype(np.uint8), 4, constant_values=255)
    pixels = np.kron(pixels, np.ones((6, 6), np.uint8))
    read, _, _ = cv2.QRCodeDetector().detectAndDecode(pixels)
    signature = envelope.signature
    assert read.lower() == (
        f"pacs-certificate-1:{envelope.certificate.digest}:{signature.key_id}:{signature.value}"
    )
