"""What an event says of an object beyond who and what: pairs of words, alike in every form of the message."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from orthanc_plugins.audit.parties import StudyObject

if TYPE_CHECKING:
    from orthanc_plugins.audit.events import AuditEvent
    from orthanc_plugins.audit.parties import AuditObject, Evidence


def details_of(event: AuditEvent, one: AuditObject) -> list[tuple[str, str]]:
    """Return the pairs of one object: how many of each SOP class, and with the first object the evidence.

    Messages are short (PS3.15 A.6: 32768 octets are sure to be taken), so digests of files become one,
    SHA-256 over all of them in order; the trail has each.
    """
    pairs: list[tuple[str, str]] = []
    if isinstance(one, StudyObject):
        pairs += [(f"instances_{uid}", str(count)) for uid, count in sorted(one.sop_classes.items())]
        pairs += [("instance", uid) for uid in one.instances]
    if event.evidence is not None and one is event.objects[0]:
        pairs += _pairs(event.evidence)
    return pairs


def _pairs(evidence: Evidence) -> list[tuple[str, str]]:
    pairs = [
        ("profile", evidence.profile),
        ("edition", evidence.edition),
        ("engine", evidence.engine),
        ("policy_digest", evidence.policy_digest),
        ("key_id", evidence.key_id),
        *(("option", option) for option in evidence.options),
        *((name, str(count)) for name, count in sorted(evidence.counts.items())),
    ]
    if evidence.file_digests:
        joined = "".join(evidence.file_digests).encode("ascii")
        pairs.append(("files_digest", hashlib.sha256(joined).hexdigest()))
    return pairs
