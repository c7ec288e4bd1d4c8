"""The regions of a structure set as a table for spreadsheets."""

import csv
import io
from typing import Any

from fastapi import APIRouter, Response

from orthanc_plugins.api.dependencies import Joined, SeriesUidPath
from orthanc_plugins.api.routers.results import Chosen, download_name, result_of_series, results_content
from orthanc_plugins.spreadsheets import harmless

router = APIRouter(prefix="/rtstruct", tags=["structure sets"])

_OF_REGION = (
    "number",
    "name",
    "interpreted_type",
    "state",
    "slices",
    "volume_cc",
    "volume_voxels_cc",
    "surface_cm2",
)
_OF_INTENSITIES = ("unit", "mean", "sd", "min", "median", "max")
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Tells spreadsheets that it is UTF-8."""


@router.get(
    "/{series_uid}/regions.csv",
    summary="Download the regions",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
def region_table(services: Joined, series_uid: SeriesUidPath, chosen: Chosen) -> Response:
    """Download the measures of the regions, a line each; what could not be measured is empty."""
    result = result_of_series(services, series_uid, chosen)
    text = as_csv(results_content(services, result)["regions"])
    headers = {"Content-Disposition": f'attachment; filename="{download_name(result)}_regions.csv"'}
    return Response(text.encode("utf-8", "replace"), media_type="text/csv; charset=utf-8", headers=headers)


def as_csv(regions: list[dict[str, Any]]) -> str:
    """Return regions, as ``results.json`` has them, as CSV with a byte order mark."""
    out = io.StringIO(newline="")
    out.write(_BYTE_ORDER_MARK)
    table = csv.writer(out)
    table.writerow([*_OF_REGION, *(f"intensity_{name}" for name in _OF_INTENSITIES), "problems"])
    for region in regions:
        intensities = region.get("statistics") or {}
        problems = " ".join(problem["message"] for problem in region.get("problems", []))
        cells = [
            *(region.get(name) for name in _OF_REGION),
            *(intensities.get(name) for name in _OF_INTENSITIES),
            problems,
        ]
        table.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()
