"""Structure sets by meaning: what was only written otherwise is told from what was changed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orthanc_plugins.content import instance_digest
from tests.builders import ImageFrame, build_case
from tests.builders.structure_set import set_contour_data
from tests.unit.content.copies import alike, compared, dicom_file, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset, FileDataset

CASE = build_case(frame=ImageFrame(size=(16, 64, 64)), regions=6)
SEQUENCES = ("StructureSetROISequence", "ROIContourSequence", "RTROIObservationsSequence")


def written(data_set: FileDataset) -> bytes:
    out = io.BytesIO()
    data_set.save_as(out, enforce_file_format=True)
    return out.getvalue()


PLAIN = written(CASE.structure_set)


def changed(change: Callable[[FileDataset], None]) -> bytes:
    data_set = CASE.copied_structure_set()
    change(data_set)
    return written(data_set)


def rewrite(item: Dataset, write: Callable[[float], str]) -> None:
    numbers = [float(part) for part in bytes(item.get_item("ContourData").value).split(b"\\")]
    set_contour_data(item, "\\".join(map(write, numbers)).encode())


def contours(data_set: FileDataset, region: int) -> list[Dataset]:
    return list(data_set.ROIContourSequence[region].ContourSequence)


def test_regions_in_another_order_are_the_same_set() -> None:
    def turn(data_set: FileDataset) -> None:
        for keyword in SEQUENCES:
            data_set[keyword].value = list(data_set[keyword].value)[::-1]

    assert alike(PLAIN, changed(turn))


def test_contours_in_another_order_are_the_same_region() -> None:
    def turn(data_set: FileDataset) -> None:
        data_set.ROIContourSequence[1].ContourSequence = contours(data_set, 1)[::-1]

    assert alike(PLAIN, changed(turn))


def test_coordinates_written_otherwise_are_the_same_points() -> None:
    def reformat(data_set: FileDataset) -> None:
        for item in contours(data_set, 1):
            rewrite(item, lambda number: f"{number:.4f}".rstrip("0").rstrip("."))

    assert alike(PLAIN, changed(reformat))


def test_a_region_that_was_renamed_is_told_by_its_name() -> None:
    def rename(data_set: FileDataset) -> None:
        data_set.StructureSetROISequence[2].ROIName = "Lung right"

    found = compared(PLAIN, changed(rename))
    assert [(one.tag, one.keyword, one.left, one.right) for one in found.differences] == [
        ("30060020[2].30060026", "ROIName", "Lung_R", "Lung right")
    ]


def test_a_region_that_lost_contours_is_one_difference_with_its_volumes() -> None:
    def cut(data_set: FileDataset) -> None:
        data_set.ROIContourSequence[2].ContourSequence = contours(data_set, 2)[3:]

    found = compared(PLAIN, changed(cut)).differences
    assert [(one.kind.value, one.tag, one.keyword) for one in found] == [
        ("metadata", "30060039[2].30060040", "ContourSequence")
    ]
    truth = CASE.truth["Lung_R"]
    assert found[0].left is not None
    assert found[0].left.startswith(f"{truth.contour_volume_ml:.2f} cc, {truth.contours} contours, ")
    assert found[0].detail.startswith("Region 3 “Lung_R”, from Orthanc's copy to DCM4CHEE's: volume ")
    assert "3 contours fewer" in found[0].detail


def test_a_region_on_one_side_only_is_one_difference() -> None:
    def drop(data_set: FileDataset) -> None:
        for keyword in SEQUENCES:
            data_set[keyword].value.pop(4)

    found = compared(PLAIN, changed(drop)).differences
    assert [(one.tag, one.right) for one in found] == [("30060020[4]", None)]
    assert found[0].detail.startswith("Region 5 “SpinalCanal” is only in Orthanc's copy: ")


@pytest.mark.parametrize("shift_mm", [0.5, 2.0])
def test_points_that_were_moved_are_told_with_how_far(shift_mm: float) -> None:
    def move(data_set: FileDataset) -> None:
        for item in contours(data_set, 2):
            rewrite(item, lambda number: f"{number + shift_mm / np.sqrt(3):.4f}")

    detail = compared(PLAIN, changed(move)).differences[0].detail
    assert detail.endswith(f"the same volume, points moved by up to {shift_mm:g} mm.")


def test_contours_that_begin_elsewhere_are_told_as_the_same_ones() -> None:
    def roll(data_set: FileDataset) -> None:
        for item in contours(data_set, 2):
            parts = bytes(item.get_item("ContourData").value).strip().split(b"\\")
            set_contour_data(item, b"\\".join(parts[30:] + parts[:30]))

    detail = compared(PLAIN, changed(roll)).differences[0].detail
    assert detail.endswith("the same volume, the same contours begun or turned otherwise.")


def test_images_that_contours_refer_to_are_told_by_region() -> None:
    def refer(data_set: FileDataset) -> None:
        contours(data_set, 2)[0].ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"

    detail = compared(PLAIN, changed(refer)).differences[0].detail
    assert detail.endswith("the same volume, points the same, what is said of the contours is not.")


def test_colours_are_attributes() -> None:
    def paint(data_set: FileDataset) -> None:
        data_set.ROIContourSequence[0].ROIDisplayColor = [1, 2, 3]

    assert told(PLAIN, changed(paint)) == [("metadata", "30060039[0].3006002A")]


def test_damaged_contours_are_told_without_volumes() -> None:
    def damage(data_set: FileDataset) -> None:
        for item in contours(data_set, 2):
            set_contour_data(item, b"1\\2\\3")

    found = compared(PLAIN, changed(damage)).differences
    assert found[0].right == "no volume, 0 contours, 0 points"
    assert "volume lost or gained" in found[0].detail


def test_the_digest_of_structures_is_that_of_regions_alone() -> None:
    def relabel(data_set: FileDataset) -> None:
        data_set.StructureSetLabel = "OTHER"

    def rename(data_set: FileDataset) -> None:
        data_set.StructureSetROISequence[2].ROIName = "Lung right"

    plain, labelled, renamed = (
        instance_digest(dicom_file(content)) for content in (PLAIN, changed(relabel), changed(rename))
    )
    assert plain.structures == labelled.structures != renamed.structures
    assert plain.attributes != labelled.attributes
    assert instance_digest(dicom_file(written(CASE.images[0]))).structures == ""
