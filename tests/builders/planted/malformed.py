"""Objects that break rules as real ones do, and that readers forgive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from tests.builders.planted.parts import item, pixels, pointer, put, slope
from tests.builders.planted.people import new_object
from tests.builders.planted.vendor import add_private, unknown_sequence
from tests.builders.writing import EXPLICIT, IMPLICIT, Element, Writing, part_10

if TYPE_CHECKING:
    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens
    from tests.builders.writing import Elements

_DEPTH = 60


def add_malformed(ledger: Ledger, visit: Visit) -> None:
    """Write one object for each family of faults."""
    for label, spoil in _FAULTS.items():
        made = new_object(ledger.tokens, visit, SecondaryCaptureImageStorage, label, modality="OT")
        made.update(item(ConversionType="WSD", PatientOrientation=""))
        pixels(made, slope(8, 8).astype("u2"))
        spoil(made, ledger.tokens)
        ledger.add(f"malformed/{label}.dcm", made)
    _add_behind_the_pixels(ledger, visit)
    _add_byte_for_byte(ledger, visit)


def _wrong_representations(made: Dataset, tokens: Tokens) -> None:
    put(made, 0x00100010, "OB", tokens.word("name"))
    put(made, 0x00101001, "UN", tokens.word("name"))
    put(made, 0x00081030, "LO", tokens.fresh_uid())
    put(made, 0x00101030, "DS", tokens.word("text"))
    put(made, 0x00200012, "IS", tokens.word("text"))
    put(made, 0x0008001A, "UI", tokens.word("uid"))
    put(made, 0x00081155, "UI", f"1.2.3.{tokens.word('uid')}")
    put(made, 0x00280034, "IS", tokens.digits("covert"))
    put(made, 0x00180050, "LO", tokens.word("text"))
    put(made, 0x00180060, "FD", tokens.word("bytes"))
    put(made, 0x00280008, "US", tokens.word("bytes"))
    put(made, 0x00081140, "UN", unknown_sequence(tokens))
    put(made, 0x00080008, "CS", f"ORIGINAL\\PRIMARY\\{tokens.capitals('code string')}")
    put(made, 0x00180015, "CS", tokens.capitals("code string"))
    put(made, 0x00080070, "LO", f"built for {tokens.word('vocabulary')}")


def _illegal_dates(made: Dataset, tokens: Tokens) -> None:
    for tag, value in (
        (0x00080020, "2024-13-45"),
        (0x00080021, "12.03.1959"),
        (0x00080022, "1961.07.30"),
        (0x00080023, "194711"),
    ):
        put(made, tag, "DA", tokens.issue("date", value))
    put(made, 0x00080025, "DA", "00000000")
    put(made, 0x00181012, "DA", tokens.word("name"))
    put(made, 0x00100030, "DA", f"{tokens.date()}-{tokens.date()}")
    put(made, 0x00080030, "TM", tokens.issue("time", "noon or 12:47:33"))
    put(made, 0x0008002A, "DT", tokens.issue("date", "1948/11/23 17:08"))
    put(made, 0x00181079, "DT", f"{tokens.moment()}+0530")
    put(made, 0x00101010, "AS", tokens.issue("age", "ninety-three years"))


def _deep(made: Dataset, tokens: Tokens) -> None:
    """Nest sequences, lengths written and left open by turns, with a name at the bottom."""
    inner = item(
        PatientName=tokens.name(), StudyInstanceUID=tokens.fresh_uid(), TextValue=tokens.word("free text")
    )
    for depth in range(_DEPTH):
        outer = Dataset()
        outer.ReferencedSeriesSequence = [inner]
        outer["ReferencedSeriesSequence"].is_undefined_length = depth % 2 == 0
        inner = outer
    made.update(inner)
    made.ConceptNameCodeSequence = [item(CodeMeaning=tokens.phrase("text", "named by"))]
    made["ConceptNameCodeSequence"].is_undefined_length = True


def _unknown_tags(made: Dataset, tokens: Tokens) -> None:
    """Use tags that look like the standard's and are not (PS3.6 has none of them)."""
    put(made, 0x00109999, "LO", tokens.word("unknown"))
    put(made, 0x00187FFE, "UN", tokens.word("unknown"))
    put(made, 0x00447777, "OB", tokens.word("unknown"))
    put(made, 0x20FE0010, "PN", tokens.word("unknown"))
    put(made, 0x7FE0FFFE, "UT", tokens.word("unknown"))
    made.add_new(0x00287EEE, "SQ", [item(PatientName=tokens.name(), PatientID=tokens.digits())])
    put(made, 0x00041130, "CS", tokens.capitals("directory"))
    put(made, 0x00041500, "CS", f"PATIENTS\\{tokens.capitals('directory')}")


def _hidden_in_values(made: Dataset, tokens: Tokens) -> None:
    """Hide words behind NULs, padding, separators and control characters."""
    put(made, 0x00081155, "UI", f"1.2.840.10008.5.1.4.1.1.7\0{tokens.word('hidden')}")
    put(made, 0x00200052, "UI", f"{tokens.fresh_uid()}\0{tokens.word('hidden')}")
    put(made, 0x00180015, "CS", f"HEAD{' ' * 40}{tokens.word('hidden')}")
    put(made, 0x00180050, "DS", f"2.5\\{tokens.word('hidden')}")
    put(made, 0x00181400, "LO", f"Head\0\0{tokens.word('hidden')}")
    put(made, 0x00204000, "LT", f"line\r\n\f\t{tokens.word('hidden')}")
    put(made, 0x00282000, "OB", f"....ADBEmntrRGB XYZ desc made by {tokens.word('hidden')}")  # an ICC profile
    put(made, 0x00281201, "OW", tokens.word("covert"))
    put(made, 0x00080060, "CS", f"OT\\{tokens.capitals('code string')}")


