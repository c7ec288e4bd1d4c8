"""A certificate in plain words, for pages and terminals: parts with a title, each of facts with a name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from orthanc_plugins.certificates.methods import RETAIN_UIDS
from orthanc_plugins.rules.holds import WORDS_OF_HOLD, WORDS_OF_WHY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orthanc_plugins.certificates.certificate import (
        ActionCount,
        Certificate,
        Check,
        Delivery,
        PersonDecision,
        ReadBack,
    )

TITLE = "De-identification certificate"
FLAGGED = "Flagged and NOT removed."
_MOST_ATTRIBUTES = 16

_DATES = {
    "REMOVED": "removed",
    "MODIFIED": "moved, by one interval for each patient",
    "UNMODIFIED": "kept as they were",
}
_LETTERS = {
    "X": "removed",
    "Z": "emptied",
    "D": "replaced by a dummy",
    "U": "UID replaced by a keyed one",
    "U*": "UIDs inside replaced",
    "C": "cleaned: dates moved, words that may not stay removed",
    "K": "kept as far as it names nobody",
}
_OTHER_ACTIONS = {
    "doubt": "removed, emptied or a dummy, as it was not what the dictionary says, or named somebody",
    "pixels": "what lay beside the pixel values removed",
    "private": "private block that is not known as safe removed",
}
_DECIDED = {"mask": "painted over", "pass": "let pass as it is", "leave_out": "left out"}
_PSEUDONYM = frozenset({"PatientName", "PatientID"})
"""What gets the patient's pseudonym, whatever letter the standard has for it."""
_CHECKS = {
    "files": "every file belongs to one original, can be read, and no other file is there",
    "residual": "every byte was searched for what the originals tell of persons, places and numbers",
    "references": "old and new UIDs belong together one to one, and every reference leads where it led",
    "markers": "each object says of its de-identification what was done",
    "content": "contours, measurements and other numbers are those of the originals",
    "pixels": "pixels are those of the originals, but where text was painted over",
    "dates": "dates are gone, moved by one interval throughout, or kept, as is claimed",
    "structure": "objects have the parts that their kind must have",
    "conformance": "dciodvfy has no error to tell that the original has not",
}


class Part(NamedTuple):
    """A part of a certificate: its title, and its facts, each with a name or none."""

    title: str
    facts: tuple[tuple[str, str], ...]


def told(certificate: Certificate) -> Iterator[Part]:
    """Yield the parts of a certificate, what matters most first."""
    yield Part(TITLE, tuple(_summary(certificate)))
    yield Part(
        "What this does not say, and what remains to be done", tuple(("", one) for one in certificate.limits)
    )
    if certificate.delivery is not None:
        yield Part("Where it went", tuple(_delivery(certificate.delivery)))
    yield Part("How it was de-identified", tuple(_policy(certificate)))
    yield Part("What left", tuple(_contents(certificate)))
    yield Part("What was done", tuple(_actions(certificate)))
    if certificate.decisions:
        yield Part("What persons decided", tuple(map(_decision, certificate.decisions)))
    yield Part("What was checked before it left", tuple(_checks(certificate)))


