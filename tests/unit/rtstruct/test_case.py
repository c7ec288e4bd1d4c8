"""A structure set and its images as one object, in memory."""

from __future__ import annotations

import copy
import gzip
import io
import re
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

from orthanc_plugins.errors import GeometryError, InvalidDicom, PacsSuiteError
from orthanc_plugins.rtstruct import Case, load, rasterise, read_dose, rescaled_pixels
from tests.builders import DAMAGES, ball, build_case, build_dose, renamed, uniform
from tests.builders import Case as Built
from tests.unit.rtstruct.cases import SMALL, file_bytes, placed_of

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from tests.builders import Truth


@pytest.fixture(scope="module")
def built() -> Built:
    return build_case(frame=SMALL, regions=4)


@pytest.fixture
def case(built: Built) -> Case:
    return load(built.images, built.structure_set)


def told(built: Built, name: str) -> Truth:
    return built.truth[name]


@pytest.mark.parametrize("form", ["folder", "text", "files", "bytes", "streams", "data sets", "mixed"])
def test_a_case_comes_from_whatever_holds_it(tmp_path: Path, built: Built, form: str) -> None:
    paths = built.write(tmp_path)
    datasets = [*built.images, built.structure_set]
    sources: dict[str, list[Any]] = {
        "folder": [tmp_path],
        "text": [str(tmp_path)],
        "files": [paths],
        "bytes": [path.read_bytes() for path in paths],
        "streams": [io.BytesIO(path.read_bytes()) for path in paths],
        "data sets": datasets,
        "mixed": [paths[-1], built.images],
    }
    case = load(*sources[form])
    assert case.names == list(built.truth)
    assert case.grid.shape == (24, 64, 64)
    assert case["Lung_L"].mask().sum() == rasterise(placed_of(built)[1]).count


@pytest.mark.parametrize("missing", [50, 3000])
@pytest.mark.parametrize("form", [bytes, io.BytesIO])
def test_a_structure_set_that_was_cut_short_is_refused_in_memory_too(
    built: Built, missing: int, form: type[bytes | io.BytesIO]
) -> None:
    with pytest.raises(InvalidDicom, match="cut short"):
        load(built.images, form(file_bytes(built.structure_set)[:-missing]))


def test_a_region_is_found_by_name_and_by_number(case: Case) -> None:
    assert case["Lung_L"] is case[2] is case["lung_l "]
    assert (case[2].name, case["Lung_L"].number, len(case)) == ("Lung_L", 2, 4)
    assert [region.name for region in case.matching("lung_?", "1")] == ["BODY", "Lung_L", "Lung_R"]
    with pytest.raises(KeyError, match="`names` lists all"):
        case["Liver"]
    with pytest.raises(KeyError):
        case[99]


def test_a_name_of_two_regions_asks_for_a_number(built: Built) -> None:
    structure_set = built.copied_structure_set()
    renamed(structure_set, ["GTV", "GTV", "gtv", "x"])
    case = load(built.images, structure_set)
    with pytest.raises(KeyError, match="regions 1, 2 are all called so: use a number"):
        case["GTV"]
    assert case["gtv"].number == 3


def test_a_mask_lies_on_the_grid_and_measures_are_those_of_the_truth(case: Case, built: Built) -> None:
    region, truth = case["Lung_L"], told(built, "Lung_L")
    mask, measures, surface = region.mask(), region.measures(), region.mesh()
    assert mask.dtype == np.bool_
    assert mask.shape == case.grid.shape
    assert measures is not None
    assert surface is not None
    assert measures.volume_ml == pytest.approx(truth.contour_volume_ml, rel=1e-3)
    assert surface.closed
    middle = case.grid.to_patient(np.argwhere(mask).astype(float)).mean(axis=0)
    assert middle == pytest.approx(truth.centroid_lps_mm, abs=0.5)
    assert region.statistics() is not None
    assert case.intensities()[mask].mean() == pytest.approx(region.statistics().mean)  # type: ignore[union-attr]


def test_intensities_lie_on_the_grid_where_images_are_missing(built: Built) -> None:
    there = [image for place, image in enumerate(built.images) if place not in {5, 11, 12}]
    case, whole = load(there, built.structure_set), load(built.images, built.structure_set)
    assert case.grid.kind == "missing_slices"
    intensities, of_all = case.intensities(), whole.intensities()
    assert intensities.shape == case.grid.shape == of_all.shape
    assert (intensities.dtype, of_all.dtype) == (np.dtype(np.float32), np.dtype(np.int16))
    absent = np.isnan(intensities).all(axis=(1, 2))
    assert np.flatnonzero(absent).tolist() == [5, 11, 12]
    np.testing.assert_array_equal(intensities[~absent], of_all[~absent])
    inside = intensities[case["Lung_L"].mask()]
    assert np.nanmean(inside, dtype=float) == pytest.approx(case["Lung_L"].statistics().mean)  # type: ignore[union-attr]


