"""One object of a study, as another process may do it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import DeidError, HeldForReview, InvalidDicom
from orthanc_plugins.release.decisions import content_token
from orthanc_plugins.release.looking import looked_at
from orthanc_plugins.rules.holds import Decide, Hold

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.deid.engine import Deidentified, Engine, Subject
    from orthanc_plugins.deid.pixels import Box
    from orthanc_plugins.release.decisions import Decision, Decisions

_SERIES_UID = 0x0020000E
_NONE: Decisions = MappingProxyType({})


@dataclass(frozen=True)
class Made:
    """What was made of one object; or why nothing was, with ``is_held`` where a person has to look.

    Parameters
    ----------
    boxes
        Where its pixels were painted over; None where nobody looked at them.
    faces
        Why a face may be recognised.
    has_surface
        It is a structure set with the surface of the body.
    has_pixels
        It is an image, or a map that has pixels.
    holds
        The rules that hold it.
    decision
        What a person has decided of it; one that is to be left out has no file.
    """

    original: Path = field(repr=False)
    file: Path | None = None
    sop_class_uid: str = ""
    series_uid: str = ""
    sha256: str = ""
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    boxes: tuple[Box, ...] | None = None
    faces: tuple[str, ...] = ()
    has_surface: bool = False
    has_pixels: bool = False
    reason: str = ""
    is_held: bool = False
    holds: tuple[Hold, ...] = ()
    decision: Decision | None = None

    @property
    def is_left_out(self) -> bool:
        """Whether a person has decided that it does not leave."""
        return self.decision is not None and self.decision.decide is Decide.LEAVE_OUT


@dataclass(frozen=True)
class Maker:
    """Makes objects of one study without identity, into a folder; what it holds can be sent to a process.

    Parameters
    ----------
    folder
        Where the files are written, named by their new SOP Instance UID.
    decisions
        What persons have decided of objects that were held.
    """

    engine: Engine
    subject: Subject
    folder: Path
    decisions: Decisions = _NONE
    here: ClassVar[Maker]
    """That of this process; other processes are handed it once, when they start."""

    def begin(self) -> None:
        """Have this be the maker of this process."""
        Maker.here = self

    @staticmethod
    def made_here(original: Path) -> Made:
        """Return what was made of one object by the maker of this process."""
        return Maker.here.made(original)

    def made(self, original: Path) -> Made:
        """Return what was made of one object; what cannot be used is told, not raised."""
        try:
            return self._made(original)
        except HeldForReview as error:
            return Made(original, reason=str(error), is_held=True, holds=tuple(map(Hold, error.holds)))
        except (DeidError, InvalidDicom) as error:
            return Made(original, reason=str(error))

    def _made(self, original: Path) -> Made:
        data = original.read_bytes()
        known = gathered(read_part10(data))
        decision = self._decision_of(data)
        if decision is not None and decision.decide is Decide.LEAVE_OUT:
            return Made(original, decision=decision)
        seen = looked_at(data, self.engine.profile, self.subject.echoes, decision)
        new = self.engine.deidentified(
            read_part10(seen.data), known, self.subject, pixels_cleaned=seen.boxes is not None
        )
        file = self.folder / f"{new.sop_instance_uid}.dcm"
        return Made(
            original,
            file,
            new.sop_class_uid,
            self.engine.uid(known.texts.get(_SERIES_UID, "")),
            _written(file, new),
            new.counts,
            seen.boxes,
            seen.faces,
            seen.has_surface,
            seen.has_pixels,
            decision=decision,
        )

    def _decision_of(self, data: bytes) -> Decision | None:
        """Return what was decided of exactly this content."""
        if not self.decisions:
            return None
        return self.decisions.get(content_token(self.engine.pseudonyms, data))


def _written(file: Path, new: Deidentified) -> str:
    """Write an object's file, which must not be there yet, and return the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    with file.open("xb") as written:
        for piece in new.pieces:
            digest.update(piece)
            written.write(piece)
    return digest.hexdigest()
