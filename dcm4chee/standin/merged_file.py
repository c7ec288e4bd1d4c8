"""Files with other attributes than they were received with; their pixels are not touched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pydicom import dcmread, dcmwrite
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dcm4chee.standin.dataset import dataset_from, element_of, read_header
from dcm4chee.standin.merging import merged
from dcm4chee.standin.tags import ORIGINAL_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import FileDataset

    from dcm4chee.standin.dataset import Attributes


def merged_file(content: bytes, changes: Attributes, originals: Sequence[Attributes]) -> bytes:
    """Return a DICOM file with changes in place and items appended to OriginalAttributesSequence.

    Raises
    ------
    NotDicomError
        It is no DICOM file.
    """
    dataset, pixels = read_header(content)
    rest = content[pixels:]
    if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        dataset, rest = dcmread(io.BytesIO(content)), b""
    _change(dataset, changes, originals)
    written = io.BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue() + rest


def _change(dataset: FileDataset, changes: Attributes, originals: Sequence[Attributes]) -> None:
    own: Attributes = {}
    if originals and ORIGINAL_ATTRIBUTES in dataset:
        own[ORIGINAL_ATTRIBUTES] = element_of(dataset[ORIGINAL_ATTRIBUTES])
    new = merged(own, changes, originals)
    if not _is_ascii(new):
        # All text is decoded first, and then written anew in the one repertoire that has every character.
        dataset.decode()
        dataset.SpecificCharacterSet = "ISO_IR 192"
    for element in dataset_from(new):
        dataset[element.tag] = element


def _is_ascii(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, dict):
        return all(_is_ascii(one) for one in value.values())
    if isinstance(value, list):
        return all(_is_ascii(one) for one in value)
    return True
