"""Held objects and what persons decide of them: plain records of the released side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from orthanc_plugins.rules.holds import Decide, Hold, Why

type Corners = tuple[int, int, int, int]
"""Left, top, right and bottom of a box, as pixels from 0; right and bottom are not in it."""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """An object that waits for a person.

    Parameters
    ----------
    sop_instance_uid
        The new one.
    content
        Keyed digest of its bytes: what is decided of it holds for these alone.
    holds, boxes
        All rules that hold it, and where text was found.
    frames, rows, columns
        Of the pictures that can be looked at; 0 where there is none.
    """

    sop_instance_uid: str
    content: str
    sop_class_uid: str
    holds: tuple[Hold, ...]
    boxes: tuple[Corners, ...] = ()
    frames: int = 0
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What somebody decided of a held object.

    Parameters
    ----------
    content, holds
        Of the object as it was shown.
    boxes, frames
        What is to be painted over, and in which frames, from 1; in all where none is given.
    decided_by
        An account of the site's staff; ``unknown`` where nobody had to sign in.
    decided_at
        To the minute, as the times of `ReleaseRecord`.
    """

    sop_instance_uid: str
    content: str
    decide: Decide
    holds: tuple[Hold, ...]
    why: Why
    decided_by: str
    decided_at: datetime
    boxes: tuple[Corners, ...] = ()
    frames: tuple[int, ...] = ()
