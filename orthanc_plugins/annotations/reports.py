"""Measurement reports (TID 1500) as highdicom, MITK and dcmjs write them, as rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydicom.multival import MultiValue

from orthanc_plugins.annotations.content_items import ContentItem, coded
from orthanc_plugins.annotations.origins import author_of, is_somebody, made_at
from orthanc_plugins.annotations.records import Annotation, AnnotationKind, Coded, Shape, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.dataset import Dataset

_GROUP = ("125007", "DCM")
_PERSON = ("121008", "DCM")
_DEVICE = ("121013", "DCM")
_TRACKING = ("112039", "DCM")
_TRACKING_UID = ("112040", "DCM")
_FINDING = ("121071", "DCM")
_SITES = (("363698007", "SCT"), ("G-C0E3", "SRT"))
_FREE_TEXT = "CORNERSTONEFREETEXT"
_AXES = {("G-A185", "SRT"), ("G-A186", "SRT"), ("103339001", "SCT"), ("103340004", "SCT")}
_LENGTHS = {("G-D7FE", "SRT"), ("410668003", "SCT")}
_AREAS = {("G-A166", "SRT"), ("42798000", "SCT"), ("G-A197", "SRT"), ("131191004", "SCT")}
_ANGLES = {("1483009", "SCT"), ("G-A1A1", "SRT"), ("285285000", "SCT")}
_TOOLS = {
    "length": AnnotationKind.LENGTH,
    "bidirectional": AnnotationKind.BIDIRECTIONAL,
    "ellipticalroi": AnnotationKind.ELLIPSE,
    "circleroi": AnnotationKind.ELLIPSE,
    "rectangleroi": AnnotationKind.AREA,
    "planarfreehandroi": AnnotationKind.AREA,
    "freehandroi": AnnotationKind.AREA,
    "angle": AnnotationKind.ANGLE,
    "cobbangle": AnnotationKind.ANGLE,
    "arrowannotate": AnnotationKind.TEXT,
    "probe": AnnotationKind.POINT,
}
"""Tools as dcmjs names them behind the colon of its tracking identifier."""

_AUTHORS = ("AuthorObserverSequence", "ContentCreatorName", "OperatorsName")
_MOMENTS = ("Content", "Series", "InstanceCreation")


@dataclass
class _Group:
    """What is read of a measurement group before its rows are made."""

    author: tuple[str, str]
    tracking_identifier: str = ""
    tracking_uid: str = ""
    finding: Coded | None = None
    sites: list[Coded] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def rows_of_report(data_set: Dataset) -> Iterator[Annotation]:
    """Yield the rows of a report, in the order of its content."""
    root = ContentItem(data_set, "1")
    series_of = _evidence(data_set)
    author = _observer(root.children) or author_of(data_set, _AUTHORS)
    made = made_at(data_set, _MOMENTS)
    number = 0
    for item in root.below():
        if item.value_type == "CONTAINER" and item.is_named(_GROUP):
            for row in _rows_of_group(item, author, made, series_of):
                number += 1
                yield replace(row, number=number)


def _rows_of_group(
    group: ContentItem, author: tuple[str, str], made: tuple[str, str], series_of: dict[str, str]
) -> Iterator[Annotation]:
    children = group.children
    read = _read_group(children, _observer(children) or author)
    numbers = [item for item in children if item.value_type == "NUM"]
    others = [item for item in children if item.value_type != "NUM"]
    common_shapes, common_sources = _geometry(others, series_of)
    values: list[ContentItem | None] = [*numbers] or [None]
    for item in values:
        own_shapes, own_sources = _geometry([] if item is None else item.children, series_of)
        measured = None if item is None else item.number()
        concept = None if item is None else item.concept
        shapes = own_shapes or common_shapes
        yield Annotation(
            number=0,
            kind=_kind(read, concept if measured else None, shapes),
            author=read.author[0],
            author_source=read.author[1],
            made_at=made[0],
            made_source=made[1],
            label=_label(read),
            text="\n".join(read.texts),
            concept=concept,
            value=measured[0] if measured else None,
            unit=measured[1] if measured else None,
            finding=read.finding,
            sites=tuple(read.sites),
            tracking_identifier=read.tracking_identifier,
            tracking_uid=read.tracking_uid,
            sources=own_sources or common_sources,
            shapes=shapes,
        )


def _read_group(children: Iterable[ContentItem], author: tuple[str, str]) -> _Group:
    read = _Group(author)
    for item in children:
        code = coded(item.data_set, "ConceptCodeSequence")
        if item.is_named(_TRACKING):
            read.tracking_identifier = str(item.data_set.get("TextValue") or "")
        elif item.is_named(_TRACKING_UID):
            read.tracking_uid = str(item.data_set.get("UID") or "")
        elif item.is_named(_FINDING) and code is not None:
            read.finding = code
            if _FREE_TEXT in code.value:
                read.texts.append(code.meaning)
        elif item.is_named(*_SITES) and code is not None:
            read.sites.append(code)
        elif item.value_type == "TEXT":
            read.texts.append(str(item.data_set.get("TextValue") or ""))
        elif item.value_type == "CODE" and code is not None and item.concept is not None:
            read.texts.append(f"{item.concept.meaning}: {code.meaning}")
    return read


def _label(read: _Group) -> str:
    return read.finding.meaning if read.finding else read.tracking_identifier


def _kind(read: _Group, concept: Coded | None, shapes: tuple[Shape, ...]) -> AnnotationKind:
    tool = read.tracking_identifier.rpartition(":")[2].lower()
    code = (concept.value, concept.scheme) if concept else None
    round_shape = any(shape.graphic_type in {"ELLIPSE", "CIRCLE"} for shape in shapes)
    if ":" in read.tracking_identifier and tool in _TOOLS:
        return _TOOLS[tool]
    if code is None:
        return AnnotationKind.TEXT if read.texts or not shapes else AnnotationKind.POINT
    for codes, kind in (
        (_AXES, AnnotationKind.BIDIRECTIONAL),
        (_LENGTHS, AnnotationKind.LENGTH),
        (_ANGLES, AnnotationKind.ANGLE),
    ):
        if code in codes:
            return kind
    if round_shape:
        return AnnotationKind.ELLIPSE
    return AnnotationKind.AREA if code in _AREAS else AnnotationKind.ROI


def _geometry(
    items: Iterable[ContentItem], series_of: dict[str, str]
) -> tuple[tuple[Shape, ...], tuple[Source, ...]]:
    """Return the shapes of items and of those below them, and what they were drawn on."""
    shapes: list[Shape] = []
    sources: dict[Source, None] = {}
    for top in items:
        for item in (top, *top.below()):
            if item.value_type in {"SCOORD", "SCOORD3D"}:
                shapes.append(item.shape())
            elif item.value_type == "IMAGE":
                sources |= dict.fromkeys(_sources(item.data_set, series_of))
            elif item.value_type == "UIDREF" and item.is_named(("121232", "DCM")):
                sources[Source(series_uid=str(item.data_set.get("UID") or ""))] = None
    return tuple(shapes), tuple(sources)


def _sources(data_set: Dataset, series_of: dict[str, str]) -> Iterator[Source]:
    for item in data_set.get("ReferencedSOPSequence") or ():
        uid = str(item.get("ReferencedSOPInstanceUID") or "")
        yield Source(
            series_uid=series_of.get(uid, ""),
            sop_instance_uid=uid,
            frames=_whole(item.get("ReferencedFrameNumber")),
            segments=_whole(item.get("ReferencedSegmentNumber")),
        )


def _whole(value: object) -> tuple[int, ...]:
    if value is None or value == "":
        return ()
    many = value if isinstance(value, MultiValue) else [value]
    return tuple(int(str(one)) for one in many)


def _observer(items: Iterable[ContentItem]) -> tuple[str, str] | None:
    """Return the person, else the device, that observed; None where neither has a name."""
    names: dict[str, str] = {}
    for item in items:
        if item.is_named(_PERSON):
            names.setdefault("PersonObserverName", str(item.data_set.get("PersonName") or ""))
        elif item.is_named(_DEVICE):
            names.setdefault("DeviceObserverName", str(item.data_set.get("TextValue") or ""))
    for source in ("PersonObserverName", "DeviceObserverName"):
        if is_somebody(names.get(source, "")):
            return names[source], source
    return None


def _evidence(data_set: Dataset) -> dict[str, str]:
    """Return the series of each object that the report names as looked at."""
    found: dict[str, str] = {}
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in data_set.get(keyword) or ():
            for series in study.get("ReferencedSeriesSequence") or ():
                uid = str(series.get("SeriesInstanceUID") or "")
                for item in series.get("ReferencedSOPSequence") or ():
                    found[str(item.get("ReferencedSOPInstanceUID") or "")] = uid
    return found
