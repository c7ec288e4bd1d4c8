"""DICOM files as the archive sees them: headers read, in DICOM's JSON model as dcm4chee writes it.

IS and DS are strings there (dcmEncodeAsJSONNumber is empty); PS3.18 F.2 allows both.
"""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from dcm4chee.standin.header import quick_header
from dcm4chee.standin.tags import ALL_KEPT, HELD_ABOVE_INSTANCE, KEPT, SPECIFIC_CHARACTER_SET, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import FileDataset

Element = dict[str, Any]
"""An attribute in the JSON model: ``vr`` and, when it is not empty, ``Value`` or ``InlineBinary``."""
Attributes = dict[str, Element]
"""Attributes by tag, eight upper-case hexadecimal digits."""

_BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NUMBERS = frozenset({"FL", "FD", "SL", "SS", "SV", "UL", "US", "UV"})
_UNDEFINED_LENGTH = 0xFFFFFFFF
_DAMAGE = (
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    OSError,
    TypeError,
    AttributeError,
    struct.error,
    BytesLengthException,
)
"""What pydicom raises on damaged bytes."""
_KEPT_NUMBERS = [int(tag, 16) for tag in ALL_KEPT]


class NotDicomError(Exception):
    """Bytes cannot be read as a DICOM file; the text says why, and holds no value of it."""


