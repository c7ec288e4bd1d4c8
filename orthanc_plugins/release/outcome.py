"""What became of a study, in words and numbers that identify nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.release.decisions import Decision
    from orthanc_plugins.rules.holds import Hold
    from orthanc_plugins.validation import Report


class State(StrEnum):
    """Whether a study left."""

    RELEASED = "released"
    HELD = "held"
    """A person has to look."""
    REFUSED = "refused"
    """The check found what must not leave, or an object cannot be de-identified."""


@dataclass(frozen=True)
class ReleasedFile:
    """A file that left.

    Parameters
    ----------
    path
        Its place below the destination.
    sha256
        Of its bytes, in hex.
    original
        The file it was made of, whose name may be a patient's.
    pixels_cleaned
        Its pixels were searched for text, and it says so.
    """

    path: str
    sha256: str
    sop_class_uid: str
    original: Path = field(repr=False)
    pixels_cleaned: bool = False


@dataclass(frozen=True)
class HeldObject:
    """An object that waits for a person.

    Parameters
    ----------
    sop_instance_uid
        The new one, by which it is called.
    original
        Its file, whose name may be a patient's.
    holds
        The rules that were met first; `orthanc_plugins.release.looking.holds_of` tells all.
    """

    sop_instance_uid: str
    original: Path = field(repr=False)
    reason: str
    holds: tuple[Hold, ...]


@dataclass(frozen=True)
class Decided:
    """What a person has decided of an object, told by its new SOP Instance UID."""

    sop_instance_uid: str
    decision: Decision


@dataclass
class Outcome:
    """What became of one study.

    Parameters
    ----------
    pseudonym, study_uid
        The new ones; empty while they are not known.
    instances
        Objects of the study in the input.
    reason
        Why it was held or refused.
    files
        What left.
    actions
        How often each action was taken, by action and tag.
    looked_at, masked
        Instances whose pixels were searched for text, and those in which some was painted over.
    faces
        Why a face may be recognised, and in how many instances.
    held
        Objects that wait for a person.
    decisions
        What persons have decided of objects, and was kept to.
    check
        What the check found.
    """

    state: State
    pseudonym: str = ""
    study_uid: str = ""
    instances: int = 0
    reason: str = ""
    files: list[ReleasedFile] = field(default_factory=list)
    actions: Counter[tuple[str, int]] = field(default_factory=Counter)
    looked_at: int = 0
    masked: int = 0
    faces: Counter[str] = field(default_factory=Counter)
    held: list[HeldObject] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    check: Report | None = None
    seconds: dict[str, float] = field(default_factory=dict)
