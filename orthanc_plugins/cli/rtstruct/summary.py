"""What there is, in two files: ``index.csv``, a row for each region, and ``run.json``.

Both are made from the sets' own ``results.json``, one at a time. The table holds every set that lies in the
folder, whichever run has made it: first those of this run in the order of the inputs, then the others by
name. ``run.json`` tells of this run alone. ``source`` is the file or address that a set was made from; that
of a former run's is known from the table it left.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from orthanc_plugins import __version__
from orthanc_plugins.cli.rtstruct.plan import is_folder_name
from orthanc_plugins.cli.rtstruct.set_folder import held_results
from orthanc_plugins.cli.rtstruct.set_work import State
from orthanc_plugins.rtstruct.export import write_whole
from orthanc_plugins.rtstruct.selection import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path, PurePath

    from orthanc_plugins.cli.rtstruct.options import Options
    from orthanc_plugins.cli.rtstruct.set_work import Outcome

INDEX_NAME = "index.csv"
RUN_NAME = "run.json"
SCHEMA = "orthanc-pacs-suite/rtstruct-run"
SCHEMA_VERSION = 1
COLUMNS = (
    "source",
    "study_uid",
    "series_uid",
    "structure_set_uid",
    "image_series_uid",
    "number",
    "name",
    "interpreted_type",
    "state",
    "volume_cc",
    "volume_voxels_cc",
    "volume_mesh_cc",
    "volume_partial_cc",
    "surface_cm2",
    "voxels",
    "problems",
    "mask_path",
    "partial_path",
    "stl_path",
    "preview_path",
    "obj_path",
    "ply_path",
    "glb_path",
    "dvh_path",
)
_KEY = "structure_set_uid"


@dataclass(frozen=True)
class EndedSet:
    """A structure set that has come to an end: where it was from, where its results are, and how."""

    label: str
    sop_instance_uid: str
    folder: Path
    outcome: Outcome


def write_summary(
    output: Path, ended: Sequence[EndedSet], options: Options, facts: Mapping[str, Any]
) -> list[str]:
    """Write ``index.csv`` and ``run.json``; return the patterns of regions that matched none.

    Parameters
    ----------
    ended
        Every structure set that has come to an end, in the order of the inputs.
    facts
        Whatever else ``run.json`` tells of the run.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    output.mkdir(parents=True, exist_ok=True)
    made = [one for one in ended if one.outcome.state in {"done", "kept"}]
    unmatched, problems = _write_index(output, made, options)
    states = [one.outcome.state for one in ended]
    content = {
        "schema": {"name": SCHEMA, "version": SCHEMA_VERSION},
        "software": {"name": "orthanc-pacs-suite", "version": __version__},
        **facts,
        "options": options.to_json(),
        "regions_not_found": unmatched,
        "structure_sets": {state: states.count(state) for state in get_args(State)},
        "results": [
            {
                "source": one.label,
                "structure_set_uid": one.sop_instance_uid,
                "folder": one.folder.relative_to(output).as_posix(),
                "state": one.outcome.state,
            }
            for one in made
        ],
        "failures": [
            {
                "source": one.label,
                "structure_set_uid": one.sop_instance_uid,
                "reason": one.outcome.reason,
                "fault": one.outcome.fault or None,
            }
            for one in ended
            if one.outcome.state == "failed"
        ],
        "without_the_regions": [
            {"source": one.label, "structure_set_uid": one.sop_instance_uid}
            for one in ended
            if one.outcome.state == "no_region"
        ],
        "problems": problems,
    }
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    write_whole(output / RUN_NAME, f"{text}\n".encode(errors="backslashreplace"))
    return unmatched


def _write_index(
    output: Path, made: Sequence[EndedSet], options: Options
) -> tuple[list[str], list[dict[str, Any]]]:
    """Write the table, whole or not at all.

    Returns
    -------
    unmatched
        The patterns that no region of this run's sets matched.
    problems
        What is odd about this run's sets and their regions, each once.
    """
    unmatched = list(options.regions.patterns) if options.regions is not None else []
    problems: list[dict[str, Any]] = []
    of_this_run = {one.folder: one for one in made}
    others = {path for path in output.iterdir() if is_folder_name(path.name)} - of_this_run.keys()
    sources = _sources_told(output / INDEX_NAME)
    partial = output / f".{INDEX_NAME}.{os.getpid()}.part"
    with partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        table.writeheader()
        for folder in (*of_this_run, *sorted(others)):
            results = held_results(folder)
            if results is None:
                continue
            one = of_this_run.get(folder)
            rows = _table_of(results, folder.relative_to(output))
            table.writerows(
                {"source": one.label if one else sources.get(row[_KEY], "")} | row for row in rows
            )
            if one is not None:
                problems.extend(_problems(one, results))
                for row in rows:
                    unmatched = [each for each in unmatched if not matches(each, row["number"], row["name"])]
    partial.replace(output / INDEX_NAME)
    return unmatched, problems


def _sources_told(index: Path) -> dict[str, str]:
    """Return the sources that a table of a former run tells, by SOP Instance UID of the set."""
    try:
        with index.open(encoding="utf-8", newline="") as stream:
            return {row[_KEY]: row["source"] for row in csv.DictReader(stream)}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError):
        return {}


def _problems(one: EndedSet, results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is odd about a set and its regions, each once."""
    for problem in results["problems"]:
        told = {key: problem[key] for key in ("code", "severity", "region", "region_name", "message")}
        yield {"source": one.label, "structure_set_uid": one.sop_instance_uid, **told}


def _table_of(results: Mapping[str, Any], below: PurePath) -> list[dict[str, Any]]:
    """Return the rows of a set, none where its results are of another make."""
    try:
        return list(_rows(results, below))
    except (LookupError, TypeError, AttributeError):
        return []


def _rows(results: Mapping[str, Any], below: PurePath) -> Iterator[dict[str, Any]]:
    """Yield a row for each region of a set; paths lead through ``below``, its folder beside the table.

    Problems of the whole set stand in every row.
    """
    of_set = [problem["code"] for problem in results["problems"] if problem["region"] is None]
    for region in results["regions"]:
        row = {key: region[key] for key in COLUMNS if key in region}
        row |= {key: str(below / row[key]) for key in COLUMNS if key.endswith("_path") and row.get(key)}
        sources = results["sources"]
        yield row | {
            "study_uid": sources["study_uid"],
            "series_uid": sources["structure_series_uid"],
            "structure_set_uid": sources["structure_set_uid"],
            "image_series_uid": sources["image_series_uid"],
            "problems": " ".join(
                dict.fromkeys((*of_set, *(problem["code"] for problem in region["problems"])))
            ),
        }
