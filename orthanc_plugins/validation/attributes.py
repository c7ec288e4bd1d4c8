"""Which attributes tell who somebody is, where and when: the check's own lists, by keyword.

They follow the identifiers of 45 CFR 164.514(b)(2) and PS3.15 Table E.1-1. Person names, dates and UIDs are
taken by their value representation, and need no list but of what is none.

Decisions
---------
2026-11-30  Application entity titles, countries, occupations and the like are common words: they are held
            against the same element of the result, and not searched for.
2026-11-30  Manufacturer, model and versions of software are in every result, and name nobody.
"""

from __future__ import annotations

from pydicom.datadict import tag_for_keyword

from orthanc_plugins.validation.claims import (
    CLEAN_DESCRIPTORS,
    RETAIN_DEVICE,
    RETAIN_INSTITUTION,
    RETAIN_PATIENT,
)


def _tag(keyword: str) -> int:
    """Return the tag of a keyword; a wrong one stops the import."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise LookupError(keyword)
    return tag


def tags(keywords: str) -> frozenset[int]:
    """Return the tags of keywords, which spaces separate.

    >>> sorted(f"{tag:08X}" for tag in tags("PatientID StudyID"))
    ['00100020', '00200010']
    """
    return frozenset(map(_tag, keywords.split()))


IDENTIFIERS = tags(
    """PatientID OtherPatientIDs AccessionNumber StudyID AdmissionID ServiceEpisodeID MedicalRecordLocator
    InsurancePlanIdentification RequestedProcedureID ScheduledProcedureStepID PerformedProcedureStepID
    PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest
    PlacerOrderNumberImagingServiceRequestRetired FillerOrderNumberImagingServiceRequestRetired
    PlacerOrderNumberProcedure FillerOrderNumberProcedure InterpretationID ResultsID SpecimenIdentifier
    SpecimenAccessionNumber ContainerIdentifier SlideIdentifier ClinicalTrialSubjectID
    ClinicalTrialSubjectReadingID UniversalEntityID LocalNamespaceEntityID HL7InstanceIdentifier"""
)
WORKFLOW_IDENTIFIERS = tags(
    "StudyID RequestedProcedureID ScheduledProcedureStepID PerformedProcedureStepID ContainerIdentifier"
)
"""Of these a value without a digit is a word such as THORAX, and is not searched for."""
CONTACTS = tags(
    """PatientAddress PatientTelephoneNumbers PatientTelecomInformation RegionOfResidence PersonAddress
    ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers PersonTelephoneNumbers
    PersonTelecomInformation OrderCallbackPhoneNumber OrderCallbackTelecomInformation
    CurrentPatientLocation PatientInstitutionResidence ScheduledPatientInstitutionResidence
    OrderEntererLocation PerformedLocation ScheduledProcedureStepLocation RequestedProcedureLocation
    IssuerOfPatientID IssuerOfAdmissionID IssuerOfServiceEpisodeID PatientComments AdditionalPatientHistory
    IdentifyingComments VisitComments ResponsibleOrganization DistributionAddress RequestingService
    VerifyingOrganization ClinicalTrialSiteName ClinicalTrialCoordinatingCenterName"""
)
INSTITUTIONS = tags("InstitutionName InstitutionAddress InstitutionalDepartmentName")
DEVICES = tags(
    """DeviceSerialNumber DeviceID PlateID GeneratorID GridID CassetteID GantryID DetectorID
    UniqueDeviceIdentifier SecondaryCaptureDeviceID HardcopyCreationDeviceID StationName
    ScheduledStationName PerformedStationName SourceSerialNumber TreatmentMachineName
    LensSerialNumber XRaySourceID XRayDetectorID ManufacturerDeviceIdentifier"""
)
DEVICE_UIDS = tags("DeviceUID ManufacturerDeviceClassUID")
HELD_AGAINST_ITSELF = tags(
    """CountryOfResidence Occupation EthnicGroup PatientReligiousPreference MilitaryRank BranchOfService
    StationAETitle ScheduledStationAETitle PerformedStationAETitle RetrieveAETitle"""
)
IDENTITY_SEQUENCES = tags(
    """PersonIdentificationCodeSequence OperatorIdentificationSequence
    PhysiciansOfRecordIdentificationSequence PerformingPhysicianIdentificationSequence
    PhysiciansReadingStudyIdentificationSequence
    ReferringPhysicianIdentificationSequence ConsultingPhysicianIdentificationSequence
    RequestingPhysicianIdentificationSequence ContentCreatorIdentificationCodeSequence
    ScheduledPerformingPhysicianIdentificationSequence OtherPatientIDsSequence AuthorIdentificationSequence
    IssuerOfPatientIDQualifiersSequence IssuerOfAccessionNumberSequence AsserterIdentificationSequence
    PatientInsurancePlanCodeSequence IntendedRecipientsOfResultsIdentificationSequence
    InstitutionCodeSequence VerifyingObserverIdentificationCodeSequence"""
)
"""All text in their items is identity, codes and meanings included."""
NO_PERSONS = tags("InstitutionCodeSequence PatientInsurancePlanCodeSequence")
"""Of these sequences the meaning of a code is an institution, of the others a person."""
IDENTITY_CONCEPTS = frozenset(
    {
        "121009", "121012", "121013", "121016", "121017", "121018", "121019", "121020", "121021", "121022",
        "121025", "121026", "121028", "121029", "121030", "121031", "121036", "121088", "121149", "121152",
    }
)  # fmt: skip
"""Concepts of the contexts of observer, procedure and subject in reports (PS3.16 TID 1002 to 1009)."""
KEPT_BY_OPTION = {
    CLEAN_DESCRIPTORS: tags(
        "PatientComments AdditionalPatientHistory IdentifyingComments VisitComments RequestingService"
    ),
    RETAIN_PATIENT: tags("EthnicGroup AdditionalPatientHistory"),
    RETAIN_DEVICE: DEVICES | tags("StationAETitle ScheduledStationAETitle PerformedStationAETitle"),
    RETAIN_INSTITUTION: INSTITUTIONS | tags("InstitutionCodeSequence"),
}
"""What options of PS3.15 E.3 allow to stay; a cleaned text may be the original, if all is technique."""

BIRTH_DATE = _tag("PatientBirthDate")
VOCABULARY_DATES = tags("ContextGroupVersion ContextGroupLocalVersion TemplateVersion TemplateLocalVersion")
"""Dates of tables of codes; they are public, and are neither searched for nor shifted."""
DEVICE_DATES = tags(
    """DateOfLastCalibration TimeOfLastCalibration DateTimeOfLastCalibration CalibrationDateTime
    DateOfManufacture DateOfInstallation DateOfLastDetectorCalibration TimeOfLastDetectorCalibration
    CalibrationDate CalibrationTime DateOfGainCalibration TimeOfGainCalibration BeamHoldTransitionDateTime
    EthicsCommitteeApprovalEffectivenessStartDate EthicsCommitteeApprovalEffectivenessEndDate"""
)
"""Dates of a machine or a trial. Shifted with a patient's they would give the shift away."""
PLACEHOLDERS = frozenset({"00010101", "19000101", "99991231"})
"""Dates that say that there is none."""