def test_intensities_of_uneven_images_are_those_of_the_slice_s_own_image(built: Built) -> None:
    there = [image for place, image in enumerate(built.images) if place < 8 or place % 2]
    for place, image in enumerate(image for image in copy.deepcopy(there)):
        there[place] = image
        if place >= 8:
            image.ImagePositionPatient[2] = float(image.ImagePositionPatient[2]) + 0.4 * (place % 3)
    case = load(there, built.structure_set)
    assert case.grid.kind == "uneven"
    intensities = case.intensities()
    assert intensities.shape == case.grid.shape
    assert case.stack is not None
    uid_of_slice = [
        case.stack.images[image].sop_instance_uid if image >= 0 else None
        for image in np.where(case.grid.filled_in, -1, case.grid.image_of_plane[case.grid.plane_of_slice])
    ]
    own = {image.SOPInstanceUID: rescaled_pixels(image) for image in there}
    for plane, uid in zip(intensities, uid_of_slice, strict=True):
        assert np.isnan(plane).all() if uid is None else (plane == own[uid]).all()


def test_an_image_whose_pixels_are_damaged_is_nan_and_is_told(built: Built) -> None:
    images = copy.deepcopy(built.images)
    images[12].PixelData = images[12].PixelData[:100]
    case = load(images, built.structure_set)
    assert not case.problems
    intensities = case.intensities()
    assert np.flatnonzero(np.isnan(intensities).any(axis=(1, 2))).tolist() == [12]
    assert case["Lung_L"].statistics() is not None
    (problem,) = case.problems
    assert problem.code == "image_without_pixels"
    assert str(images[12].SOPInstanceUID) in problem.message


def test_the_nifti_is_the_mask(case: Case) -> None:
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(case[2].nifti()))
    np.testing.assert_array_equal(np.asarray(image.dataobj).T.astype(bool), case[2].mask())


def test_fractions_and_shape_are_those_of_the_region(case: Case, built: Built) -> None:
    region = case["Lung_L"]
    shares, mask, shape = region.fractions(), region.mask(), region.shape()
    assert (shares.dtype, shares.shape) == (np.dtype(np.uint8), case.grid.shape)
    assert (shares[mask] > 0).all()
    volume_ml = shares.sum() / 255 * case.grid.voxel_ml
    assert volume_ml == pytest.approx(told(built, "Lung_L").contour_volume_ml, rel=1e-3)
    assert shape is not None
    assert shape.sphericity == pytest.approx(0.9, abs=0.1)


def test_labels_number_the_regions_that_are_given(case: Case) -> None:
    labels = case.labels(case["Lung_L"], case["Lung_R"])
    assert labels.dtype == np.uint16
    assert labels.shape == case.grid.shape
    np.testing.assert_array_equal(labels == 2, case["Lung_R"].mask())
    assert case.labels().max() == 4


def test_labels_keep_the_smaller_region_in_any_order_as_the_label_map_does(
    tmp_path: Path, case: Case
) -> None:
    lung, body = case["Lung_L"].mask(), case["BODY"].mask()
    assert (lung & body).any()
    np.testing.assert_array_equal(case.labels(case["BODY"], case["Lung_L"]) == 2, lung)
    labels = case.labels("lung_l", 1)
    np.testing.assert_array_equal(labels == 1, lung)
    np.testing.assert_array_equal(labels == 2, body & ~lung)
    case.extract(tmp_path, formats=("nifti",))
    written = nibabel.Nifti1Image.from_filename(tmp_path / "masks" / "labels.nii.gz")
    np.testing.assert_array_equal(case.labels(), np.asarray(written.dataobj).T)
    with pytest.raises(KeyError, match="`names` lists all"):
        case.labels("Liver")


def test_without_images_there_are_measures_and_surfaces_but_no_masks(built: Built) -> None:
    case = load(file_bytes(built.structure_set))
    assert case["Lung_L"].measures() is not None
    assert case["Lung_L"].mesh() is not None
    assert case["Lung_L"].statistics() is None
    with pytest.raises(GeometryError, match=r"no grid to make a mask on\. Load the images"):
        case["Lung_L"].mask()
    with pytest.raises(InvalidDicom, match=r"no intensities\. Load the images"):
        case.intensities()


