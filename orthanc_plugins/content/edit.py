"""A file with some elements of another copy of the same instance: all else stays byte for byte.

What is changed is recorded in the file, in an item of the Original Attributes Sequence (PS3.3 C.12.1.1.9.1).
UIDs are never changed, nor anything inside a reference.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.sync.identity import describes_coding, describes_pixels, is_identity
from orthanc_plugins.sync.paths import parse_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from pydicom.dataelem import DataElement
    from pydicom.dataset import FileDataset
    from pydicom.tag import BaseTag

    from orthanc_plugins.sync.paths import Step

MODIFYING_SYSTEM = "ORTHANC PACS SUITE"
"""Modifying System (0400,0563) of what this suite changes."""

_TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Value representations that the character set applies to (PS3.5 6.1.2.2)."""
_WORDS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_UNICODE = "ISO_IR 192"
_UNREADABLE = (
    InvalidDicomError,
    BytesLengthException,
    EOFError,
    NotImplementedError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    OSError,
)
"""What pydicom raises on a file that is not whole or not DICOM."""
_TAG = re.compile(r"[0-9A-F]{8}")


@dataclass(frozen=True)
class Stamp:
    """What a change is recorded with.

    Parameters
    ----------
    at
        When; aware.
    source
        Where the former values were (Source of Previous Values, 0400,0564): the archive's AE title or name.
    """

    at: datetime
    source: str


def edited(content: bytes, other: bytes, paths: Sequence[str], stamp: Stamp) -> bytes:
    """Return a file whose elements at some paths are as in another copy, absent where they are absent there.

    Parameters
    ----------
    content, other
        Both files, whole.
    paths
        As differences tell them; one that ends in an element of the top level takes it whole.

    Raises
    ------
    InvalidDicom
        A file cannot be read, an element is one that is never changed, or there is no place for it. The text
        names tags, never values.
    """
    with readable():
        return _edited(read_whole(content), read_whole(other), paths, stamp)


def _edited(data_set: FileDataset, source: FileDataset, paths: Sequence[str], stamp: Stamp) -> bytes:
    if data_set.SOPInstanceUID != source.SOPInstanceUID:
        raise InvalidDicom("The two files are not of the same instance, so nothing is taken over.")
    steps = [_checked(path) for path in paths]
    former = _former(data_set, steps)
    _make_encodable(data_set, source, steps, former)
    for path in steps:
        _take_over(data_set, source, path)
    _record(data_set, former, stamp)
    return _written(data_set)


def texts_of(content: bytes, elements: Iterable[str]) -> dict[str, str]:
    """Return the values of elements of the top level as text, by keyword; empty where one is absent.

    Parameters
    ----------
    elements
        Keywords, or tags of eight hexadecimal digits; those without a keyword, private ones and sequences are
        left out.

    Raises
    ------
    InvalidDicom
        The file cannot be read.
    """
    keywords = {keyword_for_tag(one) if _TAG.fullmatch(one) else one for one in elements}
    found: dict[str, str] = {}
    with readable():
        data_set = read_whole(content, without_pixels=True)
        for keyword in sorted(keywords):
            tag = tag_for_keyword(keyword)
            if keyword and tag is not None and dictionary_VR(tag) != "SQ":
                value = data_set.get(keyword)
                several = isinstance(value, MultiValue)
                found[keyword] = (
                    "" if value is None else "\\".join(map(str, value)) if several else str(value)
                )
    return found


@contextmanager
def readable() -> Iterator[None]:
    """Turn what pydicom raises on a file that it cannot read into the suite's error, without its text."""
    try:
        yield
    except _UNREADABLE as error:
        raise InvalidDicom(
            f"The file cannot be read as DICOM ({type(error).__name__}): it cannot be changed."
        ) from None


def read_whole(content: bytes, *, without_pixels: bool = False) -> FileDataset:
    """Return a file's data set; to be called inside `readable`."""
    data_set = dcmread(BytesIO(content), stop_before_pixels=without_pixels)
    _ = data_set.SOPInstanceUID
    return data_set


def _written(data_set: FileDataset) -> bytes:
    buffer = BytesIO()
    data_set.save_as(buffer, enforce_file_format=False)
    return buffer.getvalue()


def _checked(path: str) -> tuple[Step, ...]:
    """Return the steps of a path to something that may be changed."""
    try:
        steps = parse_path(path)
    except ValueError as error:
        raise InvalidDicom(f"{path[:64]} names no element.") from error
    if is_identity(steps) or describes_pixels(steps) or describes_coding(steps):
        raise InvalidDicom(
            f"{path} is never changed by itself: it is an identity or describes pixels or texts."
        )
    if steps[-1].item is not None:
        raise InvalidDicom(f"{path} is an item of a sequence: its whole sequence is taken over or nothing.")
    return steps


# Elements


def _tag(data_set: Dataset, step: Step, *, reserve: bool = False) -> BaseTag | None:
    """Return the tag of an element in a data set, None of a private one whose creator has no block there."""
    if step.creator is None:
        return Tag(step.tag)
    try:
        block = data_set.private_block(int(step.tag[:4], 16), step.creator, create=reserve)
    except KeyError:
        return None
    return block.get_tag(int(step.tag[4:], 16))


