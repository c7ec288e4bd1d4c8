"""Pixels of two copies against each other: coded in another way, or of other values.

Equal bytes in one coding need no decoding. Otherwise both are decoded, frame by frame, and their values are
compared: equal ones are a lossless transcoding, of others it is told how far they are apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orthanc_plugins.content.coded import LABELS, Pixels
from orthanc_plugins.content.datasets import PLANAR_CONFIGURATION
from orthanc_plugins.content.deviation import Deviation, deviation
from orthanc_plugins.content.findings import Finding, Findings, side
from orthanc_plugins.content.frames import syntax_name
from orthanc_plugins.content.representations import keyword_of
from orthanc_plugins.errors import NoDecoder
from orthanc_plugins.sync.differences import DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRANSFER_SYNTAX = "00020010"
_CONVERTED = frozenset({"RGB", "YBR_FULL"})
"""Colours that are converted into each other by PS3.3 C.7.6.3.1.2."""
_INEXACT = frozenset(f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "91", "203"))
"""JPEG of cosines, irreversible JPEG 2000: their standards leave rounding to the decoder."""
_BETWEEN_DECODERS = 2.0


def recoded(left: str, right: str) -> Finding:
    """Return the finding that the same values are coded in two transfer syntaxes, told by their names."""
    detail = "The pixels are coded otherwise, and decode to the same values."
    kind = DifferenceClass.TRANSFER_SYNTAX_ONLY
    return Finding(kind, _TRANSFER_SYNTAX, "TransferSyntaxUID", left, right, detail)


def compare_pixels(left: Pixels, right: Pixels, path: str = "") -> Findings:
    """Return what the pixels of two copies differ in.

    Parameters
    ----------
    left, right
        Orthanc's and DCM4CHEE's.
    path
        Of the item that they are in, with a dot at its end; empty of an object's own.
    """
    found = Findings()
    if not left.there and not right.there:
        return found
    if not (left.there and right.there):
        detail = f"Only {side(left=left.there)}'s copy has pixels."
        found.differences.append(_values_finding(left, right, detail, path))
    elif _same_code(left, right):
        found.differences.extend(_labels(left, right, path))
        if damage := left.damage or right.damage:
            found.notes.append(f"the pixels of both copies are the same bytes, and damaged: {damage}.")
    else:
        _compare_values(left, right, path, found)
    return found


def _same_code(left: Pixels, right: Pixels) -> bool:
    """Return whether pixels are the same bytes in one coding."""
    return left.coding == right.coding and b"".join(left.code()) == b"".join(right.code())


def _labels(left: Pixels, right: Pixels, path: str) -> Iterator[Finding]:
    """Yield how attributes say otherwise that the same values are to be read.

    Those of items are compared among their other attributes.
    """
    for tag in () if path else LABELS:
        one, other = left.label(tag), right.label(tag)
        if one != other:
            detail = "The pixels are the same, and are said to be read otherwise."
            yield Finding(DifferenceClass.METADATA, f"{tag:08X}", keyword_of(tag), one, other, detail)


def _compare_values(left: Pixels, right: Pixels, path: str, found: Findings) -> None:
    """Decode both, and add what their values differ in."""
    apart = deviation(left, right)
    if apart.errors:
        _add_errors(left, right, apart, path, found)
    elif not apart.differs:
        if left.colours != right.colours or (left.coding and left.coding == right.coding):
            found.differences.extend(_labels(left, right, path))
        found.differences.extend(_recoded(left, right, path))
    elif {left.colours, right.colours} == _CONVERTED:
        apart = deviation(left, right, as_rgb=True)
        if apart.differs:
            found.differences.append(_values_finding(left, right, _told(left, right, apart), path))
        elif not path:
            detail = "Colours are coded otherwise, and are the same when converted to RGB."
            found.differences.append(_recoding(left, right, detail))
    else:
        found.differences.append(_values_finding(left, right, _told(left, right, apart), path))


def _told(left: Pixels, right: Pixels, apart: Deviation) -> str:
    """Return how values differ, and what in their coding may be why."""
    parts = [apart.sentence]
    parts += [f"{side(left=one is left)}'s is compressed with loss." for one in (left, right) if one.is_lossy]
    inexact = {one.coding for one in (left, right)} & _INEXACT
    if inexact and left.coding != right.coding and apart.largest <= _BETWEEN_DECODERS:
        parts.append(f"By so little, decoders of {syntax_name(min(inexact))} differ among themselves.")
    return " ".join(parts)


def _recoded(left: Pixels, right: Pixels, path: str) -> Iterator[Finding]:
    """Yield how the same values are coded otherwise.

    Ways to write them without compression are none, nor is the coding of icons and the like: it follows that
    of the object's own pixels.
    """
    if path:
        return
    if left.coding != right.coding:
        yield recoded(syntax_name(left.transfer_syntax_uid), syntax_name(right.transfer_syntax_uid))
    elif left.coding:
        detail = "The pixels were compressed anew in the same way: other bytes, and the same values."
        yield _recoding(left, right, detail)
    elif left.label(PLANAR_CONFIGURATION) != right.label(PLANAR_CONFIGURATION):
        detail = "The samples of the pixels stand in another order, and are the same values."
        yield _recoding(left, right, detail)


def _add_errors(left: Pixels, right: Pixels, apart: Deviation, path: str, found: Findings) -> None:
    """Add that copies cannot be decoded."""
    reasons = "; ".join(
        f"{side(left=is_left)}'s: {apart.errors[is_left]}"
        for is_left in (True, False)
        if is_left in apart.errors
    )
    undamaged = any(isinstance(error, NoDecoder) for error in apart.errors.values())
    if len(apart.errors) == 1 and not undamaged:
        detail = f"The pixels of one copy cannot be decoded, those of the other can. {reasons}."
        found.differences.append(_values_finding(left, right, detail, path))
    else:
        found.incomplete.append(f"pixels differ in their bytes and cannot be decoded. {reasons}.")


def _values_finding(left: Pixels, right: Pixels, detail: str, path: str) -> Finding:
    tag = (left if left.there else right).element
    shown = [one.shown if one.there else None for one in (left, right)]
    return Finding(DifferenceClass.PIXEL, f"{path}{tag:08X}", keyword_of(tag), shown[0], shown[1], detail)


def _recoding(left: Pixels, right: Pixels, detail: str) -> Finding:
    """Return the finding that pixels are coded otherwise."""
    kind = DifferenceClass.TRANSFER_SYNTAX_ONLY
    if left.coding == right.coding:
        tag = left.element
        return Finding(kind, f"{tag:08X}", keyword_of(tag), left.shown, right.shown, detail)
    names = [syntax_name(one.transfer_syntax_uid) for one in (left, right)]
    return Finding(kind, _TRANSFER_SYNTAX, "TransferSyntaxUID", names[0], names[1], detail)
