"""From a file to the rows of what readers noted in it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from orthanc_plugins.annotations.regions import rows_of_segmentation, rows_of_structure_set
from orthanc_plugins.annotations.reports import rows_of_report
from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataset import Dataset

    from orthanc_plugins.annotations.records import Annotation

_MOST_ROWS = 20_000
"""How many rows one object may have: more is a damaged or hostile file, not a reader's work."""

_READERS: dict[str, Callable[[Dataset], Iterator[Annotation]]] = {
    "SR": rows_of_report,
    "SEG": rows_of_segmentation,
    "RTSTRUCT": rows_of_structure_set,
}

_FAULTS = (
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom raises, early or late, for values that cannot be read."""


def read_annotations(content: bytes) -> list[Annotation]:
    """Return the rows of an SR, SEG or RTSTRUCT, in its own order; none where a report measures nothing.

    Raises
    ------
    InvalidDicom
        The object cannot be read whole, or is none of the three. Values are not quoted.
    """
    # Warnings quote values, which may be a patient's; `catch_warnings` would exchange other threads' filters.
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    rows: list[Annotation] = []
    try:
        data_set = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        modality = str(data_set.get("Modality") or "")
        reader = _READERS.get(modality)
        if reader is None:
            raise InvalidDicom("The object is no SR, SEG or RTSTRUCT: it has no annotations to index.")
        for row in reader(data_set):
            if len(rows) == _MOST_ROWS:
                raise InvalidDicom(f"The object has more than {_MOST_ROWS} annotations; none is indexed.")
            rows.append(row)
    except _FAULTS as error:
        raise InvalidDicom(
            f"The annotations cannot be read: {type(error).__name__} after {len(rows)} of them. "
            "Nothing of the object is indexed; send it again from where it was made."
        ) from None
    return rows
