"""Pieces that many objects are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def item(**attributes: Any) -> Dataset:
    """Return a data set of attributes by keyword."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded entry (PS3.3 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def pointer(target: Dataset, *frames: int, segments: Sequence[int] = ()) -> Dataset:
    """Return a reference to an instance, or to some of its frames (PS3.3 10.8, 10.3)."""
    made = item(ReferencedSOPClassUID=target.SOPClassUID, ReferencedSOPInstanceUID=target.SOPInstanceUID)
    if frames:
        made.ReferencedFrameNumber = list(frames)
    if segments:
        made.ReferencedSegmentNumber = list(segments)
    return made


def evidence(images: Sequence[Dataset]) -> Dataset:
    """Return the instances of one series as evidence (PS3.3 C.17.2, Hierarchical SOP Instance Reference)."""
    series = item(
        SeriesInstanceUID=images[0].SeriesInstanceUID,
        ReferencedSOPSequence=[pointer(image) for image in images],
    )
    return item(StudyInstanceUID=images[0].StudyInstanceUID, ReferencedSeriesSequence=[series])


def put(dataset: Dataset, tag: int, vr: str, value: bytes | str) -> None:
    """Put bytes into an element as they are, whatever pydicom thinks of them; made even (PS3.5 7.1)."""
    data = value.encode("ascii") if isinstance(value, str) else value
    filler = b"\0" if vr in {"UI", "OB", "UN"} else b" "
    data += filler * (len(data) % 2)
    dataset.set_original_encoding(False, True, dataset._character_set)
    dataset[Tag(tag)] = RawDataElement(Tag(tag), vr, len(data), data, 0, False, True)


def pixels(dataset: Dataset, values: NDArray[np.unsignedinteger] | NDArray[np.signedinteger]) -> None:
    """Put stored values in, shape (rows, columns) or (rows, columns, 3), 8 or 16 bits (PS3.3 C.7.6.3)."""
    is_colour = values.ndim == 3
    bits = values.dtype.itemsize * 8
    dataset.update(
        item(
            SamplesPerPixel=3 if is_colour else 1,
            PhotometricInterpretation="RGB" if is_colour else "MONOCHROME2",
            Rows=values.shape[0],
            Columns=values.shape[1],
            BitsAllocated=bits,
            BitsStored=bits,
            HighBit=bits - 1,
            PixelRepresentation=int(values.dtype.kind == "i"),
        )
    )
    if is_colour:
        dataset.PlanarConfiguration = 0
    dataset.PixelData = values.astype(values.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"


def slope(rows: int = 16, columns: int = 16, *, start: int = 0) -> NDArray[np.int16]:
    """Return a picture of 16 bits in which every pixel differs from its neighbours."""
    ramp = np.add.outer(np.arange(rows) * 37, np.arange(columns) * 11) + start
    return (ramp % 2000).astype(np.int16)
