"""The sample phantom: a chest one can recognise, every region of known volume and intensity."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.builders.shapes import (
    Box,
    Cylinder,
    Difference,
    Ellipsoid,
    Fork,
    Keyhole,
    Shape,
    Together,
    Vector,
)

if TYPE_CHECKING:
    from tests.builders.images import ImageFrame

type Colour = tuple[int, int, int]


@dataclass(frozen=True)
class RegionSpec:
    """What a region is called, its shape, and what the images hold inside it.

    ``value`` is the rescaled intensity (HU in CT) painted inside; None paints nothing.
    """

    name: str
    shape: Shape
    value: float | None = None
    colour: Colour = (255, 0, 0)
    interpreted_type: str = "ORGAN"
    geometric_type: str = "CLOSED_PLANAR"


def sample_regions(frame: ImageFrame, count: int = 10) -> tuple[RegionSpec, ...]:
    """Return regions that fit the images, in painting order: body, lungs, spine, target and so on.

    The first ten are the chest; further ones are small ellipsoids spread over the body, as plans have lymph
    levels. Heights along w are whole numbers of slices, so that box and cylinders are exact in planimetry.
    """
    chest = _chest(frame)
    return (*chest[:count], *(_level(frame, index, count) for index in range(len(chest), count)))


def _chest(frame: ImageFrame) -> tuple[RegionSpec, ...]:
    """Return the first ten regions, scaled from a field of 256 by 256 by 120 mm."""
    rows, columns, height = frame.extent_mm
    s = min(rows, columns) / 256
    t = height / 120

    def at(u: float, v: float, w: float) -> Vector:
        return (u * s, v * s, w * t)

    def tall(millimetres: float) -> float:
        """Return a height of whole slices."""
        return max(1, round(millimetres * t / frame.gap_mm)) * frame.gap_mm

    def between(w: float) -> float:
        """Return the nearest height half way between two slices."""
        return (round(w * t / frame.gap_mm + frame.size[0] / 2) - frame.size[0] / 2) * frame.gap_mm

    ball = min(s, t)
    target = 14 * ball
    return (
        RegionSpec("BODY", Cylinder(at(0, 0, 0), (112 * s, 84 * s), height), 20.0, (0, 200, 120), "EXTERNAL"),
        RegionSpec("Lung_L", Ellipsoid(at(58, -8, 2), at(38, 52, 52)), -780.0, (60, 140, 255)),
        RegionSpec("Lung_R", Ellipsoid(at(-58, -8, 2), at(38, 52, 52)), -760.0, (90, 200, 255)),
        RegionSpec(
            "Spine",
            Difference(
                Cylinder(at(0, 52, 0), (18 * s, 18 * s), height),
                Cylinder(at(0, 52, 0), (7 * s, 7 * s), height),
            ),
            450.0,
            (255, 230, 120),
        ),
        RegionSpec(
            "SpinalCanal", Cylinder(at(0, 52, 0), (6 * s, 6 * s), height), 30.0, (255, 255, 0), "AVOIDANCE"
        ),
        RegionSpec("GTV", Ellipsoid(at(-52, -12, 4), (target,) * 3), 60.0, (255, 40, 40), "GTV"),
        RegionSpec(
            "Heart",
            Keyhole(
                Difference(
                    Ellipsoid(at(6, -22, -22), at(24, 22, 24)), Ellipsoid(at(6, -22, -22), at(12, 11, 12))
                )
            ),
            140.0,
            (255, 110, 180),
        ),
        RegionSpec(
            "Trachea",
            Fork((0.0, 16 * s, between(14)), 6 * s, tall(24), tall(24), lean=0.6 * s / t),
            -950.0,
            (180, 255, 255),
        ),
        RegionSpec(
            "Breasts",
            Together((Ellipsoid(at(44, -70, 0), at(14, 7, 20)), Ellipsoid(at(-44, -70, 0), at(14, 7, 20)))),
            -80.0,
            (230, 170, 90),
        ),
        RegionSpec(
            "Insert",
            Box((60.3 * s, 58.3 * s, between(-15) + tall(27) / 2), (22.5 * s, 16.5 * s, tall(27))),
            900.0,
            (200, 100, 255),
            "CONTROL",
        ),
    )


def _level(frame: ImageFrame, index: int, count: int) -> RegionSpec:
    """Return one of many small ellipsoids, spread on a spiral through the body."""
    rows, columns, height = frame.extent_mm
    s, t = min(rows, columns) / 256, height / 120
    share = (index + 1) / (count + 1)
    turn = (index * 0.381966) % 1.0
    place = colorsys.hsv_to_rgb(turn, 1.0, 1.0)
    centre = ((place[0] - 0.5) * 120 * s, (place[1] - 0.5) * 90 * s, (share - 0.5) * 80 * t)
    radii = ((10 + 12 * turn) * s, (9 + 9 * share) * s, (12 + 8 * turn) * t)
    red, green, blue = (int(255 * part) for part in colorsys.hsv_to_rgb(turn, 0.7, 1.0))
    return RegionSpec(f"Level_{index + 1}", Ellipsoid(centre, radii), None, (red, green, blue))
