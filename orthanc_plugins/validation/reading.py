"""DICOM files as the check reads them: pydicom's elements, not converted, each with its place."""

from __future__ import annotations

import io
import logging
import warnings
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_has_tag, dictionary_VR, repeater_has_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import data_element_generator, read_dataset, read_preamble
from pydicom.uid import UID
from pydicom.valuerep import TEXT_VR_DELIMS

from orthanc_plugins.errors import InvalidDicom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataelem import DataElement
    from pydicom.tag import BaseTag

type Place = tuple[int, ...]
"""Where an element is: tags and zero-based numbers of items by turns, its own tag last."""

CHARACTER_SET = 0x00080005
SOP_CLASS, SOP_INSTANCE, PATIENT_ID = 0x00080016, 0x00080018, 0x00100020
_TRANSFER_SYNTAX = 0x00020010
_DEFAULT_REPERTOIRE = ("iso8859",)
_UNDEFINED = 0xFFFFFFFF
_UNPADDED = frozenset(
    {"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT", "OB", "OW", "OL", "OF", "OD", "OV", "UN"}
)


class Leaf(NamedTuple):
    """An element that is not a sequence, its value as its bytes; or a sequence, its value how many items.

    Of a sequence without items the value is empty.

    ``encodings`` are Python's names of the character sets that text in it has.
    """

    place: Place
    vr: str
    value: bytes
    encodings: tuple[str, ...]

    @property
    def tag(self) -> int:
        """The element's own tag."""
        return self.place[-1]

    @property
    def stripped(self) -> bytes:
        """The value without padding; of words and bytes the value itself, as zero is a number."""
        return self.value if self.vr in _UNPADDED else self.value.strip(b" \0")

    @property
    def plain(self) -> str:
        """A value of the default repertoire: UI, CS, DA, DT, numbers as text."""
        return self.stripped.decode("latin-1")

    @property
    def text(self) -> str:
        """A value in its character set; what is none of its characters becomes a mark."""
        if self.encodings == _DEFAULT_REPERTOIRE:
            return self.plain
        return decode_bytes(self.stripped, list(self.encodings), TEXT_VR_DELIMS)


class Span(NamedTuple):
    """A top-level element's tag, and where it ends in the data set's bytes; whether its value is whole."""

    tag: int
    stop: int
    whole: bool


@dataclass(frozen=True)
class Instance:
    """A file that was read.

    ``body`` are the bytes of its data set, inflated where they were deflated; ``unused`` counts bytes that
    belong to no element. ``leaves`` are all elements by their place, in the order of tags.
    """

    data: bytes = field(repr=False)
    body: bytes = field(repr=False)
    dataset: Dataset = field(repr=False)
    leaves: dict[Place, Leaf] = field(repr=False)
    spans: tuple[Span, ...]
    unused: int
    begin: int
    """Where the data set begins in ``data``."""

    @property
    def meta(self) -> FileMetaDataset:
        """The file meta information (PS3.10 7.1)."""
        return self.dataset.file_meta

    @property
    def transfer_syntax(self) -> str:
        """The Transfer Syntax UID."""
        return str(self.meta.TransferSyntaxUID)

    @property
    def head(self) -> bytes:
        """What stands before the data set: preamble, prefix, file meta information."""
        return self.data[: self.begin]

    @property
    def order(self) -> str:
        """The order of bytes in numbers, as ``struct`` writes it."""
        return "<" if UID(self.transfer_syntax).is_little_endian else ">"

    def plain(self, tag: int) -> str:
        """Return the text of a top-level element of the default repertoire, empty where there is none."""
        leaf = self.leaves.get((tag,))
        return leaf.plain if leaf else ""


