"""The data model, as far as clients make classes of it: schemas and searchable elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from xnat_standin.answers import not_found, plain_json
from xnat_standin.tables import table

if TYPE_CHECKING:
    from xnat_standin.asking import Asked

_SESSIONS = ("ct", "mr", "pet", "rt", "us", "cr", "dx", "mg", "nm", "xa", "otherDicom")
_SCANS = ("ct", "mr", "pet", "rtImage", "seg", "sr", "us", "cr", "dx", "mg", "nm", "xa", "sc", "otherDicom")
_FIELDS = {
    "projectData": ("ID", "name", "secondary_ID", "description", "keywords"),
    "subjectData": ("ID", "project", "label", "group", "src"),
    "experimentData": ("ID", "project", "label", "date", "time", "note", "visit_id"),
    "subjectAssessorData": ("subject_ID", "age"),
    "imageSessionData": ("UID", "modality", "scanner", "dcmPatientId", "dcmPatientName", "operator"),
    "imageScanData": (
        "ID",
        "image_session_ID",
        "UID",
        "type",
        "modality",
        "quality",
        "note",
        "series_description",
        "frames",
    ),
    "abstractResource": ("label", "note", "file_count", "file_size"),
    "resource": ("URI", "format", "content"),
    "resourceCatalog": (),
    "derivedData": ("ID", "imageSession_ID"),
    "imageAssessorData": ("label",),
}
_COLLECTIONS = {
    "subjectData": (
        ("resources", "resource", "abstractResource"),
        ("experiments", "experiment", "subjectAssessorData"),
    ),
    "experimentData": (("resources", "resource", "abstractResource"),),
    "imageSessionData": (
        ("scans", "scan", "imageScanData"),
        ("assessors", "assessor", "imageAssessorData"),
    ),
}
"""Name of a collection, of one of it, and its type."""
_BASES = {
    "subjectAssessorData": "experimentData",
    "imageSessionData": "subjectAssessorData",
    "resource": "abstractResource",
    "resourceCatalog": "resource",
    "derivedData": "experimentData",
    "imageAssessorData": "derivedData",
}
_KINDS = {"frames": "xs:integer"}
_IDENTIFIERS = {"subjectData": "label", "experimentData": "label", "abstractResource": "label"}
_ELEMENT_COLUMNS = ("ELEMENT_NAME", "SINGULAR", "PLURAL", "SECURED", "COUNT")
_FIELD_COLUMNS = (
    *("FIELD_ID", "HEADER", "SUMMARY", "TYPE", "REQUIRES_VALUE", "DESC", "ELEMENT_NAME", "SRC"),
)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xdat="http://nrg.wustl.edu/xdat" xmlns:xnat="http://nrg.wustl.edu/xnat"'
    ' targetNamespace="http://nrg.wustl.edu/{name}" elementFormDefault="qualified">\n'
)


def schemas(_: Asked) -> Response:
    """List the schemas."""
    return plain_json(["xdat", "xnat"])


def schema(asked: Asked) -> Response:
    """Return one of them."""
    types = {"xdat": _type("user", ("login", "email"), None, None), "xnat": _xnat()}
    name = asked.names["schema"].removesuffix(".xsd")
    if name not in types:
        raise not_found(f"There is no schema {name}.")
    return Response(_HEAD.format(name=name) + types[name] + "</xs:schema>\n", media_type="application/xml")


def elements(asked: Asked) -> Response:
    """List what can be searched for."""
    rows = [
        {"ELEMENT_NAME": name, "SINGULAR": name, "PLURAL": f"{name}s", "SECURED": "true", "COUNT": "0"}
        for name in _searchable()
    ]
    return table(rows, _ELEMENT_COLUMNS, asked.parameters)


def element(asked: Asked) -> Response:
    """List the fields of one of them."""
    name = asked.names["element"]
    if name not in _searchable():
        raise not_found(f"There is no element {name}.")
    own = name.removeprefix("xnat:")
    rows = [
        {
            "FIELD_ID": field.upper(),
            "HEADER": field,
            "SUMMARY": f"{name}.{field.upper()}",
            "TYPE": "string",
            "REQUIRES_VALUE": "false",
            "DESC": field,
            "ELEMENT_NAME": name,
            "SRC": "0",
        }
        for field in _FIELDS.get(own, _FIELDS["experimentData"])
    ]
    return table(rows, _FIELD_COLUMNS, asked.parameters)


def _searchable() -> list[str]:
    return ["xnat:projectData", "xnat:subjectData", *(f"xnat:{one}SessionData" for one in _SESSIONS)]


def _xnat() -> str:
    types = [
        _type(name, fields, _BASES.get(name), _IDENTIFIERS.get(name)) for name, fields in _FIELDS.items()
    ]
    types += [_type(f"{name}SessionData", (), "imageSessionData", None) for name in _SESSIONS]
    types += [_type(f"{name}ScanData", (), "imageScanData", None) for name in _SCANS]
    return "".join(types)


def _type(name: str, fields: tuple[str, ...], base: str | None, identifier: str | None) -> str:
    note = f'<xdat:element displayIdentifiers="{identifier}"/>' if identifier else "<xdat:element/>"
    note = f"<xs:annotation><xs:appinfo>{note}</xs:appinfo></xs:annotation>"
    content = "".join(
        f'<xs:element name="{field}" type="xs:{_KINDS.get(field, "string")}" minOccurs="0"/>'
        for field in fields
    )
    content += "".join(_collection(*one) for one in _COLLECTIONS.get(name, ()))
    content = f"<xs:sequence>{content}</xs:sequence>"
    if base is not None:
        content = f'<xs:extension base="xnat:{base}">{content}</xs:extension>'
        content = f"<xs:complexContent>{content}</xs:complexContent>"
    return f'<xs:complexType name="{name}">{note}{content}</xs:complexType>\n'


def _collection(name: str, one: str, kind: str) -> str:
    item = f'<xs:element name="{one}" type="xnat:{kind}" minOccurs="0" maxOccurs="unbounded"/>'
    return (
        f'<xs:element name="{name}" minOccurs="0"><xs:complexType><xs:sequence>{item}</xs:sequence>'
        "</xs:complexType></xs:element>"
    )
