"""Writes the files of the corpus and notes, from what was written, where everything lies."""

from __future__ import annotations

import hashlib
import io
import warnings
import zlib
from typing import TYPE_CHECKING, Literal, NamedTuple

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.builders.planted.finder import Finder
from tests.builders.planted.key import Age, Corpus, Hostile, Kept, Plant, Reference
from tests.builders.planted.retained import kept_at
from tests.builders.planted.table import lies_in_what_is_removed
from tests.builders.planted.walk import places

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.planted.tokens import Tokens
    from tests.builders.planted.walk import Place

PIXEL_DATA = 0x7FE00010
_OWN = {"(0008,0018)": "instance", "(0020,000D)": "study", "(0020,000E)": "series"}
_SHARED = (
    "FrameOfReferenceUID",
    "TrackingUID",
    "DimensionOrganizationUID",
    "DoseReferenceUID",
    "FiducialUID",
)
_AGE = 0x00101010
type Pixels = Literal["bytes", "decoded", "unstated"]


class _Sighting(NamedTuple):
    file: str
    location: str
    uid: str
    frames: tuple[int, ...]


class Ledger:
    """Everything written so far; `corpus` is complete after `settle`."""

    def __init__(self, folder: Path, tokens: Tokens) -> None:
        self.corpus = Corpus(folder)
        self.tokens = tokens
        self._finder = Finder({})
        self._sightings: list[_Sighting] = []
        self._owners: dict[str, tuple[str, dict[str, None]]] = {}

    def add(
        self, file: str, dataset: Dataset, *, syntax: str = ExplicitVRLittleEndian, pixels: Pixels = "bytes"
    ) -> None:
        """Write a data set with identities in its preamble and meta information, and note what it holds.

        ``pixels`` says what must survive of them: their bytes, what they decode to, or nothing said here.
        """
        dataset.preamble = f"{self.tokens.word('preamble')} scanned this".encode().ljust(128, b"\0")
        dataset.file_meta = self._meta(dataset, syntax)
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        self.add_bytes(file, buffer.getvalue(), pixels=pixels)

    def _meta(self, dataset: Dataset, syntax: str) -> FileMetaDataset:
        """Return meta information with everything optional in it (PS3.10 7.1)."""
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        meta.TransferSyntaxUID = UID(syntax)
        meta.ImplementationClassUID = UID(self.tokens.fresh_uid())
        meta.SourceApplicationEntityTitle = self.tokens.capitals("meta")
        meta.SendingApplicationEntityTitle = self.tokens.capitals("meta")
        meta.PrivateInformationCreatorUID = UID(self.tokens.fresh_uid())
        meta.PrivateInformation = f"<owner>{self.tokens.word('meta')}</owner>".encode()
        return meta

    def add_bytes(self, file: str, data: bytes, *, pixels: Pixels = "bytes") -> None:
        """Write a file of Part 10 as it is and note what it holds."""
        path = self.corpus.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.corpus.files.append(file)
        dataset = pydicom.dcmread(io.BytesIO(data))
        is_deflated = dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
        self._finder.learn(self.tokens.issued)
        self._plants(file, dataset.preamble or b"", "preamble")
        for place in places(dataset.file_meta):
            self._plants(file, place.value, place.path)
            self._note_uid(file, place)
        for place in places(dataset):
            if place.tag != PIXEL_DATA:
                within = "deflated" if is_deflated else "plain"
                is_identity = self._plants(file, place.value, place.path, within)
                self._note(file, place, is_identity=is_identity)
        self._note_pixels(file, dataset, pixels)

    def add_hostile(self, file: str, data: bytes, fault: str) -> None:
        """Write a file that a tool may refuse."""
        path = self.corpus.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.corpus.hostile.append(Hostile(file, fault))

    def plant(self, file: str, location: str, value: str, *, within: str = "plain") -> None:
        """Note a value issued that lies where walking elements does not lead."""
        kind, encodings = self.tokens.issued[value]
        self.corpus.plants.append(Plant(value, encodings, file, location, kind, within))

    def _plants(self, file: str, data: bytes, location: str, within: str = "plain") -> bool:
        """Note the values that lie in some bytes; return whether there are any."""
        found = list(self._finder.found_in(data))
        for value in found:
            self.plant(file, location, value, within=within)
        return bool(found)

    def _note(self, file: str, place: Place, *, is_identity: bool) -> None:
        self._note_uid(file, place)
        if is_identity:
            return
        if kept := kept_at(file, place):
            self.corpus.kept.append(kept)
        if place.tag == _AGE and place.value:
            self.corpus.ages.append(Age(file, place.path, place.value.decode("ascii")))

    def _note_uid(self, file: str, place: Place) -> None:
        """Note a UID of ours: as the file's own, or as seen at a place."""
        for value in place.value.decode("latin-1").split("\\"):
            uid = value.rstrip("\0 ")
            if not uid.startswith("1.3.6.1.4.1.47779."):
                continue
            keyword = pydicom.datadict.keyword_for_tag(place.tag)
            if place.path in _OWN:
                self._owners.setdefault(uid, (_OWN[place.path], {}))[1][file] = None
                continue
            if keyword in _SHARED:
                role = "frame of reference" if keyword == "FrameOfReferenceUID" else "item"
                self._owners.setdefault(uid, (role, {}))[1][file] = None
            self._sightings.append(_Sighting(file, place.path, uid, _frames(place)))

    def _note_pixels(self, file: str, dataset: Dataset, pixels: Pixels) -> None:
        if PIXEL_DATA not in dataset or pixels == "unstated":
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bytes hidden behind the pixels are told
            data = dataset.pixel_array.tobytes() if pixels == "decoded" else dataset.PixelData
        kind = "decoded pixels" if pixels == "decoded" else "pixels"
        self.corpus.kept.append(Kept(kind, file, "(7FE0,0010)", hashlib.sha256(data).hexdigest()))

    def settle(self) -> None:
        """Resolve what was seen of UIDs, once all files are there."""
        for file, location, uid, frames in self._sightings:
            if uid in self._owners and not lies_in_what_is_removed(location):
                role, owners = self._owners[uid]
                self.corpus.references.append(Reference(file, location, role, tuple(owners), frames))


def _frames(place: Place) -> tuple[int, ...]:
    """Return the frames that an item names beside a referenced instance."""
    said = place.holder.get("ReferencedFrameNumber")
    if said is None:
        return ()
    return (int(said),) if isinstance(said, (int, str)) else tuple(int(number) for number in said)


def inflated(data: bytes) -> bytes:
    """Return the data set of a deflated file (PS3.5 A.5), for looking into."""
    length = int.from_bytes(data[140:144], "little")
    return zlib.decompress(data[144 + length :], wbits=-zlib.MAX_WBITS)