def hush() -> None:
    """Keep pydicom and its decoders from warning and logging, as they quote values; before they are used."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"(pydicom|openjpeg|libjpeg|rle|pylibjpeg)(\.|$)")


def read(path: Path) -> Instance:
    """Return a file with all of its elements.

    Raises
    ------
    InvalidDicom
        It is no DICOM file, or is damaged. The text tells the kind of damage, and no value.
    """
    hush()
    try:
        return _instance(path.read_bytes())
    except Exception as error:  # noqa: BLE001 - on damage pydicom raises what it likes, and quotes values
        raise InvalidDicom(f"the file cannot be read ({type(error).__name__})") from None


def _instance(data: bytes) -> Instance:
    stream = io.BytesIO(data)
    read_preamble(stream, force=False)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, _, __: tag >> 16 != 2)  # noqa: PLR2004 - group
    syntax = UID(str(meta[_TRANSFER_SYNTAX].value))
    begin = stream.tell()
    body, unused = data[begin:], 0
    if syntax.is_deflated:
        body, unused = _inflated(body)
    elements, spans = _elements(body, implicit=syntax.is_implicit_VR, little=syntax.is_little_endian)
    dataset = Dataset(elements)
    dataset.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    dataset.file_meta = FileMetaDataset(meta)
    leaves = {leaf.place: leaf for leaf in _leaves(dataset, _DEFAULT_REPERTOIRE, ())}
    unused += len(body) - (spans[-1].stop if spans else 0)
    return Instance(data, body, dataset, leaves, spans, unused, begin)


def _inflated(deflated: bytes) -> tuple[bytes, int]:
    """Return a deflated data set's bytes, and how many follow them but for the one of padding (PS3.5 A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    body = inflater.decompress(deflated) + inflater.flush()
    rest = inflater.unused_data
    return body, 0 if rest == b"\0" else len(rest)


def _elements(
    body: bytes, *, implicit: bool, little: bool
) -> tuple[dict[BaseTag, RawDataElement | DataElement], tuple[Span, ...]]:
    """Return the top-level elements as they are in the file, and where each ends."""
    stream = io.BytesIO(body)
    found: dict[BaseTag, RawDataElement | DataElement] = {}
    spans = []
    for element in data_element_generator(stream, implicit, little):
        found[element.tag] = element
        spans.append(Span(int(element.tag), stream.tell(), _is_whole(element)))
    return found, tuple(spans)


def _is_whole(element: RawDataElement | DataElement) -> bool:
    if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
        return True
    return len(element.value or b"") == element.length


def _leaves(dataset: Dataset, encodings: tuple[str, ...], above: Place) -> Iterator[Leaf]:
    """Yield the elements of a data set and of the items in it.

    They are taken before a sequence is opened: that has pydicom convert others, too.
    """
    encodings = _encodings(dataset) or encodings
    for tag, element in [(tag, dataset.get_item(tag)) for tag in sorted(dataset.keys())]:
        place = (*above, int(tag))
        vr = _representation(int(tag), element.VR)
        if vr != "SQ":
            yield Leaf(place, vr, _bytes(element.value), encodings)
            continue
        items = dataset[tag].value or ()
        yield Leaf(place, vr, b"%d" % len(items) if items else b"", encodings)
        for number, item in enumerate(items):
            yield from _leaves(item, encodings, (*place, number))


def _encodings(dataset: Dataset) -> tuple[str, ...]:
    """Return the character sets that a data set states itself (PS3.3 C.12.1.1.2)."""
    element = dataset.get_item(CHARACTER_SET) if CHARACTER_SET in dataset else None
    if element is None:
        return ()
    stated = _bytes(element.value).decode("latin-1").strip(" \0").split("\\")
    return tuple(convert_encodings([one.strip() for one in stated]))


def _representation(tag: int, vr: str | None) -> str:
    """Return an element's value representation, the dictionary's where the file has none (PS3.5 6.2.2).

    Of several that it may have it is the first; they differ in signs and in the length of words.
    """
    if vr and vr != "UN":
        return vr
    return dictionary_VR(tag).split(" or ")[0] if is_known(tag) else "UN"


def is_known(tag: int) -> bool:
    """Return whether the dictionary has an attribute (PS3.6), repeating groups included."""
    return dictionary_has_tag(tag) or repeater_has_tag(tag)


def _bytes(value: object) -> bytes:
    """Return a value that pydicom has kept as bytes, or converted to text ahead of time."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, Iterable):
        return "\\".join(map(str, value)).encode()
    raise TypeError("a value was converted to a number")


def shown(place: Place) -> str:
    """Return a place as it is told, items counted from 1.

    >>> shown((0x30060039, 0, 0x30060050))
    '(3006,0039)[1].(3006,0050)'
    """
    parts = [f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in place[::2]]
    numbers = [f"[{number + 1}]." for number in place[1::2]] + [""]
    return "".join(part + number for part, number in zip(parts, numbers, strict=True))


def span_at(instance: Instance, offset: int) -> int | None:
    """Return the tag of the top-level element that a place in the data set's bytes is in."""
    return next((span.tag for span in instance.spans if offset < span.stop), None)