@dataclass(frozen=True)
class Received:
    """What the archive keeps of one object that it receives, as it was received."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    attributes: Attributes

    def level(self, level: Level) -> Attributes:
        """Return the attributes of one level, and SpecificCharacterSet."""
        kept = KEPT[level] | {SPECIFIC_CHARACTER_SET}
        return {tag: element for tag, element in self.attributes.items() if tag in kept}

    @property
    def above_instance(self) -> Attributes:
        """The attributes of patient, study and series."""
        return {tag: element for tag, element in self.attributes.items() if tag in HELD_ABOVE_INSTANCE}

    @property
    def orthanc_id(self) -> str:
        """How Orthanc will tell the object: a hash of its identifiers."""
        parts = (self.patient_id, self.study_uid, self.series_uid, self.sop_instance_uid)
        digest = hashlib.sha1("|".join(parts).encode(), usedforsecurity=False).hexdigest()
        return "-".join(digest[begin : begin + 8] for begin in range(0, 40, 8))

    @property
    def patient_id(self) -> str:
        """PatientID (0010,0020), empty when there is none."""
        return text_of(self.attributes.get("00100020"))


class TruncatedError(NotDicomError):
    """The bytes are the beginning of a file, and its header goes on beyond them."""


def read_received(content: bytes, *, whole: bool = True) -> Received:
    """Return what the archive keeps of a DICOM file.

    ``whole=False``: these are only its first bytes, which do when the pixels begin within them.

    Raises
    ------
    TruncatedError
        The first bytes do not reach the pixels.
    NotDicomError
        It is no DICOM file, is cut off, or lacks one of the UIDs that an object is told by.
    """
    quick = quick_header(content)
    if quick is not None and (quick.pixels < len(content) or whole):
        if whole and _ends_early(content, quick.pixels, implicit=quick.implicit, order="little"):
            raise NotDicomError("it ends within its pixels")
        return _received(quick.attributes, quick.transfer_syntax_uid)
    if not whole:
        raise TruncatedError("more of it is needed")
    return _read_with_care(content)


def _read_with_care(content: bytes) -> Received:
    dataset, pixels = _read(content, only=_KEPT_NUMBERS)
    order: Literal["little", "big"] = "little" if dataset.is_little_endian else "big"
    if _ends_early(content, pixels, implicit=bool(dataset.is_implicit_VR), order=order):
        raise NotDicomError("it ends within its pixels")
    try:
        attributes = attributes_of(dataset)
    except _DAMAGE as error:
        raise NotDicomError(f"a value cannot be read ({type(error).__name__})") from error
    return _received(attributes, str(getattr(dataset.file_meta, "TransferSyntaxUID", "")))


def _received(attributes: Attributes, transfer_syntax_uid: str) -> Received:
    received = Received(
        study_uid=text_of(attributes.get("0020000D")),
        series_uid=text_of(attributes.get("0020000E")),
        sop_instance_uid=text_of(attributes.get("00080018")),
        sop_class_uid=text_of(attributes.get("00080016")),
        transfer_syntax_uid=transfer_syntax_uid,
        attributes=attributes,
    )
    if not all((received.study_uid, received.series_uid, received.sop_instance_uid)):
        raise NotDicomError("the UID of study, series or object is missing")
    if not (received.sop_class_uid and received.transfer_syntax_uid):
        raise NotDicomError("the UID of SOP class or transfer syntax is missing")
    return received


def _ends_early(content: bytes, pixels: int, *, implicit: bool, order: Literal["little", "big"]) -> bool:
    """Return whether pixels that say how long they are (PS3.5 7.1) go beyond the end of the file."""
    start = pixels + (8 if implicit else 12)
    if pixels >= len(content):
        return False
    length = int.from_bytes(content[start - 4 : start], order)
    return start > len(content) or (length != _UNDEFINED_LENGTH and start + length > len(content))


def read_header(content: bytes) -> tuple[FileDataset, int]:
    """Return the whole data set before the pixels, and where the rest of the file begins.

    Raises
    ------
    NotDicomError
        It is no DICOM file.
    """
    return _read(content, only=None)


def with_preamble(content: bytes) -> bytes:
    """Return a file as PS3.10 7.1 wants it: what some clients send begins with the meta information."""
    begins_with_meta_information = content[:2] == b"\x02\x00" and content[128:132] != b"DICM"
    return bytes(128) + b"DICM" + content if begins_with_meta_information else content


def attributes_of(dataset: Dataset) -> Attributes:
    """Return a data set in the JSON model, without group lengths."""
    return {f"{element.tag:08X}": element_of(element) for element in dataset if element.tag.element}


def element_of(element: DataElement) -> Element:
    """Return one element in the JSON model (PS3.18 F.2)."""
    vr = str(element.VR)
    value = element.value
    if vr == "SQ":
        items = [attributes_of(item) for item in value]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    if vr in _BYTES or isinstance(value, bytes):
        encoded = base64.b64encode(value or b"").decode("ascii")
        return {"vr": vr, "InlineBinary": encoded} if encoded else {"vr": vr}
    values = list(value) if isinstance(value, MultiValue | list) else [value]
    written = [_written(one, vr) for one in values]
    return {"vr": vr, "Value": written} if any(one is not None for one in written) else {"vr": vr}


def _written(value: Any, vr: str) -> Any:
    if value is None:
        return None
    if vr == "PN":
        return _name(value)
    if vr in _NUMBERS:
        return value
    if vr == "AT":
        return f"{int(value):08X}"
    return str(value) or None


def _name(value: PersonName | str) -> dict[str, str] | None:
    name = value if isinstance(value, PersonName) else PersonName(value)
    groups = {
        "Alphabetic": str(name.alphabetic),
        "Ideographic": str(name.ideographic),
        "Phonetic": str(name.phonetic),
    }
    return {key: text for key, text in groups.items() if text} or None


def text_of(element: Mapping[str, Any] | None) -> str:
    r"""Return the values of an element as one string, as DICOM writes them, without padding.

    >>> text_of({"vr": "CS", "Value": ["CT", "MR"]}), text_of({"vr": "DA"}), text_of(None)
    ('CT\\MR', '', '')
    """
    values = element.get("Value", []) if element else []
    return "\\".join(_plain(value) for value in values)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        groups = [str(value.get(key, "")) for key in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return str(value).strip()


def is_empty(element: Mapping[str, Any] | None) -> bool:
    """Return whether an attribute is absent or has no value."""
    return element is None or not ("Value" in element or "InlineBinary" in element)


def dataset_from(attributes: Attributes) -> Dataset:
    """Return attributes of the JSON model as a data set, numbers as they are written."""
    dataset = Dataset()
    for tag, element in attributes.items():
        if "BulkDataURI" not in element:
            dataset.add(DataElement(int(tag, 16), element["vr"], _value(element)))
    return dataset


def _value(element: Element) -> Any:
    vr = element["vr"]
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])
    values = element.get("Value", [])
    if vr == "SQ":
        return [dataset_from(item) for item in values]
    if vr == "PN":
        return [_plain(name) for name in values]
    if vr == "AT":
        return [int(tag, 16) for tag in values]
    if vr in _BYTES:
        return b""
    return [("" if value is None else value) for value in values] or None


def _read(content: bytes, only: list[int] | None) -> tuple[FileDataset, int]:
    """Read up to the pixels, with or without a preamble.

    pydicom raises what it meets on damaged bytes: all of it means the same here.
    """
    source = io.BytesIO(content)
    try:
        dataset = dcmread(source, stop_before_pixels=True, specific_tags=only, force=True)
    except _DAMAGE as error:
        raise NotDicomError(f"its header cannot be read ({type(error).__name__})") from error
    return dataset, source.tell()
