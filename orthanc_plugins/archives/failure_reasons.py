"""Why an archive did not store an instance, for a person; and whether it may do so later.

FailureReason (0008,1197) of a STOW answer (PS3.18 10.5) and the status of a C-STORE answer (PS3.4 B.2.3,
PS3.7 annex C) share one table; the numbers from A770 on are DCM4CHEE's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import StoreOutcome, StoreState

if TYPE_CHECKING:
    from orthanc_plugins.identifiers import SopInstanceUid

PROCESSING_FAILURE = 0x0110
STUDY_IS_BEING_DELETED = 0xA77A
_DUPLICATE = 0x0111
_LATER = {
    PROCESSING_FAILURE: "the archive failed while it stored it: see its log; it may be sent again",
    0xA700: "the archive is out of resources: make room on its storage, then send it again",
    STUDY_IS_BEING_DELETED: "the archive is deleting this study: send it again when that is done",
}
_NEVER = {
    0x0106: "an attribute has a value that the archive refuses: correct the object",
    0x0117: "the archive takes its SOP Instance UID for invalid: correct the object",
    0x0122: "the archive does not store this SOP class: add it to the transfer capabilities of its AE",
    0x0124: "the archive does not let the suite store: give its AE title or user the right to",
    0xA770: "it is a rejection note that the archive already holds",
    0xA771: "it was rejected at the archive before, which refuses it since: revoke the rejection there",
    0xA772: "the archive could not reject what the note names: it does not hold it",
    0xA773: "the archive could not reject what the note names: its class or instance differs",
    0xA774: "the archive could not reject what the note names: it is rejected for another reason",
    0xA775: "its retention period at the archive is not over",
    0xA776: "its retention period at the archive is over",
    0xA777: "it has no Patient ID, which the archive requires: give it one",
    0xA778: "the archive holds the study under another Patient ID or issuer: make them agree",
    0xA779: "it contradicts the attributes that the archive holds: make them agree",
    0xA77B: "its place in study and series contradicts what the archive holds: make them agree",
    0xC409: "its Study Instance UID is not that of the address it was sent to",
    0xC499: "the archive cannot read it: it is damaged",
}
_WARNINGS = {
    0xB000: "stored, but the archive changed attributes: compare",
    0xB006: "stored, but the archive left out elements: compare",
    0xB007: "stored, though its content does not fit its SOP class: compare",
    _DUPLICATE: "the archive held it already: compare",
}
_OUT_OF_RESOURCES = range(0xA700, 0xA770)
_DOES_NOT_FIT = range(0xA900, 0xAA00)
_NOT_UNDERSTOOD = range(0xC000, 0xD000)
_WARNED = range(0xB000, 0xC000)


def may_pass(reason: int) -> bool:
    """Return whether the archive may take the instance when it is sent again."""
    return reason in _LATER or reason in _OUT_OF_RESOURCES


def sentence(reason: int) -> str:
    """Return what a reason or status means, and what to do.

    >>> sentence(0xA777)
    'A777: it has no Patient ID, which the archive requires: give it one.'
    >>> sentence(0xC001)
    'C001: the archive cannot understand it: see its log.'
    """
    if (text := (_LATER | _NEVER | _WARNINGS).get(reason)) is None:
        if reason in _OUT_OF_RESOURCES:
            text = _LATER[0xA700]
        elif reason in _DOES_NOT_FIT:
            text = "its content does not fit its SOP class: correct the object"
        elif reason in _NOT_UNDERSTOOD:
            text = "the archive cannot understand it: see its log"
        else:
            text = "the archive refuses it: see its log"
    return f"{reason:04X}: {text}."


def failure(uid: SopInstanceUid, reason: int) -> StoreOutcome:
    """Return the outcome of an instance that failed with a reason."""
    state = StoreState.FAILED if may_pass(reason) else StoreState.REFUSED
    return StoreOutcome(uid, state, reason, sentence(reason))


def of_status(uid: SopInstanceUid, status: int) -> StoreOutcome:
    """Return the outcome of an instance by the status of its C-STORE answer."""
    if status == 0:
        return StoreOutcome(uid, StoreState.STORED)
    if status in _WARNED or status in _WARNINGS:
        return StoreOutcome(uid, StoreState.STORED, status, sentence(status))
    return failure(uid, status)
