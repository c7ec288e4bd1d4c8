"""A run's report as it is handed in, and certificates of it."""

from __future__ import annotations

import copy
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orthanc_plugins.certificates import (
    Certificate,
    DeclaredChange,
    Delivery,
    PolicyException,
    ReadBack,
    SigningKey,
    certificate_of,
)

BEGAN = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ISSUED = BEGAN + timedelta(minutes=5)
PATIENT, STUDY = "DEID-K7Q2M4XA", "2.25.1"
CT, RTSTRUCT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.481.3"
FILES = {
    "2.25.2/2.25.21.dcm": (b"first image", CT),
    "2.25.2/2.25.22.dcm": (b"second image", CT),
    "2.25.3/2.25.31.dcm": (b"structure set", RTSTRUCT),
}
"""Place below the study's folder; content and SOP class."""
CHECKS = (
    "files", "residual", "references", "markers", "content", "pixels", "dates", "structure", "conformance",
)  # fmt: skip

_STUDY: dict[str, Any] = {
    "state": "released",
    "reason": "",
    "patient": PATIENT,
    "study_uid": STUDY,
    "instances": 3,
    "actions": [
        {"action": "U", "tag": "0020,000D", "keyword": "StudyInstanceUID", "times": 3},
        {"action": "X", "tag": "0019,1012", "keyword": "", "times": 2},
        {"action": "X/Z/D", "tag": "0008,0080", "keyword": "InstitutionName", "times": 3},
    ],
    "pixels": {"looked_at": 2, "masked": 1},
    "faces": {"a description speaks of a head": 2},
    "check": {
        "findings": [
            {
                "check": "conformance",
                "instance": "2.25.31",
                "location": "",
                "text": "dciodvfy says more than of the original",
                "severity": "warning",
            }
        ],
        "instances": 3,
        "bytes_searched": 123456,
        "checks": CHECKS,
        "seconds": {"gathering": 0.1},
        "passed": True,
        "counts": {"conformance": 1},
    },
    "files": [
        {
            "path": f"{PATIENT}/{STUDY}/{path}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "sop_class_uid": kind,
        }
        for path, (content, kind) in sorted(FILES.items(), reverse=True)
    ],
    "seconds": {"check": 1.5},
}
_REPORT: dict[str, Any] = {
    "project": "trial-7",
    "key_id": "37a0c7d3a7f25e32",
    "profile": "research_rt",
    "policy": "ab" * 32,
    "edition": "2026d",
    "suite": "0.1.0",
    "method_codes": ["113100", "113103", "113104", "113105", "113107", "113108"],
    "longitudinal": "MODIFIED",
    "input": {"files": 3, "same": 0, "faults": []},
    "studies": [_STUDY],
}
READ_BACK = ReadBack(
    at=BEGAN + timedelta(minutes=2),
    instances=3,
    identical=0,
    changes=(
        DeclaredChange("0008,1030", "StudyDescription", "set to the project's label", 3),
        DeclaredChange("0012,0064", "DeidentificationMethodCodeSequence", "an item was added", 3),
    ),
)
DELIVERY = Delivery(
    destination="XNAT of the university",
    project="TRIAL7",
    subject="DEID-K7Q2M4XA",
    session="DEID-K7Q2M4XA_CT_1",
    at=BEGAN + timedelta(minutes=1),
    instances=3,
    read_back=READ_BACK,
)
EXCEPTIONS = (PolicyException("SeriesDescription", "K", "The trial's own names of series are needed."),)


def report() -> dict[str, Any]:
    """Return a report that may be changed."""
    return copy.deepcopy(_REPORT)


def certificate(**changes: Any) -> Certificate:
    """Return the certificate of the sample study, its entry of the report changed."""
    whole = report()
    study = whole["studies"][0] | changes
    return certificate_of(whole, study, began=BEGAN, issued=ISSUED, delivery=DELIVERY, exceptions=EXCEPTIONS)


def key(number: int = 1) -> SigningKey:
    """Return a key that is always the same."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
