"""Structure sets that are not plain, read by pydicom: rare codings, and files that only it forgives."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pydicom
from pydicom.filereader import read_partial

from orthanc_plugins.errors import InvalidDicom
from orthanc_plugins.rtstruct.reading.elements import parse_errors
from orthanc_plugins.rtstruct.reading.hush import hush_pydicom
from orthanc_plugins.rtstruct.reading.intact import refuse_inflated, refuse_other_class
from orthanc_plugins.rtstruct.reading.plain import UNDEFINED

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset


def read_data_set(content: bytes) -> Dataset:
    """Return the data set of a whole RT Structure Set.

    Raises
    ------
    InvalidDicom
        It is none, or it is cut short.
    """
    hush_pydicom()
    try:
        refuse_inflated(content, "RT Structure Set")
        data_set: Dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        refuse_other_class(data_set)
        _refuse_truncated(data_set)
    except parse_errors(OSError) as error:
        raise InvalidDicom("The file is not DICOM, is damaged, or was cut short. Send it again.") from error
    return data_set


def read_until(path: Path, tag: int) -> Dataset:
    """Return the data set of a structure set's file up to an element; raises what `parse_errors` names.

    Raises
    ------
    InvalidDicom
        It is deflated and holds more than any structure set does.
    """
    hush_pydicom()
    refuse_inflated(path, "RT Structure Set")
    with path.open("rb") as stream:
        data_set = read_partial(stream, stop_when=lambda found, _, __: found >= tag, force=True)
    if "StructureSetROISequence" not in data_set:
        raise LookupError("no StructureSetROISequence")
    return data_set


def _refuse_truncated(dataset: Dataset) -> None:
    """Raise when the file ends inside an element: regions beyond that point would be lost unseen."""
    for element in dataset.values():
        value = getattr(element, "value", None)
        length = getattr(element, "length", 0)
        if isinstance(value, bytes) and length != UNDEFINED and len(value) < length:
            raise InvalidDicom(
                f"The RT Structure Set is cut short: element {element.tag} announces {length} bytes "
                f"and only {len(value)} are there. Send it again."
            )
    for keyword in ("StructureSetROISequence", "ROIContourSequence"):
        if keyword not in dataset:
            raise InvalidDicom(
                f"The RT Structure Set holds no regions (no {keyword}): it is empty or was cut short. "
                "Export it again from the planning system."
            )
