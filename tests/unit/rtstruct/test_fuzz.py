"""Spoilt files: they end in results or in an error of ours, soon, in little memory, inside their folder."""

from __future__ import annotations

import copy
import signal
import struct
import tracemalloc
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import DeflatedExplicitVRLittleEndian

from orthanc_plugins.errors import GeometryError, InvalidDicom
from orthanc_plugins.rtstruct import (
    Contour,
    ImageRecord,
    Region,
    Results,
    build_grid,
    coverage,
    extract,
    measure,
    place,
    rasterise,
    read_dose,
    read_pixels,
    read_structure_set,
    series_from_datasets,
)
from orthanc_plugins.rtstruct.reading import intact
from orthanc_plugins.rtstruct.reading.contours import read_references
from orthanc_plugins.rtstruct.reading.finding import find_files, series_of
from orthanc_plugins.rtstruct.reading.headers import read_header
from orthanc_plugins.rtstruct.reading.structure_set import CLOSED_TYPES
from tests.builders import Box, Ellipsoid, ImageFrame, RegionSpec, build_case, build_dose, uniform
from tests.builders.structure_set import set_contour_data
from tests.unit.rtstruct.cases import file_bytes, series
from tests.unit.rtstruct.mutations import NUMBERS, Mutation, elements, mutations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

CASE = build_case(
    frame=ImageFrame(size=(6, 20, 20), spacing_mm=(2.0, 2.0), gap_mm=3.0),
    regions=[
        RegionSpec("box", Box((1.0, -3.0, 0.0), (20.0, 12.0, 12.0)), 50.0),
        RegionSpec("ball", Ellipsoid((1.0, 2.0, 0.0), (9.0, 9.0, 9.0)), 80.0),
    ],
)
IMAGES = series(CASE)
WHOLE = file_bytes(CASE.structure_set)
PLACES = elements(WHOLE)
LONGEST_S = 30
MOST_MIB = 100

