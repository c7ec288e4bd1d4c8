"""Pictures with text drawn into them, instances that have them as pixels, and a finder without weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from orthanc_plugins.deid.pixels.boxes import Box
from orthanc_plugins.deid.pixels.finder import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CT, US, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"
LIGHT = 230
ANNA = Reading("ANNA", 0.95)


def drawn(
    ground: NDArray[np.uint8],
    text: str,
    at: tuple[int, int],
    *,
    size: int = 16,
    colour: int | tuple[int, ...] = LIGHT,
    font: Path | None = None,
    smooth: bool = True,
) -> tuple[NDArray[np.uint8], Box]:
    """Return a copy of a picture with a text at (column, row), and the box of its letters."""
    picture = Image.fromarray(ground)
    pen = ImageDraw.Draw(picture)
    pen.fontmode = "L" if smooth else "1"
    letters = ImageFont.load_default(size) if font is None else ImageFont.truetype(font, size)
    pen.text(at, text, font=letters, fill=colour)
    left, top, right, bottom = (round(edge) for edge in pen.textbbox(at, text, font=letters))
    return np.asarray(picture), Box(left, top, right, bottom)


def instance(values: NDArray[Any], *, photometric: str = "MONOCHROME2", **said: Any) -> Dataset:
    """Return an instance of values (frames, rows, columns[, samples]), uncompressed."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = UID(SC)
    dataset.Modality = "OT"
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape[:3]
    dataset.SamplesPerPixel = values.shape[3] if values.ndim == 4 else 1
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = dataset.BitsStored = values.dtype.itemsize * 8
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 4:
        dataset.PlanarConfiguration = said.get("PlanarConfiguration", 0)
        if dataset.PlanarConfiguration:
            values = values.transpose(0, 3, 1, 2)
    dataset.PixelData = np.ascontiguousarray(values).tobytes()
    dataset["PixelData"].VR = "OW" if values.dtype.itemsize > 1 else "OB"
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    return dataset


def slice_of_ct(**said: Any) -> Dataset:
    """Return a CT slice as a scanner measures it."""
    values = (np.arange(64 * 64, dtype=np.int16) % 700 - 200).reshape(1, 64, 64)
    plain = {"SOPClassUID": UID(CT), "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}
    return instance(values, **{**plain, **said})


@dataclass
class LightFinder:
    """Finds what is far lighter than all around it, as one box; it reads what it is told it says."""

    says: Reading = ANNA
    is_blind: bool = False
    looked_at: list[tuple[int, ...]] = field(default_factory=list)

    def find(self, picture: NDArray[np.uint8], *, is_moving: bool = False) -> tuple[Box, ...]:
        del is_moving
        self.looked_at.append(picture.shape[:2])
        darkest = picture.min(axis=2)
        light = darkest >= 250
        if self.is_blind or light.all() or not light.any() or ((darkest >= 200) & ~light).any():
            return ()
        down, across = np.nonzero(light)
        return (Box(int(across.min()), int(down.min()), int(across.max()) + 1, int(down.max()) + 1),)

    def read(self, picture: NDArray[np.uint8], box: Box) -> Reading:
        return self.says
