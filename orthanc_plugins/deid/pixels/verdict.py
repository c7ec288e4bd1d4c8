"""What is asked of the pixels of an instance, and what was found: types without a patient's value in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels.known import KnownRegions
from orthanc_plugins.errors import ProfileError
from orthanc_plugins.rules.holds import Hold

if TYPE_CHECKING:
    from orthanc_plugins.deid.pixels.boxes import Box


class Need(Enum):
    """What the header of an instance asks for."""

    NONE = "its pixels are measured, and nothing draws on them"
    LOOK = "text may be drawn into its pixels"
    HOLD = "only a person can look at it"


class Reason(StrEnum):
    """Why, in words that a report may have."""

    DECLARED = "Burned In Annotation says that there is text"
    RECOGNISABLE = "Recognizable Visual Features says that a person can be recognised"
    TOLD = "objects of its SOP class must say that there is no text, which takes a look"
    KIND = "objects of its SOP class are pictures that may have text in them"
    MODALITY = "its modality makes pictures with text in them"
    NOT_ORIGINAL = "Image Type says that it is derived, secondary, a screen, a report or a localiser"
    NO_IMAGE_TYPE = "Image Type is missing"
    WORDS = "its series is described as a report, a protocol, a screen or a dose"
    COLOUR = "it has colours, which its modality does not measure"
    CONVERTED = "Conversion Type says that it was digitised or captured"
    SHAPE = "it has rows, columns or bits that its modality does not measure"
    EMBEDDED_OVERLAY = "an overlay is in bits of its pixels"
    ASKED = "the profile asks for a look at every image"
    VIDEO = "it is a video, which nothing here looks at"
    DOCUMENT = "it is a document, which nothing here looks at"
    PHOTOGRAPH = "it is a photograph, which may show a face"
    LABEL = "it is the label of a slide, which may have a code in bars or squares"
    ELSEWHERE = "its pixels are not in it, but at an address"
    UNREADABLE = "its pixels cannot be decoded or drawn"
    TOO_MANY_FRAMES = "it has more frames than are looked at"
    TEXT = "there is text in its pixels"
    TEXT_REMAINS = "text is still legible after it was painted over"
    NO_PIXELS = "it has no pixels"


HOLD_OF = {
    Reason.VIDEO: Hold.VIDEO,
    Reason.DOCUMENT: Hold.DOCUMENT,
    Reason.PHOTOGRAPH: Hold.PHOTOGRAPH,
    Reason.RECOGNISABLE: Hold.RECOGNISABLE,
    Reason.LABEL: Hold.LABEL,
    Reason.ELSEWHERE: Hold.ELSEWHERE,
}
"""The rule that each reason stands for of which the need is ``HOLD``."""


class PixelState(Enum):
    """What became of the pixels of an instance."""

    NOT_NEEDED = "nobody looked, as its kind has no text"
    CLEAN = "they were looked at, and there is nothing to paint over"
    MASKED = "text was painted over, and none was legible when they were looked at again"
    HELD = "it must not leave before a person has looked at it"


@dataclass(frozen=True)
class PixelPolicy:
    """What a profile asks for.

    Parameters
    ----------
    look
        ``risky``: at instances whose header says that text may be in them. ``all``: at every
        image; doses, segmentations and parametric maps are none.
    mask
        ``all``: all text is painted over. ``identity``: text stays that a list knows as technical.
    outside_ultrasound_regions
        Paint over all that lies outside the regions of an ultrasound image (PS3.3 C.8.5.5).
    photographs
        ``hold``: photographs wait for a person. ``look``: text is looked for, faces are not.
    margin
        Pixels painted around text.
    most_frames
        An instance of more frames is held.
    known
        Regions that devices are known to write into.
    """

    look: str = "risky"
    mask: str = "all"
    outside_ultrasound_regions: bool = False
    photographs: str = "hold"
    margin: int = 3
    most_frames: int = 2000
    known: KnownRegions = field(default_factory=KnownRegions.shipped)

    def __post_init__(self) -> None:
        """Refuse words that mean nothing."""
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise ProfileError(f"a profile's pixels have '{name}' {' or '.join(allowed)}")
        if self.margin < 0 or self.most_frames < 1:
            raise ProfileError("a profile's pixels have 'margin' of 0 or more and 'most_frames' of 1 or more")


_ALLOWED = {"look": ("risky", "all"), "mask": ("all", "identity"), "photographs": ("hold", "look")}


@dataclass(frozen=True)
class PixelVerdict:
    """What became of the pixels of an instance.

    ``boxes`` are where text was found or where a device is known to write: painted if the state is
    ``MASKED``.
    """

    state: PixelState
    reasons: tuple[Reason, ...] = ()
    boxes: tuple[Box, ...] = ()
    frames_looked_at: int = 0

    @property
    def was_looked_at(self) -> bool:
        """Whether Burned In Annotation NO and code 113101 may be written (PS3.15 E.3.1)."""
        return self.state in {PixelState.CLEAN, PixelState.MASKED}
