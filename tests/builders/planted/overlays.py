"""What is laid over, marked in or brought into line with images: PR, SEG, REG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import (
    GrayscaleSoftcopyPresentationStateStorage,
    SegmentationStorage,
    SpatialRegistrationStorage,
)

from tests.builders.planted.parts import code, item, pointer
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_IDENTITY = ["1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "1"]
_MOVED = ["1", "0", "0", "3.5", "0", "1", "0", "-2.25", "0", "0", "1", "7.75", "0", "0", "0", "1"]


def add_presentation(ledger: Ledger, visit: Visit, images: Sequence[Dataset]) -> None:
    """Write a Grayscale Softcopy Presentation State (PS3.3 A.33.1) with texts and lines."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, GrayscaleSoftcopyPresentationStateStorage, "pr", modality="PR")
    layer = item(
        GraphicLayer="LAYER1", GraphicLayerOrder=1, GraphicLayerDescription=tokens.phrase("text", "by")
    )
    series = item(
        SeriesInstanceUID=images[0].SeriesInstanceUID,
        ReferencedImageSequence=[pointer(image) for image in images],
    )
    made.update(_shown(tokens))
    made.update(
        item(
            ContentLabel=tokens.capitals("text"),
            ContentDescription=tokens.phrase("text", "shown to"),
            PresentationCreationDate=tokens.date(),
            PresentationCreationTime=tokens.time(),
            ContentCreatorName=tokens.name("staff"),
            ReferencedSeriesSequence=[series],
            GraphicLayerSequence=[layer],
            GraphicAnnotationSequence=[_annotation(tokens, images[0])],
        )
    )
    ledger.add(f"{visit.label}/pr.dcm", made)


def _shown(tokens: Tokens) -> Dataset:
    """Return which area is shown in which greys (PS3.3 C.10.4, C.11.6, C.11.8)."""
    area = item(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[16, 16],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelSpacing=["1.25", "1.25"],
    )
    window = item(
        WindowCenter="40",
        WindowWidth="400",
        WindowCenterWidthExplanation=tokens.phrase("text", "as liked by"),
    )
    return item(
        PresentationLUTShape="IDENTITY",
        DisplayedAreaSelectionSequence=[area],
        SoftcopyVOILUTSequence=[window],
    )


def _annotation(tokens: Tokens, image: Dataset) -> Dataset:
    """Return a text and a line on an image (PS3.3 C.10.5)."""
    text = item(
        BoundingBoxAnnotationUnits="PIXEL",
        UnformattedTextValue=tokens.phrase("free text", "clip of"),
        BoundingBoxTopLeftHandCorner=[2.0, 3.0],
        BoundingBoxBottomRightHandCorner=[12.0, 9.0],
        BoundingBoxTextHorizontalJustification="LEFT",
    )
    line = item(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=2,
        GraphicData=[1.5, 2.5, 11.25, 13.75],
        GraphicType="POLYLINE",
        GraphicFilled="N",
    )
    return item(
        ReferencedImageSequence=[pointer(image)],
        GraphicLayer="LAYER1",
        TextObjectSequence=[text],
        GraphicObjectSequence=[line],
    )


def add_segmentation(ledger: Ledger, visit: Visit, images: Sequence[Dataset]) -> None:
    """Write a binary segmentation of two segments, one frame an image each (PS3.3 A.51)."""
    tokens, images = ledger.tokens, images[:3]
    made = new_object(tokens, visit, SegmentationStorage, "seg", modality="SEG")
    frames = [(segment, image) for segment in (1, 2) for image in images]
    rng = np.random.default_rng(5)
    made.update(_segmented(tokens, visit, images))
    made.PerFrameFunctionalGroupsSequence = [
        _frame(segment, at % len(images) + 1, image) for at, (segment, image) in enumerate(frames)
    ]
    made.NumberOfFrames = len(frames)
    made.PixelData = np.packbits(rng.integers(0, 2, len(frames) * 256, np.uint8), bitorder="little").tobytes()
    made["PixelData"].VR = "OB"
    ledger.add(f"{visit.label}/seg.dcm", made)


