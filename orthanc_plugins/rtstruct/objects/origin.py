"""What the objects made of one structure set share: whose they are, what they come from, who made them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage
from pydicom.valuerep import format_number_as_ds

from orthanc_plugins import __version__
from orthanc_plugins.errors import GeometryError
from orthanc_plugins.rtstruct.brief import Brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from orthanc_plugins.rtstruct.geometry.grid import VoxelGrid
    from orthanc_plugins.rtstruct.geometry.raster import RegionMask
    from orthanc_plugins.rtstruct.measures.region import IntensityStatistics
    from orthanc_plugins.rtstruct.reading.images import ImageRecord, ImageSeries
    from orthanc_plugins.rtstruct.reading.structure_set import Region, StructureSet
    from orthanc_plugins.rtstruct.surfaces.meshes import Mesh

MANUFACTURER = "Orthanc PACS Suite"
MODEL = "RT-STRUCT results"
SOFTWARE = __version__
SERIAL_NUMBER = "no-device"
"""A serial number is demanded; a word of its own, for de-identification takes it out wherever it stands."""
SEGMENTATION_SERIES, MEASUREMENT_SERIES, SURFACE_SERIES = "segmentations", "measurements", "surfaces"
_SERIES = (SEGMENTATION_SERIES, MEASUREMENT_SERIES, SURFACE_SERIES)
_LONGEST_LABEL = 64
_COPIED = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Attributes of the patient and the study (PS3.3 C.7.1.1, C.7.2.1) that each object takes over."""
_REQUIRED_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)


@dataclass(frozen=True, eq=False, repr=False)
class DrawnRegion(Brief):
    """One region as it was found; ``statistics`` and ``surface`` are None where there are none.

    ``mask`` lies on the grid that all regions share; ``volume_ml`` is planimetric.
    """

    region: Region
    mask: RegionMask
    surface: Mesh | None = None
    volume_ml: float | None = None
    statistics: IntensityStatistics | None = None

    @property
    def label(self) -> str:
        """The region's name as Segment Label (LO) can hold it, its number where it has none."""
        shown = "".join(sign if sign.isprintable() and sign != "\\" else " " for sign in self.region.name)
        return shown.strip()[:_LONGEST_LABEL].rstrip() or f"Region {self.region.number}"


@dataclass(frozen=True, eq=False, repr=False)
class Origin(Brief):
    """What the objects come from.

    Parameters
    ----------
    structure_set
        As `read_structure_set` gives it.
    images
        The series it was drawn on.
    grid
        Where the masks lie.
    image_header
        The header of one image of the series: patient, study and storage class.
    created
        When the objects are made; it is no part of their UIDs.
    """

    structure_set: StructureSet
    images: ImageSeries
    grid: VoxelGrid
    image_header: Dataset
    created: datetime

    def __post_init__(self) -> None:
        """Refuse a grid that is no one's voxels."""
        if self.grid.kind == "contours_only":
            raise GeometryError("Without images there is no grid to make a segmentation on.")

    def uid(self, *parts: str) -> str:
        """Return the UID of an object: always the same for this structure set and these words."""
        return uid_of(self.structure_set.sop_instance_uid, *parts)

    @property
    def frame_of_reference_uid(self) -> str:
        """That of the images; the contours' where these state none."""
        return next(
            iter(sorted(self.images.frame_of_reference_uids)), self.structure_set.frame_of_reference_uid
        )

    @cached_property
    def identity(self) -> Dataset:
        """The attributes of patient and study that each object has."""
        held = Dataset()
        for keyword in _REQUIRED_EMPTY:
            setattr(held, keyword, "")
        for keyword in _COPIED:
            if keyword in self.image_header:
                setattr(held, keyword, self.image_header[keyword].value)
        held.StudyInstanceUID = self.structure_set.study_uid
        return held

    def sources(self) -> list[Dataset]:
        """Return the images as what refers to them needs them: identity, storage class and place."""
        return [self._source(image) for image in self.images.images]

    def _source(self, image: ImageRecord) -> Dataset:
        source = Dataset()
        source.update(self.identity)
        source.SOPClassUID = self.image_header.SOPClassUID
        source.SOPInstanceUID = image.sop_instance_uid
        source.SeriesInstanceUID = self.images.series_uid
        source.Modality = self.images.modality
        source.FrameOfReferenceUID = self.frame_of_reference_uid
        source.PositionReferenceIndicator = ""
        source.Rows, source.Columns = image.rows, image.columns
        source.ImagePositionPatient = [format_number_as_ds(value) for value in image.position_lps_mm]
        source.ImageOrientationPatient = [format_number_as_ds(value) for value in image.orientation]
        source.SliceThickness = format_number_as_ds(self.grid.spacing_mm[0])
        source.PixelSpacing = [format_number_as_ds(value) for value in image.pixel_spacing_mm]
        return source

    def structure_set_reference(self) -> Dataset:
        """Return the structure set as evidence names it."""
        named = Dataset()
        named.update(self.identity)
        named.SOPClassUID = RTStructureSetStorage
        named.SOPInstanceUID = self.structure_set.sop_instance_uid
        named.SeriesInstanceUID = self.structure_set.series_uid
        return named

    def stamp(self, made: Dataset, description: str) -> None:
        """Put into an object whose it is, when and by whom it was made."""
        made.update(self.identity)
        made.SpecificCharacterSet = "ISO_IR 192"
        made.SeriesDescription = description
        made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, MODEL
        made.SoftwareVersions, made.DeviceSerialNumber = SOFTWARE, SERIAL_NUMBER
        date, time = self.created.strftime("%Y%m%d"), self.created.strftime("%H%M%S")
        made.SeriesDate = made.ContentDate = made.InstanceCreationDate = date
        made.SeriesTime = made.ContentTime = made.InstanceCreationTime = time


def series_uids(structure_set_uid: str) -> list[str]:
    """Return the UIDs of the series that hold what is made of a structure set."""
    return [uid_of(structure_set_uid, series) for series in _SERIES]


def uid_of(*parts: str) -> str:
    """Return the UID that always follows from the same words (PS3.5 B.2)."""
    said = "\n".join(parts)
    return f"2.25.{int.from_bytes(hashlib.sha256(said.encode()).digest()[:16])}"


def is_ours(header: Mapping[str, Any] | Dataset) -> bool:
    """Return whether an object is one that this room has made."""
    said = (str(header.get("Manufacturer", "")), str(header.get("ManufacturerModelName", "")))
    return said == (MANUFACTURER, MODEL)


def digest(*regions: DrawnRegion, grid: VoxelGrid) -> str:
    """Return a digest of what was found of regions: masks, surfaces, names, colours and numbers."""
    summed = hashlib.sha256(SOFTWARE.encode())
    for place in (grid.origin_lps_mm, grid.steps_lps_mm, np.array(grid.shape)):
        summed.update(place.tobytes())
    for one in regions:
        words = (one.region.number, one.label, one.region.colour_rgb, one.region.interpreted_type)
        summed.update(repr((*words, one.volume_ml, one.mask.offset, one.mask.shape, _told(one))).encode())
        summed.update(one.mask.starts.tobytes() + one.mask.stops.tobytes())
        if one.surface is not None:
            summed.update(one.surface.vertices_lps_mm.tobytes() + one.surface.faces.tobytes())
    return summed.hexdigest()


def _told(one: DrawnRegion) -> Sequence[object]:
    found = one.statistics
    if found is None:
        return ()
    return (found.unit, found.mean, found.sd, found.minimum, found.maximum, found.median)