CLASS_UIDS = tags(
    """SOPClassUID ReferencedSOPClassUID RelatedGeneralSOPClassUID OriginalSpecializedSOPClassUID
    ReferencedRelatedGeneralSOPClassUIDInFile SOPClassesInStudy SOPClassesSupported CodingSchemeUID
    ContextUID MappingResourceUID ContextGroupExtensionCreatorUID AvailableTransferSyntaxUID
    EncryptedContentTransferSyntaxUID ReferencedSOPClassUIDInFile ReferencedTransferSyntaxUIDInFile
    PrivateInformationCreatorUID MediaStorageSOPClassUID TransferSyntaxUID ImplementationClassUID
    MACCalculationTransferSyntaxUID"""
)
"""They name kinds and tables, not this object (PS3.15 Table E.1-1 does not list them)."""
LOCAL_UIDS = tags("CodingSchemeUID ContextUID MappingResourceUID")
"""Of them those of a house's own tables, under its own root, may be replaced."""
REGISTERED = "1.2.840.10008."
"""The root of what PS3.6 Annex A registers: classes, tables, well-known frames of reference."""

REWRITTEN = tags(
    """PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence BurnedInAnnotation
    RecognizableVisualFeatures LongitudinalTemporalInformationModified ContributingEquipmentSequence
    SpecificCharacterSet"""
)
"""What de-identification itself writes; a check of its own looks at it."""
DROPPABLE = IDENTITY_SEQUENCES | tags(
    """ReferencedStudySequence ReferencedPatientSequence ReferencedPerformedProcedureStepSequence
    RequestAttributesSequence OriginalAttributesSequence ReferencedPatientPhotoSequence
    EncryptedAttributesSequence DigitalSignaturesSequence MACParametersSequence IconImageSequence
    ReferencedPatientAliasSequence ReferencedVisitSequence ScheduledStepAttributesSequence
    RequestingServiceCodeSequence ModifiedAttributesSequence AuthorObserverSequence
    ParticipantSequence CustodialOrganizationSequence VerifyingObserverSequence
    RequestedProcedureCodeSequence ReferencedRequestSequence GroupOfPatientsIdentificationSequence
    SourcePatientGroupIdentificationSequence PersonIdentificationCodeSequence"""
)
"""Sequences that may go, be emptied, or be made anew as a whole (PS3.15 Table E.1-1: X, Z, D)."""