def _time(moment: datetime) -> str:
    """Return a time as it is shown."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _outcome(certificate: Certificate) -> str:
    """Return how far the study has come, in a sentence."""
    delivery = certificate.delivery
    if delivery is None:
        return "Checked and written down; this certificate is about no transfer."
    where = f"Checked, sent to {delivery.destination}"
    if delivery.read_back is None:
        return f"{where}; it was not fetched back from there."
    return f"{where}, fetched back and compared: {_compared(delivery.read_back)}."


def _compared(found: ReadBack) -> str:
    if found.identical == found.instances:
        return "every file is the same, byte for byte"
    return "nothing was changed there but what is declared below"


def _summary(one: Certificate) -> Iterator[tuple[str, str]]:
    yield "Claim", one.claim
    yield "Outcome", _outcome(one)
    yield "Patient (pseudonym)", one.study.patient
    retained = any(method.code == RETAIN_UIDS for method in one.methods)
    yield f"Study Instance UID ({'retained' if retained else 'new'})", one.study.uid
    yield "Objects", ", ".join(f"{kind.instances:,} {kind.name}" for kind in one.study.sop_classes)
    warnings = sum(check.warnings for check in one.verification.checks)
    yield (
        "Check",
        f"{_count(len(one.verification.checks), 'check')}, no errors, {_count(warnings, 'warning')}",
    )
    yield "Faces", _faces(one)
    yield "De-identified", f"{_time(one.began)}, certificate issued {_time(one.issued)}"


def _faces(one: Certificate) -> str:
    """Return what became of faces, in a sentence."""
    if not one.faces:
        return "None flagged: no object says, or lets suppose, that a face can be recognised."
    reasons = "; ".join(f"{face.reason} ({face.instances:,})" for face in one.faces)
    return f"{FLAGGED} Why, and in how many objects: {reasons}."


def _count(number: int, what: str) -> str:
    """Return how many there are: ``no files``, ``1 file``, ``1,200 files``."""
    told_number = f"{number:,}" if number else "no"
    return f"{told_number} {what}{'' if number == 1 else 's'}"


def _policy(one: Certificate) -> Iterator[tuple[str, str]]:
    policy = one.policy
    yield "Software", f"Orthanc PACS Suite {policy.suite}"
    yield "Standard", f"DICOM PS3.15 {policy.edition}, annex E"
    yield "Project, profile", f"{policy.project}, {policy.profile}"
    yield "Digest of the policy", policy.digest
    yield "Identifier of the key", f"{policy.key_id} (it tells nothing of the key)"
    yield "Dates and times", _DATES[policy.longitudinal]
    for method in one.methods:
        yield f"{method.code} DCM", f"{method.meaning} \u2013 {_of(method.instances, one.instances)}"
    for exception in policy.exceptions:
        yield "Exception", f"{exception.attribute}: {_action(exception.action)}. Reason: {exception.reason}"


def _of(number: int, whole: int) -> str:
    return f"{number:,} of {_count(whole, 'object')}"


def _contents(one: Certificate) -> Iterator[tuple[str, str]]:
    for kind in one.study.sop_classes:
        yield (
            _count(kind.instances, "object"),
            f"{kind.name} ({kind.uid})",
        )
    yield "Files", f"{len(one.study.files):,}; the certificate's JSON has SHA-256 of each"
    yield "SHA-256 of their list", one.study.files_sha256


def _actions(one: Certificate) -> Iterator[tuple[str, str]]:
    named: list[ActionCount] = []
    by_action: defaultdict[str, list[ActionCount]] = defaultdict(list)
    for count in one.actions:
        is_named = count.keyword in _PSEUDONYM and count.action not in _OTHER_ACTIONS
        (named if is_named else by_action[count.action]).append(count)
    if named:
        yield "Patient", f"replaced by the pseudonym, {_attributes(named)}"
    for action, counts in sorted(by_action.items()):
        yield action, f"{_action(action)}, {_attributes(counts)}"
    yield "Text in pixels", _pixels(one)


def _pixels(one: Certificate) -> str:
    pixels = one.pixels
    if not pixels.looked_at:
        return "not looked for"
    return f"looked for in {_of(pixels.looked_at, one.instances)}, painted over in {pixels.masked:,}"


def _action(action: str) -> str:
    """Return what an action does; of several, the attribute's Type settles which."""
    if action in _OTHER_ACTIONS:
        return _OTHER_ACTIONS[action]
    words = [_LETTERS.get(letter, letter) for letter in action.split("/")]
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}, as the attribute's Type asks"


def _attributes(counts: Sequence[ActionCount]) -> str:
    """Return how often an action was taken, and on which attributes most."""
    named = sorted(
        (count for count in counts if count.keyword), key=lambda count: (-count.times, count.keyword)
    )
    shown = [f"{count.keyword} ({count.times:,})" for count in named[:_MOST_ATTRIBUTES]]
    if len(named) > len(shown):
        shown.append(f"{_count(len(named) - len(shown), 'other attribute')} (see the certificate's JSON)")
    private = [count.times for count in counts if not count.keyword]
    if private:
        shown.append(f"{_count(len(private), 'attribute')} without a name in the standard ({sum(private):,})")
    return f"{_count(sum(count.times for count in counts), 'time')}: {', '.join(shown)}"


def _decision(one: PersonDecision) -> tuple[str, str]:
    """Return what was decided of one object, and by whom, when and why."""
    held = "; ".join(WORDS_OF_HOLD.get(hold, hold) for hold in one.holds)
    what = _DECIDED[one.decide]
    if one.boxes:
        frames = f" in frames {', '.join(map(str, one.frames))}" if one.frames else " in all frames"
        what = f"{one.boxes:,} box{'' if one.boxes == 1 else 'es'} {what}{frames}"
    why = WORDS_OF_WHY.get(one.why, one.why)
    return one.sop_instance_uid, f"{what}, by {one.by}, {_time(one.at)}: {why}. Held because {held}"


def _checks(one: Certificate) -> Iterator[tuple[str, str]]:
    found = one.verification
    yield (
        "Extent",
        f"{_count(found.instances, 'object')}, {found.bytes_searched:,} bytes, each against its original",
    )
    for check in found.checks:
        yield check.name, _check(check)


def _check(check: Check) -> str:
    what = _CHECKS.get(check.name)
    result = f"no errors, {_count(check.warnings, 'warning')}"
    return result if what is None else f"{result}; {what}"


def _delivery(one: Delivery) -> Iterator[tuple[str, str]]:
    yield "Destination", one.destination
    yield "Labels there", f"project {one.project}, subject {one.subject}, session {one.session}"
    yield "Sent", f"{_count(one.instances, 'object')}, {_time(one.at)}"
    if one.read_back is None:
        yield "Fetched back", "no"
        return
    found = one.read_back
    yield (
        "Fetched back",
        f"{_count(found.instances, 'object')}, {_time(found.at)}; {found.identical:,} byte for byte the same",
    )
    if found.uncovered:
        verb = "stands" if found.uncovered == 1 else "stand"
        what = f"{_count(found.uncovered, 'object')} {verb} there that this certificate does not cover"
        yield "Besides", f"{what}: of an earlier release of the study"
    for change in found.changes:
        yield (
            "Declared change",
            f"{change.keyword or change.tag}: {change.what} ({_count(change.instances, 'object')})",
        )