def _records_of_the_past(made: Dataset, tokens: Tokens) -> None:
    """Put in what tells of earlier states: original attributes, signatures, encrypted ones, equipment."""
    before = item(PatientName=tokens.name(), PatientID=tokens.digits(), StudyDate=tokens.date())
    made.OriginalAttributesSequence = [
        item(
            SourceOfPreviousValues=tokens.word("institution"),
            AttributeModificationDateTime=tokens.moment(),
            ModifyingSystem=tokens.word("device"),
            ReasonForTheAttributeModification="CORRECT",
            ModifiedAttributesSequence=[before],
        )
    ]
    made.EncryptedAttributesSequence = [
        item(EncryptedContentTransferSyntaxUID=EXPLICIT, EncryptedContent=tokens.word("bytes").encode())
    ]
    made.MACParametersSequence = [item(MACIDNumber=1, MACAlgorithm="SHA256", DataElementsSigned=[0x00100010])]
    made.DigitalSignaturesSequence = [
        item(
            MACIDNumber=1,
            DigitalSignatureUID=tokens.fresh_uid(),
            DigitalSignatureDateTime=tokens.moment(),
            CertificateType="X509_1993_SIG",
            CertificateOfSigner=tokens.word("bytes").encode(),
            Signature=tokens.word("bytes").encode(),
        )
    ]
    made.ContributingEquipmentSequence = [_equipment(tokens)]
    made.ReferencedPatientSequence = [pointer(made)]
    made.ReferencedPatientSequence[0].ReferencedSOPInstanceUID = tokens.fresh_uid()
    made.ReferencedPatientPhotoSequence = [
        item(StudyInstanceUID=tokens.fresh_uid(), PatientID=tokens.digits())
    ]


def _equipment(tokens: Tokens) -> Dataset:
    """Return who else worked on an object and with what (PS3.3 C.12.1.1.5)."""
    return item(
        PurposeOfReferenceCodeSequence=[],
        Manufacturer="Example Medical",
        InstitutionName=tokens.word("institution"),
        InstitutionAddress=tokens.phrase("address", "5 Dock Street,"),
        StationName=tokens.word("device"),
        OperatorsName=tokens.name("staff"),
        DeviceSerialNumber=tokens.digits("device"),
        ContributionDateTime=tokens.moment(),
        ContributionDescription=tokens.phrase("free text", "sent by"),
    )


_FAULTS = {
    "representations": _wrong_representations,
    "dates": _illegal_dates,
    "deep": _deep,
    "unknown_tags": _unknown_tags,
    "hidden": _hidden_in_values,
    "past": _records_of_the_past,
    "private": add_private,
}


def _add_behind_the_pixels(ledger: Ledger, visit: Visit) -> None:
    """Write pixels that are longer than the image, with a word in what is left over."""
    made = new_object(ledger.tokens, visit, SecondaryCaptureImageStorage, "behind", modality="OT")
    made.update(item(ConversionType="WSD", PatientOrientation=""))
    pixels(made, slope(8, 8).astype("u2"))
    hidden = ledger.tokens.word("hidden")
    made.PixelData += f"for {hidden}".encode()
    ledger.add("malformed/behind_pixels.dcm", made, pixels="decoded")
    ledger.plant("malformed/behind_pixels.dcm", "(7FE0,0010)", hidden)


def _add_byte_for_byte(ledger: Ledger, visit: Visit) -> None:
    """Write what pydicom does not: lengths of groups, trailing padding, elements of commands, open items."""
    writings = {
        "implicit_open": Writing(IMPLICIT, open_lengths=True, group_lengths=True, character_set="ISO_IR 100"),
        "explicit_groups": Writing(EXPLICIT, group_lengths=True, padding=6, character_set="ISO_IR 100"),
        "shuffled": Writing(EXPLICIT, open_lengths=True, shuffled=3, character_set="ISO_IR 100"),
        "as_unknown": Writing(EXPLICIT, unknown=frozenset({0x00100010, 0x00081115}), character_set=""),
    }
    for label, writing in writings.items():
        uid = ledger.tokens.uid(f"{visit.label} {label}")
        elements = _plain_elements(ledger.tokens, visit, uid)
        if not writing.explicit:  # commands are always written so (PS3.7 6.3.1)
            elements = (Element(0x00001000, "UI", ledger.tokens.fresh_uid()), *elements)
        ledger.add_bytes(f"malformed/{label}.dcm", part_10(elements, writing, sop_uid=uid))


def _plain_elements(tokens: Tokens, visit: Visit, uid: str) -> Elements:
    inner = (Element(0x00100010, "PN", tokens.name()), Element(0x0020000E, "UI", tokens.fresh_uid()))
    return (
        Element(0x00080016, "UI", SecondaryCaptureImageStorage),
        Element(0x00080018, "UI", uid),
        Element(0x00080020, "DA", visit.date),
        Element(0x00080060, "CS", "OT"),
        Element(0x00081115, "SQ", (inner, inner[:1])),
        Element(0x00100010, "PN", visit.patient.name),
        Element(0x00100020, "LO", visit.patient.patient_id),
        Element(0x0011_0001, "SQ", (inner[:1],), f"EXAMPLE {tokens.word('private')}"),
        Element(0x0020000D, "UI", visit.shared.StudyInstanceUID),
        Element(0x0020000E, "UI", tokens.fresh_uid()),
        Element(0x0028_0010, "US", bytes([2, 0])),
        Element(0xFFFCFFFC, "OB", f"padded by {tokens.word('hidden')}".encode()),
    )
