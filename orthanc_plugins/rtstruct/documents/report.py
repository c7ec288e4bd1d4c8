"""The results as ``report.pdf``: what was read, the overview with its legend, regions, problems, pictures.

It speaks of UIDs and regions only; no patient's name or identifier is known here. The same results give the
same bytes: a time stands in the report only where the caller hands one in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reportlab.lib.colors import white
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from orthanc_plugins.pages import ACCENT, BAND
from orthanc_plugins.rtstruct.documents import report_page as page
from orthanc_plugins.rtstruct.documents.report_dose import dose_part
from orthanc_plugins.rtstruct.documents.report_page import (
    ReportDocument,
    faint,
    heading,
    line,
    picture,
    shown,
    together,
)
from orthanc_plugins.rtstruct.documents.report_shape import SHAPE_METHODS, shape_table
from orthanc_plugins.rtstruct.documents.report_table import (
    NONE,
    PADDED,
    RULED,
    SWATCH_WIDTH,
    TIMES,
    column_title,
    decimals,
    figure,
    swatch,
)
from orthanc_plugins.rtstruct.drawing.fonts import fitted
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.files import REPORT_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from orthanc_plugins.rtstruct.problems import Problem
    from orthanc_plugins.rtstruct.results import RegionResult, Results


_LONGEST_LABEL = 120
_LONGEST_MESSAGE = 600
_OVERVIEW_PX, _OVERVIEW_HIGHEST = 1280, 105 * mm
_PICTURE_PX, _PICTURE_SIDE = 512, 50 * mm
_PICTURES_ACROSS = 3
_LEGEND_ACROSS = 4
_NAME_WIDTH, _NAME_LINES = 48 * mm, 2
_INTENSITIES_WIDTH = 32 * mm
_LABEL_WIDTH = 46 * mm
_TIGHT: list[tuple[object, ...]] = [
    ("TOPPADDING", (0, 0), (-1, -1), 0),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
]
_MARKS = (
    "Letters say where the edges of a picture point to in the patient: L left, R right, A anterior, "
    "P posterior, S superior, I inferior. The number is the slice's place in mm, in the patient's frame of "
    "reference (LPS)."
)
_METHODS = (
    "Volume: planimetric, the area of the contours times the thickness of their slices; 1 cc = 1 cm³ = 1 ml.",
    "Surface: area of the smoothed, closed surface mesh.",
    "Slices: planes the region is drawn on. Contours: closed contours that could be read.",
    "Mean ± SD: intensities of the voxels whose centres lie inside the contours, where there is an image.",
    "State: with problems counted below it, the values may not be what they seem; see Problems.",
    f"{NONE} means that a value could not be had. Regions without a colour of their own are given one.",
    "A character that no font of this report shows stands as its Unicode code point, such as [U+05D0].",
)


def write_report(folder: Path, results: Results, *, created: datetime | None = None) -> None:
    """Write ``report.pdf``; it is there whole or not at all.

    Parameters
    ----------
    folder
        Folder of the results; pictures are found there by the paths that the results name.
    created
        When the results were made, shown at the top; left out when None.

    Raises
    ------
    OSError
        A picture that the results name cannot be read, or the report cannot be written.
    """
    document = ReportDocument(results.sources.structure_set_uid, created)
    write_whole(folder / REPORT_NAME, document.pdf(_story(folder, results, created)))


def _story(folder: Path, results: Results, created: datetime | None) -> list[Flowable]:
    """Return all parts of the report, in order."""
    return [
        *_header(results, created),
        *_overview(folder, results),
        *_regions(results.regions),
        *shape_table(results.regions),
        *dose_part(folder, results),
        *_problems(results),
        *together([heading("Methods"), *(faint(note) for note in (*_METHODS, *SHAPE_METHODS))]),
        *_pictures(folder, results.regions),
    ]


def _header(results: Results, created: datetime | None) -> list[Flowable]:
    """Return the title and the table of what was read."""
    rows = [
        [faint(name), shown(value, page.SMALL, longest=_LONGEST_LABEL)]
        for name, value in _facts(results, created)
    ]
    table = Table(
        rows,
        colWidths=(_LABEL_WIDTH, page.WIDTH - _LABEL_WIDTH),
        style=[
            *PADDED,
            ("BACKGROUND", (0, 0), (-1, -1), BAND),
            ("LINEABOVE", (0, 0), (-1, 0), 1.2, ACCENT),
        ],
    )
    return [shown("Structure set report", page.TITLE, bold=True), Spacer(0, 4 * mm), table]


def _facts(results: Results, created: datetime | None) -> Iterator[tuple[str, str]]:
    """Yield label and value of what was read and made."""
    sources = results.sources
    yield "Structure set label", sources.structure_set_label or NONE
    yield "SOP Instance UID", sources.structure_set_uid or NONE
    yield "Series Instance UID", sources.structure_series_uid or NONE
    yield "Study Instance UID", sources.study_uid or NONE
    yield "Frame of Reference UID", sources.frame_of_reference_uid or NONE
    yield "Series Instance UID of the images", sources.image_series_uid or "the images were not there"
    yield "Number of images", str(sources.images)
    if results.grid is not None:
        spacing = TIMES.join(f"{step:.4g}" for step in results.grid.spacing_mm)
        shape = TIMES.join(str(count) for count in results.grid.shape)
        yield "Grid: slices, rows, columns", f"{shape}, every {spacing} mm; {_words(results.grid.kind)}"
    yield "Regions", _state_counts(results.regions)
    if created is not None:
        yield "Made", f"{created:%Y-%m-%d %H:%M:%S %Z}".rstrip()
    yield "Software", page.SOFTWARE


def _words(code: str) -> str:
    return code.replace("_", " ")


def _state_counts(regions: Sequence[RegionResult]) -> str:
    """Return how many regions there are and how they ended: ``3: 2 done, 1 failed; 1 with problems``."""
    states = [region.state for region in regions]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    odd = sum(bool(region.problems) for region in regions)
    counts += f"; {odd} with problems" if odd else ""
    return f"{len(regions)}: {counts}" if regions else "none"


def _overview(folder: Path, results: Results) -> list[Flowable]:
    """Return the overview, what its colours mean, and how it is read."""
    if results.overview_path is None:
        return []
    montage = picture(folder / results.overview_path, _OVERVIEW_PX, page.WIDTH, _OVERVIEW_HIGHEST)
    drawn = [region for region in results.regions if region.preview_path is not None]
    note = faint(f"All regions on slices from one end to the other, each in its colour. {_MARKS}")
    return [heading("Overview"), note, Spacer(0, 2 * mm), montage, Spacer(0, 2 * mm), *_legend(drawn)]


def _legend(regions: Sequence[RegionResult]) -> list[Flowable]:
    """Return the colours of regions beside their numbers and names, in rows."""
    if not regions:
        return []
    width = page.WIDTH / _LEGEND_ACROSS - SWATCH_WIDTH
    rows: list[list[Paragraph | str]] = []
    swatches = []
    for place, region in enumerate(regions):
        row, column = divmod(place, _LEGEND_ACROSS)
        if column == 0:
            rows.append([""] * 2 * _LEGEND_ACROSS)
        rows[row][2 * column + 1] = line(_named(region), width - 6, page.NOTE)
        swatches.append(("BACKGROUND", (2 * column, row), (2 * column, row), swatch(region)))
    style = [*PADDED, *swatches, ("LINEBELOW", (0, 0), (-1, -1), 2, white), *_TIGHT]
    return [Table(rows, colWidths=[SWATCH_WIDTH, width] * _LEGEND_ACROSS, style=style)]


def _named(region: RegionResult) -> str:
    return f"{region.number} {region.name or NONE}"


def _regions(regions: Sequence[RegionResult]) -> list[Flowable]:
    """Return the table of regions."""
    if not regions:
        return [heading("Regions"), shown("The structure set holds no regions.")]
    titles = (
        "", "No.", "Name", "Volume [cc]", "Surface [cm²]", "Slices", "Contours", "Mean ± SD", "State",
    )  # fmt: skip
    swatches = [
        ("BACKGROUND", (0, place), (0, place), swatch(region)) for place, region in enumerate(regions, 1)
    ]
    widths = [
        SWATCH_WIDTH,
        11 * mm,
        _NAME_WIDTH,
        *(width * mm for width in (19, 20, 12, 15)),
        _INTENSITIES_WIDTH,
    ]
    table = Table(
        [[column_title(title) for title in titles], *(_row(region) for region in regions)],
        colWidths=[*widths, page.WIDTH - sum(widths)],
        repeatRows=1,
        style=[*RULED, ("LINEBELOW", (0, 1), (0, -1), 2, white), *swatches],
    )
    return together([heading("Regions"), table])


def _row(region: RegionResult) -> list[Paragraph | str]:
    name = [line(region.name or NONE, _NAME_WIDTH - 6, lines=_NAME_LINES)]
    if region.interpreted_type:
        name.append(faint(fitted(region.interpreted_type, _NAME_WIDTH - 6, page.NOTE.fontSize)))
    numbers = (
        figure(region.volume_cc),
        figure(region.surface_cm2),
        str(region.slices),
        str(region.contours),
        fitted(_intensities(region), _INTENSITIES_WIDTH - 6, page.NUMBER.fontSize),
    )
    return [
        "",
        shown(str(region.number), page.NUMBER),
        name,
        *(shown(number, page.NUMBER) for number in numbers),
        _state(region),
    ]


def _intensities(region: RegionResult) -> str:
    """Return mean and standard deviation, both to the decimals that the larger one has."""
    found = region.statistics
    if found is None:
        return NONE
    places = decimals(max(abs(found.mean), found.sd))
    text = f"{found.mean:.{places}f} ± {found.sd:.{places}f} {found.unit}".rstrip()
    return text.replace("-", "\N{MINUS SIGN}")


def _state(region: RegionResult) -> list[Paragraph]:
    """Return how a region ended, and below it how many problems it has, if any."""
    state = shown(region.state, page.ALARMED if region.state == "failed" else page.BODY)
    if not (count := len(region.problems)):
        return [state]
    return [state, shown(f"{count} problem{'s' if count > 1 else ''}", page.MARKED)]


def _problems(results: Results) -> list[Flowable]:
    """Return every problem of the set and its regions, errors first."""
    if not results.problems:
        return [heading("Problems"), shown("None was found.")]
    found = sorted(results.problems, key=lambda problem: problem.severity != "error")
    rows = [[faint(title) for title in ("Severity", "Region", "What is wrong")]]
    rows.extend(_problem(problem) for problem in found)
    table = Table(
        rows,
        colWidths=(18 * mm, 16 * mm, page.WIDTH - 34 * mm),
        repeatRows=1,
        style=[*RULED, ("VALIGN", (0, 1), (-1, -1), "TOP")],
    )
    return together([heading(f"Problems ({len(found)})"), table])


def _problem(problem: Problem) -> list[Paragraph]:
    region = NONE if problem.region is None else str(problem.region)
    return [
        shown(problem.severity, page.ALARMED if problem.severity == "error" else page.BODY),
        shown(region),
        shown(problem.message, longest=_LONGEST_MESSAGE),
    ]


def _pictures(folder: Path, regions: Sequence[RegionResult]) -> list[Flowable]:
    """Return the pictures of the regions, three across."""
    cells = [
        [picture(folder / region.preview_path, _PICTURE_PX, _PICTURE_SIDE, _PICTURE_SIDE), *_caption(region)]
        for region in regions
        if region.preview_path is not None
    ]
    if not cells:
        return []
    gap = (page.WIDTH - _PICTURES_ACROSS * _PICTURE_SIDE) / (_PICTURES_ACROSS - 1)
    cells.extend([[]] * (-len(cells) % _PICTURES_ACROSS))
    rows = [cells[start : start + _PICTURES_ACROSS] for start in range(0, len(cells), _PICTURES_ACROSS)]
    table = Table(
        rows,
        colWidths=[*[_PICTURE_SIDE + gap] * (_PICTURES_ACROSS - 1), _PICTURE_SIDE],
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 1 * mm),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2 * mm),
        ],
    )
    note = faint(f"Each region in its colour on the slice where it is largest. {_MARKS}")
    return together([heading("Pictures"), note, Spacer(0, 1 * mm), table])


def _caption(region: RegionResult) -> list[Paragraph]:
    """Return what stands below a picture: the region on one line, its volume and intensities on the next."""
    values = [] if region.volume_cc is None else [f"{figure(region.volume_cc)} cc"]
    values += [] if region.statistics is None else [_intensities(region)]
    name = line(_named(region), _PICTURE_SIDE, page.CAPTION, dot=swatch(region))
    return [name, faint(fitted(", ".join(values) or region.state, _PICTURE_SIDE, page.NOTE.fontSize))]
