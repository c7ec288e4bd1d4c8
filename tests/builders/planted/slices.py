"""CT, MR and PT series, in every transfer syntax that can be written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    RLELossless,
)

from tests.builders.planted.codestreams import jpeg_2000, jpeg_lossless
from tests.builders.planted.parts import code, item, pixels, slope
from tests.builders.planted.people import new_object
from tests.builders.planted.vendor import add_private

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_PLAIN = (
    ExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)


def add_ct(ledger: Ledger, visit: Visit) -> list[Dataset]:
    """Write a CT series (PS3.3 A.3), a slice in each syntax; the first three are explicit little endian."""
    made = []
    for number, syntax in enumerate(_PLAIN, 1):
        dataset = _ct_slice(ledger.tokens, visit, number)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = slope(start=number * 50).astype(">i2").tobytes()
        ledger.add(f"{visit.label}/ct_{number}.dcm", dataset, syntax=syntax)
        made.append(dataset)
    for number, (syntax, write) in enumerate(_COMPRESSED.items(), len(_PLAIN) + 1):
        file = f"{visit.label}/ct_{number}.dcm"
        dataset = _ct_slice(ledger.tokens, visit, number)
        hidden = write(dataset, ledger.tokens)
        dataset["PixelData"].VR = "OB"
        ledger.add(file, dataset, syntax=syntax, pixels="decoded")
        for value in hidden:
            ledger.plant(file, "(7FE0,0010)", value)
        made.append(dataset)
    return made


def _ct_slice(tokens: Tokens, visit: Visit, number: int) -> Dataset:
    made = new_object(tokens, visit, CTImageStorage, "ct", number, modality="CT")
    _describe_plane(made, tokens, visit, number)
    made.update(
        item(
            KVP="120",
            RescaleIntercept="-1024",
            RescaleSlope="1",
            ExposureTime="500",
            ConvolutionKernel="B30f",
            ContrastBolusAgent=tokens.phrase("text", "agent of"),
            GantryID=tokens.word("device"),
            IrradiationEventUID=tokens.fresh_uid(),
            DerivationDescription=f"windowed for {visit.patient.surname.upper()}",
            ImageComments=tokens.phrase("free text", "shows the clip of"),
        )
    )
    pixels(made, slope(start=number * 50))
    return made


def _describe_plane(made: Dataset, tokens: Tokens, visit: Visit, number: int) -> None:
    """Fill Frame of Reference, Image Plane and what General Image has of dates (PS3.3 C.7.6)."""
    made.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            FrameOfReferenceUID=tokens.uid(f"{visit.label} frame"),
            PositionReferenceIndicator="",
            PatientPosition="HFS",
            ImagePositionPatient=["-8.5", "-120.25", f"{number * 2.5}"],
            ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
            PixelSpacing=["1.25", "1.25"],
            SliceThickness="2.5",
            AcquisitionNumber=1,
            AcquisitionDate=visit.date,
            AcquisitionTime=tokens.time(),
            AcquisitionDateTime=f"{visit.date}{visit.time}",
        )
    )


def _as_lossless(made: Dataset, tokens: Tokens) -> list[str]:
    """Compress, with a comment, and a word behind the end of the picture."""
    comment, tail = tokens.word("codestream"), tokens.word("codestream")
    made.PixelRepresentation = 0
    stream = jpeg_lossless(slope(start=7).astype(np.uint16), f"for {comment}")
    made.PixelData = encapsulate([stream + tail.encode()])
    return [comment, tail]


def _as_2000(made: Dataset, tokens: Tokens) -> list[str]:
    comment = tokens.word("codestream")
    made.PixelRepresentation = 0
    made.PixelData = encapsulate([jpeg_2000(slope(start=8).astype(np.uint16), f"for {comment}")])
    return [comment]


def _as_rle(made: Dataset, _tokens: Tokens) -> list[str]:
    """Compress in literal runs (PS3.5 G.3), which leave no room for words."""
    words = slope(start=9).astype(">i2").tobytes()
    upper, lower = (
        b"".join(bytes([127]) + half[at : at + 128] for at in range(0, len(half), 128))
        for half in (words[::2], words[1::2])
    )
    head = b"".join(number.to_bytes(4, "little") for number in (2, 64, 64 + len(upper)))
    made.PixelData = encapsulate([head.ljust(64, b"\0") + upper + lower])
    return []


_COMPRESSED = {
    JPEGLosslessSV1: _as_lossless,
    JPEG2000Lossless: _as_2000,
    RLELossless: _as_rle,
}


def add_mr(ledger: Ledger, visit: Visit) -> list[Dataset]:
    """Write an MR series (PS3.3 A.4) with private blocks as scanners leave them."""
    made = []
    for number in (1, 2, 3):
        dataset = new_object(ledger.tokens, visit, MRImageStorage, "mr", number, modality="MR")
        _describe_plane(dataset, ledger.tokens, visit, number)
        dataset.update(
            item(
                ScanningSequence="SE",
                SequenceVariant="NONE",
                ScanOptions="",
                MRAcquisitionType="2D",
                EchoTime="12",
                RepetitionTime="600",
                EchoTrainLength="1",
                MagneticFieldStrength="1.5",
                SequenceName=ledger.tokens.word("vocabulary"),
                ReceiveCoilName=ledger.tokens.word("vocabulary"),
                PatientWeight="71.5",
                AngioFlag="N",
            )
        )
        pixels(dataset, slope(start=number * 90))
        add_private(dataset, ledger.tokens)
        ledger.add(f"{visit.label}/mr_{number}.dcm", dataset, syntax=_PLAIN[2 + number % 2])
        made.append(dataset)
    return made


def add_pt(ledger: Ledger, visit: Visit) -> list[Dataset]:
    """Write a PET series (PS3.3 A.21): the tracer's dates decide what the pixels mean."""
    made = []
    for number in (1, 2):
        dataset = new_object(
            ledger.tokens, visit, PositronEmissionTomographyImageStorage, "pt", number, modality="PT"
        )
        _describe_plane(dataset, ledger.tokens, visit, number)
        del dataset.PatientPosition  # the codes of `_tracer` say it
        dataset.update(_tracer(ledger.tokens, visit, number))
        pixels(dataset, slope(start=number * 70).astype(np.uint16))
        ledger.add(f"{visit.label}/pt_{number}.dcm", dataset)
        made.append(dataset)
    return made