def _segmented(tokens: Tokens, visit: Visit, images: Sequence[Dataset]) -> Dataset:
    """Return the Segmentation Image and Multi-frame modules (PS3.3 C.8.20.2, C.7.6.17)."""
    organisation = tokens.uid("seg dimensions")
    first = images[0]
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=["1.25", "1.25"], SliceThickness="2.5")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
    )
    return item(
        ImageType=["DERIVED", "PRIMARY"],
        ContentLabel=tokens.capitals("text"),
        ContentDescription=tokens.phrase("text", "learnt from"),
        ContentCreatorName=tokens.name("staff"),
        FrameOfReferenceUID=first.FrameOfReferenceUID,
        PositionReferenceIndicator="",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=16,
        Columns=16,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelRepresentation=0,
        LossyImageCompression="00",
        SegmentationType="BINARY",
        SegmentSequence=[_segment(tokens, visit, 1, "tracked nodule"), _segment(tokens, visit, 2, "other")],
        DimensionOrganizationSequence=[item(DimensionOrganizationUID=organisation)],
        DimensionIndexSequence=[
            item(
                DimensionOrganizationUID=organisation,
                DimensionIndexPointer=pointed,
                FunctionalGroupPointer=group,
            )
            for pointed, group in ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))
        ],
        ReferencedSeriesSequence=[
            item(
                SeriesInstanceUID=first.SeriesInstanceUID,
                ReferencedInstanceSequence=[pointer(one) for one in images],
            )
        ],
        SharedFunctionalGroupsSequence=[shared],
    )  # fmt: skip


def _segment(tokens: Tokens, visit: Visit, number: int, tracked: str) -> Dataset:
    label = f"GTV {visit.patient.surname}" if number == 1 else tokens.phrase("text", "node by")
    return item(
        SegmentNumber=number,
        SegmentLabel=label,
        SegmentDescription=tokens.phrase("free text", "outlined with"),
        SegmentAlgorithmType="SEMIAUTOMATIC",
        SegmentAlgorithmName=tokens.phrase("vocabulary", "net of"),
        SegmentedPropertyCategoryCodeSequence=[code("49755003", "SCT", "Morphologically Abnormal Structure")],
        SegmentedPropertyTypeCodeSequence=[code("4147007", "SCT", "Mass")],
        TrackingID=tokens.word("text"),
        TrackingUID=tokens.uid(tracked),
        RecommendedDisplayCIELabValue=[34000, 53000, 48000],
    )


def _frame(segment: int, position: int, image: Dataset) -> Dataset:
    source = pointer(image)
    source.PurposeOfReferenceCodeSequence = [
        code("121322", "DCM", "Source image for image processing operation")
    ]
    return item(
        FrameContentSequence=[item(DimensionIndexValues=[segment, position])],
        PlanePositionSequence=[item(ImagePositionPatient=image.ImagePositionPatient)],
        SegmentIdentificationSequence=[item(ReferencedSegmentNumber=segment)],
        DerivationImageSequence=[
            item(
                DerivationCodeSequence=[code("113076", "DCM", "Segmentation")],
                SourceImageSequence=[source],
            )
        ],
    )


def add_registration(
    ledger: Ledger, visit: Visit, fixed: Sequence[Dataset], moving: Sequence[Dataset]
) -> None:
    """Write a rigid registration of one visit's images with another's (PS3.3 A.39.1)."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, SpatialRegistrationStorage, "reg", modality="REG")
    made.update(
        item(
            ContentLabel=tokens.capitals("text"),
            ContentDescription=tokens.phrase("text", "moved for"),
            ContentCreatorName=tokens.name("staff"),
            FrameOfReferenceUID=fixed[0].FrameOfReferenceUID,
            PositionReferenceIndicator="",
            RegistrationSequence=[_registered(fixed, _IDENTITY), _registered(moving, _MOVED)],
            ReferencedSeriesSequence=[_series(fixed)],
            StudiesContainingOtherReferencedInstancesSequence=[
                item(StudyInstanceUID=moving[0].StudyInstanceUID, ReferencedSeriesSequence=[_series(moving)])
            ],
        )
    )
    ledger.add(f"{visit.label}/reg.dcm", made)


def _series(images: Sequence[Dataset]) -> Dataset:
    return item(
        SeriesInstanceUID=images[0].SeriesInstanceUID,
        ReferencedInstanceSequence=[pointer(image) for image in images],
    )


def _registered(images: Sequence[Dataset], matrix: list[str]) -> Dataset:
    rigid = item(
        FrameOfReferenceTransformationMatrixType="RIGID", FrameOfReferenceTransformationMatrix=matrix
    )
    return item(
        FrameOfReferenceUID=images[0].FrameOfReferenceUID,
        ReferencedImageSequence=[pointer(image) for image in images],
        MatrixRegistrationSequence=[item(MatrixSequence=[rigid], RegistrationTypeCodeSequence=[])],
    )
