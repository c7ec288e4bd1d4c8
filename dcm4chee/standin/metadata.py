"""Metadata (PS3.18 10.4.1.1.2) as dcm4chee writes it, made of what Orthanc's DICOMweb tells.

IS and DS are strings, and what is longer than `BULK_LENGTH` is a reference to bulk data, in sequences too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcm4chee.standin.merging import merged
from dcm4chee.standin.tags import BULK_LENGTH, BULK_VRS

if TYPE_CHECKING:
    from dcm4chee.standin.dataset import Attributes, Element
    from dcm4chee.standin.retrieval import Retrieved

_PIXEL_DATA = "7FE00010"
_WIDTHS = {"FD": 8, "OD": 8, "FL": 4, "OF": 4, "OL": 4}


def metadata_of(told: Attributes, found: Retrieved, root: str) -> Attributes:
    """Return the metadata of one object."""
    url = f"{root}/studies/{found.study_uid}/series/{found.series_uid}/instances/{found.sop_instance_uid}"
    written = {tag: element for tag, element in told.items() if not tag.startswith("0002")}
    attributes = _attributes(merged(written, found.changes, found.originals), url, "")
    return dict(sorted(attributes.items()))


def _attributes(attributes: Attributes, url: str, path: str) -> Attributes:
    return {tag: _element(element, tag, url, f"{path}/{tag}") for tag, element in attributes.items()}


def _element(element: Element, tag: str, url: str, path: str) -> Element:
    vr = str(element["vr"])
    if vr == "SQ":
        items = [
            _attributes(item, url, f"{path}/{number}")
            for number, item in enumerate(element.get("Value", ()), 1)
        ]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    if "BulkDataURI" in element or _length(element, vr) > BULK_LENGTH:
        is_pixels = tag == _PIXEL_DATA and path.count("/") == 1
        return {"vr": vr, "BulkDataURI": f"{url}/pixeldata" if is_pixels else f"{url}/bulkdata{path}"}
    if vr in {"IS", "DS"} and "Value" in element:
        return {"vr": vr, "Value": [_number(value) for value in element["Value"]]}
    return element


def _length(element: Element, vr: str) -> int:
    """Return how many bytes a value has that may be bulk data, 0 of any other."""
    if vr not in BULK_VRS:
        return 0
    if "InlineBinary" in element:
        return len(element["InlineBinary"]) * 3 // 4
    values = element.get("Value", ())
    if vr in _WIDTHS:
        return _WIDTHS[vr] * len(values)
    return sum(len(_text(value)) + 1 for value in values)


def _number(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
