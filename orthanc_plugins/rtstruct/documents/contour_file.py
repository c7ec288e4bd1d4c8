"""The contours of a structure set as ``contours.json``, for programs that want points rather than masks.

At the top: ``schema`` (name and version), ``software``, ``sources`` (UIDs), ``coordinates`` (unit and frame),
``regions`` in file order, and ``problems``: all there are, each once, a region's with its number and name;
the region repeats its own. A region's ``contours`` hold what could be
read, as drawn and in the order of its Contour Sequence: ``index`` is the place there, ``geometric_type`` that
of PS3.3 C.8.8.6.1, ``points_lps_mm`` one [x, y, z] a point. A closed contour's last point joins its first.
The same structure set gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from orthanc_plugins import __version__
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.problems import of_region

if TYPE_CHECKING:
    from pathlib import Path

    from orthanc_plugins.rtstruct.reading.structure_set import Contour, Region, StructureSet

SCHEMA = "orthanc-pacs-suite/rtstruct-contours"
SCHEMA_VERSION = 1
COORDINATES = {"unit": "mm", "frame": "LPS", "axes": ["x to the left", "y to the back", "z to the head"]}


def write_contours(structure_set: StructureSet, path: Path) -> None:
    """Write all contours of a structure set as JSON; the file is there whole or not at all.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    regions = [_region(region) for region in structure_set.regions]
    content = {
        "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
        "software": {"name": "orthanc-pacs-suite", "version": __version__},
        "sources": {
            "structure_set_uid": structure_set.sop_instance_uid,
            "structure_series_uid": structure_set.series_uid,
            "study_uid": structure_set.study_uid,
            "structure_set_label": structure_set.label,
            "frame_of_reference_uid": structure_set.frame_of_reference_uid,
        },
        "coordinates": COORDINATES,
        "regions": regions,
        "problems": [*structure_set.problems, *(found for region in regions for found in region["problems"])],
    }
    write_whole(path, orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))


def _region(region: Region) -> dict[str, Any]:
    drawn = sorted((*region.contours, *region.open_contours), key=lambda contour: contour.index)
    return {
        "number": region.number,
        "name": region.name,
        "colour": region.colour_rgb,
        "interpreted_type": region.interpreted_type,
        "frame_of_reference_uid": region.frame_of_reference_uid,
        "contours": [_contour(contour) for contour in drawn],
        "problems": of_region(region.problems, region.name),
    }


def _contour(contour: Contour) -> dict[str, Any]:
    return {
        "index": contour.index,
        "geometric_type": contour.geometric_type,
        "points_lps_mm": contour.points_lps_mm,
    }
