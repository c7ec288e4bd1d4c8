"""What an object says of the patient and the staff, gathered before it is de-identified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from orthanc_plugins.deid.characters import decoded
from orthanc_plugins.deid.keeping import whole_number
from orthanc_plugins.deid.standard import Option
from orthanc_plugins.deid.standard.supplement import row_of
from orthanc_plugins.deid.text.folding import in_ascii
from orthanc_plugins.deid.wire.reading import leaves
from orthanc_plugins.pseudonyms import PatientKey

if TYPE_CHECKING:
    from orthanc_plugins.deid.wire import Part10

_TEXTS = frozenset({"AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_DATES = frozenset({"DA", "DT"})
_CONTOURS, _FRAMES = 0x30060039, 0x52009230
_UNREAD = frozenset({_CONTOURS, _FRAMES})
"""Long sequences that name nobody: points of contours, and what is told of each frame."""
_METHOD_CODES = (0x00120064,)
_REGION_NAMES = frozenset({0x30060026, 0x00620005})
"""ROI Name, Segment Label."""
_OBSERVED_REGION, _INTERPRETED_TYPE = 0x30060084, 0x300600A4
_TOLD = frozenset(
    {0x00080016, 0x00080018, 0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040}
    | {0x0020000D, 0x0020000E}
)
"""SOP class and instance; name, identifier and its issuer, birth date and sex; study and series."""
_CODE_VALUE, _CODING_SCHEME, _CODE_MEANING = 0x00080100, 0x00080102, 0x00080104


@dataclass(slots=True)
class Gathered:
    """What one object says of itself and of persons.

    Parameters
    ----------
    texts
        Attributes of the top level that tell what it is and whose, decoded, by tag.
    names
        Names of persons, wherever they stand.
    values
        Identifiers, addresses, institutions and what else names somebody or some place, each with the options
        that retain it: under one of them it is no identity to be searched for.
    dates
        Dates as they are written.
    method_codes
        Value, scheme and meaning of earlier de-identifications (0012,0064).
    region_types
        RT ROI Interpreted Type by the number of the region.
    region_names
        Names of regions and labels of segments as they would be written if they stay.
    """

    texts: dict[int, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    values: dict[str, frozenset[Option]] = field(default_factory=dict)
    dates: set[str] = field(default_factory=set)
    method_codes: list[tuple[str, str, str]] = field(default_factory=list)
    region_types: dict[int, str] = field(default_factory=dict)
    region_names: set[str] = field(default_factory=set)

    @property
    def patient(self) -> PatientKey:
        """Whose object it is."""
        return PatientKey.of_attributes(
            patient_id=self.texts.get(0x00100020, ""),
            issuer=self.texts.get(0x00100021, ""),
            name=self.texts.get(0x00100010, ""),
            birth_date=self.texts.get(0x00100030, ""),
            study_uid=self.texts.get(0x0020000D, ""),
        )


def gathered(file: Part10) -> Gathered:
    """Return what an object says of the patient and the staff.

    Raises
    ------
    InvalidDicom
        It is not encoded as the standard says.
    """
    found = Gathered()
    code: list[str] = []
    number = 0
    for leaf in leaves(file.data_set, file.begin, file.encoding, _is_sequence, _UNREAD):
        path, tag, _, value, character_set = leaf
        sort = _SORTS.get(tag)
        if sort is not None and len(value):
            _take(found, sort, tag, decoded(bytes(value), character_set).strip("\0 "))
        if not path and tag in _TOLD:
            found.texts[tag] = decoded(bytes(value), character_set).strip("\0 ")
        elif path == _METHOD_CODES and tag in {_CODE_VALUE, _CODING_SCHEME, _CODE_MEANING}:
            code.append(bytes(value).strip(b"\0 ").decode("ascii", "replace"))
            if tag == _CODE_MEANING:
                found.method_codes.append(_triple(code))
                code = []
        elif tag in _REGION_NAMES:
            found.region_names.add(in_ascii(" ".join(decoded(bytes(value), character_set).split())))
        elif tag == _OBSERVED_REGION:
            number = whole_number(bytes(value)) or 0
        elif tag == _INTERPRETED_TYPE:
            found.region_types[number] = bytes(value).strip(b"\0 ").decode("ascii", "replace")
    return found


def _triple(code: list[str]) -> tuple[str, str, str]:
    value, scheme, meaning = (*code, "", "", "")[:3] if len(code) >= 3 else (code[0], "", code[-1])  # noqa: PLR2004
    return value, scheme, meaning


def _take(found: Gathered, sort: str, tag: int, text: str) -> None:
    if sort == "name":
        found.names.update(part for part in text.split("\\") if part)
    elif sort == "date":
        found.dates.update(part for part in text.split("\\") if part)
    else:
        found.values[text] = found.values.get(text, _RETAINED_BY[tag]) & _RETAINED_BY[tag]


def _is_sequence(tag: int) -> bool:
    entry = DicomDictionary.get(tag)
    return entry is not None and entry[0] == "SQ"


def _sorts() -> dict[int, str]:
    """Return which attributes tell of persons: names, dates, and texts that no option cleans."""
    sorts: dict[int, str] = {}
    for tag, (vr, *_) in DicomDictionary.items():
        row = row_of(tag)
        if vr == "PN":
            sorts[tag] = "name"
        elif row is None or row.basic == "K":
            continue
        elif vr in _DATES:
            sorts[tag] = "date"
        elif vr in _TEXTS and Option.CLEAN_DESCRIPTORS not in row.options:
            sorts[tag] = "value"
    return sorts


def _retained_by() -> dict[int, frozenset[Option]]:
    """Return which options keep each attribute that tells of persons."""
    options: dict[int, frozenset[Option]] = {}
    for tag in _SORTS:
        row = row_of(tag)
        kept = row.options.items() if row is not None else ()
        options[tag] = frozenset(option for option, letter in kept if letter == "K")
    return options


def options_that_keep(keyword: str) -> frozenset[Option] | None:
    """Return under which options the text of an attribute is no identity; None where it never is one.

    >>> options_that_keep("PatientAddress"), options_that_keep("Modality")
    (frozenset(), None)
    """
    tag = tag_for_keyword(keyword)
    return None if tag is None or _SORTS.get(tag) != "value" else _RETAINED_BY[tag]


_SORTS = _sorts()
_RETAINED_BY = _retained_by()
