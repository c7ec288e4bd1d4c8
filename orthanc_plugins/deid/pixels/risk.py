"""Which instances may have text drawn into their pixels, told by their headers alone.

Few kinds need no look: slices that a scanner measured, doses, segmentations. Everything else is looked at, so
that an unknown kind is no hole. Burned In Annotation (PS3.3 C.7.6.1.1.5) counts when it says YES; NO proves
nothing: devices write it from habit. It is only written anew of what was looked at, so objects that must say
it are looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels.header import text, whole_number, word, words
from orthanc_plugins.deid.pixels.verdict import Need, PixelPolicy, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_MEASURED = {
    f"{_STORAGE}{end}": modalities
    for end, modalities in {
        "2": ("CT",),
        "2.1": ("CT",),
        "2.2": ("CT",),
        "4": ("MR",),
        "4.1": ("MR",),
        "4.4": ("MR",),
        "128": ("PT",),
        "128.1": ("PT",),
        "130": ("PT",),
    }.items()
}
"""SOP classes of slices, and the modalities they are slices of."""
_TELLING = frozenset(f"{_STORAGE}{end}" for end in ("2.1", "2.2", "4.1", "4.4", "128.1", "130"))
"""Enhanced CT, MR and PET: original ones must say that nothing is burned in (PS3.3 C.8.13.1, Type 1C)."""
_NO_PICTURES = frozenset(f"{_STORAGE}{end}" for end in ("481.2", "66.4", "66.7", "30"))
"""RT Dose, Segmentation, Label Map, Parametric Map: numbers about places."""
_DOCUMENTS = f"{_STORAGE}104."
_PHOTOGRAPHS = frozenset(f"{_STORAGE}{end}" for end in ("77.1.4", "77.1.5.1", "77.1.5.2"))
"""VL Photographic, Ophthalmic Photography of 8 and 16 bits."""
_VIDEOS = frozenset(f"{_STORAGE}77.1.{end}" for end in ("1.1", "2.1", "4.1"))
_VIDEO_SYNTAX = re.compile(r"1\.2\.840\.10008\.1\.2\.(4\.10\d(\.\d)?|7\.\d)")
"""MPEG-2, MPEG-4 and HEVC (PS3.5 10.5 to 10.12), SMPTE ST 2110."""
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_PROVIDER_URL = 0x00287FE0
_OVERLAYS = range(0x60000000, 0x60200000, 0x20000)
_OVERLAY_ROWS, _OVERLAY_DATA = 0x0010, 0x3000
_SUSPICIOUS_TYPE = re.compile(
    r"SECONDARY|DERIVED|SCREEN|CAPTURE|SAVE|REPORT|DOSE|PROTOCOL|LOCALI[SZ]ER|SCOUT|TOPO|VOLREN|PHOTO|OTHER"
)
_SUSPICIOUS_WORDS = re.compile(
    r"dose|protocol|protokoll|screen|capture|report|befund|summary|result|photo|foto|snapshot|scan(ned)? doc"
    r"|patient.?(info|data)|work.?sheet|print|film",
    re.IGNORECASE,
)
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "PerformedProcedureStepDescription")
_WIDEST = 1024
_LONGEST_RATIO = 2.0
_FEWEST_BITS = 9


@dataclass(frozen=True)
class Risk:
    """What is needed, and why: no value of the header is in it."""

    need: Need
    reasons: tuple[Reason, ...]


def risk(dataset: Dataset, policy: PixelPolicy) -> Risk:
    """Return whether the pixels of an instance need a look, or a person's."""
    held = tuple(_holding(dataset, policy))
    if held:
        return Risk(Need.HOLD, held)
    if not any(tag in dataset for tag in _PIXELS):
        return Risk(Need.NONE, (Reason.NO_PIXELS,))
    looked = tuple(dict.fromkeys(_looking(dataset, policy)))
    return Risk(Need.LOOK, looked) if looked else Risk(Need.NONE, ())


