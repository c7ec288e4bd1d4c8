"""A whole case: images, structure set, and what is true of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileDataset

from tests.builders.images import STORAGE_CLASSES, ImageFrame, build_images
from tests.builders.phantom import RegionSpec, sample_regions
from tests.builders.structure_set import Reference, build_structure_set
from tests.builders.uids import UidSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.builders.shapes import Points


@dataclass(frozen=True)
class Identity:
    """Who the patient is said to be; ``extra`` sets any further element, keyword to value, in every file."""

    patient_name: str = "Phantom^Synthetic"
    patient_id: str = "PHANTOM-0001"
    birth_date: str = "19500101"
    sex: str = "O"
    accession_number: str = "ACC0001"
    study_id: str = "1"
    referring_physician: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """What is known of a region before anything is computed.

    ``contour_volume_ml`` is the sum of the section areas times the slice gap: what planimetry should find.
    ``value`` is the intensity inside where the region is painted in one piece.
    """

    number: int
    name: str
    volume_ml: float
    contour_volume_ml: float
    surface_cm2: float | None
    centroid_lps_mm: Points
    value: float | None
    contours: int
    slices: int


@dataclass(frozen=True)
class Case:
    """Images, structure set and truth of one synthetic patient."""

    images: list[FileDataset]
    structure_set: FileDataset
    truth: dict[str, Truth]
    frame: ImageFrame
    reference: Reference

    def write(self, folder: Path) -> list[Path]:
        """Write ``images/0001.dcm …`` and ``rtstruct.dcm`` below the folder; the structure set is last."""
        (folder / "images").mkdir(parents=True, exist_ok=True)
        paths = []
        for index, image in enumerate(self.images, 1):
            paths.append(folder / "images" / f"{index:04d}.dcm")
            image.save_as(paths[-1], enforce_file_format=True)
        paths.append(folder / "rtstruct.dcm")
        self.structure_set.save_as(paths[-1], enforce_file_format=True)
        return paths

    def with_structure_set(self, structure_set: FileDataset) -> Case:
        """Return the same case with another structure set."""
        return replace(self, structure_set=structure_set)

    def copied_structure_set(self) -> FileDataset:
        """Return a deep copy of the structure set, to be changed."""
        return copy.deepcopy(self.structure_set)


def build_case(
    *,
    frame: ImageFrame | None = None,
    regions: Sequence[RegionSpec] | int = 10,
    modality: str = "CT",
    identity: Identity | None = None,
    seed: int = 0,
    noise: float = 0.0,
    shuffle: bool = False,
) -> Case:
    """Return a case; equal arguments give equal bytes.

    ``regions`` is a list of regions in painting order, or how many of the sample phantom's to use.
    ``shuffle`` mixes the order of the images and their instance numbers.
    """
    frame = frame or ImageFrame()
    specs = sample_regions(frame, regions) if isinstance(regions, int) else tuple(regions)
    source = UidSource(seed)
    image_uids = tuple(source.uid(f"image {index}") for index in range(frame.size[0]))
    reference = Reference(
        source.uid("study"), source.uid("series"), source.uid("frame"), STORAGE_CLASSES[modality], image_uids
    )
    shared = _shared(identity or Identity(), reference)
    images = build_images(frame, specs, image_uids, shared, modality, noise, seed)
    images = [image for index, image in enumerate(images) if index not in frame.missing]
    if shuffle:
        images = _shuffled(images, seed)
    structure_set = build_structure_set(
        frame, specs, reference, shared, source.uid("structure set"), source.uid("structure series")
    )
    truth = {spec.name: _truth(number, specs, frame) for number, spec in enumerate(specs, 1)}
    return Case(images, structure_set, truth, frame, reference)


def _shared(identity: Identity, reference: Reference) -> Dataset:
    """Return the elements that all files of the study share."""
    shared = Dataset()
    shared.SpecificCharacterSet = "ISO_IR 192"
    shared.StudyDate = shared.SeriesDate = "20200102"
    shared.StudyTime = shared.SeriesTime = "030405"
    shared.ContentDate, shared.ContentTime = "20200102", "030405"
    shared.AccessionNumber = identity.accession_number
    shared.Manufacturer = "Synthetic"
    shared.ReferringPhysicianName = identity.referring_physician
    shared.StudyDescription = "Phantom"
    shared.SeriesDescription = "Images"
    shared.PatientName = identity.patient_name
    shared.PatientID = identity.patient_id
    shared.PatientBirthDate = identity.birth_date
    shared.PatientSex = identity.sex
    shared.StudyInstanceUID = reference.study_uid
    shared.SeriesInstanceUID = reference.series_uid
    shared.StudyID = identity.study_id
    shared.SeriesNumber = 1
    shared.AcquisitionNumber = 1
    shared.FrameOfReferenceUID = reference.frame_uid
    shared.PositionReferenceIndicator = ""
    for keyword, value in identity.extra.items():
        setattr(shared, keyword, value)
    return shared


def _shuffled(images: list[FileDataset], seed: int) -> list[FileDataset]:
    """Return the images in another order, with instance numbers that say nothing."""
    rng = np.random.default_rng(seed + 1)
    for image, number in zip(images, rng.permutation(len(images)), strict=True):
        image.InstanceNumber = int(number) + 1
    return [images[index] for index in rng.permutation(len(images))]


def _area(ring: Points) -> float:
    """Return the area of a ring (n, 2), positive whichever way it turns."""
    u, v = (ring - ring[0]).T
    return float(abs(np.dot(u, np.roll(v, -1)) - np.dot(v, np.roll(u, -1))) / 2)


def _section_area(rings: list[Points]) -> float:
    """Return the area of a section: rings inside an odd number of others are holes."""
    boxes = [(ring.min(axis=0), ring.max(axis=0)) for ring in rings]
    total = 0.0
    for index, (low, high) in enumerate(boxes):
        holders = sum(
            bool(np.all(other[0] <= low) and np.all(other[1] >= high))
            for place, other in enumerate(boxes)
            if place != index
        )
        total += -_area(rings[index]) if holders % 2 else _area(rings[index])
    return total


def _pure_value(spec: RegionSpec, later: Sequence[RegionSpec]) -> float | None:
    """Return the painted value unless a later region may cover part of it."""
    low, high = spec.shape.bounds_mm
    for other in later:
        bottom, top = other.shape.bounds_mm
        if other.value is not None and np.all(bottom <= high) and np.all(top >= low):
            return None
    return spec.value


def _truth(number: int, specs: Sequence[RegionSpec], frame: ImageFrame) -> Truth:
    spec = specs[number - 1]
    sections = [rings for w in frame.w_mm if (rings := spec.shape.rings(float(w)))]
    areas = [_section_area(rings) for rings in sections]
    return Truth(
        number=number,
        name=spec.name,
        volume_ml=spec.shape.volume_ml,
        contour_volume_ml=sum(areas) * frame.gap_mm / 1000,
        surface_cm2=spec.shape.surface_cm2,
        centroid_lps_mm=frame.to_patient(spec.shape.centroid_mm[None])[0],
        value=_pure_value(spec, specs[number:]),
        contours=sum(len(rings) for rings in sections),
        slices=len(sections),
    )
