"""Certificates: what was done to one study before it left, what was checked, where it went; signed.

What it is for: whoever receives a study, and whoever answers for its protection, reads from one page what was
done and what was not, and can prove that neither the page nor the files were changed since.

Public: `certificate_of` (a `Certificate` of what a run reports), `create_signing_key`, `load_signing_key`,
`PublicKey`, `signed`, `written`, `opened`, `verify` (a `Verdict`), `differences` (of a folder from what is
certified), ``pdf`` (`pdf_of`), which loads reportlab.

Decisions
---------
2026-11-30  Everything in it is of the released side, so that it may travel with the data: pseudonyms, new
            UIDs, counts, digests. There is no field into which a value of an original would fit by accident:
            all but sentences have a form, and `issuing` takes what it names and leaves the rest.
2026-11-30  It says what was done by which edition of which standard. It says neither that nobody can be found
            nor that a law is kept, and cannot be made with such a sentence in it.
2026-11-30  It can only be made of what left after a check without errors, and a certificate that contradicts
            itself can be neither made nor read.
2026-11-30  Signed, not sealed: who verifies is not who issues, and must not be able to issue. Canonical JSON
            without fractions is that of RFC 8785, which other programs write as well.
2026-11-30  A file is verified by its bytes, as it left or as the destination has written it anew, under
            whatever name: so a download can be verified. Certificates of the study beside it do not count.
2026-11-30  The key's fingerprint is also told in words: a key that came with the data proves nothing, and
            people compare eight words by telephone where they would not compare 64 digits.
"""

from orthanc_plugins.certificates.certificate import (
    Certificate,
    DeclaredChange,
    Delivery,
    Outcome,
    PolicyException,
    ReadBack,
)
from orthanc_plugins.certificates.folder import Differences, differences, study_folder
from orthanc_plugins.certificates.issuing import certificate_of
from orthanc_plugins.certificates.signing import (
    Signature,
    SignedCertificate,
    Verdict,
    opened,
    signed,
    verify,
    written,
)
from orthanc_plugins.signing_keys import PublicKey, SigningKey, create_signing_key, load_signing_key

__all__ = [
    "Certificate",
    "DeclaredChange",
    "Delivery",
    "Differences",
    "Outcome",
    "PolicyException",
    "PublicKey",
    "ReadBack",
    "Signature",
    "SignedCertificate",
    "SigningKey",
    "Verdict",
    "certificate_of",
    "create_signing_key",
    "differences",
    "load_signing_key",
    "opened",
    "signed",
    "study_folder",
    "verify",
    "written",
]
