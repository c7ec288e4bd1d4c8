"""What is done with an attribute: one rule for each of the dictionary's, made by `compiling`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from orthanc_plugins.deid.standard import attribute_type
from orthanc_plugins.deid.wire.encodings import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.deid.job import Job
    from orthanc_plugins.deid.text import Code
    from orthanc_plugins.deid.wire import Encoding

    type Note = Callable[[bytes, Rule, Place, Job], None]

_SEPARATOR = "/"


class Kind(IntEnum):
    """How the walk treats an element."""

    RAW = 0
    """Kept without a look: binary numbers and measured data."""
    CHECKED = 1
    """Kept where its value is what its VR allows: a name does not hide in a number."""
    WORDS = 2
    """Kept where it says nothing of the identity."""
    SEQUENCE = 3
    """Its items are walked, unless its fate is another."""
    ACTED = 4
    """An action makes its new value, or removes it."""
    PIXELS = 5
    """Pixel Data: kept but for what is no pixel in it."""


class Fate(IntEnum):
    """What becomes of an element, the ways of PS3.15 E.1.1 in the order of how much stays."""

    REMOVED = 0
    EMPTIED = 1
    REPLACED = 2
    WALKED = 3
    """A sequence whose items are kept, each attribute in them by its own rule."""


_FATES = {"X": Fate.REMOVED, "Z": Fate.EMPTIED, "D": Fate.REPLACED, "U": Fate.WALKED, "U*": Fate.WALKED}
_FATES_OF_TYPE = {
    "1": Fate.REPLACED,
    "1C": Fate.REPLACED,
    "2": Fate.EMPTIED,
    "2C": Fate.EMPTIED,
    "3": Fate.REMOVED,
}


@dataclass(slots=True)
class Place:
    """Where in the data set the walk is.

    Parameters
    ----------
    encoding
        How elements are written here: what stands in a value of VR UN is Implicit VR Little Endian.
    path
        The tags of the sequences it is in, the outermost first.
    character_set
        The value of Specific Character Set (0008,0005) in force here.
    open
        The item has no length, so it ends with a delimiter.
    """

    encoding: Encoding
    path: tuple[int, ...] = ()
    character_set: bytes = b""
    open: bool = False
    creators: dict[int, str] = field(default_factory=dict)
    """Private creators of this level, by group and block (PS3.5 7.8.1)."""
    concept: Code | None = None
    """Concept Name Code Sequence (0040,A043) of this content item."""
    code: Code | None = None
    """The code that this item is (PS3.3 8.8)."""
    region: int | None = None
    """ROI Number (3006,0022), Referenced ROI Number (3006,0084), Segment Number (0062,0004) of this item."""


class Action(Protocol):
    """Makes the new value of an element."""

    def __call__(self, value: bytes, rule: Rule, place: Place, job: Job) -> bytes | None:
        """Return the value to write, of even length; None to remove the element."""
        ...

    def describe(self) -> str:
        """Return what the action does, for a person."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with one attribute.

    Parameters
    ----------
    tag
        The attribute.
    kind
        How the walk treats it.
    vr
        The dictionary's VR; of several the first.
    vrs
        All of the dictionary's VRs.
    letter
        The action of the policy as PS3.15 writes it, such as ``X/Z/D``; ``K`` for what is kept.
    action
        What makes the new value, where the kind is ``ACTED``.
    code
        It is a sequence of codes: a dummy of it is one code that says nothing.
    note
        Takes a note of a kept value for what follows.
    longest
        Bytes that a kept value may have: a text does not hide behind a number.
    """

    tag: int
    kind: Kind
    vr: bytes
    vrs: frozenset[bytes]
    letter: str
    action: Action | None = None
    code: bool = False
    note: Note | None = None
    longest: int = UNDEFINED - 1


def fate(letter: str, sop_class_uid: str, path: tuple[int, ...], tag: int) -> Fate:
    """Return what becomes of an element under an action of Table E.1-1.

    A combined action is settled by the attribute's Type in the object (PS3.15 E.1.1): Type 1 gets a dummy,
    Type 2 is emptied, Type 3, as every private one is, removed. Where the Type is not known, what keeps the
    object valid is taken. X alone does not leave an object that is none any more: where its definition
    demands the attribute, the value goes and the element stays.
    """
    choices = [_FATES[one] for one in letter.split(_SEPARATOR)]
    if len(choices) == 1 and choices != [Fate.REMOVED]:
        return choices[0]
    if Fate.WALKED in choices:
        return Fate.WALKED  # references stay, with their UIDs replaced
    is_private = tag >> 16 & 1
    of_type = "3" if is_private else attribute_type(sop_class_uid, path, tag)
    if choices == [Fate.REMOVED]:
        return _FATES_OF_TYPE[of_type] if of_type else Fate.REMOVED
    wanted = _FATES_OF_TYPE[of_type] if of_type else Fate.REPLACED
    return min((one for one in choices if one >= wanted), default=max(choices))
