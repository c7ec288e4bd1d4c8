"""A structured report with every kind of content item, and a selection of key objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, KeyObjectSelectionDocumentStorage

from tests.builders.planted.parts import code, evidence, item, pointer
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_MM = ("mm", "UCUM", "millimeter")


def content(relation: str, kind: str, concept: tuple[str, str, str], **attributes: object) -> Dataset:
    """Return a content item (PS3.3 C.17.3)."""
    return item(
        RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=[code(*concept)], **attributes
    )


def measured(value: str, concept: tuple[str, str, str], *inferred: Dataset) -> Dataset:
    """Return a number with its unit and where it was measured (PS3.3 C.18.1)."""
    number = item(NumericValue=value, MeasurementUnitsCodeSequence=[code(*_MM)])
    made = content("CONTAINS", "NUM", concept, MeasuredValueSequence=[number])
    if inferred:
        made.ContentSequence = list(inferred)
    return made


def add_report(ledger: Ledger, visit: Visit, images: Sequence[Dataset]) -> Dataset:
    """Write a Comprehensive 3D SR (PS3.3 A.35.13)."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, Comprehensive3DSRStorage, "sr", modality="SR")
    made.update(_document(tokens, visit, images))
    made.ContentSequence = [
        content(
            "HAS CONCEPT MOD",
            "CODE",
            ("121049", "DCM", "Language of Content Item and Descendants"),
            ConceptCodeSequence=[code("en-GB", "RFC5646", "English (United Kingdom)")],
        ),
        *_observers(tokens),
        *_facts(tokens),
        _findings(tokens, visit, images),
    ]
    ledger.add(f"{visit.label}/sr.dcm", made)
    return made


def _document(tokens: Tokens, visit: Visit, images: Sequence[Dataset]) -> Dataset:
    """Return the SR Document General module and the root (PS3.3 C.17.2)."""
    observer = item(
        VerifyingOrganization=tokens.phrase("institution", "Radiology of"),
        VerificationDateTime=tokens.moment(),
        VerifyingObserverName=tokens.name("staff"),
        VerifyingObserverIdentificationCodeSequence=[
            code(tokens.digits(), "99HOUSE", tokens.phrase("staff", "Dr"))
        ],
    )
    author = item(
        ObserverType="PSN",
        PersonName=tokens.name("staff"),
        PersonIdentificationCodeSequence=[code(tokens.digits(), "99HOUSE", tokens.phrase("staff", "Dr"))],
        InstitutionName=tokens.word("institution"),
        InstitutionCodeSequence=[code(tokens.digits(), "99HOUSE", tokens.phrase("institution", "House"))],
    )
    request = item(
        StudyInstanceUID=visit.shared.StudyInstanceUID,
        ReferencedStudySequence=[],
        AccessionNumber=visit.shared.AccessionNumber,
        PlacerOrderNumberImagingServiceRequest=tokens.digits(),
        FillerOrderNumberImagingServiceRequest=tokens.digits(),
        RequestedProcedureID=tokens.digits(),
        RequestedProcedureDescription=tokens.phrase("text", "report for"),
        RequestedProcedureCodeSequence=[],
    )
    return item(
        ReferencedPerformedProcedureStepSequence=[],
        CompletionFlag="COMPLETE",
        VerificationFlag="VERIFIED",
        VerifyingObserverSequence=[observer],
        AuthorObserverSequence=[author],
        ReferencedRequestSequence=[request],
        PerformedProcedureCodeSequence=[],
        CurrentRequestedProcedureEvidenceSequence=[evidence(images)],
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("126000", "DCM", "Imaging Measurement Report")],
        ContentTemplateSequence=[item(MappingResource="DCMR", TemplateIdentifier="1500")],
    )


def _observers(tokens: Tokens) -> list[Dataset]:
    """Return who and what observed, and whom (PS3.16 TID 1002, TID 1006)."""

    def context(kind: str, value: str, meaning: str, **said: object) -> Dataset:
        return content("HAS OBS CONTEXT", kind, (value, "DCM", meaning), **said)

    return [
        context(
            "CODE",
            "121005",
            "Observer Type",
            ConceptCodeSequence=[code("121006", "DCM", "Person")],
        ),
        context("PNAME", "121008", "Person Observer Name", PersonName=tokens.name("staff")),
        context(
            "TEXT", "121009", "Person Observer's Organization Name", TextValue=tokens.word("institution")
        ),
        context("UIDREF", "121012", "Device Observer UID", UID=tokens.fresh_uid()),
        context("TEXT", "121013", "Device Observer Name", TextValue=tokens.word("device")),
        context("TEXT", "121016", "Device Observer Serial Number", TextValue=tokens.digits("device")),
        context("PNAME", "121029", "Subject Name", PersonName=tokens.name()),
        context("TEXT", "121030", "Subject ID", TextValue=tokens.digits()),
        context("DATE", "121031", "Subject Birth Date", Date=tokens.date()),
        context(
            "NUM",
            "121033",
            "Subject Age",
            MeasuredValueSequence=[
                item(NumericValue="68", MeasurementUnitsCodeSequence=[code("a", "UCUM", "year")])
            ],
        ),
    ]


