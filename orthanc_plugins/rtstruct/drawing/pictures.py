"""Pictures of regions over the images: one for each region, and an overview of the whole set.

Rows and columns are the images' own. Letters at the left and upper edge say which way the patient lies (left,
right, anterior, posterior, superior, inferior: DICOM's LPS), and a number where the slice is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from orthanc_plugins.rtstruct.brief import Brief
from orthanc_plugins.rtstruct.drawing.lettering import Lettering
from orthanc_plugins.rtstruct.drawing.png import png_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.placing import PlacedRegion

type Colour = tuple[int, int, int]
type Pixels = NDArray[np.int16] | NDArray[np.float32]
type Window = tuple[float, float]

LONG_SIDE_PX = 512
_TILE_PX = 320
_TILES = 12
_TILES_ACROSS = 4
_LINE_PX = 2
_GREYS = 255
_LEGEND_ROW_PX = 22
_LEGEND_MARGIN_PX = 8
_SWATCH_PX = 12
_LEGEND_LETTER_PX = 14
_MARKS, _TILE_MARKS = Lettering(16, edged=True), Lettering(13, edged=True)
_EDGE_PX = 6
_DIRECTIONS = (("L", "R"), ("P", "A"), ("S", "I"))
"""Where x, y and z of LPS point to, and where they come from."""
_STRAIGHT = 0.999
"""Slices whose normal has a component as large as this lie across an axis of the patient."""
LEGEND_TOP = "legend-top-px"
"""Keyword in the overview's PNG for the row its legend begins at: a page with its own cuts there."""
_PALETTE: tuple[Colour, ...] = (
    (255, 64, 64), (64, 200, 255), (80, 220, 100), (255, 190, 40),
    (220, 110, 255), (255, 130, 190), (150, 230, 220), (230, 230, 90),
)  # fmt: skip

SOFT_TISSUE: Window = (-160.0, 240.0)
LUNG: Window = (-1350.0, 150.0)
BONE: Window = (-450.0, 1050.0)
_LUNG_BELOW_HU, _BONE_ABOVE_HU = -400.0, 300.0


@dataclass(frozen=True, eq=False, repr=False)
class Drawn(Brief):
    """A region to draw: its rings on the planes, colour, and caption."""

    placed: PlacedRegion
    colour: Colour
    caption: str


def region_colour(colour_rgb: Colour | None, number: int) -> Colour:
    """Return the region's own display colour, or one of a fixed palette by its number."""
    return colour_rgb or _PALETTE[number % len(_PALETTE)]


def window_for(pixels: Pixels, unit: str, mean: float | None = None) -> Window:
    """Return the lowest and highest intensity to show.

    In HU a soft tissue, lung or bone window by the mean of what is shown; else the 1st to 99th percentile.
    """
    if unit == "HU":
        if mean is not None and mean < _LUNG_BELOW_HU:
            return LUNG
        return BONE if mean is not None and mean > _BONE_ABOVE_HU else SOFT_TISSUE
    low, high = np.percentile(pixels[::4, ::4], (1, 99)).tolist()
    return (low, high) if high > low else (low, low + 1)


def region_picture(placed: PlacedRegion, plane: int, pixels: Pixels, window: Window, colour: Colour) -> bytes:
    """Return a PNG of one region's contours over an image.

    Parameters
    ----------
    plane
        The grid's plane whose rings are drawn.
    pixels
        Shape (rows, columns): the image shown.
    window
        Intensities shown as black and white.
    """
    size, scale = _size(placed.grid, LONG_SIDE_PX)
    picture = _grey(pixels, window, size)
    picture.putpalette([*(grey for level in range(_GREYS) for grey in (level,) * 3), *colour])
    draw = ImageDraw.Draw(picture)
    for ring in placed.rings_on(plane):
        draw.line(_outline(ring, scale), fill=_GREYS, width=_LINE_PX)
    _mark(draw, placed.grid, plane, size, _MARKS)
    return png_bytes(picture)