def _tracer(tokens: Tokens, visit: Visit, number: int) -> Dataset:
    """Return the PET modules (PS3.3 C.8.9.1, C.8.9.2, C.8.9.4)."""
    injected = item(
        Radiopharmaceutical=tokens.phrase("text", "FDG from"),
        RadiopharmaceuticalStartTime=visit.time,
        RadiopharmaceuticalStartDateTime=f"{visit.date}{visit.time}",
        RadiopharmaceuticalStopDateTime=tokens.moment(),
        RadionuclideTotalDose="350000000",
        RadionuclideHalfLife="6586.2",
        RadionuclidePositronFraction="0.97",
        RadiopharmaceuticalVolume="10",
        RadionuclideCodeSequence=[code("C-111A1", "SRT", "^18^Fluorine")],
        AdministrationRouteCodeSequence=[code("47625008", "SCT", "Intravenous route")],
    )
    return item(
        RadiopharmaceuticalInformationSequence=[injected],
        Units="BQML",
        CountsSource="EMISSION",
        SeriesType=["STATIC", "IMAGE"],
        CorrectedImage=["DECY", "ATTN"],
        DecayCorrection="START",
        DecayCorrectionDateTime=f"{visit.date}{visit.time}",
        CollimatorType="NONE",
        RescaleIntercept="0",
        RescaleSlope="0.5",
        FrameReferenceTime="0",
        ActualFrameDuration="60000",
        DecayFactor="1.02",
        NumberOfSlices=2,
        ImageIndex=number,
        PatientOrientationCodeSequence=[code("102538003", "SCT", "recumbent")],
        PatientGantryRelationshipCodeSequence=[code("102540008", "SCT", "headfirst")],
    )
