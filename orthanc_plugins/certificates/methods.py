"""What may be said of a de-identification: the codes of CID 7050 (PS3.16), and the sentence they make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orthanc_plugins.errors import DeidError

if TYPE_CHECKING:
    from collections.abc import Iterable

BASIC, CLEAN_PIXELS, CLEAN_FEATURES = "113100", "113101", "113102"
FULL_DATES, MODIFIED_DATES = "113106", "113107"
CLEAN_DESCRIPTORS = "113105"
RETAIN_PATIENT, RETAIN_DEVICE, RETAIN_UIDS = "113108", "113109", "113110"
RETAIN_INSTITUTION = "113112"
MEANINGS = {
    BASIC: "Basic Application Confidentiality Profile",
    CLEAN_PIXELS: "Clean Pixel Data Option",
    CLEAN_FEATURES: "Clean Recognizable Visual Features Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    CLEAN_DESCRIPTORS: "Clean Descriptors Option",
    FULL_DATES: "Retain Longitudinal Temporal Information Full Dates Option",
    MODIFIED_DATES: "Retain Longitudinal Temporal Information Modified Dates Option",
    RETAIN_PATIENT: "Retain Patient Characteristics Option",
    RETAIN_DEVICE: "Retain Device Identity Option",
    RETAIN_UIDS: "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    RETAIN_INSTITUTION: "Retain Institution Identity Option",
}
"""Code Meaning of each Code Value of CID 7050, scheme DCM."""

_NEVER_SAID = re.compile(
    r"anonymi[sz]|anonymous|(gdpr|hipaa)[\s-]*complian|complian\w*\s+with\s+(the\s+)?(gdpr|hipaa)",
    re.IGNORECASE,
)
"""What follows from no check of files: that nobody can be found, and that a law is kept."""


def meaning_of(code: str) -> str:
    """Return the meaning of a code of CID 7050.

    Raises
    ------
    DeidError
        There is no such code.
    """
    if code not in MEANINGS:
        raise DeidError("A method of de-identification is none of CID 7050 (PS3.16).")
    return MEANINGS[code]


def claim_of(edition: str, methods: Iterable[tuple[str, int]], instances: int, *, exceptions: int) -> str:
    """Return what is said of a study, in one sentence.

    Parameters
    ----------
    edition
        Of PS3.15.
    methods
        Codes, and in how many instances each was applied.
    instances
        Of the study.
    exceptions
        How many attributes the project treats otherwise.

    Raises
    ------
    DeidError
        A code is none of CID 7050, or the Basic Profile was not applied throughout.
    """
    applied = dict(methods)
    if applied.pop(BASIC, None) != instances:
        raise DeidError("The Basic Profile was not applied to all of the study, so there is nothing to say.")
    options = [
        meaning_of(code).removesuffix(" Option")
        + ("" if times == instances else f" ({times} of {instances})")
        for code, times in sorted(applied.items())
    ]
    told = f" with options: {', '.join(options)}" if options else " without options"
    apart = f"; exceptions: {exceptions}" if exceptions else ""
    return f"De-identified per PS3.15 {edition}, {MEANINGS[BASIC]}{told}{apart}."


def says_too_much(text: str) -> bool:
    """Return whether a text claims what no check of files can show.

    >>> says_too_much("fully anonymised"), says_too_much("de-identified per PS3.15")
    (True, False)
    """
    return _NEVER_SAID.search(text) is not None
