"""Lists of experiments as they are asked for by schema paths: filtered, and joined with subject and scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xnat_standin.listing import experiment_rows, scan_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from xnat_standin.archive import Archive
    from xnat_standin.tables import Row

_ALL_SESSIONS = {"xnat:experimentdata", "xnat:subjectassessordata", "xnat:imagesessiondata"}
_ALL_SCANS = "xnat:imagescandata"
_FILTERS = {"project": "project", "id": "ID", "label": "label"}


def asked_columns(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return parameters in which schema paths among the columns are written as XNAT answers them.

    >>> asked_columns({"columns": "ID,xnat:imageScanData/ID"})
    {'columns': 'ID,xnat:imagescandata/id'}
    """
    names = parameters.get("columns", "").split(",")
    columns = ",".join(name.lower() if "/" in name else name for name in names)
    return {**parameters, "columns": columns} if columns else dict(parameters)


def joined_rows(
    archive: Archive, experiments: Iterable[sqlite3.Row], parameters: Mapping[str, str]
) -> list[Row]:
    """Return the experiments that are asked for: one row each, or one for each scan if its columns are."""
    paths = [name for name in asked_columns(parameters).get("columns", "").split(",") if "/" in name]
    of_scans = [path for path in paths if path.partition("/")[0].endswith("scandata")]
    joined: list[Row] = []
    for row in experiment_rows(archive, experiments):
        if not _is_asked_for(row, parameters):
            continue
        own = {path: _value(row, path) for path in paths if path not in of_scans}
        scans = scan_rows(archive.scans(row["ID"])) if of_scans else []
        joined += [
            {**row, **own, **{path: _of_scan(scan, path) for path in of_scans}} for scan in scans or [{}]
        ]
    return joined


def _is_asked_for(row: Row, parameters: Mapping[str, str]) -> bool:
    given = {name.lower(): value for name, value in parameters.items()}
    kind = given.get("xsitype", "").lower()
    subject = next(
        (value for name, value in given.items() if name.endswith("/subject_id")), row["subject_ID"]
    )
    return (
        kind in {"", row["xsiType"].lower(), *_ALL_SESSIONS}
        and all(given.get(name, row[column]) == row[column] for name, column in _FILTERS.items())
        and subject == row["subject_ID"]
        and given.get("xnat:subjectdata/label", row["subject_label"]) == row["subject_label"]
    )


def _value(row: Row, path: str) -> str:
    kind, _, field = path.partition("/")
    name = f"subject_{field}" if kind == "xnat:subjectdata" else field
    return next((value for key, value in row.items() if key.lower() == name), "")


def _of_scan(scan: Row, path: str) -> str:
    """Return a value of a scan, empty where it is of another kind than asked for."""
    kind, _, field = path.partition("/")
    is_of_kind = kind in {_ALL_SCANS, scan.get("xsiType", "").lower()}
    return next((value for key, value in scan.items() if is_of_kind and key.lower() == field), "")
