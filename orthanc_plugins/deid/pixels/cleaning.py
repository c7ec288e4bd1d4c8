"""Looking at an instance and painting over what was found (PS3.15 E.3.1, Clean Pixel Data Option)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.deid.pixels.boxes import Box, painted, share_outside, without_covered
from orthanc_plugins.deid.pixels.header import whole_number
from orthanc_plugins.deid.pixels.masking import paint
from orthanc_plugins.deid.pixels.native import PixelValues, clear_spare_bits, values_of, with_values
from orthanc_plugins.deid.pixels.rendering import Renderer, renderer
from orthanc_plugins.deid.pixels.risk import Risk, risk
from orthanc_plugins.deid.pixels.search import is_identity, is_legible, text_boxes
from orthanc_plugins.deid.pixels.ultrasound import outside_regions
from orthanc_plugins.deid.pixels.verdict import (
    HOLD_OF,
    Need,
    PixelPolicy,
    PixelState,
    PixelVerdict,
    Reason,
)
from orthanc_plugins.errors import HeldForReview
from orthanc_plugins.rules.holds import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydicom.dataset import Dataset

    from orthanc_plugins.deid.pixels.finder import Reading, TextFinder

_MOST_ROUNDS = 4
"""How often it is painted and looked at again, before a person has to look."""
_LARGE = 1 << 22
"""Pixels of all frames, of which after painting only what is around the paint is looked at again."""
_MARGIN_OF_HEIGHT = 4
"""A text's margin is wider by a quarter of its height: marks above and letters cut off beside it go too."""


@dataclass(frozen=True)
class Look:
    """What a person has looked at and decided of an instance.

    Parameters
    ----------
    settled
        The rules that hold it no more.
    boxes
        Where the person has it painted over.
    frames
        Numbers, from 1, of the frames in which; all where none is given.
    """

    settled: frozenset[Hold] = frozenset()
    boxes: tuple[Box, ...] = ()
    frames: tuple[int, ...] = ()


UNSEEN = Look()
"""Nobody has looked."""


def look(dataset: Dataset, *, policy: PixelPolicy, finder: TextFinder) -> PixelVerdict:
    """Return whether there is text in the pixels of an instance, which stays as it is.

    The state is ``HELD`` where there is text, or where nothing here can say so: `cleaned` may make it
    ``MASKED``.
    """
    asked = risk(dataset, policy)
    if asked.need is not Need.LOOK:
        return _not_looked(asked)
    try:
        seen = _Sight.of(dataset, policy, finder)
        boxes, frames = seen.all_boxes()
    except HeldForReview:
        return PixelVerdict(PixelState.HELD, (*asked.reasons, Reason.UNREADABLE))
    if not boxes:
        return PixelVerdict(PixelState.CLEAN, asked.reasons, (), frames)
    return PixelVerdict(PixelState.HELD, (*asked.reasons, Reason.TEXT), boxes, frames)


def cleaned(
    dataset: Dataset, *, policy: PixelPolicy, finder: TextFinder, decided: Look = UNSEEN
) -> tuple[Dataset, PixelVerdict]:
    """Return an instance without text in its pixels, and what was done.

    What a person has settled is looked at as any other, and the person's boxes are painted first.

    Where nothing is painted it is the instance given; otherwise a copy. Burned In Annotation and the method
    codes are not written here: `PixelVerdict.was_looked_at` says whether they may be.

    Raises
    ------
    HeldForReview
        Only a person can look at it, or text is found even after it was painted over.
    """
    asked = risk(dataset, policy)
    _expect_settled(asked, decided.settled)
    if asked.need is Need.NONE and not decided.boxes:
        return dataset, _not_looked(asked)
    seen = _Sight.of(dataset, policy, finder)
    has_changed = clear_spare_bits(seen.values)
    given = seen.paint_given(decided)
    found, frames = seen.paint_over()
    boxes = without_covered((*given, *found))
    if not boxes and not has_changed:
        return dataset, PixelVerdict(PixelState.CLEAN, asked.reasons, (), frames)
    result = copy.deepcopy(dataset)
    with_values(result, seen.values)
    return result, PixelVerdict(PixelState.MASKED, asked.reasons, boxes, frames)


def _expect_settled(asked: Risk, settled: frozenset[Hold]) -> None:
    """See that a person has settled what holds an instance by its header.

    Raises
    ------
    HeldForReview
        Something is not settled.
    """
    holds = tuple(HOLD_OF[reason] for reason in asked.reasons if asked.need is Need.HOLD)
    if not settled.issuperset(holds):
        raise HeldForReview(f"pixels wait for a person: {'; '.join(asked.reasons)}", holds)


@dataclass(frozen=True)
class Inspection:
    """What is in the pixels of an instance.

    Parameters
    ----------
    boxes
        Where text is, or a device is known to write.
    identity
        Where a text repeats an identity.
    """

    boxes: tuple[Box, ...]
    identity: tuple[Box, ...]