def test_images_that_are_not_there_are_a_problem(built: Built) -> None:
    (problem,) = load(file_bytes(built.structure_set)).problems
    assert (problem.code, problem.severity) == ("no_images", "warning")
    assert problem.message.startswith("The images are not there: contours and surfaces are measured")


def elsewhere(seed: int) -> list[FileDataset]:
    """Return images of another frame of reference, series and study than those of the case."""
    return build_case(frame=SMALL, regions=1, seed=seed).images


def test_images_that_are_there_but_not_its_own_are_told_and_can_be_allowed(
    built: Built, tmp_path: Path
) -> None:
    images = elsewhere(5)
    case = load(images, built.structure_set)
    (problem,) = case.problems
    told = (
        f"24 images of 1 series are there, but in frame of reference {images[0].FrameOfReferenceUID}; "
        f"the structure set was drawn in {built.reference.frame_uid} on series {built.reference.series_uid}. "
        "Give the series it was drawn on; if the two are known to agree, give allow_other_frame=True."
    )
    assert problem.code == "no_images"
    assert problem.message.endswith(told)
    for ask in (case[1].mask, case.intensities):
        with pytest.raises(PacsSuiteError, match=re.escape(told)):
            ask()
    assert case.extract(tmp_path, formats=("json",)).problems[0].message == problem.message
    allowed = load(images, built.structure_set, allow_other_frame=True)
    assert {problem.code for problem in allowed.problems} == {
        "other_series",
        "absent_images",
        "other_frame_of_reference",
    }
    assert (allowed["Lung_L"].mask() == load(built.images, built.structure_set)["Lung_L"].mask()).all()


def test_of_several_series_of_another_frame_none_is_taken(built: Built) -> None:
    case = load(elsewhere(5), elsewhere(6), built.structure_set, allow_other_frame=True)
    assert case.series is None
    assert "48 images of 2 series are there" in case.problems[0].message
    assert "or a single one in its place; if" in case.problems[0].message


def test_another_frame_of_reference_must_be_allowed(built: Built) -> None:
    structure_set = built.copied_structure_set()
    DAMAGES["other_frame_of_reference"](structure_set)
    with pytest.raises(GeometryError, match=r"another frame of reference.*give allow_other_frame=True\.$"):
        load(built.images, structure_set)
    case = load(built.images, structure_set, allow_other_frame=True)
    assert case["Lung_L"].mask().any()
    assert "other_frame_of_reference" in {problem.code for problem in case.problems}


def test_one_region_of_another_frame_fails_alone(built: Built) -> None:
    structure_set = built.copied_structure_set()
    structure_set.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "2.25.1"
    case = load(built.images, structure_set)
    assert case[1].mask().any()
    with pytest.raises(GeometryError, match=r"Region 2 is drawn in another frame.*allow_other_frame=True"):
        case[2].mask()


def test_one_of_several_structure_sets_is_named(tmp_path: Path) -> None:
    cases = [build_case(frame=SMALL, regions=1, seed=seed) for seed in (1, 2)]
    for seed, case in enumerate(cases):
        case.write(tmp_path / str(seed))
    uid = cases[1].structure_set.SOPInstanceUID
    with pytest.raises(InvalidDicom, match=re.escape(uid)):
        load(tmp_path)
    loaded = load(tmp_path, structure_set_uid=uid)
    assert loaded.series is not None
    assert loaded.series.series_uid == cases[1].reference.series_uid
    with pytest.raises(InvalidDicom, match=r"hold no RT Structure Set 1\.2\.3"):
        load(tmp_path, structure_set_uid="1.2.3")


def test_what_cannot_be_loaded_is_said(tmp_path: Path, built: Built) -> None:
    with pytest.raises(InvalidDicom, match="hold no RT Structure Set"):
        load(built.images)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent")


def test_a_case_is_extracted_to_files(tmp_path: Path, case: Case) -> None:
    results = case.extract(tmp_path, formats=("nifti",))
    assert [region.mask_path for region in results.regions][1] == "masks/002_Lung_L.nii.gz"
    assert (tmp_path / "masks" / "002_Lung_L.nii.gz").is_file()
    case.extract(str(tmp_path / "by text"), formats=("json",))
    assert (tmp_path / "by text" / "results.json").is_file()