def _holding(dataset: Dataset, policy: PixelPolicy) -> Iterator[Reason]:
    """Yield why nothing but a person can look at an instance."""
    kind = word(dataset, "SOPClassUID")
    if kind.startswith(_DOCUMENTS) or "EncapsulatedDocument" in dataset:
        yield Reason.DOCUMENT
    if kind in _VIDEOS or _VIDEO_SYNTAX.fullmatch(transfer_syntax(dataset)):
        yield Reason.VIDEO
    if policy.photographs == "hold":
        if kind in _PHOTOGRAPHS or word(dataset, "Modality") == "XC":
            yield Reason.PHOTOGRAPH
        if word(dataset, "RecognizableVisualFeatures") == "YES":
            yield Reason.RECOGNISABLE
    if "LABEL" in words(dataset, "ImageType") or word(dataset, "SpecimenLabelInImage") == "YES":
        yield Reason.LABEL
    if _PROVIDER_URL in dataset:
        yield Reason.ELSEWHERE


def _looking(dataset: Dataset, policy: PixelPolicy) -> Iterator[Reason]:
    """Yield why text may be in the pixels of an instance."""
    kind = word(dataset, "SOPClassUID")
    if policy.look == "all" and kind not in _NO_PICTURES:
        yield Reason.ASKED
    if word(dataset, "BurnedInAnnotation") == "YES":
        yield Reason.DECLARED
    if _has_embedded_overlay(dataset):
        yield Reason.EMBEDDED_OVERLAY
    if kind in _NO_PICTURES:
        return
    if kind not in _MEASURED:
        yield Reason.KIND
        return
    if kind in _TELLING and word(dataset, "BurnedInAnnotation") == "NO":
        yield Reason.TOLD
    yield from _unlike_a_slice(dataset, _MEASURED[kind])


def _unlike_a_slice(dataset: Dataset, modalities: tuple[str, ...]) -> Iterator[Reason]:
    """Yield why an object of a scanner's class is not what the scanner measures."""
    if word(dataset, "Modality") not in modalities:
        yield Reason.MODALITY
    kinds = words(dataset, "ImageType")
    if not kinds:
        yield Reason.NO_IMAGE_TYPE
    if any(_SUSPICIOUS_TYPE.search(one) for one in kinds):
        yield Reason.NOT_ORIGINAL
    if any(_SUSPICIOUS_WORDS.search(text(dataset, name)) for name in _DESCRIPTIONS):
        yield Reason.WORDS
    if word(dataset, "PhotometricInterpretation") not in {"MONOCHROME1", "MONOCHROME2"}:
        yield Reason.COLOUR
    if word(dataset, "ConversionType"):
        yield Reason.CONVERTED
    if _has_odd_shape(dataset):
        yield Reason.SHAPE


def _has_odd_shape(dataset: Dataset) -> bool:
    """Return whether rows, columns or bits are those of a screen or a photograph, not of slices."""
    rows, columns, bits = (whole_number(dataset, name) for name in ("Rows", "Columns", "BitsAllocated"))
    if min(rows, columns) < 1:
        return True
    ratio = max(rows, columns) / min(rows, columns)
    is_ct = word(dataset, "Modality") == "CT"
    return (
        max(rows, columns) > _WIDEST
        or bits < _FEWEST_BITS
        or ratio > _LONGEST_RATIO
        or (is_ct and ratio != 1)
    )


def _has_embedded_overlay(dataset: Dataset) -> bool:
    """Return whether an overlay is in bits of the pixels (PS3.5 8.1.2, retired)."""
    return any(
        group + _OVERLAY_ROWS in dataset and group + _OVERLAY_DATA not in dataset for group in _OVERLAYS
    )


def transfer_syntax(dataset: Dataset) -> str:
    """Return the transfer syntax that the file says, empty where it does not."""
    meta = getattr(dataset, "file_meta", None)
    return str(meta.get("TransferSyntaxUID") or "") if meta is not None else ""
