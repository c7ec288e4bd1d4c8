"""An enhanced multi-frame CT: dates, UIDs and references in its functional groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import EnhancedCTImageStorage

from tests.builders.planted.parts import code, evidence, item, pixels, pointer, slope
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_FRAMES = 3


def add_enhanced(
    ledger: Ledger, visit: Visit, images: Sequence[Dataset], *, label: str = "enhanced"
) -> Dataset:
    """Write an Enhanced CT (PS3.3 A.38.1) of three frames that were made from others."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, EnhancedCTImageStorage, label, modality="CT")
    pixels(made, slope())
    made.PixelData = np.stack([slope(start=at * 30) for at in range(_FRAMES)]).astype("<i2").tobytes()
    organisation = tokens.uid(f"{label} dimensions")
    made.update(_heading(tokens, visit))
    made.ReferencedImageEvidenceSequence = [evidence(images)]
    made.SourceImageEvidenceSequence = [evidence(images)]
    made.update(
        item(
            NumberOfFrames=_FRAMES,
            DimensionOrganizationSequence=[item(DimensionOrganizationUID=organisation)],
            DimensionIndexSequence=[
                item(
                    DimensionOrganizationUID=organisation,
                    DimensionIndexPointer=0x00200032,
                    FunctionalGroupPointer=0x00209113,
                    DimensionDescriptionLabel=tokens.word("text"),
                )
            ],
            SharedFunctionalGroupsSequence=[_shared(tokens, images)],
            PerFrameFunctionalGroupsSequence=[_frame(tokens, at, images) for at in range(_FRAMES)],
        )
    )
    ledger.add(f"{visit.label}/{label}.dcm", made)
    return made


def _heading(tokens: Tokens, visit: Visit) -> Dataset:
    """Return modules that stand at the top (PS3.3 C.8.15.1, C.8.15.2)."""
    return item(
        ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PatientPosition="HFS",
        FrameOfReferenceUID=tokens.uid(f"{visit.label} frame"),
        PositionReferenceIndicator="",
        SynchronizationFrameOfReferenceUID=tokens.fresh_uid(),
        SynchronizationTrigger="NO TRIGGER",
        AcquisitionTimeSynchronized="N",
        AcquisitionNumber=1,
        AcquisitionDateTime=f"{visit.date}{visit.time}",
        AcquisitionDuration=2.5,
        AcquisitionContextSequence=[],
        AcquisitionProtocolName=tokens.phrase("text", "as by"),
        AcquisitionUID=tokens.fresh_uid(),
        ContentQualification="PRODUCT",
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        LossyImageCompression="00",
        BurnedInAnnotation="NO",
        PresentationLUTShape="IDENTITY",
    )


def _shared(tokens: Tokens, images: Sequence[Dataset]) -> Dataset:
    source = pointer(images[0])
    source.PurposeOfReferenceCodeSequence = [code("121313", "DCM", "Localizer")]
    made = _acquisition()
    made.update(_described(tokens, source))
    return made


def _described(tokens: Tokens, source: Dataset) -> Dataset:
    """Return shared groups that any modality has (PS3.3 C.7.6.16.2)."""
    return item(
        PixelMeasuresSequence=[item(PixelSpacing=["1.25", "1.25"], SliceThickness="2.5")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        FrameAnatomySequence=[
            item(FrameLaterality="U", AnatomicRegionSequence=[code("51185008", "SCT", "Chest")])
        ],
        PixelValueTransformationSequence=[item(RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU")],
        FrameVOILUTSequence=[
            item(
                WindowCenter="40",
                WindowWidth="400",
                WindowCenterWidthExplanation=tokens.phrase("text", "for"),
            )
        ],
        ReferencedImageSequence=[source],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID=tokens.fresh_uid())],
    )


def _acquisition() -> Dataset:
    """Return how the frames were taken (PS3.3 C.8.15.3)."""
    kind = item(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    details = item(
        RotationDirection="CW",
        RevolutionTime=0.5,
        SingleCollimationWidth=0.6,
        TotalCollimationWidth=38.4,
        TableHeight=150.0,
        GantryDetectorTilt=0.0,
        DataCollectionDiameter=500.0,
    )
    centre = [0.0, -110.0, 2.5]
    position = item(
        TablePosition=12.5, DataCollectionCenterPatient=centre, ReconstructionTargetCenterPatient=centre
    )
    rebuilt = item(
        ReconstructionAlgorithm="FILTER_BACK_PROJ",
        ConvolutionKernel="B30f",
        ConvolutionKernelGroup="SOFT_TISSUE",
        ReconstructionDiameter=300.0,
        ReconstructionAngle=360.0,
        ReconstructionPixelSpacing=[1.25, 1.25],
        ImageFilter="NONE",
    )
    exposure = item(
        ExposureTimeInms=500.0,
        XRayTubeCurrentInmA=200.0,
        ExposureInmAs=100.0,
        ExposureModulationType="NONE",
        CTDIvol=4.5,
    )
    return item(
        CTImageFrameTypeSequence=[kind],
        CTAcquisitionTypeSequence=[
            item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
        ],
        CTAcquisitionDetailsSequence=[details],
        CTTableDynamicsSequence=[item(TableSpeed=20.0, TableFeedPerRotation=10.0, SpiralPitchFactor=0.9)],
        CTPositionSequence=[position],
        CTGeometrySequence=[
            item(DistanceSourceToDetector=1000.0, DistanceSourceToDataCollectionCenter=550.0)
        ],
        CTReconstructionSequence=[rebuilt],
        CTExposureSequence=[exposure],
        CTXRayDetailsSequence=[
            item(KVP="120", FocalSpots=[1.2], FilterType="FLAT", FilterMaterial="ALUMINUM")
        ],
    )


def _frame(tokens: Tokens, at: int, images: Sequence[Dataset]) -> Dataset:
    """Return the groups of one frame, with moments of its own (PS3.3 C.7.6.16.2.2)."""
    content = item(
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=tokens.moment(),
        FrameAcquisitionDateTime=tokens.moment(),
        FrameAcquisitionDuration=0.5,
        FrameComments=tokens.phrase("free text", "moved by"),
        FrameLabel=tokens.word("text"),
        StackID="1",
        InStackPositionNumber=at + 1,
        DimensionIndexValues=[at + 1],
    )
    has_frames = "NumberOfFrames" in images[-1]
    source = pointer(images[-1], at + 1) if has_frames else pointer(images[-1])
    source.PurposeOfReferenceCodeSequence = [
        code("121322", "DCM", "Source image for image processing operation")
    ]
    return item(
        FrameContentSequence=[content],
        PlanePositionSequence=[item(ImagePositionPatient=["-8.5", "-120.25", f"{at * 2.5}"])],
        DerivationImageSequence=[
            item(
                DerivationDescription=tokens.phrase("free text", "as told by"),
                DerivationCodeSequence=[code("113072", "DCM", "Multiplanar reformatting")],
                SourceImageSequence=[source],
            )
        ],
    )
