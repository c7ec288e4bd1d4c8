"""The pixels of one object on its way out: searched for text and faces, and as a person has decided."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_partial

from orthanc_plugins.deid.pixels import (
    UNSEEN,
    Deface,
    Look,
    PixelPolicy,
    PixelState,
    cleaned,
    inspected,
    rapid_finder,
    risk,
    settle_faces,
    surface_regions,
    without_hidden_bits,
)
from orthanc_plugins.deid.pixels import frames_of as _frames_of
from orthanc_plugins.deid.pixels.verdict import HOLD_OF, Need
from orthanc_plugins.errors import DeidError, HeldForReview
from orthanc_plugins.identifiers import RT_STRUCTURE_SET_STORAGE
from orthanc_plugins.rules.holds import WORDS_OF_HOLD, Decide, Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from orthanc_plugins.deid.pixels import Box, Frames, Inspection
    from orthanc_plugins.deid.profile import Profile
    from orthanc_plugins.release.decisions import Decision

    type Echoes = Callable[[str], bool]
    """Whether a text repeats something of the identity that the study itself tells."""

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PIXEL_TAGS = frozenset(map(tag_for_keyword, _PIXELS))


@dataclass(frozen=True)
class Seen:
    """A file whose pixels may leave.

    Parameters
    ----------
    boxes
        Where they were painted over; None where nobody looked for text, or it was let pass.
    faces
        Why a face may be recognised.
    has_surface, has_pixels
        Whether it is a structure set with the surface of the body, and whether it has pixels.
    """

    data: bytes
    boxes: tuple[Box, ...] | None
    faces: tuple[str, ...]
    has_surface: bool
    has_pixels: bool


def looked_at(data: bytes, profile: Profile, echoes: Echoes, decision: Decision | None = None) -> Seen:
    """Return a file whose pixels may leave, and what of a face it has.

    Raises
    ------
    HeldForReview
        Only a person can say what its pixels show, and none has, or not of all that holds it.
    """
    with _quiet():
        try:
            return _seen(data, profile, echoes, decision)
        except DeidError:
            raise
        except Exception as error:  # noqa: BLE001 - on damage pydicom raises what it likes, and quotes values
            raise HeldForReview(
                f"It cannot be looked at for text and faces ({type(error).__name__}).", (Hold.UNREADABLE,)
            ) from None


def holds_of(data: bytes, profile: Profile, echoes: Echoes) -> tuple[tuple[Hold, ...], tuple[Box, ...]]:
    """Return all rules that hold an object as it is, and where text is in it: what a person is shown.

    Text is told only beside another rule: by itself it is painted over, and holds nothing.
    """
    with _quiet():
        try:
            dataset = dcmread(BytesIO(data))
            holds = set(_holds_by_header(dataset, profile))
            found = _inspected(dataset, profile, echoes)
        except HeldForReview as error:
            return (*map(Hold, error.holds or (Hold.UNREADABLE,)),), ()
        except Exception:  # noqa: BLE001 - on damage pydicom raises what it likes
            return (Hold.UNREADABLE,), ()
    holds |= {Hold.TEXT} if found.boxes else set()
    holds |= {Hold.IDENTITY} if found.identity else set()
    return tuple(sorted(holds)), found.boxes


def frames_of(data: bytes) -> Frames:
    """Return the frames of an object as pictures.

    Raises
    ------
    HeldForReview
        They cannot be drawn.
    """
    with _quiet():
        return _frames_of(_whole(data))


def _quiet() -> warnings.catch_warnings[None]:
    """Return a block in which pydicom says nothing: it quotes values."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    return warnings.catch_warnings(action="ignore")


def _seen(data: bytes, profile: Profile, echoes: Echoes, decision: Decision | None) -> Seen:
    dataset = header_of(data)
    decided = UNSEEN if decision is None else decision.look
    faces = tuple(map(str, settle_faces(dataset, Deface(profile.faces), decided.settled)))
    has_surface = dataset.SOPClassUID == RT_STRUCTURE_SET_STORAGE and bool(surface_regions(dataset))
    if decision is not None and decision.decide is Decide.PASS:
        kept, boxes = _passed(data, profile, echoes, decided), None
    else:
        kept, boxes = _without_text(dataset, data, profile, decided)
    if decision is not None and decision.decide is Decide.MASK:
        _expect_nobody(kept, profile, echoes)
    return Seen(kept, boxes, faces, has_surface, any(keyword in dataset for keyword in _PIXELS))


def header_of(data: bytes) -> Dataset:
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


def _policy(profile: Profile) -> PixelPolicy:
    return PixelPolicy(look=profile.pixels.look, mask=profile.pixels.mask)


def _without_text(
    header: Dataset, data: bytes, profile: Profile, decided: Look
) -> tuple[bytes, tuple[Box, ...] | None]:
    if not any(keyword in header for keyword in _PIXELS):
        return data, None
    header.pop("EncapsulatedDocument", None)  # it is replaced in any case
    policy = _policy(profile)
    if risk(header, policy).need is Need.NONE and not decided.boxes:
        return data, None
    result, verdict = cleaned(_whole(data), policy=policy, finder=rapid_finder(), decided=decided)
    if verdict.state is not PixelState.MASKED:
        return data, () if verdict.was_looked_at else None
    return _written(result), verdict.boxes


def _passed(data: bytes, profile: Profile, echoes: Echoes, decided: Look) -> bytes:
    """Return an object that a person lets pass, as it is.

    Raises
    ------
    HeldForReview
        More holds it than the person was shown, or it has an identity in its pixels that the study tells.
    """
    dataset = _whole(data)
    found = _inspected(dataset, profile, echoes)
    holds = {*_holds_by_header(dataset, profile)}
    holds |= {Hold.IDENTITY} if found.identity else set()
    if found.boxes and Hold.TEXT_REMAINS not in decided.settled:
        holds.add(Hold.TEXT)
    _expect(holds - decided.settled)
    kept = without_hidden_bits(dataset)
    return data if kept is dataset else _written(kept)


def _expect_nobody(data: bytes, profile: Profile, echoes: Echoes) -> None:
    """See that the pixels of an object that a person had painted repeat no identity."""
    _expect({Hold.IDENTITY} if _inspected(_whole(data), profile, echoes).identity else set())


def _expect(unsettled: set[Hold]) -> None:
    if unsettled:
        holds = tuple(sorted(unsettled))
        raise HeldForReview(
            f"pixels wait for a person: {'; '.join(WORDS_OF_HOLD[one] for one in holds)}", holds
        )


def _holds_by_header(dataset: Dataset, profile: Profile) -> Iterator[Hold]:
    asked = risk(dataset, _policy(profile))
    if asked.need is Need.HOLD:
        yield from (HOLD_OF[reason] for reason in asked.reasons)
    try:
        settle_faces(dataset, Deface(profile.faces))
    except HeldForReview as error:
        yield from map(Hold, error.holds)


def _inspected(dataset: Dataset, profile: Profile, echoes: Echoes) -> Inspection:
    return inspected(dataset, policy=_policy(profile), finder=rapid_finder(), is_identity_of=echoes)


def _whole(data: bytes) -> Dataset:
    dataset = dcmread(BytesIO(data))
    dataset.pop("EncapsulatedDocument", None)  # it is replaced in any case
    return dataset


def _written(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()