@pytest.mark.parametrize(
    ("regions", "names"),
    [
        (None, ["BODY", "Lung_L", "Lung_R", "Spine"]),
        ("lung_?", ["Lung_L", "Lung_R"]),
        (1, ["BODY"]),
        (["Spine", 2], ["Lung_L", "Spine"]),
        (["Liver", "BODY"], ["BODY"]),
    ],
)
def test_regions_are_chosen_for_an_extraction(
    tmp_path: Path, case: Case, regions: str | int | list[str | int] | None, names: list[str]
) -> None:
    results = case.extract(tmp_path, formats=(), regions=regions)
    assert [region.name for region in results.regions] == names
    missed = [problem for problem in results.problems if problem.code == "no_such_region"]
    assert [("'Liver'" in problem.message) for problem in missed] == [True] * (
        names == ["BODY"] and regions != 1
    )


@pytest.mark.parametrize("form", ["folder", "bytes", "data sets"])
def test_the_doses_of_its_frame_of_reference_are_loaded_with_it(
    tmp_path: Path, built: Built, form: str
) -> None:
    plan, beam = build_dose(built, uniform(20)), build_dose(built, uniform(5), summation_type="BEAM")
    other = build_dose(built, uniform(7), seed=1)
    other.FrameOfReferenceUID = "1.2.3"
    doses = {"other": other, "beam": beam, "plan": plan}
    built.write(tmp_path)
    for name, dose in doses.items():
        dose.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    sources: dict[str, list[Any]] = {
        "folder": [tmp_path],
        "bytes": [path.read_bytes() for path in tmp_path.rglob("*.dcm")],
        "data sets": [*doses.values(), *built.images, built.structure_set],
    }
    case = load(*sources[form])
    assert [dose.summation_type for dose in case.doses] == ["PLAN", "BEAM"]
    results = case.extract(tmp_path / "out", formats=("json",))
    assert [dose.summation_type for dose in results.doses] == ["PLAN", "BEAM"]
    assert [problem.code for problem in results.problems] == ["dose_other_frame"]
    received = case["Lung_L"].dose()
    assert received == results.regions[1].dose[0]
    assert case.extract(tmp_path / "none", formats=("json",), doses=()).doses == ()


def test_a_region_tells_what_it_receives_of_a_dose(built: Built) -> None:
    plan, beam = build_dose(built, ball(60, 20)), build_dose(built, uniform(5), summation_type="BEAM")
    case = load(built.images, built.structure_set, beam, plan)
    lung = case["Lung_L"]
    received, histogram = lung.dose(metrics=("V20Gy[cc]",)), lung.dose_volume_histogram()
    assert received is not None
    assert histogram is not None
    assert received.mean == histogram.mean
    assert received.metrics[0].value == histogram.volume_above(20)
    assert histogram.volume_ml == pytest.approx(told(built, "Lung_L").contour_volume_ml, rel=1e-3)
    of_beam = lung.dose_volume_histogram(case.doses[1])
    assert of_beam is not None
    assert of_beam.mean == pytest.approx(5, abs=1e-3)


def test_a_dose_that_is_not_there_or_cannot_be_used_is_said(built: Built, case: Case) -> None:
    with pytest.raises(InvalidDicom, match="load them together"):
        case["Lung_L"].dose()
    broken = build_dose(built, uniform(20))
    del broken.DoseGridScaling
    with_broken = load(built.images, built.structure_set, broken)
    with pytest.raises(InvalidDicom, match="no usable Dose Grid Scaling"):
        with_broken["Lung_L"].dose_volume_histogram()
    assert [problem.code for problem in with_broken.problems] == ["dose_unusable"]
    other = build_dose(built, uniform(20))
    other.FrameOfReferenceUID = "1.2.3"
    with pytest.raises(InvalidDicom, match=r"is of frame of reference 1\.2\.3"):
        case["Lung_L"].dose(read_dose(file_bytes(other)))


def test_a_dose_in_memory_is_not_taken_for_the_images(built: Built) -> None:
    case = load(built.structure_set, build_dose(built, uniform(20)))
    assert case.series is None
    assert case["Lung_L"].dose_volume_histogram() is not None


def test_regions_and_cases_are_compared(built: Built, case: Case) -> None:
    lung, body = case["Lung_L"], case["BODY"]
    assert lung.compare(body).relation == "inside"
    other = load(built.images, built.structure_set)
    with pytest.raises(GeometryError, match=r"case\.compare\(other\)"):
        lung.compare(other["BODY"])
    compared = case.compare(other)
    assert [pair.region_name for pair in compared.pairs] == case.names
    assert all(pair.overlap is not None and pair.overlap.dice == 1 for pair in compared.pairs)


def test_what_was_odd_about_a_region_is_told_with_it(built: Built) -> None:
    structure_set = built.copied_structure_set()
    DAMAGES["two_points"](structure_set)
    case = load(built.images, structure_set)
    assert [problem.code for problem in case[1].problems] == ["too_few_points"]
