"""A plan with beams and one with sources, and the dose of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import RTDoseStorage, RTPlanStorage

from tests.builders.planted.parts import item, pixels, pointer, put
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens


def add_plan(ledger: Ledger, visit: Visit, structure_set: Dataset) -> Dataset:
    """Write a plan of two beams (PS3.3 A.20)."""
    tokens = ledger.tokens
    made = _plan(tokens, visit, "rtplan", structure_set)
    made.BeamSequence = [_beam(tokens, number) for number in (1, 2)]
    made.FractionGroupSequence[0].update(
        item(
            NumberOfBeams=2,
            NumberOfBrachyApplicationSetups=0,
            ReferencedBeamSequence=[
                item(ReferencedBeamNumber=number, BeamMeterset="120.5", BeamDose="1.003") for number in (1, 2)
            ],
        )
    )
    made.PatientSetupSequence = [_setup(tokens)]
    made.ToleranceTableSequence = [
        item(ToleranceTableNumber=1, ToleranceTableLabel=tokens.word("text"), GantryAngleTolerance="1")
    ]
    ledger.add(f"{visit.label}/rtplan.dcm", made)
    return made


def _plan(tokens: Tokens, visit: Visit, series: str, structure_set: Dataset) -> Dataset:
    """Return a plan without what radiates (PS3.3 C.8.8.9, C.8.8.10, C.8.8.13, C.8.8.16)."""
    made = new_object(tokens, visit, RTPlanStorage, series, modality="RTPLAN")
    made.update(
        item(
            FrameOfReferenceUID=structure_set.FrameOfReferenceUID,
            PositionReferenceIndicator="",
            RTPlanLabel=tokens.word("text"),
            RTPlanName=tokens.phrase("text", "plan of"),
            RTPlanDescription=tokens.phrase("free text", "as wished by"),
            RTPlanDate=visit.date,
            RTPlanTime=visit.time,
            RTPlanGeometry="PATIENT",
            PlanIntent="CURATIVE",
            TreatmentProtocols=tokens.phrase("text", "study"),
            TreatmentSites=tokens.phrase("text", "breast of"),
            PrescriptionDescription=tokens.phrase("free text", "twice a day for"),
            ReferencedStructureSetSequence=[pointer(structure_set)],
            DoseReferenceSequence=[_prescription(tokens)],
            FractionGroupSequence=[
                item(
                    FractionGroupNumber=1,
                    FractionGroupDescription=tokens.phrase("free text", "boost for"),
                    NumberOfFractionsPlanned=30,
                )
            ],
            ApprovalStatus="APPROVED",
            ReviewDate=tokens.date(),
            ReviewTime=tokens.time(),
            ReviewerName=tokens.name("staff"),
        )
    )
    return made


def _prescription(tokens: Tokens) -> Dataset:
    return item(
        DoseReferenceNumber=1,
        DoseReferenceUID=tokens.uid("dose reference"),
        DoseReferenceStructureType="VOLUME",
        DoseReferenceDescription=tokens.phrase("text", "target of"),
        ReferencedROINumber=4,
        DoseReferenceType="TARGET",
        TargetPrescriptionDose="60",
    )


def _beam(tokens: Tokens, number: int) -> Dataset:
    first = item(
        ControlPointIndex=0,
        CumulativeMetersetWeight="0",
        NominalBeamEnergy="6",
        DoseRateSet="400",
        GantryAngle=f"{number * 90}",
        GantryRotationDirection="NONE",
        BeamLimitingDeviceAngle="0",
        BeamLimitingDeviceRotationDirection="NONE",
        PatientSupportAngle="0",
        PatientSupportRotationDirection="NONE",
        TableTopEccentricAngle="0",
        TableTopEccentricRotationDirection="NONE",
        TableTopVerticalPosition="",
        TableTopLongitudinalPosition="",
        TableTopLateralPosition="",
        IsocenterPosition=["4", "-110", "5"],
        BeamLimitingDevicePositionSequence=[
            item(RTBeamLimitingDeviceType="ASYMX", LeafJawPositions=["-40.5", "42.5"]),
            item(RTBeamLimitingDeviceType="ASYMY", LeafJawPositions=["-30", "30"]),
        ],
        ReferencedDoseReferenceSequence=[
            item(ReferencedDoseReferenceNumber=1, CumulativeDoseReferenceCoefficient="0")
        ],
    )
    last = item(
        ControlPointIndex=1,
        CumulativeMetersetWeight="1",
        ReferencedDoseReferenceSequence=[
            item(ReferencedDoseReferenceNumber=1, CumulativeDoseReferenceCoefficient="1")
        ],
    )
    made = _machine(tokens)
    made.update(
        item(
            BeamNumber=number,
            BeamName=tokens.word("text"),
            BeamDescription=tokens.phrase("free text", "opened for"),
            BeamType="STATIC",
            RadiationType="PHOTON",
            TreatmentDeliveryType="TREATMENT",
            ReferencedPatientSetupNumber=1,
            NumberOfControlPoints=2,
            FinalCumulativeMetersetWeight="1",
            ControlPointSequence=[first, last],
        )
    )
    return made


def _machine(tokens: Tokens) -> Dataset:
    """Return what a beam says of machine, house and accessories (PS3.3 C.8.8.14)."""
    return item(
        Manufacturer="Example Medical",
        InstitutionName=tokens.word("institution"),
        DeviceSerialNumber=tokens.digits("device"),
        TreatmentMachineName=tokens.word("device"),
        PrimaryDosimeterUnit="MU",
        SourceAxisDistance="1000",
        BeamLimitingDeviceSequence=[
            item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1),
            item(RTBeamLimitingDeviceType="ASYMY", NumberOfLeafJawPairs=1),
        ],
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=1,
        BlockSequence=[
            item(
                BlockTrayID=tokens.word("device"),
                SourceToBlockTrayDistance="650",
                BlockType="SHIELDING",
                BlockDivergence="PRESENT",
                BlockMountingPosition="PATIENT_SIDE",
                BlockNumber=1,
                BlockName=tokens.word("text"),
                MaterialID="LEAD",
                BlockThickness="70",
                BlockTransmission="0.05",
                BlockNumberOfPoints=3,
                BlockData=["-10", "-10", "10", "-10", "0", "10"],
            )
        ],
        ApplicatorSequence=[
            item(
                ApplicatorID=tokens.word("device"),
                ApplicatorType="ELECTRON_SQUARE",
                ApplicatorDescription=tokens.phrase("text", "borrowed from"),
            )
        ],
    )


def _setup(tokens: Tokens) -> Dataset:
    """Return a set-up of the patient (PS3.3 C.8.8.12)."""
    return item(
        PatientSetupNumber=1,
        PatientSetupLabel=tokens.word("text"),
        PatientPosition="HFS",
        SetupTechnique="ISOCENTRIC",
        SetupTechniqueDescription=tokens.phrase("free text", "careful, says"),
        FixationDeviceSequence=[
            item(
                FixationDeviceType="MASK",
                FixationDeviceLabel=tokens.word("text"),
                FixationDeviceDescription=tokens.phrase("free text", "mask made for"),
                FixationDevicePosition=tokens.word("text"),
            )
        ],
        ShieldingDeviceSequence=[
            item(
                ShieldingDeviceType="GUM",
                ShieldingDeviceLabel=tokens.word("text"),
                ShieldingDeviceDescription=tokens.phrase("free text", "from the drawer of"),
                ShieldingDevicePosition=tokens.word("text"),
            )
        ],
    )


def add_brachy_plan(ledger: Ledger, visit: Visit, structure_set: Dataset) -> Dataset:
    """Write a plan of one source in one channel (PS3.3 C.8.8.15): its reference date gives its strength."""
    tokens = ledger.tokens
    made = _plan(tokens, visit, "brachy", structure_set)
    made.FractionGroupSequence[0].update(item(NumberOfBeams=0, NumberOfBrachyApplicationSetups=1))
    made.FractionGroupSequence[0].ReferencedBrachyApplicationSetupSequence = [
        item(ReferencedBrachyApplicationSetupNumber=1, BrachyApplicationSetupDose="7")
    ]
    made.update(
        item(
            BrachyTreatmentTechnique="INTRACAVITARY",
            BrachyTreatmentType="HDR",
            TreatmentMachineSequence=[
                item(
                    TreatmentMachineName=tokens.word("device"),
                    Manufacturer="Example Medical",
                    InstitutionName=tokens.word("institution"),
                    DeviceSerialNumber=tokens.digits("device"),
                )
            ],
            SourceSequence=[_source(tokens)],
            ApplicationSetupSequence=[_application(tokens)],
        )
    )
    ledger.add(f"{visit.label}/rtplan_brachy.dcm", made)
    return made


def _source(tokens: Tokens) -> Dataset:
    return item(
        SourceNumber=1,
        SourceType="CYLINDER",
        SourceManufacturer=tokens.phrase("text", "works of"),
        SourceSerialNumber=tokens.digits("device"),
        SourceIsotopeName="Ir-192",
        SourceIsotopeHalfLife="73.83",
        ReferenceAirKermaRate="40820",
        SourceStrengthReferenceDate=tokens.date(),
        SourceStrengthReferenceTime=tokens.time(),
    )


def _application(tokens: Tokens) -> Dataset:
    points = [
        item(
            ControlPointIndex=at,
            CumulativeTimeWeight=f"{at * 15}",
            ControlPointRelativePosition=f"{1200 - at * 5}",
            ControlPoint3DPosition=["1.5", "-108", f"{at * 5}"],
        )
        for at in (0, 1)
    ]
    channel = item(
        ChannelNumber=1,
        ChannelLength="1200",
        ChannelTotalTime="15",
        SourceMovementType="STEPWISE",
        SourceApplicatorNumber=1,
        SourceApplicatorID=tokens.word("device"),
        SourceApplicatorType="RIGID",
        SourceApplicatorName=tokens.word("text"),
        SourceApplicatorLength="200",
        SourceApplicatorStepSize="5",
        TransferTubeNumber="",
        ReferencedSourceNumber=1,
        ReferencedROINumber=2,
        NumberOfControlPoints=2,
        FinalCumulativeTimeWeight="15",
        BrachyControlPointSequence=points,
    )
    return item(
        ApplicationSetupType="FLETCHER_SUIT",
        ApplicationSetupNumber=1,
        ApplicationSetupName=tokens.phrase("text", "as by"),
        ApplicationSetupManufacturer=tokens.word("vocabulary"),
        TotalReferenceAirKerma="0.17",
        ChannelSequence=[channel],
    )


def add_dose(ledger: Ledger, visit: Visit, plan: Dataset, structure_set: Dataset) -> Dataset:
    """Write a dose of three planes with a histogram (PS3.3 A.18)."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, RTDoseStorage, "rtdose", modality="RTDOSE")
    pixels(made, (np.arange(64, dtype=np.uint16) * 7).reshape(8, 8))
    made.PixelData = (np.arange(192, dtype="<u2") * 7).tobytes()
    made.update(
        item(
            FrameOfReferenceUID=plan.FrameOfReferenceUID,
            PositionReferenceIndicator="",
            ImagePositionPatient=["-4.5", "-118", "2.5"],
            ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
            PixelSpacing=["2.5", "2.5"],
            SliceThickness="2.5",
            NumberOfFrames=3,
            GridFrameOffsetVector=["0", "2.5", "5"],
            DoseUnits="GY",
            DoseType="PHYSICAL",
            DoseComment=tokens.phrase("free text", "checked by"),
            DoseSummationType="PLAN",
            DoseGridScaling="0.0125",
            ReferencedRTPlanSequence=[pointer(plan)],
            ReferencedStructureSetSequence=[pointer(structure_set)],
            DVHSequence=[_histogram(number) for number in (2, 4)],
        )
    )
    made.FrameIncrementPointer = 0x3004000C
    ledger.add(f"{visit.label}/rtdose.dcm", made)
    return made


def _histogram(number: int) -> Dataset:
    made = item(
        DVHReferencedROISequence=[item(DVHROIContributionType="INCLUDED", ReferencedROINumber=number)],
        DVHType="CUMULATIVE",
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DVHDoseScaling="1",
        DVHVolumeUnits="CM3",
        DVHNumberOfBins=3,
        DVHMinimumDose="0.4",
        DVHMaximumDose="16.7",
        DVHMeanDose="8.3",
    )
    put(made, 0x30040058, "DS", f"0.5\\{number}.25\\0.5\\{number}.0\\0.50\\0.125")
    return made
