"""Results as DICOM: a segmentation is the mask, a surface the mesh, and all say what they come from."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import highdicom as hd
import numpy as np
import pydicom
import pytest

from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct import stl_bytes
from orthanc_plugins.rtstruct.case import Case
from orthanc_plugins.rtstruct.objects import (
    DrawnRegion,
    Origin,
    build_measurement_report,
    build_segmentations,
    build_surface,
    is_ours,
)
from tests.builders import Box, Difference, Ellipsoid, Identity, RegionSpec, build_case, rotated
from tests.unit.rtstruct.cases import SMALL, case_of, read, series

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import FileDataset

    from tests.builders import Case as Built
    from tests.builders import ImageFrame

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNEVEN_MM = tuple(float(w) for w in np.cumsum([3.0] * 12 + [5.0] * 12) - 48)
OVERLAPPING = (
    Box((0, 0, 0), (40, 40, 30)),
    Difference(Box((0, 0, 0), (30, 30, 30)), Box((0, 0, 0), (10, 10, 30))),
    Ellipsoid((4, 2, 0), (12, 9, 9)),
)


def made_of(case: Built, *, created: datetime = NOON) -> tuple[Origin, list[DrawnRegion]]:
    found = Case(read(case), series(case))
    origin = Origin(found.structure_set, series(case), found.grid, case.images[0], created)
    regions = []
    for one in found:
        measures = one.measures()
        regions.append(
            DrawnRegion(
                one.region,
                one.box(),
                one.mesh(),
                None if measures is None else measures.volume_ml,
                one.statistics(),
            )
        )
    return origin, regions


def saved(made: pydicom.Dataset) -> FileDataset:
    """Return an object as whoever receives its file reads it."""
    return pydicom.dcmread(io_of(made))


def voxels_of(made: pydicom.Dataset, origin: Origin) -> list[NDArray[np.bool_]]:
    """Return each segment on the grid of the masks, read from the file by highdicom."""
    segmentation = hd.seg.segread(io_of(made))
    masks = [np.zeros(origin.grid.shape, dtype=bool) for _ in segmentation.segment_numbers]
    for index, frame in enumerate(segmentation.PerFrameFunctionalGroupsSequence):
        corner = np.array([frame.PlanePositionSequence[0].ImagePositionPatient], dtype=np.float64)
        k, j, i = origin.grid.to_index(corner)[0]
        assert abs(j) < 1e-6 and abs(i) < 1e-6 and abs(k - round(k)) < 1e-6  # noqa: PT018 - one place
        shared = segmentation.SharedFunctionalGroupsSequence[0]
        holder = frame if "SegmentIdentificationSequence" in frame else shared
        number = holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        masks[number - 1][round(k)] = segmentation.get_stored_frame(index + 1).astype(bool)
    segmentation._db_con.close()
    return masks


@pytest.mark.parametrize(
    "frame",
    [
        SMALL,
        replace(SMALL, spacing_mm=(1.7, 2.3)),
        SMALL.positioned("FFP"),
        replace(SMALL, orientation=rotated(20.0, -10.0, 35.0)),
        replace(SMALL, tilt_deg=12.0),
        replace(SMALL, missing=(11, 12)),
        replace(SMALL, slices_mm=UNEVEN_MM),
    ],
    ids=["plain", "not square", "feet first prone", "oblique", "tilted", "images missing", "uneven"],
)
def test_segments_are_the_masks_voxel_by_voxel_also_where_regions_overlap(frame: ImageFrame) -> None:
    origin, regions = made_of(case_of(*OVERLAPPING, frame=frame))
    (made,) = build_segmentations(origin, regions)
    expected = [one.mask.on_grid(origin.grid.shape) for one in regions]
    assert (expected[0] & expected[1]).any()
    for found, wanted in zip(voxels_of(made, origin), expected, strict=True):
        assert np.array_equal(found, wanted)


def test_many_regions_are_shared_out_among_objects_of_one_series() -> None:
    origin, regions = made_of(case_of(*OVERLAPPING))
    made = build_segmentations(origin, regions, most_bytes=1)
    assert [len(one.SegmentSequence) for one in made] == [1, 1, 1]
    assert len({one.SeriesInstanceUID for one in made}) == 1
    assert len({one.SOPInstanceUID for one in made}) == 3
    found = [mask for one in made for mask in voxels_of(one, origin)]
    for mask, region in zip(found, regions, strict=True):
        assert np.array_equal(mask, region.mask.on_grid(origin.grid.shape))
    report = build_measurement_report(origin, regions, made)
    assert report is not None
    groups = content_of(report).get_volumetric_roi_measurement_groups()
    segments = [group.referenced_segment for group in groups]
    named = [str(one.referenced_sop_instance_uid) for one in segments if one is not None]
    assert named == [str(one.SOPInstanceUID) for one in made]


def test_a_region_on_one_slice_is_a_segment_and_one_without_a_voxel_is_none() -> None:
    flat, speck = Box((0, 0, 1.5), (20, 20, 2.9)), Box((1.2, 1.2, 1.5), (0.1, 0.1, 2.9))
    origin, regions = made_of(case_of(flat, speck))
    assert [bool(one.mask.count) for one in regions] == [True, False]
    (made,) = build_segmentations(origin, regions)
    assert [segment.SegmentLabel for segment in made.SegmentSequence] == ["shape 1"]
    assert made.NumberOfFrames == 1
    nothing = build_segmentations(origin, regions[1:])
    assert nothing == []
    assert build_measurement_report(origin, regions[1:], nothing) is None


def test_the_same_again_has_the_same_uids_and_other_results_have_others() -> None:
    case = case_of(*OVERLAPPING)
    origin, regions = made_of(case)
    later, again = made_of(case, created=datetime(2027, 1, 1, tzinfo=UTC))

    def uids(origin: Origin, regions: list[DrawnRegion]) -> list[str]:
        segmentations = build_segmentations(origin, regions)
        report = build_measurement_report(origin, regions, segmentations)
        assert report is not None
        return [
            str(one.SOPInstanceUID) for one in (*segmentations, report, build_surface(origin, regions[0], 1))
        ]

    assert uids(origin, regions) == uids(later, again)
    other = replace(regions[0], volume_ml=1.0)
    assert not set(uids(origin, regions)) & set(uids(origin, [other, *regions[1:]]))


def test_a_surface_is_the_stl_byte_by_byte() -> None:
    origin, regions = made_of(case_of(*OVERLAPPING))
    surface = regions[0].surface
    assert surface is not None
    found = saved(build_surface(origin, regions[0], 1))
    content = stl_bytes(surface, "region 1", "LPS")
    assert found.EncapsulatedDocument[: found.EncapsulatedDocumentLength] == content
    assert found.SourceInstanceSequence[0].ReferencedSOPInstanceUID == origin.structure_set.sop_instance_uid
    with pytest.raises(GeometryError, match="Region 1 has no surface"):
        build_surface(origin, replace(regions[0], surface=None), 1)


def test_measurements_are_those_found_each_with_its_unit_and_segment() -> None:
    origin, regions = made_of(case_of(*OVERLAPPING))
    segmentations = build_segmentations(origin, regions)
    report = build_measurement_report(origin, regions, segmentations)
    assert report is not None
    groups = content_of(report).get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["shape 1", "shape 2", "shape 3"]
    for group, one in zip(groups, regions, strict=True):
        found: list[tuple[str, Any, str]] = [
            (str(m.name.value), m.value, str(m.unit.value)) for m in group.get_measurements()
        ]
        assert one.surface is not None and one.statistics is not None and one.volume_ml is not None  # noqa: PT018
        statistics = one.statistics
        assert found == [
            ("118565006", pytest.approx(one.volume_ml), "cm3"),
            ("C0JK", pytest.approx(one.surface.surface_cm2), "cm2"),
            *(
                ("112031", pytest.approx(value), "[hnsf'U]")
                for value in (
                    statistics.mean,
                    statistics.sd,
                    statistics.minimum,
                    statistics.median,
                    statistics.maximum,
                )
            ),
        ]
        segment = group.referenced_segment
        assert segment is not None
        assert segment.referenced_sop_instance_uid == segmentations[0].SOPInstanceUID


def test_every_object_is_of_the_patient_and_study_and_is_told_as_ours() -> None:
    identity = Identity(patient_name="Müller^Jürgen", patient_id="4711")
    case = build_case(frame=SMALL, regions=6, identity=identity)
    for image in case.images:
        image.SpecificCharacterSet = "ISO_IR 100"
    case = replace(case, images=[saved(image) for image in case.images])
    for made in everything(case):
        found = saved(made)
        assert (str(found.PatientName), found.PatientID) == ("Müller^Jürgen", "4711")
        assert found.StudyInstanceUID == case.reference.study_uid
        assert is_ours(found)
    assert not is_ours(case.images[0])


def test_names_that_dicom_cannot_hold_are_held_as_far_as_it_can() -> None:
    spec = RegionSpec("shape", OVERLAPPING[0])
    origin, regions = made_of(build_case(frame=SMALL, regions=[spec]))
    named = replace(regions[0], region=replace(regions[0].region, name="x\\y\n" + "<script>" * 20))
    (made,) = build_segmentations(origin, [named])
    label = saved(made).SegmentSequence[0].SegmentLabel
    assert (label[:12], len(label)) == ("x y <script>", 64)
    nameless = replace(regions[0], region=replace(regions[0].region, name=" "))
    assert nameless.label == "Region 1"


def test_known_names_have_the_terms_of_the_field_and_the_colour_of_the_plan() -> None:
    (made,) = build_segmentations(*made_of(build_case(frame=SMALL, regions=6)))
    kinds = {
        one.SegmentLabel: one.SegmentedPropertyTypeCodeSequence[0].CodeValue for one in made.SegmentSequence
    }
    assert (kinds["Lung_L"], kinds["GTV"], kinds["SpinalCanal"]) == ("39607008", "228791009", "REGION")
    colour = made.get_segment_description(1).RecommendedDisplayCIELabValue
    expected = hd.color.CIELabColor.from_rgb(0, 200, 120)
    assert list(colour) == list(expected.value)


def test_dciodvfy_finds_no_error(tmp_path: Path) -> None:
    for number, made in enumerate(everything(build_case(frame=SMALL, regions=6))):
        path = tmp_path / f"{number}.dcm"
        made.save_as(path, enforce_file_format=True)
        told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
        assert told
        assert [line for line in told.splitlines() if line.startswith("Error")] == []


def everything(case: Built) -> list[pydicom.Dataset]:
    origin, regions = made_of(case)
    segmentations = build_segmentations(origin, regions)
    report = build_measurement_report(origin, regions, segmentations)
    assert report is not None
    return [*segmentations, report, build_surface(origin, regions[0], 1, sources=segmentations)]


def io_of(made: pydicom.Dataset) -> io.BytesIO:
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    file.seek(0)
    return file


def content_of(report: pydicom.Dataset) -> hd.sr.MeasurementReport:
    content = hd.sr.srread(io_of(report)).content
    assert isinstance(content, hd.sr.MeasurementReport)
    return content
