"""Pictures with names in their pixels: screens, ultrasound, overlays, icons, a photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage, UltrasoundImageStorage

from tests.builders.planted.codestreams import jpeg_baseline
from tests.builders.planted.parts import item, pixels, put, slope
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_PIXELS = "(7FE0,0010)"
_SIZE = 22
"""Height of letters in pixels, as consoles write them."""


def lettered(lines: Sequence[str], *, rows: int = 240, columns: int = 480) -> NDArray[np.uint8]:
    """Return a grey picture, shape (rows, columns), with lines of white text on a dark ground."""
    ground = Image.fromarray((np.indices((rows, columns)).sum(axis=0) % 60).astype(np.uint8))
    draw = ImageDraw.Draw(ground)
    for number, line in enumerate(lines):
        draw.text((12, 10 + number * (_SIZE + 12)), line, fill=255, font=ImageFont.load_default(_SIZE))
    return np.asarray(ground)


def add_screen(ledger: Ledger, visit: Visit) -> None:
    """Write a captured screen (PS3.3 A.8.1) with a name, a number and a date of birth."""
    tokens, patient = ledger.tokens, visit.patient
    made = new_object(tokens, visit, SecondaryCaptureImageStorage, "screen", modality="OT")
    shown = [tokens.word("pixels"), tokens.digits("pixels"), tokens.date("pixels")]
    pixels(made, lettered([f"Name {patient.surname}", f"{shown[0]}  ID {shown[1]}", f"born {shown[2]}"]))
    made.update(item(ConversionType="WSD", BurnedInAnnotation="YES", PatientOrientation=""))
    made.update(
        item(
            SecondaryCaptureDeviceID=tokens.word("device"),
            DateOfSecondaryCapture=tokens.date(),
            TimeOfSecondaryCapture=tokens.time(),
        )
    )
    _add_drawn(ledger, f"{visit.label}/sc.dcm", made, [patient.surname, *shown])


def add_ultrasound(ledger: Ledger, visit: Visit) -> None:
    """Write an ultrasound picture in colours (PS3.3 A.6) that denies what is burned into it."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, UltrasoundImageStorage, "us", modality="US")
    shown = [tokens.word("pixels"), tokens.digits("pixels"), tokens.word("pixels")]
    grey = lettered([f"{shown[0]}  {shown[1]}", f"Clinic {shown[2]}"])
    pixels(made, np.stack([grey, grey, np.minimum(grey, 200)], axis=2))
    region = item(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=0,
        RegionLocationMinX0=40,
        RegionLocationMinY0=90,
        RegionLocationMaxX1=440,
        RegionLocationMaxY1=230,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.02,
        PhysicalDeltaY=0.02,
    )
    made.update(item(BurnedInAnnotation="NO", PatientOrientation="", SequenceOfUltrasoundRegions=[region]))
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    _add_drawn(ledger, f"{visit.label}/us.dcm", made, shown)


def _add_drawn(ledger: Ledger, file: str, made: Dataset, shown: Sequence[str]) -> None:
    ledger.add(file, made, pixels="unstated")
    for value in shown:
        ledger.plant(file, _PIXELS, value, within="drawn")


def add_photograph(ledger: Ledger, visit: Visit) -> None:
    """Write a JPEG whose comment and EXIF block say who is on it."""
    tokens = ledger.tokens
    file = f"{visit.label}/sc_jpeg.dcm"
    made = new_object(tokens, visit, SecondaryCaptureImageStorage, "photograph", modality="OT")
    hidden = [tokens.word("codestream"), tokens.word("codestream")]
    picture = (slope() % 256).astype(np.uint8)
    pixels(made, picture)
    made.update(item(ConversionType="DF", PatientOrientation="", LossyImageCompression="01"))
    made.update(item(LossyImageCompressionRatio="4", LossyImageCompressionMethod="ISO_10918_1"))
    made.PixelData = encapsulate([jpeg_baseline(picture, f"for {hidden[0]}", hidden[1])])
    made["PixelData"].VR = "OB"
    ledger.add(file, made, syntax=JPEGBaseline8Bit, pixels="decoded")
    for value in hidden:
        ledger.plant(file, _PIXELS, value)


