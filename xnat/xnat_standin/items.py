"""Single objects as XNAT gives them: ``items`` in JSON, or XML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from xnat_standin.answers import plain_json, xml

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from starlette.responses import Response

    from xnat_standin.archive import Archive

_NAMESPACES = 'xmlns:xnat="http://nrg.wustl.edu/xnat" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
type Item = dict[str, Any]


def project_item(row: sqlite3.Row) -> Item:
    """Return a project."""
    fields = {"ID": row["id"], "name": row["name"], "secondary_ID": row["secondary_id"]}
    if row["description"]:
        fields["description"] = row["description"]
    return _item("xnat:projectData", fields)


def subject_item(row: sqlite3.Row) -> Item:
    """Return a subject."""
    fields = {"ID": row["id"], "project": row["project"], "label": row["label"]}
    return _item("xnat:subjectData", json.loads(row["fields"]) | fields)


def experiment_item(archive: Archive, row: sqlite3.Row) -> Item:
    """Return an experiment with its scans."""
    fields = {
        "ID": row["id"],
        "project": row["project"],
        "subject_ID": row["subject"],
        "label": row["label"],
        "UID": row["uid"],
    }
    item = _item(row["xsi_type"], json.loads(row["fields"]) | fields)
    scans = [scan_item(scan) for scan in archive.scans(row["id"])]
    item["children"] = [{"field": "scans/scan", "items": scans}] if scans else []
    return item


def scan_item(row: sqlite3.Row) -> Item:
    """Return a scan."""
    fields = {"ID": row["id"], "image_session_ID": row["experiment"], "UID": row["uid"], "quality": "usable"}
    kept = json.loads(row["fields"])
    if kept.get("frames", "").isdigit():
        kept["frames"] = int(kept["frames"])
    return _item(row["xsi_type"], kept | fields)


def item_answer(item: Item, parameters: Mapping[str, str]) -> Response:
    """Return an object in the format that is asked for; XML when none is."""
    if parameters.get("format") == "json":
        return plain_json({"items": [item]})
    return xml('<?xml version="1.0" encoding="UTF-8"?>\n' + _xml("xnat:item", item, _NAMESPACES))


def _item(xsi_type: str, fields: Mapping[str, Any]) -> Item:
    kept = {name: value for name, value in fields.items() if value not in {"", None}}
    return {"children": [], "meta": {"isHistory": False, "xsi:type": xsi_type}, "data_fields": kept}


def _xml(name: str, item: Item, more: str = "") -> str:
    fields = "".join(
        f"<xnat:{field}>{escape(str(value))}</xnat:{field}>" for field, value in item["data_fields"].items()
    )
    children = "".join(_xml("xnat:scan", scan) for child in item["children"] for scan in child["items"])
    kind = quoteattr(item["meta"]["xsi:type"])
    return f"<{name} xsi:type={kind} {more}>{fields}{children}</{name}>"
