"""Records of what readers noted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AnnotationKind(StrEnum):
    """What was noted."""

    LENGTH = "length"
    BIDIRECTIONAL = "bidirectional"
    ELLIPSE = "ellipse"
    AREA = "area"
    ANGLE = "angle"
    POINT = "point"
    TEXT = "text"
    ROI = "roi"
    SEGMENT = "segment"
    REGION = "region"


@dataclass(frozen=True)
class Coded:
    """A concept, with its meaning as the object's maker wrote it."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Shape:
    """A geometry as the object has it (PS3.3 C.18.6, C.18.9).

    ``points`` are (column, row) in pixels of the image, the top left corner of the top left pixel at (0, 0);
    or, with ``frame_of_reference_uid``, (x, y, z) in mm, LPS.
    """

    graphic_type: str
    points: tuple[tuple[float, ...], ...]
    frame_of_reference_uid: str = ""


@dataclass(frozen=True)
class Source:
    """An image, segmentation or series that was looked at; frames and segments are counted from one."""

    series_uid: str = ""
    sop_instance_uid: str = ""
    frames: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()


@dataclass(frozen=True)
class Annotation:
    """One value, text, segment or region.

    ``author_source`` names the attribute or concept the author was found in, ``made_source`` the pair of
    Date and Time; both are empty where none was found. ``made_at`` is in ISO 8601, with an offset where the
    object tells one. ``number`` counts the rows of an object from one.
    """

    number: int
    kind: AnnotationKind
    author: str
    author_source: str
    made_at: str
    made_source: str
    label: str = ""
    text: str = ""
    concept: Coded | None = None
    value: float | None = None
    unit: Coded | None = None
    finding: Coded | None = None
    sites: tuple[Coded, ...] = ()
    tracking_identifier: str = ""
    tracking_uid: str = ""
    sources: tuple[Source, ...] = ()
    shapes: tuple[Shape, ...] = ()