def inspected(
    dataset: Dataset, *, policy: PixelPolicy, finder: TextFinder, is_identity_of: Callable[[str], bool]
) -> Inspection:
    """Return what is in the pixels of an instance, which stays as it is; whatever its header says.

    Parameters
    ----------
    is_identity_of
        Whether a text repeats something of the identity that the study itself tells.

    Raises
    ------
    HeldForReview
        They cannot be looked at.
    """
    seen = _Sight.of(dataset, policy, finder)
    boxes, _ = seen.all_boxes()
    return Inspection(boxes, seen.boxes_of(is_identity_of))


def without_hidden_bits(dataset: Dataset) -> Dataset:
    """Return an instance as it is, but for bits beside the stored values, which no picture shows.

    Raises
    ------
    HeldForReview
        Its pixels cannot be decoded.
    """
    values = values_of(dataset)
    if not clear_spare_bits(values):
        return dataset
    result = copy.deepcopy(dataset)
    with_values(result, values)
    return result


def _not_looked(asked: Risk) -> PixelVerdict:
    state = PixelState.HELD if asked.need is Need.HOLD else PixelState.NOT_NEEDED
    return PixelVerdict(state, asked.reasons)


@dataclass(frozen=True)
class _Sight:
    """The pixels of an instance, with what draws them and finds text in them."""

    values: PixelValues
    renderer: Renderer
    finder: TextFinder
    policy: PixelPolicy
    rules: tuple[Box, ...]
    """Boxes that are painted whether text is found in them or not."""

    @classmethod
    def of(cls, dataset: Dataset, policy: PixelPolicy, finder: TextFinder) -> _Sight:
        """Return the sight of an instance."""
        if (count := whole_number(dataset, "NumberOfFrames")) > policy.most_frames:
            text = f"{Reason.TOO_MANY_FRAMES}: {count} of at most {policy.most_frames}"
            raise HeldForReview(text, (Hold.TOO_MANY_FRAMES,))
        values = values_of(dataset)
        rules = policy.known.boxes(dataset)
        if policy.outside_ultrasound_regions:
            rules += outside_regions(dataset, values.rows, values.columns)
        inside = without_covered(box.within(values.rows, values.columns) for box in rules)
        return cls(values, renderer(dataset, values), finder, policy, inside)

    def all_boxes(self) -> tuple[tuple[Box, ...], int]:
        """Return what is to be painted, and how many frames were looked at."""
        counts = is_identity if self.policy.mask == "identity" else None
        found, frames = text_boxes(self.values.frames, self.renderer, self.finder, counts)
        return without_covered((*self.rules, *self._with_margin(found))), frames

    def paint_over(self) -> tuple[tuple[Box, ...], int]:
        """Paint over until no text is legible; return what was painted, and how many frames were looked at.

        Only the first look takes everything for text that looks like it. Once text is gone, fainter patterns
        of the picture are taken for it, one after the other; so what is found later counts if it can be read.
        """
        boxes, frames = self.all_boxes()
        if not boxes:
            return boxes, frames
        dark = self.renderer.darkest(self.values)
        for _ in range(_MOST_ROUNDS):
            paint(self.values.frames, boxes, dark)
            left = self._left(boxes)
            if not left:
                return boxes, frames
            boxes = without_covered((*boxes, *self._with_margin(left)))
        raise HeldForReview(Reason.TEXT_REMAINS, (Hold.TEXT_REMAINS,))

    def paint_given(self, decided: Look) -> tuple[Box, ...]:
        """Paint what a person wants painted; return what was."""
        given = without_covered(box.within(self.values.rows, self.values.columns) for box in decided.boxes)
        if given:
            frames = self.values.frames
            paint(frames, given, self.renderer.darkest(self.values), decided.frames)
        return given

    def boxes_of(self, is_identity_of: Callable[[str], bool]) -> tuple[Box, ...]:
        """Return where a text repeats an identity, however sure its reading is."""
        frames = self.values.frames
        found, _ = text_boxes(frames, self.renderer, self.finder, lambda one: is_identity_of(one.text))
        return found

    def _left(self, boxes: tuple[Box, ...]) -> list[Box]:
        """Return where text is legible that is not all painted over."""
        counts = _is_legible_identity if self.policy.mask == "identity" else is_legible
        mask = painted(boxes, self.values.rows, self.values.columns)
        is_large = self.values.frames[..., 0].size > _LARGE
        near = boxes if is_large else None
        found, _ = text_boxes(self.values.frames, self.renderer, self.finder, counts, near=near)
        return [box for box in found if share_outside(box, mask)]

    def _with_margin(self, found: Iterable[Box]) -> tuple[Box, ...]:
        grown = (box.grown(self.policy.margin + _height(box) // _MARGIN_OF_HEIGHT) for box in found)
        return tuple(box.within(self.values.rows, self.values.columns) for box in grown)


def _is_legible_identity(reading: Reading) -> bool:
    return is_legible(reading) and is_identity(reading)


def _height(box: Box) -> int:
    """Return how tall a text is, upright or lying."""
    return min(box.right - box.left, box.bottom - box.top)
