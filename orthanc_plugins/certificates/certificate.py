"""What a certificate says of one study that left, and its JSON.

Everything in it is of the released side: pseudonyms, new UIDs, counts, digests, labels at the destination. A
certificate that contradicts itself cannot be made, nor read.
"""

# No postponed annotations here: the fields' types are what `canonical` reads a certificate by.

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated

from orthanc_plugins.certificates.canonical import canonical, parsed, plain, restored
from orthanc_plugins.certificates.listing import digest_of
from orthanc_plugins.certificates.methods import claim_of, meaning_of, says_too_much
from orthanc_plugins.errors import DeidError

FORMAT = "orthanc-pacs-suite certificate 1"

Sha256 = Annotated[str, r"[0-9a-f]{64}"]
KeyId = Annotated[str, r"[0-9a-f]{16}"]
Uid = Annotated[str, r"(?=.{1,64}$)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*"]
"""PS3.5 chapter 9."""
Tag = Annotated[str, r"[0-9A-F]{4},[0-9A-F]{4}"]
Label = Annotated[str, r"[A-Za-z0-9_.-]{1,64}"]
Path = Annotated[str, r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*"]
"""Below the study's folder; no part begins with a dot."""


class Outcome(StrEnum):
    """How far a study has come."""

    RELEASED = "released"
    """It passed the check and was written down."""
    SENT = "sent"
    """It was sent, and not fetched back."""
    CONFIRMED = "confirmed"
    """It was sent, fetched back and compared: nothing but declared changes was found."""


@dataclass(frozen=True)
class PolicyException:
    """An attribute that a project treats otherwise than its options say, and why."""

    attribute: Label
    action: Label
    reason: str


@dataclass(frozen=True)
class Policy:
    """By what a study was de-identified: suite, profile with its digest, identifier of the key.

    ``edition`` is that of PS3.15; ``longitudinal`` the value of Longitudinal Temporal Information Modified
    (0028,0303).
    """

    suite: str
    project: Label
    profile: Label
    digest: Sha256
    edition: Label
    key_id: KeyId
    longitudinal: Annotated[str, "REMOVED|MODIFIED|UNMODIFIED"]
    exceptions: tuple[PolicyException, ...]


@dataclass(frozen=True)
class Method:
    """A code of CID 7050 (PS3.16), and in how many instances it was applied."""

    code: Annotated[str, "[0-9]{6}"]
    meaning: str
    instances: int


@dataclass(frozen=True)
class SopClass:
    """A kind of object, and how many there are."""

    uid: Uid
    name: str
    instances: int


@dataclass(frozen=True)
class CertifiedFile:
    """A file that left: its place below the study's folder, and SHA-256 of its bytes in hex.

    ``sha256_stored`` is that of the file as it was fetched back, where the destination writes files anew.
    """

    path: Path
    sha256: Sha256
    sop_class_uid: Uid
    sha256_stored: Sha256 | None = None


@dataclass(frozen=True)
class Study:
    """What left: pseudonym, new Study Instance UID, and the files by path in ascending order.

    ``files_sha256`` is SHA-256 over the list of files as ``sha256sum`` prints it.
    """

    patient: Label
    uid: Uid
    sop_classes: tuple[SopClass, ...]
    files: tuple[CertifiedFile, ...]
    files_sha256: Sha256


@dataclass(frozen=True)
class ActionCount:
    """How often an action was taken on an attribute; private ones have no keyword."""

    action: Annotated[str, "[A-Za-z/*]{1,16}"]
    tag: Tag
    keyword: Annotated[str, "[A-Za-z0-9_]{0,64}"]
    times: int


@dataclass(frozen=True)
class Pixels:
    """In how many instances text was looked for, and in how many of them some was painted over."""

    looked_at: int
    masked: int


@dataclass(frozen=True)
class Face:
    """Why a face may be recognised, and in how many instances. Faces are not removed."""

    reason: str
    instances: int


@dataclass(frozen=True)
class PersonDecision:
    """What a person decided of an object whose pixels were held; of one left out no file is listed.

    ``holds`` are the rules that held it, ``boxes`` how many the person had painted over, ``frames`` in which,
    from 1; in all where none is told. ``by`` is an account of the issuer.
    """

    sop_instance_uid: Uid
    decide: Annotated[str, "mask|pass|leave_out"]
    holds: tuple[Label, ...]
    boxes: int
    frames: tuple[int, ...]
    by: Annotated[str, r"[A-Za-z0-9_.@\\/-]{1,64}"]
    at: datetime
    why: Label


@dataclass(frozen=True)
class Check:
    """A part of the independent check. It found no error; warnings keep nothing back."""

    name: Label
    warnings: int


@dataclass(frozen=True)
class Verification:
    """What was held against the originals before it left."""

    instances: int
    bytes_searched: int
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class DeclaredChange:
    """What a destination is known to change in an attribute, and in how many instances it did."""

    tag: Tag
    keyword: Annotated[str, "[A-Za-z0-9_]{0,64}"]
    what: str
    instances: int


@dataclass(frozen=True)
class ReadBack:
    """What was fetched from the destination and compared; ``identical`` files came back byte for byte.

    ``uncovered`` objects stand there besides, of earlier releases of the study.
    """

    at: datetime
    instances: int
    identical: int
    changes: tuple[DeclaredChange, ...]
    uncovered: int = 0


@dataclass(frozen=True)
class Delivery:
    """Where a study was sent, under which labels, and what was found there."""

    destination: str
    project: str
    subject: str
    session: str
    at: datetime
    instances: int
    read_back: ReadBack | None

    @property
    def outcome(self) -> Outcome:
        """How far the study has come with it."""
        return Outcome.SENT if self.read_back is None else Outcome.CONFIRMED


@dataclass(frozen=True)
class Certificate:
    """What is certified of one study that left; times are UTC, in whole seconds.

    Raises
    ------
    DeidError
        It contradicts itself, or says more than a check of files can show.
    """

    format: str
    issued: datetime
    outcome: Outcome
    claim: str
    policy: Policy
    methods: tuple[Method, ...]
    study: Study
    began: datetime
    actions: tuple[ActionCount, ...]
    pixels: Pixels
    faces: tuple[Face, ...]
    verification: Verification
    delivery: Delivery | None
    limits: tuple[str, ...]
    decisions: tuple[PersonDecision, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        for wrong in _contradictions(self):
            raise DeidError(f"It is no certificate, or was altered: {wrong}.")
        if any(map(says_too_much, _told(self))):
            raise DeidError(
                "A certificate says what was done, not that nobody can be found or a law is kept."
            )

    @property
    def instances(self) -> int:
        """How many objects the study has."""
        return len(self.study.files)

    @property
    def digest(self) -> str:
        """Which certificate this is: SHA-256 of its canonical JSON, in hex."""
        return hashlib.sha256(to_json(self)).hexdigest()


def to_json(certificate: Certificate) -> bytes:
    """Return a certificate as the one JSON it has; that is what is signed.

    Raises
    ------
    DeidError
        A time is not UTC.
    """
    return canonical(plain(certificate))


def from_json(text: bytes) -> Certificate:
    """Return the certificate that JSON has, in whatever order and spacing.

    Raises
    ------
    DeidError
        It is no certificate of this form, or contradicts itself.
    """
    return restored(Certificate, parsed(text), "certificate")


def _contradictions(one: Certificate) -> Iterator[str]:
    """Yield what of a certificate cannot be."""
    if one.format != FORMAT:
        yield "its format is unknown; another version of the suite may read it"
    if not one.study.files or one.verification.instances != one.instances:
        yield "not all files were checked"
    if not one.verification.checks or not one.limits:
        yield "it says nothing of its checks or of their limits"
    if one.pixels.looked_at > one.instances or one.pixels.masked > one.pixels.looked_at:
        yield "more pixels were looked at than there are"
    if any(not 0 < face.instances <= one.instances for face in one.faces):
        yield "more faces were flagged than there are instances"
    yield from _wrong_methods(one)
    yield from _wrong_files(one.study)
    yield from _wrong_decisions(one)
    yield from _wrong_delivery(one)


def _wrong_methods(one: Certificate) -> Iterator[str]:
    stated = [(method.code, method.instances) for method in one.methods]
    if [code for code, _ in stated] != sorted(dict(stated)):
        yield "its methods are not in order"
    if any(not 0 < times <= one.instances for _, times in stated):
        yield "a method was applied to more than there is"
    if any(method.meaning != meaning_of(method.code) for method in one.methods):
        yield "a method has another meaning than in CID 7050"
    exceptions = len(one.policy.exceptions)
    if one.claim != claim_of(one.policy.edition, stated, one.instances, exceptions=exceptions):
        yield "its claim is not that of its methods"


def _wrong_files(study: Study) -> Iterator[str]:
    paths = [file.path for file in study.files]
    if paths != sorted(set(paths)):
        yield "its files are not in order"
    if study.files_sha256 != digest_of((file.path, file.sha256) for file in study.files):
        yield "its digest is not that of its files"
    if any(file.sha256_stored == file.sha256 for file in study.files):
        yield "a file is listed as written anew that was not"
    counted = Counter(file.sop_class_uid for file in study.files)
    if [(kind.uid, kind.instances) for kind in study.sop_classes] != sorted(counted.items()):
        yield "its SOP classes are not those of its files"


def _wrong_decisions(one: Certificate) -> Iterator[str]:
    uids = [decision.sop_instance_uid for decision in one.decisions]
    if uids != sorted(set(uids)):
        yield "its decisions are not in order"
    listed = {PurePosixPath(file.path).stem for file in one.study.files}
    if any((made.decide == "leave_out") == (made.sop_instance_uid in listed) for made in one.decisions):
        yield "what was decided of an object is not what was done"


def _wrong_delivery(one: Certificate) -> Iterator[str]:
    delivery = one.delivery
    if one.outcome is not (Outcome.RELEASED if delivery is None else delivery.outcome):
        yield "its outcome is not what it tells"
    times = [one.began]
    if delivery is not None:
        times.append(delivery.at)
        if delivery.instances != one.instances:
            yield "not all files were sent"
        if delivery.read_back is not None:
            times.append(delivery.read_back.at)
            yield from _wrong_read_back(delivery.read_back, one.instances)
    rewritten = sum(file.sha256_stored is not None for file in one.study.files)
    found = None if delivery is None else delivery.read_back
    if rewritten and (found is None or rewritten != found.instances - found.identical):
        yield "files are listed as written anew that were not fetched back so"
    times.append(one.issued)
    if times != sorted(times):
        yield "its times are not in order"


def _wrong_read_back(found: ReadBack, instances: int) -> Iterator[str]:
    changed = instances - found.identical
    if found.instances != instances or changed < 0:
        yield "not all files were fetched and compared"
    if (changed > 0) != bool(found.changes):
        yield "files were changed and no change is declared, or the other way round"
    if any(not 0 < change.instances <= changed for change in found.changes):
        yield "a declared change is in more files than were changed"


def _told(one: Certificate) -> Iterator[str]:
    """Yield what the certificate says in sentences; names and labels of a site are its own."""
    yield one.claim
    yield from one.limits
    yield from (exception.reason for exception in one.policy.exceptions)
    yield from (face.reason for face in one.faces)
    if one.delivery is not None and one.delivery.read_back is not None:
        yield from (change.what for change in one.delivery.read_back.changes)