def add_overlays(ledger: Ledger, visit: Visit) -> None:
    """Write an image with overlays, in planes of their own and in high bits, curves and an icon."""
    tokens = ledger.tokens
    file = f"{visit.label}/overlays.dcm"
    made = new_object(tokens, visit, SecondaryCaptureImageStorage, "overlays", modality="OT")
    shown = [tokens.word("pixels") for _ in range(4)]
    high = lettered([shown[2]], rows=64, columns=256) > 200
    pixels(made, slope(64, 256).astype(np.uint16) + (high.astype(np.uint16) << 12))
    made.update(item(BitsStored=12, HighBit=11, ConversionType="WSD", PatientOrientation=""))
    for group, text in ((0x6000, shown[0]), (0x601E, shown[1])):
        _overlay(made, group, lettered([text], rows=64, columns=256) > 200, tokens)
    _embedded_overlay(made, 0x6002, tokens)
    _curve(made, tokens)
    made.IconImageSequence = [_icon(shown[3])]
    ledger.add(file, made, pixels="unstated")
    places = ("(6000,3000)", "(601E,3000)", "(7FE0,0010)", "(0088,0200)[1]/(7FE0,0010)")
    for value, place in zip(shown, places, strict=True):
        ledger.plant(file, place, value, within="drawn")


def _overlay(made: Dataset, group: int, mask: NDArray[np.bool_], tokens: Tokens) -> None:
    """Put an overlay plane in, one bit a pixel (PS3.3 C.9.2)."""
    _overlay_head(made, group, mask.shape[0], mask.shape[1], tokens)
    put(made, group << 16 | 0x0100, "US", (1).to_bytes(2, "little"))
    put(made, group << 16 | 0x0102, "US", bytes(2))
    put(made, group << 16 | 0x3000, "OW", np.packbits(mask, bitorder="little").tobytes())


def _embedded_overlay(made: Dataset, group: int, tokens: Tokens) -> None:
    """Describe an overlay in bit 12 of the pixels, as was allowed until 2004."""
    _overlay_head(made, group, 64, 256, tokens)
    put(made, group << 16 | 0x0100, "US", (16).to_bytes(2, "little"))
    put(made, group << 16 | 0x0102, "US", (12).to_bytes(2, "little"))


def _overlay_head(made: Dataset, group: int, rows: int, columns: int, tokens: Tokens) -> None:
    base = group << 16
    put(made, base | 0x0010, "US", rows.to_bytes(2, "little"))
    put(made, base | 0x0011, "US", columns.to_bytes(2, "little"))
    put(made, base | 0x0022, "LO", tokens.phrase("text", "layer of"))
    put(made, base | 0x0040, "CS", "G")
    put(made, base | 0x0050, "SS", (1).to_bytes(2, "little") * 2)
    put(made, base | 0x1500, "LO", tokens.phrase("text", "label"))
    put(made, base | 0x4000, "LT", tokens.phrase("free text", "comment"))


def _curve(made: Dataset, tokens: Tokens) -> None:
    """Put a curve in, retired with its module: label, description and data say who."""
    put(made, 0x50000005, "US", (1).to_bytes(2, "little"))
    put(made, 0x50000010, "US", (8).to_bytes(2, "little"))
    put(made, 0x50000020, "CS", "ECG")
    put(made, 0x50000022, "LO", tokens.phrase("text", "curve of"))
    put(made, 0x50000103, "US", bytes(2))
    put(made, 0x50002500, "LO", tokens.phrase("text", "label"))
    put(made, 0x50003000, "OW", tokens.word("bytes") * 2)


def _icon(text: str) -> Dataset:
    """Return an icon in which a name can still be read (PS3.3 F.7)."""
    made = Dataset()
    pixels(made, lettered([text], rows=64, columns=256))
    return made