pytestmark = pytest.mark.filterwarnings("ignore")
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@contextmanager
def ending_soon() -> Iterator[None]:
    """Interrupt what hangs; generous, for it is no measurement."""

    def interrupt(*_: object) -> None:
        pytest.fail(f"still at work after {LONGEST_S} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def survived(content: bytes, folder: Path) -> Results | None:
    """Return the results of a file, None where it is refused as it should be; nothing else may happen."""
    with ending_soon():
        try:
            return extract(content, IMAGES, folder / "deep" / "out", formats=("nifti", "json"), jobs=1)
        except (InvalidDicom, GeometryError):
            return None
        finally:
            strays = [path for path in folder.rglob("*") if path.is_file() and "out" not in path.parts]
            assert not strays


def test_the_whole_file_is_read_and_every_element_of_it_known(tmp_path: Path) -> None:
    results = survived(WHOLE, tmp_path)
    assert results is not None
    assert [region.state for region in results.regions] == ["done", "done"]
    assert len(PLACES) > 100
    assert PLACES[-1].stop == len(WHOLE)


@fuzz
@given(st.lists(mutations, min_size=1, max_size=4))
def test_a_mutated_file_ends_in_results_or_in_an_error_of_ours(
    tmp_path: Path, changes: list[Mutation]
) -> None:
    content = WHOLE
    for change in changes:
        content = change(content, PLACES)
    survived(content, tmp_path)


def drawn(results: Results | None) -> list[tuple[int, int, float | None]]:
    """Return what contours hold: number of the region, how many they are, and their volume."""
    assert results is not None
    return [(region.number, region.contours, region.volume_cc) for region in results.regions]


def test_a_file_cut_at_any_element_is_refused_or_says_what_is_missing(tmp_path: Path) -> None:
    whole = drawn(survived(WHOLE, tmp_path))
    assert [contours for _, contours, _ in whole] == [4, 6]
    borders = sorted({place.start for place in PLACES} | {place.value_at for place in PLACES})
    cut = {border: survived(WHOLE[:border], tmp_path) for border in borders[::3]}
    assert any(cut.values())
    for border, results in cut.items():
        assert results is None or results.problems or drawn(results) == whole, border


@fuzz
@given(st.lists(st.sampled_from([*NUMBERS, b"1.5", b"-3", b"20"]), max_size=40))
def test_whatever_contour_data_holds_touches_that_contour_alone(tmp_path: Path, parts: list[bytes]) -> None:
    structure_set = CASE.copied_structure_set()
    set_contour_data(structure_set.ROIContourSequence[0].ContourSequence[1], b"\\".join(parts))
    results = survived(file_bytes(structure_set), tmp_path)
    assert results is not None
    assert results.regions[1].state == "done"
    assert not results.regions[1].problems
    assert results.regions[0].problems


def nested(depth: int) -> bytes:
    """Return the file with one sequence nested as deep as asked, without lengths."""
    tag = struct.pack("<HH", 0x3006, 0x0039)
    opening = tag + b"SQ\0\0" + b"\xff" * 4 + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return WHOLE + opening * depth


def many_contours(count: int) -> bytes:
    structure_set = CASE.copied_structure_set()
    contours = structure_set.ROIContourSequence[0].ContourSequence
    item = Dataset()
    item.ContourGeometricType = "CLOSED_PLANAR"
    set_contour_data(item, contours[0].get_item(0x30060050).value)
    structure_set.ROIContourSequence[0].ContourSequence = DicomSequence([*contours, *[item] * count])
    return file_bytes(structure_set)


def one_contour(points: bytes) -> bytes:
    structure_set = CASE.copied_structure_set()
    item = structure_set.ROIContourSequence[0].ContourSequence[0]
    item.add_new(0x30060050, "UN", points)
    return file_bytes(structure_set)


def tangle(points: int) -> bytes:
    """Return one contour that runs to and fro across the image at every point."""
    corners = (b"-30\\-140\\420", b"40\\-90\\420", b"-30\\-90\\420", b"40\\-140\\420.0001")
    return one_contour(b"\\".join(corners[n % 4] for n in range(points)))


HEAVY: dict[str, bytes] = {
    "nested a hundred deep": nested(100),
    "nested ten thousand deep": nested(10_000),
    "two thousand equal contours": many_contours(2000),
    "a tangle of five thousand points": tangle(5000),
    "a contour of empty values": one_contour(b"\\" * 100_000),
    "a contour ten metres wide": one_contour(b"-9999\\-9999\\420\\9999\\-9999\\420\\9999\\9999\\420 "),
    "a contour across all heights": one_contour(b"0\\0\\-9999\\10\\0\\9999\\0\\10\\420 "),
}


@pytest.mark.parametrize("name", HEAVY)
def test_memory_is_bounded_by_the_input(name: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        survived(HEAVY[name], tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_MIB * 2**20


@fuzz
@given(st.lists(st.text(max_size=80), min_size=2, max_size=2))
def test_whatever_regions_are_called_their_files_stay_in_the_folder(tmp_path: Path, names: list[str]) -> None:
    structure_set = CASE.copied_structure_set()
    for item, name in zip(structure_set.StructureSetROISequence, names, strict=True):
        value: Any = name.encode("utf-8", "replace")
        item.add_new(0x30060026, "UN", value)
    results = survived(file_bytes(structure_set), tmp_path)
    assert results is not None
    paths = [region.mask_path for region in results.regions]
    assert len(set(paths)) == 2
    for path in paths:
        assert path is not None
        assert (
            (tmp_path / "deep" / "out" / path).resolve().is_relative_to(tmp_path / "deep" / "out" / "masks")
        )


IMAGE = file_bytes(CASE.images[2])
IMAGE_PLACES = [place for place in elements(IMAGE) if place.start < len(IMAGE) - 900]


@fuzz
@given(st.lists(mutations, min_size=1, max_size=4))
def test_a_mutated_image_ends_in_results_or_in_an_error_of_ours(
    tmp_path: Path, changes: list[Mutation]
) -> None:
    content = IMAGE
    for change in changes:
        content = change(content, IMAGE_PLACES)
    for index, image in enumerate(CASE.images):
        (tmp_path / f"{index}.dcm").write_bytes(content if index == 2 else file_bytes(image))
    (tmp_path / "structures.dcm").write_bytes(WHOLE)
    with ending_soon():
        found = find_files([tmp_path])
        with suppress(InvalidDicom, GeometryError):
            extract(WHOLE, series_of(read_structure_set(WHOLE), found), tmp_path / "out", jobs=1)


@pytest.mark.parametrize("number", [text for text in NUMBERS if text.strip()])
@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_geometry_that_is_no_number_is_refused(keyword: str, number: bytes) -> None:
    dataset = copy.deepcopy(CASE.images[2])
    count = len(dataset[keyword].value)
    dataset[keyword] = RawDataElement(
        dataset[keyword].tag, "DS", 0, b"\\".join([number] * count), 0, False, True
    )
    with pytest.raises(InvalidDicom):
        series_from_datasets([dataset])


def deflated(padding: int) -> bytes:
    """Return the file deflated, with zeros behind its elements."""
    structure_set = CASE.copied_structure_set()
    structure_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    structure_set.add_new(0x77770010, "LO", "padding")
    structure_set.add_new(0x77771001, "OB", b"\0" * padding)
    return file_bytes(structure_set)


def test_a_deflated_file_is_read_unless_it_inflates_beyond_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = deflated(10_000_000)
    assert len(content) < 100_000
    results = survived(content, tmp_path)
    assert results is not None
    assert [region.state for region in results.regions] == ["done", "done"]
    monkeypatch.setattr(intact, "MOST_INFLATED", 1_000_000)
    with pytest.raises(InvalidDicom, match="made to do harm"):
        read_structure_set(content)


def deflated_bomb(dataset: FileDataset) -> bytes:
    """Return a data set deflated, with 10 MB of zeros behind its elements."""
    dataset = copy.deepcopy(dataset)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.add_new(0x7FE10010, "LO", "padding")
    dataset.add_new(0x7FE11001, "OB", b"\0" * 10_000_000)
    return file_bytes(dataset)


def test_deflated_images_and_doses_are_read_unless_they_inflate_beyond_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, dose = deflated_bomb(CASE.images[0]), deflated_bomb(build_dose(CASE, uniform(20)))
    path = tmp_path / "x.dcm"
    path.write_bytes(image)
    assert read_pixels(image).shape == read_pixels(path).shape == (20, 20)
    assert read_header(path)["Rows"] == "20"
    assert read_dose(dose).maximum == pytest.approx(20, abs=1e-3)
    monkeypatch.setattr(intact, "MOST_INFLATED", 5_000_000)
    reads: dict[str, Callable[[], object]] = {
        "file": lambda: read_header(path),
        "image": lambda: read_pixels(image),
        "RT Dose": lambda: read_dose(dose),
    }
    for what, read in (*reads.items(), ("image", lambda: read_pixels(path))):
        with pytest.raises(InvalidDicom, match=f"The {what} is compressed and holds more than 4 MiB"):
            read()


def test_what_a_deflated_structure_set_refers_to_is_read_within_the_same_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(deflated(10_000_000))
    assert len(read_references(path).regions) == 2
    monkeypatch.setattr(intact, "MOST_INFLATED", 1_000_000)
    with pytest.raises(InvalidDicom, match="made to do harm"):
        read_references(path)


heights = st.sampled_from([-9000.0, -3.0, 0.0, 0.005, 1.5, 3.0, 6.0, 6.2, 9.0, 50.0, 9000.0])
reaches = st.sampled_from([1e-6, 1.0, 10.0, 9000.0])


@st.composite
def odd_contours(draw: st.DrawFn) -> Contour:
    """Return a contour of any size at any height, perhaps slanted, perhaps without area."""
    count, reach = draw(st.integers(3, 9)), draw(reaches)
    place_mm = st.floats(-reach, reach)
    points = [(draw(place_mm), draw(place_mm), draw(heights)) for _ in range(count)]
    flat = np.array(points)
    if draw(st.booleans()):
        flat[:, 2] = flat[0, 2]
    return Contour(0, draw(st.sampled_from(sorted(CLOSED_TYPES))), flat)


@given(
    st.lists(heights, min_size=1, max_size=10),
    st.sampled_from([(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0.01, 1, 0), (1, 0, 0, 1, 0, 0)]),
    st.sampled_from([0.01, 0.5, 50.0]),
    st.lists(odd_contours(), max_size=12),
)
def test_any_images_and_any_contours_end_in_a_mask_or_in_an_error_of_ours(
    positions: list[float], orientation: tuple[int, ...], spacing: float, drawn: list[Contour]
) -> None:
    images = [
        ImageRecord(f"1.{index}", (0.0, 0.0, height), orientation, 16, 12, (spacing, 2.0))  # type: ignore[arg-type]
        for index, height in enumerate(positions)
    ]
    region = Region(1, "", tuple(replace(one, index=index) for index, one in enumerate(drawn)))
    with suppress(GeometryError), ending_soon():
        grid, _, _ = build_grid(images, [one.points_lps_mm for one in drawn])
        placed, _ = place(region, grid)
        mask = rasterise(placed)
        assert mask.count <= int(np.prod(grid.shape))
        coverage(placed)
        measured = measure(placed, region)
        assert measured is None or measured.volume_ml > 0