def _parent(data_set: Dataset, steps: tuple[Step, ...]) -> Dataset:
    """Return the data set or item that an element stands in."""
    for step in steps[:-1]:
        tag = _tag(data_set, step)
        items = data_set[tag].value if tag is not None and tag in data_set else ()
        if not isinstance(items, DicomSequence) or step.item is None or step.item >= len(items):
            raise InvalidDicom(
                f"There is no item {step.item} of {step.name} in both files: compare the study again."
            )
        data_set = items[step.item]
    return data_set


def _element(data_set: Dataset, steps: tuple[Step, ...]) -> DataElement | None:
    parent = _parent(data_set, steps)
    tag = _tag(parent, steps[-1])
    return parent[tag] if tag is not None and tag in parent else None


def _take_over(data_set: Dataset, source: Dataset, steps: tuple[Step, ...]) -> None:
    parent, element = _parent(data_set, steps), _element(source, steps)
    if element is None:
        tag = _tag(parent, steps[-1])
        if tag is not None and tag in parent:
            del parent[tag]
        return
    if element.VR == "UI":
        raise InvalidDicom(f"{steps[-1].name} is a UID, which is never changed.")
    before = _element(data_set, steps)
    if before is not None and _rewrites_uids(before, element):
        raise InvalidDicom(
            f"{steps[-1].name} refers to other objects in each copy: it is not taken over, UIDs are never "
            "rewritten. Decide for the whole instance."
        )
    taken = copy.deepcopy(element)
    tag = _tag(parent, steps[-1], reserve=True)
    assert tag is not None
    taken.tag = tag
    parent[tag] = taken


def _rewrites_uids(before: DataElement, after: DataElement) -> bool:
    """Return whether a sequence would lose UIDs for others; one may bring more of them, or have fewer."""
    one, other = Counter(_uids(before)), Counter(_uids(after))
    return bool(one - other and other - one)


def _uids(element: DataElement) -> Iterator[str]:
    if element.VR == "UI":
        yield str(element.value)
    elif isinstance(element.value, DicomSequence):
        for item in element.value:
            for nested in item:
                yield from _uids(nested)


def _former(data_set: Dataset, paths: Iterable[tuple[Step, ...]]) -> Dataset:
    """Return the elements of the top level that are about to change, with private ones' creators."""
    former = Dataset()
    for steps in paths:
        tag = _tag(data_set, steps[0])
        if tag is None or tag not in data_set:
            continue
        former[tag] = copy.deepcopy(data_set[tag])
        if steps[0].creator is not None:
            reserving = Tag(tag.group, tag.element >> 8)
            former[reserving] = copy.deepcopy(data_set[reserving])
    return former


def _record(data_set: Dataset, former: Dataset, stamp: Stamp) -> None:
    item = Dataset()
    item.SourceOfPreviousValues = stamp.source
    item.AttributeModificationDateTime = f"{stamp.at.astimezone(UTC):%Y%m%d%H%M%S.%f}+0000"
    item.ModifyingSystem = MODIFYING_SYSTEM
    item.ReasonForTheAttributeModification = "CORRECT"
    item.ModifiedAttributesSequence = [former]
    records = [*data_set.get("OriginalAttributesSequence", ()), item]
    data_set.OriginalAttributesSequence = DicomSequence(records)


# Texts


def _make_encodable(
    data_set: Dataset, source: Dataset, paths: Iterable[tuple[Step, ...]], former: Dataset
) -> None:
    """Let a file's character set have what is taken over; where it does not, all its texts become UTF-8."""
    taken = [element for steps in paths if (element := _element(source, steps)) is not None]
    _refuse_unreadable(data_set, source, taken)
    texts = [text for element in taken for text in _texts(element)]
    encodings = convert_encodings(data_set.get("SpecificCharacterSet") or "ISO_IR 6")
    if any(not _encodable(text, encodings) for text in texts):
        _to_unicode(data_set, former)


def _refuse_unreadable(data_set: Dataset, source: Dataset, elements: Iterable[DataElement]) -> None:
    """Refuse bytes that would mean something else in the other file."""
    same_texts = data_set.get("SpecificCharacterSet") == source.get("SpecificCharacterSet")
    same_order = data_set.original_encoding[1] == source.original_encoding[1]
    for element in elements:
        unknown = element.VR == "UN" and not same_texts and not (element.value or b"").isascii()
        if unknown or (element.VR in _WORDS and not same_order):
            raise InvalidDicom(f"{element.tag} is written in a way that the other file does not share.")


def _texts(element: DataElement) -> Iterator[str]:
    if isinstance(element.value, DicomSequence):
        for item in element.value:
            for nested in item:
                yield from _texts(nested)
    elif element.VR in _TEXTS and element.value is not None:
        values = [element.value] if isinstance(element.value, str) or element.VM <= 1 else element.value
        yield from (str(value) for value in values)


def _encodable(text: str, encodings: Collection[str]) -> bool:
    for encoding in encodings:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            continue
        return True
    return False


def _to_unicode(data_set: Dataset, former: Dataset) -> None:
    """Have all texts written in UTF-8, those of items too."""
    for element in data_set.iterall():  # each is read in the character set it was written in
        _ = element.value
    former.SpecificCharacterSet = data_set.get("SpecificCharacterSet", "")
    for element in list(data_set.iterall()):
        for item in element.value if isinstance(element.value, DicomSequence) else ():
            item.pop("SpecificCharacterSet", None)
    data_set.SpecificCharacterSet = _UNICODE
