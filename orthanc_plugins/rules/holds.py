"""Why an object's pixels wait for a person, and what the person may decide of them.

Light, as Orthanc's process takes the decision and the worker keeps to it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class Hold(StrEnum):
    """A rule that holds an object."""

    PHOTOGRAPH = "photograph"
    RECOGNISABLE = "recognisable"
    LABEL = "label"
    FACE = "face"
    TEXT = "text"
    TEXT_REMAINS = "text_remains"
    IDENTITY = "identity"
    VIDEO = "video"
    DOCUMENT = "document"
    ELSEWHERE = "elsewhere"
    UNREADABLE = "unreadable"
    TOO_MANY_FRAMES = "too_many_frames"


class Decide(StrEnum):
    """What a person decides of one held object."""

    MASK = "mask"
    """The person's boxes are painted over beside those that are found."""
    PASS = "pass"  # noqa: S105 - no password
    """Its pixels leave as they are."""
    LEAVE_OUT = "leave_out"
    """It does not leave; the rest of the study may."""


class Why(StrEnum):
    """Why a person decided so: words of a list, so that no name gets into a trail or a certificate."""

    IDENTITY_COVERED = "identity_covered"
    FACE_COVERED = "face_covered"
    NO_IDENTITY = "no_identity"
    NOT_RECOGNISABLE = "not_recognisable"
    PATIENT_CONSENTED = "patient_consented"
    NOT_NEEDED = "not_needed"
    SHOWS_IDENTITY = "shows_identity"
    CANNOT_BE_JUDGED = "cannot_be_judged"


WORDS_OF_HOLD: dict[str, str] = {
    Hold.PHOTOGRAPH: "it is a photograph, which may show a face",
    Hold.RECOGNISABLE: "it says itself that a person can be recognised",
    Hold.LABEL: "it is the label of a slide, which may have a code in bars or squares",
    Hold.FACE: "a face may be rendered from it, and is not removed here",
    Hold.TEXT: "text was found in its pixels",
    Hold.TEXT_REMAINS: "text is still legible after it was painted over",
    Hold.IDENTITY: "its pixels repeat an identity that the study itself tells",
    Hold.VIDEO: "it is a video, which nothing here looks at",
    Hold.DOCUMENT: "it is a document, which nothing here looks at",
    Hold.ELSEWHERE: "its pixels are not in it, but at an address",
    Hold.UNREADABLE: "its pixels cannot be decoded, drawn or painted",
    Hold.TOO_MANY_FRAMES: "it has more frames than are looked at",
}
WORDS_OF_WHY: dict[str, str] = {
    Why.IDENTITY_COVERED: "what names somebody is covered",
    Why.FACE_COVERED: "the face is covered",
    Why.NO_IDENTITY: "nothing in it names anybody",
    Why.NOT_RECOGNISABLE: "nobody can be recognised",
    Why.PATIENT_CONSENTED: "the patient has consented",
    Why.NOT_NEEDED: "it is not needed for the purpose",
    Why.SHOWS_IDENTITY: "it shows who it is",
    Why.CANNOT_BE_JUDGED: "nobody here can judge it",
}

_SETTLED_BY = {
    Decide.PASS: frozenset(
        {Hold.PHOTOGRAPH, Hold.RECOGNISABLE, Hold.LABEL, Hold.FACE, Hold.TEXT, Hold.TEXT_REMAINS}
    ),
    Decide.MASK: frozenset(
        {Hold.PHOTOGRAPH, Hold.RECOGNISABLE, Hold.LABEL, Hold.TEXT, Hold.TEXT_REMAINS, Hold.IDENTITY}
    ),
}
"""What a person's look settles. What cannot be shown was looked at by nobody; no box removes a face from a
volume; and no decision lets an identity pass that the study itself tells."""


def allowed_of(holds: Collection[Hold]) -> tuple[Decide, ...]:
    """Return what may be decided of an object that these rules hold.

    >>> [str(one) for one in allowed_of([Hold.PHOTOGRAPH, Hold.IDENTITY])]
    ['mask', 'leave_out']
    """
    return tuple(one for one in Decide if one is Decide.LEAVE_OUT or set(holds) <= _SETTLED_BY[one])


def settled_by(decide: Decide, holds: Collection[Hold]) -> frozenset[Hold]:
    """Return which of the rules that a person was shown are settled by the decision."""
    return frozenset(holds) & _SETTLED_BY.get(decide, frozenset())
