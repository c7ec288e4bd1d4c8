"""Rows of lists, and the columns they have when none are asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from xnat_standin.archive import Archive, StoredFile
    from xnat_standin.tables import Row

PROJECT_COLUMNS = ("ID", "secondary_ID", "name", "description", "pi_firstname", "pi_lastname", "URI")
SUBJECT_COLUMNS = ("ID", "project", "label", "insert_date", "insert_user", "URI")
EXPERIMENT_COLUMNS = ("ID", "project", "date", "xsiType", "label", "insert_date", "URI")
SCAN_COLUMNS = (
    *("xnat_imagescandata_id", "ID", "type", "quality", "xsiType", "note", "series_description", "URI"),
)
RESOURCE_COLUMNS = (
    *("xnat_abstractresource_id", "label", "element_name", "category", "cat_id", "cat_desc"),
    *("file_count", "file_size", "tags", "content", "format"),
)
FILE_COLUMNS = (
    *("Name", "Size", "URI", "collection", "file_tags", "file_format", "file_content", "cat_ID", "digest"),
)


def project_rows(rows: Iterable[sqlite3.Row]) -> list[Row]:
    """Return projects."""
    return [
        {
            "ID": row["id"],
            "secondary_ID": row["secondary_id"],
            "name": row["name"],
            "description": row["description"],
            "project_access": row["accessibility"],
            "URI": f"/data/projects/{row['id']}",
        }
        for row in rows
    ]


def subject_rows(rows: Iterable[sqlite3.Row]) -> list[Row]:
    """Return subjects."""
    return [
        {
            **json.loads(row["fields"]),
            "ID": row["id"],
            "project": row["project"],
            "label": row["label"],
            "URI": f"/data/subjects/{row['id']}",
        }
        for row in rows
    ]


def experiment_rows(archive: Archive, rows: Iterable[sqlite3.Row]) -> list[Row]:
    """Return experiments."""
    listed: list[Row] = []
    for row in rows:
        subject = archive.subject(None, row["subject"])
        listed.append(
            {
                **json.loads(row["fields"]),
                "ID": row["id"],
                "project": row["project"],
                "subject_ID": row["subject"],
                "subject_label": subject["label"] if subject else "",
                "xsiType": row["xsi_type"],
                "label": row["label"],
                "UID": row["uid"],
                "URI": f"/data/experiments/{row['id']}",
            }
        )
    return listed


def scan_rows(rows: Iterable[sqlite3.Row]) -> list[Row]:
    """Return scans."""
    return [
        {
            **json.loads(row["fields"]),
            "xnat_imagescandata_id": str(row["pk"]),
            "ID": row["id"],
            "quality": "usable",
            "xsiType": row["xsi_type"],
            "series_description": json.loads(row["fields"]).get("type", ""),
            "UID": row["uid"],
            "URI": f"/data/experiments/{row['experiment']}/scans/{row['id']}",
        }
        for row in rows
    ]


def resource_rows(archive: Archive, owners: Iterable[str]) -> list[Row]:
    """Return the resources of some owners."""
    return [
        _resource_row(row, archive.files(row), owner) for owner in owners for row in archive.resources(owner)
    ]


def _resource_row(row: sqlite3.Row, files: list[StoredFile], owner: str) -> Row:
    category, _, name = owner.partition(":")
    return {
        "xnat_abstractresource_id": str(row["pk"]),
        "label": row["label"],
        "element_name": "xnat:resourceCatalog",
        "category": f"{category}s",
        "cat_id": name,
        "cat_desc": "",
        "file_count": str(len(files)),
        "file_size": str(sum(file.size for file in files)),
        "tags": row["tags"],
        "content": row["content"],
        "format": row["format"],
    }


def file_rows(resource: sqlite3.Row, files: Iterable[StoredFile], root: str) -> list[Row]:
    """Return the files of a resource; their URIs are below a path."""
    return [
        {
            "Name": file.name.rsplit("/", 1)[-1],
            "Size": str(file.size),
            "URI": f"{root}/files/{file.name}",
            "collection": resource["label"],
            "file_tags": resource["tags"],
            "file_format": resource["format"],
            "file_content": resource["content"],
            "cat_ID": str(resource["pk"]),
            "digest": file.digest,
        }
        for file in files
    ]
