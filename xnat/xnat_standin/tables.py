"""Lists as XNAT gives them: ``format=json|csv|xml|html`` and ``columns=``."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from starlette.responses import Response

from xnat_standin.answers import plain_json, xml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

type Row = Mapping[str, str]


def table(
    rows: Sequence[Row], names: Sequence[str], parameters: Mapping[str, str], title: str | None = None
) -> Response:
    """Return rows in the format that is asked for; JSON when none is.

    Parameters
    ----------
    rows
        All values are strings.
    names
        The columns when ``columns=`` names none; ``URI`` is there whatever it names.
    parameters
        What was asked for.
    """
    asked = [name for name in parameters.get("columns", "").split(",") if name]
    if asked and "URI" in names and "URI" not in asked:
        asked.append("URI")
    columns = asked or list(names)
    known = {column.lower(): column for row in rows for column in row}
    cells = [
        {name: row.get(name, row.get(known.get(name.lower(), ""), "")) for name in columns} for row in rows
    ]
    kind = parameters.get("format", "json")
    if kind == "csv":
        return Response(_csv(cells, columns), media_type="text/csv")
    if kind == "xml":
        return xml(_xml(cells, columns))
    if kind == "html":
        return Response(_html(cells, columns), media_type="text/html")
    heading = {"title": title} if title else {}
    return plain_json({"ResultSet": {"Result": cells, "totalRecords": str(len(cells)), **heading}})


def whole_table(rows: Sequence[Row], names: Sequence[str], parameters: Mapping[str, str]) -> Response:
    """Return rows of a list that has its columns whatever ``columns=`` says: resources and files."""
    return table(rows, names, {name: value for name, value in parameters.items() if name != "columns"})


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Return a header without and values with quotes, as XNAT writes them."""
    out = io.StringIO()
    out.write(",".join(columns) + "\n")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [row[name] for name in columns] for row in rows
    )
    return out.getvalue()


def _xml(rows: Sequence[Row], columns: Sequence[str]) -> str:
    head = "".join(f"<column>{escape(name)}</column>" for name in columns)
    body = "".join(
        "<row>" + "".join(f"<cell>{escape(row[name])}</cell>" for name in columns) + "</row>" for row in rows
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ResultSet totalRecords="{len(rows)}"><results>'
        f"<columns>{head}</columns><rows>{body}</rows></results></ResultSet>"
    )


def _html(rows: Sequence[Row], columns: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(row[name])}</td>" for name in columns) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
