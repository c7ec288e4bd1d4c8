"""Heads in images, and their surface in structure sets: a face can be rendered from both (PS3.15 E.3.2).

Nothing here removes a face. A method that takes off too little cannot be told from one that did its work, so
code 113102 (Clean Recognizable Visual Features) is never claimed; what may show a face is refused, or leaves
with a flag. Whether a head is in the images cannot be known from positions alone, so an image that does not
say which part of the body it has counts as one that may show a face.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from enum import Enum, StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels.header import text, whole_number, word
from orthanc_plugins.errors import HeldForReview
from orthanc_plugins.rules.holds import Hold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydicom.dataset import Dataset

_VOLUMES = frozenset({"CT", "MR", "PT"})
_WORDS = re.compile(
    r"head|brain|skull|fac(e|ial)|neck|orbit|sinus|crani|cerebr|neuro|pituit|maxill|mandib|dental|whole.?body"
    r"|kopf|schaedel|schadel|gehirn|gesicht|hals|hirn|ganzkorper|ganzkoerper|tete|crane|cerveau|visage|cou\b"
    r"|cabeza|craneo|cerebro|testa|capo\b|cervello|\bhn\b|\bh&n|\bwb\b|\bmprage|\bgbm\b|\bsrs\b|eyes?\b"
)
_DESCRIPTIONS = (
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
)
_SURFACES = re.compile(
    r"(z?_*)(body|skin|external|externe|ext\b|outer|outline|surface|patient|contour externe|face|head\b|scalp"
    r"|aussenkontur|aussen|haut|koerper|korper|kopf|peau|piel|cuerpo|pelle|corpo)"
)


@cache
def _heads() -> frozenset[str]:
    """Return what says that a head is in an image, or may be.

    Values of Body Part Examined without blanks and hyphens (PS3.16 annex L), SNOMED CT and SRT codes of
    head, brain, skull, face, neck, orbit and whole body (PS3.16 CID 4031).
    """
    return frozenset((resources.files(__package__) / "heads.txt").read_text(encoding="ascii").split())


class FaceReason(StrEnum):
    """Why an instance may show a face, or a part of one."""

    PART = "Body Part Examined or Anatomic Region has a head in it"
    WORDS = "a description speaks of a head"
    UNKNOWN_PART = "it is a volume that does not say which part of the body it has"
    DECLARED = "Recognizable Visual Features says that a person can be recognised"


class Deface(Enum):
    """What a profile does with what may show a face; to remove it is not offered."""

    REFUSE = "refuse"
    FLAG = "flag"


def face_risk(dataset: Dataset) -> tuple[FaceReason, ...]:
    """Return why a face may be rendered from an image; nothing where none can."""
    return tuple(_reasons(dataset))


def settle_faces(
    dataset: Dataset, deface: Deface, settled: frozenset[Hold] = frozenset()
) -> tuple[FaceReason, ...]:
    """Return why an image may show a face, for the record of what left with a flag.

    Parameters
    ----------
    settled
        What a person has looked at and decided.

    Raises
    ------
    HeldForReview
        It may, and the profile refuses such images.
    """
    reasons = face_risk(dataset)
    holds = tuple(dict.fromkeys(map(_hold_of, reasons))) if deface is Deface.REFUSE else ()
    if not settled.issuperset(holds):
        text = f"a face may be recognised, and is not removed here: {'; '.join(reasons)}"
        raise HeldForReview(text, holds)
    return reasons


def surface_regions(structure_set: Dataset) -> tuple[int, ...]:
    """Return the numbers of regions that are the surface of the body, by their type or their name.

    Where the images have a head, its face can be rendered from their contours. Types are those of RT ROI
    Interpreted Type (PS3.3 C.8.8.8.1).
    """
    by_type = {
        whole_number(item, "ReferencedROINumber")
        for item in structure_set.get("RTROIObservationsSequence") or ()
        if word(item, "RTROIInterpretedType") == "EXTERNAL"
    }
    by_name = {
        whole_number(item, "ROINumber")
        for item in structure_set.get("StructureSetROISequence") or ()
        if _SURFACES.match(_plain(text(item, "ROIName")))
    }
    return tuple(sorted(by_type | by_name))


def without_contours(structure_set: Dataset, numbers: Collection[int]) -> Dataset:
    """Return a structure set whose regions of these numbers have no contours; the regions themselves stay.

    Contour Sequence may be absent (type 3, PS3.3 C.8.8.6), so all references to the regions stay whole.
    """
    result = copy.deepcopy(structure_set)
    for item in result.get("ROIContourSequence") or ():
        if whole_number(item, "ReferencedROINumber") in numbers:
            item.pop("ContourSequence", None)
    return result


def _hold_of(reason: FaceReason) -> Hold:
    """Return which rule holds an image: what it says itself can be covered, a face in a volume cannot."""
    return Hold.RECOGNISABLE if reason is FaceReason.DECLARED else Hold.FACE


def _reasons(dataset: Dataset) -> Iterator[FaceReason]:
    if word(dataset, "RecognizableVisualFeatures") == "YES":
        yield FaceReason.DECLARED
    if word(dataset, "Modality") not in _VOLUMES:
        return
    part = re.sub(r"[^A-Z]", "", word(dataset, "BodyPartExamined"))
    codes = {text(item, "CodeValue") for item in _regions(dataset)}
    if ({part} | codes) & _heads():
        yield FaceReason.PART
    if any(_WORDS.search(_plain(text(dataset, name))) for name in _DESCRIPTIONS):
        yield FaceReason.WORDS
    if not part and not codes:
        yield FaceReason.UNKNOWN_PART


def _regions(dataset: Dataset) -> Iterator[Dataset]:
    """Yield what names the part of the body, of the image or of its frames (PS3.3 C.7.6.16.2.8)."""
    yield from dataset.get("AnatomicRegionSequence") or ()
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(groups) or ():
            for anatomy in group.get("FrameAnatomySequence") or ():
                yield from anatomy.get("AnatomicRegionSequence") or ()


def _plain(words: str) -> str:
    """Return a text in small letters without marks.

    >>> _plain("Schädel, Außenkontur")
    'schadel, aussenkontur'
    """
    decomposed = unicodedata.normalize("NFKD", words.strip().casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))