def overview(
    regions: Sequence[Drawn], grid: VoxelGrid, planes: Sequence[tuple[int, Pixels]], window: Window
) -> bytes:
    """Return a PNG montage: planes in order, every region's contours in its colour, and a legend.

    Parameters
    ----------
    planes
        Which planes to show, each with its image (rows, columns).
    """
    size, scale = _size(grid, _TILE_PX)
    across = min(_TILES_ACROSS, len(planes))
    down = -(-len(planes) // across)
    legend_across = max(1, across * size[0] // _TILE_PX)
    legend_px = -(-len(regions) // legend_across) * _LEGEND_ROW_PX + 2 * _LEGEND_MARGIN_PX
    montage = Image.new("RGB", (across * size[0], down * size[1] + legend_px))
    for place, (plane, pixels) in enumerate(planes):
        tile = _grey(pixels, window, size).convert("RGB")
        draw = ImageDraw.Draw(tile)
        for region in regions:
            for ring in region.placed.rings_on(plane):
                draw.line(_outline(ring, scale), fill=region.colour, width=1)
        _mark(draw, grid, plane, size, _TILE_MARKS)
        montage.paste(tile, (place % across * size[0], place // across * size[1]))
    _legend(montage, regions, down * size[1], legend_across)
    return png_bytes(montage, {LEGEND_TOP: str(down * size[1])})


def overview_planes(placed: Iterable[PlacedRegion]) -> list[int]:
    """Return up to twelve planes, evenly spread over those that any region is drawn on."""
    used = np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *(p.plane[p.plane >= 0] for p in placed)]))
    if len(used) <= _TILES:
        return [int(plane) for plane in used]
    return [int(used[int((step + 0.5) * len(used) / _TILES)]) for step in range(_TILES)]


def _size(grid: VoxelGrid, long_side_px: int) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return width and height of a picture with square pixels, and its pixels per column and row."""
    _, rows, columns = grid.shape
    _, down, across = grid.spacing_mm
    zoom = long_side_px / max(rows * down, columns * across)
    width, height = (max(1, round(rows_mm * zoom)) for rows_mm in (columns * across, rows * down))
    return (width, height), (width / columns, height / rows)


def _grey(pixels: Pixels, window: Window, size: tuple[int, int]) -> Image.Image:
    """Return an image of palette kind with 255 greys; the last palette entry stays free for the contour."""
    low, high = window
    shown = np.clip((pixels.astype(np.float32) - low) * ((_GREYS - 1) / (high - low)), 0, _GREYS - 1)
    picture = Image.fromarray(np.rint(shown).astype(np.uint8))
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    return _as_palette(picture)


def _as_palette(picture: Image.Image) -> Image.Image:
    shown = Image.frombytes("P", picture.size, picture.tobytes())
    shown.putpalette([grey for level in range(256) for grey in (level,) * 3])
    return shown


def _outline(ring: NDArray[np.float64], scale: tuple[float, float]) -> list[tuple[float, float]]:
    """Return a closed line in picture pixels; the centre of voxel 0 lies half a voxel from the edge."""
    points = (ring + 0.5) * scale - 0.5
    return [(x, y) for x, y in np.vstack((points, points[:1])).tolist()]


def _mark(
    draw: ImageDraw.ImageDraw, grid: VoxelGrid, plane: int, size: tuple[int, int], lettering: Lettering
) -> None:
    """Write which way the patient lies, and where the slice is."""
    width, height = size
    _, row_step, column_step = grid.steps_lps_mm
    marks = (
        ((_EDGE_PX, height / 2), _direction(-column_step), "lm"),
        ((width / 2, _EDGE_PX), _direction(-row_step), "ma"),
        ((width - _EDGE_PX, height - _EDGE_PX), position_text(grid, plane), "rd"),
    )
    for place, text, anchor in marks:
        lettering.write(draw, place, text, anchor)


def _direction(step_lps_mm: NDArray[np.float64]) -> str:
    """Return the letter of the direction that a step (3,) in LPS mostly goes to."""
    axis = int(np.abs(step_lps_mm).argmax())
    return _DIRECTIONS[axis][0 if step_lps_mm[axis] > 0 else 1]


def position_text(grid: VoxelGrid, plane: int) -> str:
    """Return where a plane lies: its x, y or z in LPS mm, or its distance along the normal where oblique."""
    axis = int(np.abs(grid.normal).argmax())
    height_mm = float(grid.heights_mm[plane] * np.sign(grid.normal[axis]))
    name = f"{'xyz'[axis]} " if abs(grid.normal[axis]) >= _STRAIGHT else ""
    return f"{name}{height_mm:.1f} mm".replace("-", "\N{MINUS SIGN}")


def _legend(montage: Image.Image, regions: Sequence[Drawn], top: int, across: int) -> None:
    """Draw the colour and caption of each region, in rows from ``top`` on."""
    draw = ImageDraw.Draw(montage)
    column_px = montage.width // across
    lettering = Lettering(_LEGEND_LETTER_PX, column_px - _SWATCH_PX - 3 * _LEGEND_MARGIN_PX)
    for place, region in enumerate(regions):
        x = place % across * column_px + _LEGEND_MARGIN_PX
        middle = top + _LEGEND_MARGIN_PX + (place // across + 0.5) * _LEGEND_ROW_PX
        half = _SWATCH_PX / 2
        draw.rectangle((x, middle - half, x + _SWATCH_PX, middle + half), fill=region.colour)
        lettering.write(draw, (x + _SWATCH_PX + _LEGEND_MARGIN_PX, middle), region.caption)
