"""What an archive lists, as rows of the inventory; and two rows of a study against each other.

Two rows agree when their digests do: one over the SOP Instance UIDs, one over the attributes of patient and
study, brought into one form first: what means the same to DICOM is the same here, however it is padded or
written.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.archives.base import STUDY_ATTRIBUTES
from orthanc_plugins.store.inventory_records import (
    KEY_BYTES,
    LEFT,
    RIGHT,
    Holding,
    InventoryRow,
    StudyPair,
    joined_keys,
    split_keys,
)
from orthanc_plugins.sync.differences import DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from orthanc_plugins.archives.base import InstanceEntry, StudyEntry

__all__ = [
    "LEFT",
    "RIGHT",
    "InventoryRow",
    "RowComparison",
    "attributes_digest",
    "compare_rows",
    "contents_digest",
    "holding_of",
    "instance_key",
    "joined_keys",
    "normalised",
    "split_keys",
    "told_revision",
]

_DIGEST_BYTES = 8
"""Of a digest: that a difference hides behind equal ones happens once in 10^19 studies."""

_NAMES = frozenset({"PatientName", "ReferringPhysicianName"})
_DATES = frozenset({"PatientBirthDate", "StudyDate"})
_TIMES = frozenset({"StudyTime"})
_PADDING = " \0"
_OLD_DATE = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})")
_OLD_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}(?:\.\d*)?))?")
_FRACTION = re.compile(r"(\d{6})\.(\d*)")


def instance_key(sop_instance_uid: str) -> bytes:
    """Return the key of an instance in a study's contents, `KEY_BYTES` bytes.

    >>> instance_key("1.2.3").hex()
    '1f0adb19a75aedd1'
    """
    return hashlib.blake2b(sop_instance_uid.encode(), digest_size=KEY_BYTES).digest()


def contents_digest(keys: bytes) -> str:
    """Return the digest of a study's contents from its keys in one piece."""
    return _digest(keys)


def attributes_digest(attributes: Mapping[str, str]) -> str:
    """Return the digest of the values of `STUDY_ATTRIBUTES`; one that is missing is empty."""
    values = (normalised(keyword, attributes.get(keyword, "")) for keyword in STUDY_ATTRIBUTES)
    return _digest("\0".join(values).encode())


def normalised(keyword: str, value: str) -> str:
    r"""Return a value of an attribute in the form in which equal values are equal.

    Padding goes (PS3.5 6.2), from each value of several; so do empty components and groups at the end of a
    name (6.2.1.1), the delimiters of old dates and times (ACR-NEMA), and zeros at the end of a fraction of a
    second. Characters are composed. Case stays, and so does the precision of a time: 1011 is not 101100.

    >>> normalised("PatientName", " Doe^John^^^ ="), normalised("StudyDate", "2026.01.02")
    ('Doe^John', '20260102')
    >>> normalised("StudyTime", "101112.500000"), normalised("StudyTime", "10:11:12")
    ('101112.5', '101112')
    """
    text = unicodedata.normalize("NFC", value)
    return "\\".join(_one_value(keyword, part.strip(_PADDING)) for part in text.split("\\"))


def _one_value(keyword: str, text: str) -> str:
    if keyword in _NAMES:
        return _name(text)
    if keyword in _DATES:
        return "".join(match.groups()) if (match := _OLD_DATE.fullmatch(text)) else text
    if keyword in _TIMES:
        if match := _OLD_TIME.fullmatch(text):
            text = "".join(part or "" for part in match.groups())
        if match := _FRACTION.fullmatch(text):
            fraction = match[2].rstrip("0")
            return f"{match[1]}.{fraction}" if fraction else match[1]
    return text


def _name(text: str) -> str:
    groups = (
        "^".join(part.strip(_PADDING) for part in group.split("^")).rstrip("^") for group in text.split("=")
    )
    return "=".join(groups).rstrip("=")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def told_revision(entry: StudyEntry) -> str:
    """Return what a listing tells of a study's state: it changes whenever that does.

    Empty revisions of the archive leave the counts, which tell less: see `InventoryKeeper`.
    """
    return f"{entry.revision}#{entry.series_count}.{entry.instance_count}"


def holding_of(
    archive: str, entry: StudyEntry, instances: Iterable[InstanceEntry], *, at: datetime, pass_number: int
) -> Holding:
    """Return what an archive holds of a study, from how it lists the study and its instances.

    Numbers are those of what is listed, whatever the archive counts; an instance that is listed twice has one
    key.
    """
    listed = list(instances)
    keys = joined_keys(instance_key(one.sop_instance_uid) for one in listed)
    row = InventoryRow(
        archive=archive,
        study_uid=entry.study_uid,
        patient_id=entry.patient_id,
        patient_name=entry.patient_name,
        study_date=entry.study_date,
        modalities=entry.modalities,
        series_count=len({one.series_uid for one in listed}),
        instance_count=len(listed),
        contents_digest=contents_digest(keys),
        attributes_digest=attributes_digest(entry.attributes),
        revision=told_revision(entry),
        archive_key=entry.archive_key,
        listed_at=at,
        changed_at=at,
        pass_number=pass_number,
    )
    return Holding(row, keys)


@dataclass(frozen=True, slots=True)
class RowComparison:
    """The two sides of a study against each other, by the inventory alone.

    ``missing_left`` and ``missing_right`` are the keys of the instances that a side lacks; a study that a
    side does not hold lacks all of them there.
    """

    classes: frozenset[DifferenceClass]
    missing_left: frozenset[bytes] = frozenset()
    missing_right: frozenset[bytes] = frozenset()


def compare_rows(pair: StudyPair, left_keys: bytes | None, right_keys: bytes | None) -> RowComparison:
    """Return how the two sides of a study differ.

    Parameters
    ----------
    pair
        The rows, None on a side that does not hold the study.
    left_keys, right_keys
        Keys of each side's instances in one piece; None on a side that does not hold the study.
    """
    left, right = split_keys(left_keys or b""), split_keys(right_keys or b"")
    missing_left, missing_right = right - left, left - right
    classes = set()
    if missing_left or (pair.left is None and pair.right is not None):
        classes.add(DifferenceClass.MISSING_LEFT)
    if missing_right or (pair.right is None and pair.left is not None):
        classes.add(DifferenceClass.MISSING_RIGHT)
    if pair.left is not None and pair.right is not None:
        if not classes and _counts(pair.left) != _counts(pair.right):
            classes.add(DifferenceClass.COUNT)
        if pair.left.attributes_digest != pair.right.attributes_digest:
            classes.add(DifferenceClass.METADATA)
    return RowComparison(frozenset(classes), missing_left, missing_right)


def _counts(row: InventoryRow) -> tuple[int, int]:
    return row.series_count, row.instance_count