def _facts(tokens: Tokens) -> list[Dataset]:
    """Return one item of each simple kind that holds who or when."""
    return [
        content("HAS ACQ CONTEXT", "DATE", ("111060", "DCM", "Study Date"), Date=tokens.date()),
        content("HAS ACQ CONTEXT", "TIME", ("111061", "DCM", "Study Time"), Time=tokens.time()),
        content("HAS ACQ CONTEXT", "DATETIME", ("111526", "DCM", "DateTime Started"),
                DateTime=tokens.moment()),
        content("CONTAINS", "TEXT", ("121071", "DCM", "Finding"),
                TextValue=f"Reported by Dr. {tokens.word('staff')}, phone {tokens.phone()}"),
        content("CONTAINS", "TEXT", ("121106", "DCM", "Comment"),
                TextValue=f"{tokens.word('free text')} (mailto {tokens.word('free text')}@post.example)"),
        content("CONTAINS", "CODE", ("121071", "DCM", "Finding"),
                ConceptCodeSequence=[code("99-17", "99HOUSE", tokens.phrase("free text", "seen by"))]),
        content("CONTAINS", "CODE", ("121071", "DCM", "Finding"),
                ConceptCodeSequence=[code("4147007", "SCT", "Mass")]),
    ]  # fmt: skip


def _findings(tokens: Tokens, visit: Visit, images: Sequence[Dataset]) -> Dataset:
    """Return a group of measurements with what they were taken from (PS3.16 TID 1411)."""
    outline = content(
        "INFERRED FROM",
        "SCOORD",
        ("111030", "DCM", "Image Region"),
        GraphicType="POLYLINE",
        GraphicData=[4.5, 5.25, 9.75, 11.5],
        ContentSequence=[item(RelationshipType="SELECTED FROM", ValueType="IMAGE",
                              ReferencedSOPSequence=[pointer(images[1])])],
    )  # fmt: skip
    in_space = content(
        "INFERRED FROM",
        "SCOORD3D",
        ("111030", "DCM", "Image Region"),
        GraphicType="POINT",
        GraphicData=[4.25, -110.5, 5.0],
        ReferencedFrameOfReferenceUID=tokens.uid(f"{visit.label} frame"),
    )
    image = content(
        "CONTAINS",
        "IMAGE",
        ("121112", "DCM", "Source of Measurement"),
        ReferencedSOPSequence=[pointer(images[0])],
    )
    return content(
        "CONTAINS",
        "CONTAINER",
        ("125007", "DCM", "Measurement Group"),
        ContinuityOfContent="SEPARATE",
        ContentSequence=[
            content("HAS OBS CONTEXT", "TEXT", ("112039", "DCM", "Tracking Identifier"),
                    TextValue=tokens.word("text")),
            content("HAS OBS CONTEXT", "UIDREF", ("112040", "DCM", "Tracking Unique Identifier"),
                    UID=tokens.uid("tracked nodule")),
            measured("42.5", ("410668003", "SCT", "Length"), outline),
            measured("17.25", ("410667008", "SCT", "Width"), in_space),
            image,
        ],
    )  # fmt: skip


def add_simple_report(ledger: Ledger, visit: Visit, images: Sequence[Dataset]) -> None:
    """Write a Comprehensive SR (PS3.3 A.35.3) whose sentences tell everything of the patient."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, ComprehensiveSRStorage, "sr text", modality="SR")
    made.update(_document(tokens, visit, images))
    patient, born = visit.patient, visit.patient.birth_date
    said = f"Mrs {patient.surname.upper()}, born {born[6:]}.{born[4:6]}.{born[:4]}, ID {patient.patient_id}."
    made.ContentSequence = [
        content("CONTAINS", "TEXT", ("121070", "DCM", "Findings"), TextValue=said),
        content("CONTAINS", "TEXT", ("121071", "DCM", "Finding"),
                TextValue=f"Compared with {visit.day:%Y-%m-%d}, {patient.name.replace('^', ', ')}."),
        measured("12.125", ("410668003", "SCT", "Length")),
    ]  # fmt: skip
    ledger.add(f"{visit.label}/sr_text.dcm", made)


def add_key_objects(ledger: Ledger, visit: Visit, images: Sequence[Dataset]) -> None:
    """Write a Key Object Selection (PS3.3 A.35.4)."""
    tokens = ledger.tokens
    made = new_object(tokens, visit, KeyObjectSelectionDocumentStorage, "ko", modality="KO")
    made.update(
        item(
            ReferencedPerformedProcedureStepSequence=[],
            CurrentRequestedProcedureEvidenceSequence=[evidence(images)],
            ValueType="CONTAINER",
            ContinuityOfContent="SEPARATE",
            ConceptNameCodeSequence=[code("113000", "DCM", "Of Interest")],
            ContentTemplateSequence=[item(MappingResource="DCMR", TemplateIdentifier="2010")],
            ContentSequence=[
                content("CONTAINS", "TEXT", ("113012", "DCM", "Key Object Description"),
                        TextValue=tokens.phrase("free text", "shown to")),
                *(item(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[pointer(image)])
                  for image in images),
            ],
        )
    )  # fmt: skip
    ledger.add(f"{visit.label}/ko.dcm", made)
