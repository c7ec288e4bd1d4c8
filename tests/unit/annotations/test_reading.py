"""What readers noted is read of every object they save, whole or not at all."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from orthanc_plugins.annotations import AnnotationKind, read_annotations
from orthanc_plugins.errors import InvalidDicom
from tests.builders import ImageFrame, build_case, sample_regions
from tests.builders.reports import (
    CENTRE,
    dcmjs_group,
    dcmjs_report,
    dcmjs_value,
    highdicom_report,
    report_bytes,
)
from tests.builders.segmentation import build_segmentation

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from orthanc_plugins.annotations import Annotation
    from tests.builders import Case

LENGTH = ("G-D7FE", "SRT", "Length")
LONG = ("G-A185", "SRT", "Long Axis")
SHORT = ("G-A186", "SRT", "Short Axis")
AREA = ("G-A166", "SRT", "Area")
ANGLE = ("1483009", "SCT", "Angle")
HOSTILE = "<script>alert(1)</script>\u202e=cmd|' /C calc'!A0 " + "x" * 9000


@pytest.fixture(scope="module")
def case() -> Case:
    """Return a small case, whose objects are not changed."""
    return build_case(frame=ImageFrame(size=(4, 64, 64)))


def rows_of(*groups: Dataset, observer: str = "unknown^unknown", operator: str = "") -> list[Annotation]:
    """Return the rows of a report as OHIF saves it."""
    return read_annotations(report_bytes(dcmjs_report(groups, observer=observer, operator=operator)))


def test_a_report_of_highdicom_tells_who_when_on_what_and_how_much(case: Case) -> None:
    length, area, mean = read_annotations(highdicom_report(case))
    assert (length.kind, length.value) == (AnnotationKind.LENGTH, 5.25)
    assert length.unit is not None
    assert (length.unit.value, length.unit.scheme) == ("mm", "UCUM")
    assert (length.author, length.author_source) == ("Reader^Rita", "PersonObserverName")
    assert (length.made_at, length.made_source) == ("2026-01-31T10:15:30+01:00", "Content")
    assert (length.label, [site.meaning for site in length.sites]) == ("Nodule", ["Lung"])
    assert length.tracking_identifier == "lesion 1"
    assert length.shapes[0].points == ((1, 2), (4, 6))
    image = case.images[0]
    assert {(one.series_uid, one.sop_instance_uid) for one in length.sources} == {
        (image.SeriesInstanceUID, image.SOPInstanceUID)
    }
    assert (area.kind, area.value, mean.value) == (AnnotationKind.ELLIPSE, 47.1, -3.5)
    assert area.tracking_uid == mean.tracking_uid != length.tracking_uid
    assert area.shapes[0].frame_of_reference_uid == image.FrameOfReferenceUID
    assert area.shapes[0].points[1] == (10, 0, 5)
    assert [row.number for row in (length, area, mean)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("tool", "concept", "kind"),
    [
        ("Length", LENGTH, AnnotationKind.LENGTH),
        ("EllipticalROI", AREA, AnnotationKind.ELLIPSE),
        ("RectangleROI", AREA, AnnotationKind.AREA),
        ("Angle", ANGLE, AnnotationKind.ANGLE),
        ("UnheardOf", LENGTH, AnnotationKind.LENGTH),
        ("UnheardOf", ANGLE, AnnotationKind.ANGLE),
        ("UnheardOf", AREA, AnnotationKind.AREA),
        ("UnheardOf", ("373098007", "SCT", "Mean"), AnnotationKind.ROI),
    ],
)
def test_a_value_of_ohif_is_of_the_kind_of_its_tool_else_of_its_concept(
    tool: str, concept: tuple[str, str, str], kind: AnnotationKind
) -> None:
    (row,) = rows_of(dcmjs_group(tool, [dcmjs_value(concept, "12.5", "mm", [0, 0, 3, 4])]))
    assert (row.kind, row.value) == (kind, 12.5)
    assert row.sources[0].sop_instance_uid == "2.25.7"
    assert row.sources[0].frames == (3,)


def test_both_axes_of_a_bidirectional_measurement_are_rows_of_one_tracking_uid() -> None:
    rows = rows_of(
        dcmjs_group(
            "Bidirectional",
            [dcmjs_value(LONG, "20", "mm", [0, 0, 20, 0]), dcmjs_value(SHORT, "8", "mm", [5, -4, 5, 4])],
            tracking_uid="2.25.99",
        )
    )
    assert [(row.kind, row.value, row.tracking_uid) for row in rows] == [
        (AnnotationKind.BIDIRECTIONAL, 20, "2.25.99"),
        (AnnotationKind.BIDIRECTIONAL, 8, "2.25.99"),
    ]
    assert rows[1].shapes[0].points == ((5, -4), (5, 4))


def test_an_arrow_of_ohif_is_its_text_though_its_point_has_no_value_and_two_points() -> None:
    arrow = dcmjs_value(CENTRE, None, "", [3, 4, 9, 9], graphic="POINT")
    finding = ("CORNERSTONEFREETEXT", "CORNERSTONEJS", HOSTILE)
    (row,) = rows_of(dcmjs_group("ArrowAnnotate", [arrow], finding=finding))
    assert (row.kind, row.value, row.text) == (AnnotationKind.TEXT, None, HOSTILE)
    assert row.shapes[0].points == ((3, 4), (9, 9))


def test_a_point_without_a_text_is_a_point() -> None:
    (row,) = rows_of(dcmjs_group("UnheardOf", [dcmjs_value(CENTRE, None, "", [3, 4], graphic="POINT")]))
    assert row.kind is AnnotationKind.POINT


def test_nobody_is_not_an_author_and_the_operator_is_asked_then() -> None:
    group = dcmjs_group("Length", [dcmjs_value(LENGTH, "5", "mm", [0, 0, 3, 4])])
    assert (rows_of(group)[0].author, rows_of(group)[0].author_source) == ("", "")
    (row,) = rows_of(group, operator="Tech^Tom")
    assert (row.author, row.author_source) == ("Tech^Tom", "OperatorsName")
    (row,) = rows_of(group, observer="Möller^Ünal", operator="Tech^Tom")
    assert (row.author, row.author_source) == ("Möller^Ünal", "PersonObserverName")


def test_a_time_without_an_offset_stays_without_and_one_that_is_none_is_not_told() -> None:
    group = dcmjs_group("Length", [dcmjs_value(LENGTH, "5", "mm", [0, 0, 3, 4])])
    report = dcmjs_report([group])
    assert read_annotations(report_bytes(report))[0].made_at == "2026-01-31T10:15:30.250000"
    report.ContentTime = ""
    assert read_annotations(report_bytes(report))[0].made_at == "2026-01-31"
    report.ContentDate = ""
    assert read_annotations(report_bytes(report))[0].made_at == ""


@pytest.mark.parametrize("points", [[1.0, 2.0, 3.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_a_geometry_that_is_none_is_refused_with_its_place(points: list[float]) -> None:
    group = dcmjs_group("Length", [dcmjs_value(LENGTH, "5", "mm", points)])
    with pytest.raises(InvalidDicom, match=r"GraphicData of item 1\.2\.1\.3\.1 "):
        rows_of(group)


def test_a_value_that_is_no_number_is_refused_and_not_quoted() -> None:
    report = dcmjs_report([dcmjs_group("Length", [dcmjs_value(LENGTH, "12.5", "mm", [0, 0, 3, 4])])])
    damaged = report_bytes(report).replace(b"12.5", b"J.Do")
    with pytest.raises(InvalidDicom, match="cannot be read") as caught:
        read_annotations(damaged)
    assert "J.Do" not in str(caught.value)


def test_a_content_tree_without_a_floor_is_refused() -> None:
    group = dcmjs_group("Length", [])
    for _ in range(40):
        group = dcmjs_group("Length", [group])
    with pytest.raises(InvalidDicom, match="deeper than"):
        rows_of(group)


def test_what_is_no_dicom_and_what_has_no_annotations_are_refused(case: Case) -> None:
    file = io.BytesIO()
    case.images[0].save_as(file)
    with pytest.raises(InvalidDicom, match="no SR, SEG or RTSTRUCT"):
        read_annotations(file.getvalue())
    with pytest.raises(InvalidDicom, match="cannot be read"):
        read_annotations(b"no DICOM")


def test_a_deflated_report_that_is_cut_short_is_refused() -> None:
    report = dcmjs_report([dcmjs_group("Length", [dcmjs_value(LENGTH, "12.5", "mm", [0, 0, 3, 4])])])
    report.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    with pytest.raises(InvalidDicom, match="cannot be read"):
        read_annotations(report_bytes(report)[:-40])


def test_segments_and_regions_are_rows(case: Case) -> None:
    regions = sample_regions(case.frame)[:2]
    for made, kind in (
        (build_segmentation(case, regions), AnnotationKind.SEGMENT),
        (case.structure_set, AnnotationKind.REGION),
    ):
        file = io.BytesIO()
        made.save_as(file)
        rows = read_annotations(file.getvalue())
        assert [row.label for row in rows[:2]] == [region.name for region in regions]
        assert {row.kind for row in rows} == {kind}
        assert {one.series_uid for one in rows[0].sources} == {case.images[0].SeriesInstanceUID}
        assert rows[0].made_at
