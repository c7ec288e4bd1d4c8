"""One object of a study, as another process may do it."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_partial

from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.pixels import (
    Deface,
    PixelPolicy,
    PixelState,
    cleaned,
    rapid_finder,
    risk,
    settle_faces,
    surface_regions,
)
from orthanc_plugins.deid.pixels.verdict import Need
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import DeidError, HeldForReview, InvalidDicom
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from orthanc_plugins.deid.engine import Deidentified, Engine, Subject
    from orthanc_plugins.deid.pixels import Box
    from orthanc_plugins.deid.profile import Profile

_SERIES_UID = 0x0020000E
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXEL_TAGS = frozenset(map(tag_for_keyword, _PIXELS))


@dataclass(frozen=True)
class Made:
    """What was made of one object; or why nothing was, with ``is_held`` where a person has to look.

    Parameters
    ----------
    boxes
        Where its pixels were painted over; None where nobody looked at them.
    faces
        Why a face may be recognised.
    has_surface
        It is a structure set with the surface of the body.
    has_pixels
        It is an image, or a map that has pixels.
    """

    original: Path = field(repr=False)
    file: Path | None = None
    sop_class_uid: str = ""
    series_uid: str = ""
    sha256: str = ""
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    boxes: tuple[Box, ...] | None = None
    faces: tuple[str, ...] = ()
    has_surface: bool = False
    has_pixels: bool = False
    reason: str = ""
    is_held: bool = False


@dataclass(frozen=True)
class Maker:
    """Makes objects of one study without identity, into a folder; what it holds can be sent to a process.

    Parameters
    ----------
    folder
        Where the files are written, named by their new SOP Instance UID.
    """

    engine: Engine
    subject: Subject
    folder: Path
    here: ClassVar[Maker]
    """That of this process; other processes are handed it once, when they start."""

    def begin(self) -> None:
        """Have this be the maker of this process."""
        Maker.here = self

    @staticmethod
    def made_here(original: Path) -> Made:
        """Return what was made of one object by the maker of this process."""
        return Maker.here.made(original)

    def made(self, original: Path) -> Made:
        """Return what was made of one object; what cannot be used is told, not raised."""
        try:
            return self._made(original)
        except HeldForReview as error:
            return Made(original, reason=str(error), is_held=True)
        except (DeidError, InvalidDicom) as error:
            return Made(original, reason=str(error))

    def _made(self, original: Path) -> Made:
        data = original.read_bytes()
        known = gathered(read_part10(data))
        seen = _looked_at(data, self.engine.profile)
        new = self.engine.deidentified(
            read_part10(seen.data), known, self.subject, pixels_cleaned=seen.boxes is not None
        )
        file = self.folder / f"{new.sop_instance_uid}.dcm"
        return Made(
            original,
            file,
            new.sop_class_uid,
            self.engine.uid(known.texts.get(_SERIES_UID, "")),
            _written(file, new),
            new.counts,
            seen.boxes,
            seen.faces,
            seen.has_surface,
            seen.has_pixels,
        )


def _written(file: Path, new: Deidentified) -> str:
    """Write an object's file, which must not be there yet, and return the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    with file.open("xb") as written:
        for piece in new.pieces:
            digest.update(piece)
            written.write(piece)
    return digest.hexdigest()


@dataclass(frozen=True)
class _Seen:
    """A file whose pixels were searched for text where they may have some; fields as of `Made`."""

    data: bytes
    boxes: tuple[Box, ...] | None
    faces: tuple[str, ...]
    has_surface: bool
    has_pixels: bool


def _looked_at(data: bytes, profile: Profile) -> _Seen:
    """Return a file without text in its pixels, and what of a face it has.

    Raises
    ------
    HeldForReview
        Only a person can say what its pixels show.
    """
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)  # it quotes values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # likewise
        try:
            dataset = _header(data)
            faces = tuple(map(str, settle_faces(dataset, Deface(profile.faces))))
            has_surface = dataset.SOPClassUID == RT_STRUCTURE_SET_STORAGE and bool(surface_regions(dataset))
            seen, boxes = _without_text(dataset, data, profile)
        except DeidError:
            raise
        except Exception as error:  # noqa: BLE001 - on damage pydicom raises what it likes, and quotes values
            raise HeldForReview(
                f"It cannot be looked at for text and faces ({type(error).__name__})."
            ) from None
    return _Seen(seen, boxes, faces, has_surface, any(keyword in dataset for keyword in _PIXELS))


def _header(data: bytes) -> Dataset:
    """Return an object without the values of its pixels, which most objects need not have read."""
    met: list[BaseTag] = []

    def is_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        if tag in _PIXEL_TAGS:
            met.append(tag)
        return bool(met)

    header: Dataset = read_partial(BytesIO(data), is_pixels)
    for tag in met:
        header.add_new(tag, "OB", b"")
    return header


def _without_text(header: Dataset, data: bytes, profile: Profile) -> tuple[bytes, tuple[Box, ...] | None]:
    policy = PixelPolicy(look=profile.pixels.look, mask=profile.pixels.mask)
    if not any(keyword in header for keyword in _PIXELS):
        return data, None
    header.pop("EncapsulatedDocument", None)  # it is replaced in any case
    if risk(header, policy).need is Need.NONE:
        return data, None
    whole = dcmread(BytesIO(data))
    whole.pop("EncapsulatedDocument", None)  # it is replaced in any case
    result, verdict = cleaned(whole, policy=policy, finder=rapid_finder())
    if verdict.state is not PixelState.MASKED:
        return data, () if verdict.was_looked_at else None
    stream = BytesIO()
    result.save_as(stream)
    return stream.getvalue(), verdict.boxes
