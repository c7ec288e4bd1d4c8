"""The structure sets of the bench: two that are timed, those that are judged, and those that are spoilt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from tests.bench.rtstruct.solids import thinned
from tests.builders import (
    DAMAGES,
    POINT_LIKE,
    Box,
    Case,
    Cylinder,
    Difference,
    Ellipsoid,
    ImageFrame,
    RegionSpec,
    Together,
    build_case,
    renamed,
    rotated,
    sample_regions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydicom.dataset import Dataset

BASE = ImageFrame(size=(40, 160, 160), spacing_mm=(1.6, 1.6), gap_mm=3.0)
_MATRIX = 512
_FIELD_MM = 400.0


@dataclass(frozen=True)
class Drawn:
    """A case and the solids it was drawn of, in the order of its regions."""

    case: Case
    regions: tuple[RegionSpec, ...]

    @property
    def points(self) -> int:
        """How many points its contours have."""
        sets = self.case.structure_set.ROIContourSequence
        return sum(int(one.NumberOfContourPoints) for item in sets for one in item.get("ContourSequence", ()))

    @property
    def contours(self) -> int:
        """How many contours it has."""
        return sum(
            len(item.get("ContourSequence", ())) for item in self.case.structure_set.ROIContourSequence
        )


def _draw(
    frame: ImageFrame = BASE,
    regions: Sequence[RegionSpec] | None = None,
    *,
    modality: str = "CT",
    noise: float = 0.0,
    shuffle: bool = False,
) -> Drawn:
    specs = tuple(regions or sample_regions(frame, 10))
    return Drawn(
        build_case(frame=frame, regions=specs, modality=modality, noise=noise, shuffle=shuffle), specs
    )


def _sized(slices: int, gap_mm: float, regions: int, outline_every: int, every: int) -> Drawn:
    """Return a case of full-size images whose contours have every n-th point of the builders'.

    The patient's outline, which planning systems trace pixel by pixel, may have more than what is drawn.
    """
    frame = ImageFrame((slices, _MATRIX, _MATRIX), (_FIELD_MM / _MATRIX,) * 2, gap_mm)
    outline, *others = sample_regions(frame, regions)
    specs = [replace(outline, shape=thinned(outline.shape, outline_every))]
    specs += [replace(spec, shape=thinned(spec.shape, every)) for spec in others]
    return _draw(frame, specs, noise=12)


def _uneven() -> Drawn:
    gaps_mm = [2.0] * 20 + [3.0] * 14 + [5.0] * 8
    places = np.concatenate(([0.0], np.cumsum(gaps_mm))) - sum(gaps_mm) / 2
    return _draw(replace(BASE, size=(len(places), 160, 160), slices_mm=tuple(places.tolist())))


def _doubled() -> Drawn:
    drawn = _draw()
    structure_set = drawn.case.copied_structure_set()
    for victim in range(len(drawn.regions)):
        _victimised("stored_twice", structure_set, victim)
    return replace(drawn, case=drawn.case.with_structure_set(structure_set))


def _victimised(damage: str, structure_set: Dataset, victim: int) -> None:
    """Spoil another region than the first: bring it to the front and back."""
    items = structure_set.ROIContourSequence
    items[0], items[victim] = items[victim], items[0]
    DAMAGES[damage](structure_set)
    items[0], items[victim] = items[victim], items[0]


def _shell(centre: tuple[float, float, float], outer: float, inner: float, shift: float = 0.0) -> Difference:
    hole = Ellipsoid((centre[0] + shift, *centre[1:]), (inner,) * 3)
    return Difference(Ellipsoid(centre, (outer,) * 3), hole)


def _rings() -> Drawn:
    """Return shells within a shell, off their centres, a thin shell and a tube."""
    nested = Together((_shell((-20.0, -20.0, 0.0), 56, 44, 6), _shell((-10.0, -16.0, 0.0), 32, 18, -4)))
    tube = Difference(
        Cylinder((80.0, 70.0, 0.0), (25.0, 20.0), 60.0), Cylinder((80.0, 70.0, 0.0), (18.0, 12.0), 60.0)
    )
    return _draw(
        regions=(
            RegionSpec("Shells", nested, 100.0),
            RegionSpec("Shell", _shell((-70.0, 80.0, 6.0), 24, 19)),
            RegionSpec("Tube", tube),
        )
    )


SIZES: dict[str, Callable[[], Drawn]] = {
    "small": lambda: _sized(60, 3.0, 10, 3, 3),
    "large": lambda: _sized(200, 2.0, 30, 1, 4),
}
"""What is timed: 60 slices with 10 regions and 200 with 30, of 512 x 512 pixels."""

CASES: dict[str, Callable[[], Drawn]] = {
    "axial CT, 1.6 mm": _draw,
    "oblique MR, 12, -8, 15 degrees": lambda: _draw(
        replace(BASE, orientation=rotated(12, -8, 15)), modality="MR"
    ),
    "head first prone": lambda: _draw(BASE.positioned("HFP")),
    "feet first supine": lambda: _draw(BASE.positioned("FFS")),
    "decubitus right, files shuffled": lambda: _draw(BASE.positioned("HFDR"), shuffle=True),
    "sagittal": lambda: _draw(BASE.positioned("SAGITTAL"), modality="MR"),
    "uneven spacing, 2, 3, 5 mm": _uneven,
    "three slices missing": lambda: _draw(replace(BASE, missing=(15, 16, 26))),
    "gantry tilt 15 degrees": lambda: _draw(replace(BASE, tilt_deg=15)),
    "200 x 256, pixels 2.0 x 1.6 mm": lambda: _draw(
        replace(BASE, size=(40, 200, 256), spacing_mm=(2.0, 1.6))
    ),
    "PET, 4.07 mm": lambda: _draw(ImageFrame((48, 128, 128), (4.07, 4.07), 3.27), modality="PT"),
    "every contour stored twice": _doubled,
    "rings in rings": _rings,
}
"""What is judged beside the two timed ones."""

type Wanted = Literal["all", "as drawn", "no mask", "refusal"]


@dataclass(frozen=True)
class Damaged:
    """A spoilt structure set, and what is right to make of its first region.

    ``all``: what was drawn before the damage; ``as drawn``: what the spoilt contours say; ``no mask`` of
    anything; ``refusal`` of the set, in words.
    """

    drawn: Drawn
    original: Drawn
    wanted: Wanted


_PLAIN = ImageFrame(size=(24, 128, 128), spacing_mm=(1.0, 1.0), gap_mm=3.0)
_FIVE = (
    RegionSpec("first", Ellipsoid((-20.0, 3.0, 0.0), (18.0, 18.0, 18.0)), 100.0),
    RegionSpec("second", Ellipsoid((24.0, -6.0, 6.0), (15.0, 20.0, 18.0)), -300.0),
    RegionSpec("third", Box((21.3, 37.7, 0.0), (24.0, 22.0, 24.0)), 700.0),
    RegionSpec("fourth", Cylinder((-34.0, -38.0, 0.0), (14.0, 10.0), 36.0), 300.0),
    RegionSpec("fifth", Ellipsoid((-26.0, 42.0, -6.0), (20.0, 12.0, 18.0)), -100.0),
)
_AS_DRAWN = ("half_way_planes", "slightly_off_plane", "partly_outside", "crossing_itself")
_NO_MASK = (*POINT_LIKE, "no_contour_sequence", "absent_from_contours", "wholly_outside", "off_every_slice")
_NAMES = {
    "names_like_paths": ("../x", "a/b:c*?", "..", "CON", "x" * 64),
    "names_blank_or_foreign": (" ", "é漢", "", "q\"uote's", "tab\there"),
}
KINDS = (*DAMAGES, *_NAMES)


def damaged(kind: str) -> Damaged:
    """Return five regions of which the first, or the whole set, is spoilt."""
    original = _draw(_PLAIN, _FIVE)
    structure_set = original.case.copied_structure_set()
    if kind in _NAMES:
        renamed(structure_set, _NAMES[kind])
    else:
        DAMAGES[kind](structure_set)
    drawn = replace(original, case=original.case.with_structure_set(structure_set))
    return Damaged(drawn, original, _wanted(kind))


def _wanted(kind: str) -> Wanted:
    if kind == "other_frame_of_reference":
        return "refusal"
    if kind in _NO_MASK:
        return "no mask"
    return "as drawn" if kind in _AS_DRAWN else "all"
