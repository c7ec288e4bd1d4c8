"""Who the corpus is about: patients, and what a visit of one has in all its objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from tests.builders.planted.parts import item

if TYPE_CHECKING:
    import datetime as dt

    from tests.builders.planted.tokens import Tokens

SCANNER = "Example Medical"


@dataclass(frozen=True)
class Patient:
    """A person; several may share a PatientID, as hospitals merged without care have it."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    other: Dataset

    @property
    def surname(self) -> str:
        """The family name alone, as it turns up in labels and texts."""
        return self.name.split("^")[0]


@dataclass(frozen=True)
class Visit:
    """A study of a patient; ``label`` names it in roles of UIDs."""

    patient: Patient
    label: str
    day: dt.date
    time: str
    age: str
    shared: Dataset

    @property
    def date(self) -> str:
        """The study's date (PS3.5 6.2, DA)."""
        return f"{self.day:%Y%m%d}"


def new_patient(tokens: Tokens, *, born: int, sex: str, name: str = "", patient_id: str = "") -> Patient:
    """Return a person with everything of the Patient module (PS3.3 C.7.1.1) that identifies."""
    other = item(
        IssuerOfPatientID=tokens.word("institution"),
        OtherPatientNames=tokens.name(),
        PatientBirthName=tokens.name(),
        PatientMotherBirthName=tokens.name(),
        PatientAddress=tokens.phrase("address", "7 Market Place,"),
        PatientTelephoneNumbers=tokens.phone(),
        EthnicGroup=tokens.word("text"),
        PatientComments=tokens.phrase("free text", "has asked twice for"),
        PatientSize=tokens.decimal("measure"),
        OtherPatientIDsSequence=[
            item(
                PatientID=tokens.digits(),
                IssuerOfPatientID=tokens.word("institution"),
                TypeOfPatientID="TEXT",
            )
        ],
        BranchOfService=tokens.word("text"),
        MedicalAlerts=tokens.phrase("free text", "allergic to"),
    )
    return Patient(
        name=name or tokens.name(),
        patient_id=patient_id or tokens.digits(),
        birth_date=tokens.date(year=born),
        sex=sex,
        other=other,
    )


def new_visit(tokens: Tokens, patient: Patient, label: str, *, year: int) -> Visit:
    """Return a study with its own date, physicians, numbers and UIDs (PS3.3 C.7.2.1)."""
    day = tokens.day(year=year)
    years = day.year - int(patient.birth_date[:4]) - 1
    shared = item(
        AccessionNumber=tokens.digits(),
        StudyID=tokens.digits(),
        StudyInstanceUID=tokens.uid(f"{label} study"),
        StudyDescription=tokens.phrase("text", "Thorax for"),
        ReferringPhysicianName=tokens.name("staff"),
        ReferringPhysicianAddress=tokens.phrase("address", "12 Mill Lane,"),
        ReferringPhysicianTelephoneNumbers=tokens.phone(),
        ConsultingPhysicianName=tokens.name("staff"),
        PhysiciansOfRecord=tokens.name("staff"),
        NameOfPhysiciansReadingStudy=tokens.name("staff"),
        AdmittingDiagnosesDescription=tokens.phrase("free text", "referred from"),
        InstitutionName=tokens.phrase("institution", "Hospital of"),
        InstitutionAddress=tokens.phrase("address", "1 Hill Road,"),
        InstitutionalDepartmentName=tokens.phrase("institution", "Ward"),
        AdmissionID=tokens.digits(),
        ServiceEpisodeID=tokens.digits(),
        RequestingService=tokens.phrase("institution", "Clinic"),
        Occupation=tokens.word("text"),
        AdditionalPatientHistory=tokens.phrase("free text", "is a neighbour of"),
    )
    return Visit(patient, label, day, tokens.time(), f"{years:03d}Y", shared)


def new_object(
    tokens: Tokens, visit: Visit, sop_class: str, series: str, instance: int = 1, *, modality: str
) -> Dataset:
    """Return what every object has: patient, study, series, equipment and its own UID."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 100"
    made.update(visit.patient.other)
    made.update(visit.shared)
    made.update(
        item(
            PatientName=visit.patient.name,
            PatientID=visit.patient.patient_id,
            PatientBirthDate=visit.patient.birth_date,
            PatientSex=visit.patient.sex,
            PatientAge=visit.age,
            PatientWeight="71.5",
            StudyDate=visit.date,
            StudyTime=visit.time,
            SeriesDate=visit.date,
            SeriesTime=visit.time,
            ContentDate=visit.date,
            ContentTime=visit.time,
            InstanceCreationDate=tokens.date(),
            InstanceCreationTime=tokens.time(),
            InstanceCreatorUID=tokens.fresh_uid(),
            Modality=modality,
            BodyPartExamined="CHEST",
            SOPClassUID=sop_class,
            SOPInstanceUID=tokens.uid(f"{visit.label} {series} {instance}"),
            SeriesInstanceUID=tokens.uid(f"{visit.label} {series} series"),
            SeriesNumber=1 + len(series),
            InstanceNumber=instance,
        )
    )
    made.update(_series(tokens, modality))
    return made


def _series(tokens: Tokens, modality: str) -> Dataset:
    """Return who made a series with which machine (PS3.3 C.7.3.1, C.7.5.1)."""
    return item(
        SeriesDescription=tokens.phrase("text", f"{modality} axial for"),
        ProtocolName=tokens.phrase("text", "protocol of"),
        OperatorsName=tokens.name("staff"),
        PerformingPhysicianName=tokens.name("staff"),
        Manufacturer=SCANNER,
        ManufacturerModelName="Model 7",
        SoftwareVersions="3.1",
        StationName=tokens.word("device"),
        DeviceSerialNumber=tokens.digits("device"),
        DateOfLastCalibration=tokens.date("device date"),
        TimeOfLastCalibration=tokens.time(),
        PerformedProcedureStepID=tokens.digits(),
        PerformedProcedureStepDescription=tokens.phrase("text", "done with"),
        RequestAttributesSequence=[
            item(
                RequestedProcedureID=tokens.digits(),
                ScheduledProcedureStepID=tokens.digits(),
                ScheduledProcedureStepDescription=tokens.phrase("text", "asked by"),
                ReasonForTheRequestedProcedure=tokens.phrase("free text", "because of"),
            )
        ],
    )
