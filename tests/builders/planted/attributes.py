"""Every attribute that identifies: those of Table E.1-1, and those that are missing there."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_dict
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from tests.builders.planted.parts import code, item, pixels, put, slope
from tests.builders.planted.people import new_object
from tests.builders.planted.table import every_attribute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Visit
    from tests.builders.planted.tokens import Tokens

_A_FILE = 110
"""Attributes planted in one file."""

BEYOND_THE_TABLE = """
    BeamName DoseComment TreatmentProtocols ToleranceTableLabel BlockName ApplicatorDescription
    PatientSetupLabel FixationDeviceLabel FixationDevicePosition ShieldingDeviceLabel
    ShieldingDevicePosition SetupDeviceLabel SetupDeviceDescription SetupImageComment
    ApplicationSetupName SourceApplicatorName SourceApplicatorID WedgeID BolusID CompensatorID
    BlockTrayID AccessoryCode SegmentLabel SegmentDescription TrackingID ContentLabel ContentDescription
    GraphicLayerDescription DocumentTitle TextValue CodingSchemeName CodingSchemeResponsibleOrganization
    WindowCenterWidthExplanation LUTExplanation PositionReferenceIndicator ContrastBolusRoute
    RadiopharmaceuticalRoute DeviceID ContentItemModifierSequence SpecimenLabelInImage
    ResponsibleGroupCodeSequence ScheduledProcessingParametersSequence CompensatorTrayID
    BrachyAccessoryDeviceName BrachyAccessoryDeviceID ChannelShieldName ChannelShieldID
    TemplateName TemplateType HangingProtocolName HangingProtocolDescription
    HangingProtocolCreator HangingProtocolUserGroupName FiducialIdentifier FiducialDescription
    SurfaceComments AlgorithmName AlgorithmSource ReferencedFileID RetrieveURL StorageURL
    FileSetDescriptorFileID PrinterName FilmSessionLabel OwnerID WorklistLabel
    ProcedureStepLabel ReportNumber DataSetName DataSetDescription DataSetSource
"""
_OF_MACHINES = {
    "AlgorithmName",
    "AlgorithmSource",
    "CodingSchemeName",
    "DataSetDescription",
    "DataSetName",
    "DataSetSource",
    "TemplateName",
    "TemplateType",
}
"""Texts that machines fill: a policy may keep them."""
_VOCABULARY = re.compile("Version|CodingScheme|ContextGroup")
_OF_DEVICE = re.compile("Calibration|Manufactur|Install|Maintenance|Expir|DetectorActivation|Baseline")
_STRUCTURAL = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00080005}


def add_attributes(ledger: Ledger, visit: Visit) -> None:
    """Write every attribute at the top of a file, and again inside a sequence that no table removes."""
    table = every_attribute()
    for where, attributes in (("table", table), ("beyond", beyond_the_table())):
        for number, some in enumerate(_batches(attributes), 1):
            for is_nested in (False, True):
                file = f"attributes/{where}_{'nested' if is_nested else 'top'}_{number}.dcm"
                series = f"{where} {is_nested} {number}"
                made = new_object(ledger.tokens, visit, SecondaryCaptureImageStorage, series, modality="OT")
                made.ConversionType = "WSD"
                pixels(made, slope(4, 4))
                holder = Dataset() if is_nested else made
                for tag, representation in some.items():
                    if tag not in holder and tag not in _STRUCTURAL:
                        fill(holder, tag, representation, ledger.tokens)
                if is_nested:
                    made.ReferencedSeriesSequence = [holder]
                ledger.add(file, made)


def _batches(attributes: Mapping[int, str]) -> Iterator[dict[int, str]]:
    for some in itertools.batched(attributes.items(), _A_FILE, strict=False):
        yield dict(some)


def beyond_the_table() -> dict[int, str]:
    """Return representations of what identifies and is not in the table: every name and date, named texts."""
    table = every_attribute()
    found = {}
    for tag, (representation, _, _, _, keyword) in DicomDictionary.items():
        if tag in table or tag >> 16 in {0x0000, 0x0002, 0x0004} or not keyword:
            continue
        if representation in {"PN", "DA", "DT", "TM"} or keyword in BEYOND_THE_TABLE.split():
            found[tag] = representation
    return dict(sorted(found.items()))


def fill(holder: Dataset, tag: int, representation: str, tokens: Tokens) -> None:
    """Put an identity of its own into an attribute, as its representation allows."""
    if representation == "SQ":
        holder.add_new(tag, "SQ", [_named_item(tokens)])
    elif representation not in {"US", "AS"}:  # too short to be recognised; ages are in the patient module
        put(holder, tag, representation, _value(tag, representation, tokens))


def _named_item(tokens: Tokens) -> Dataset:
    """Return an item with a name, an address, a code of the house and a UID."""
    made = code(tokens.digits("house code"), "99HOUSE", tokens.phrase("text", "colleague"))
    made.update(
        item(
            PatientName=tokens.name(),
            PersonAddress=tokens.phrase("address", "3 Church Street,"),
            ReferencedSOPInstanceUID=tokens.fresh_uid(),
            StudyDate=tokens.date(),
        )
    )
    return made


def _value(tag: int, representation: str, tokens: Tokens) -> str:
    simple = {
        "PN": tokens.name,
        "TM": tokens.time,
        "UI": tokens.fresh_uid,
    }
    if representation in simple:
        return simple[representation]()
    kind = _kind_of_date(tag)
    made = {
        "DA": lambda: tokens.date(kind),
        "DT": lambda: tokens.moment(kind),
        "AE": lambda: tokens.capitals("device"),
        "CS": lambda: tokens.capitals("code string"),
        "DS": lambda: tokens.decimal("measure"),
        "IS": lambda: tokens.digits("measure"),
        "UR": lambda: f"http://{tokens.word('address')}.example/",
        "UN": lambda: tokens.word("bytes"),
        "OB": lambda: tokens.word("bytes"),
    }
    is_vocabulary = _keyword(tag) in _OF_MACHINES
    return made.get(representation, lambda: tokens.word("vocabulary" if is_vocabulary else "text"))()


def _keyword(tag: int) -> str:
    return DicomDictionary.get(tag, ("", "", "", "", ""))[4]


def _kind_of_date(tag: int) -> str:
    """Return whose date it is: the patient's, a device's or a vocabulary's."""
    keyword = _keyword(tag)
    if _VOCABULARY.search(keyword):
        return "vocabulary date"
    return "device date" if _OF_DEVICE.search(keyword) else "date"


assert all(keyword in keyword_dict for keyword in BEYOND_THE_TABLE.split()), "the dictionary knows each"
