"""What a person has decided of an object that was held, and to which content it is bound."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels import Look
from orthanc_plugins.rules.holds import Decide, settled_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orthanc_plugins.deid.pixels import Box
    from orthanc_plugins.pseudonyms import Pseudonyms
    from orthanc_plugins.rules.holds import Hold, Why

type Decisions = Mapping[str, Decision]
"""By what `content_token` gives for an original."""

_TOKEN_LENGTH = 32


@dataclass(frozen=True)
class Decision:
    """What somebody has decided of one object.

    Parameters
    ----------
    holds
        The rules that the person was shown; others hold it still.
    boxes, frames
        What is to be painted, and in which frames, from 1; in all where none is given.
    by, at, why
        Who decided, when, and why.
    """

    decide: Decide
    holds: frozenset[Hold]
    by: str
    at: datetime
    why: Why
    boxes: tuple[Box, ...] = ()
    frames: tuple[int, ...] = ()

    @property
    def look(self) -> Look:
        """What it settles and paints."""
        return Look(settled_by(self.decide, self.holds), self.boxes, self.frames)


def content_token(pseudonyms: Pseudonyms, original: bytes) -> str:
    """Return a keyed digest of an object's bytes: a changed object has another, and needs a new decision."""
    return pseudonyms.token("content", sha256(original).hexdigest(), _TOKEN_LENGTH)
