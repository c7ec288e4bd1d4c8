"""One value out of a DICOM file, by its path as dcm4chee writes it into BulkDataURI."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def value_at(content: bytes, path: str) -> bytes | None:
    """Return the bytes of a value, without padding added; None when there is none.

    Parameters
    ----------
    path
        Tags and, between them, numbers of items counted from 1: ``30060039/1/30060040/2/30060050``.
    """
    words = path.strip("/").split("/")
    dataset: Dataset = dcmread(io.BytesIO(content))
    try:
        for tag, number in zip(words[:-1:2], words[1:-1:2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(number) - 1]
        return _bytes(dataset, int(words[-1], 16))
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        return None


def _bytes(dataset: Dataset, tag: int) -> bytes:
    element = dataset.get_item(tag)
    if element is None:
        raise KeyError(tag)
    if isinstance(element, RawDataElement):
        return bytes(element.value or b"")
    if isinstance(element.value, bytes):
        return element.value
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, True
    write_data_element(written, element)
    return written.getvalue()[8:]
